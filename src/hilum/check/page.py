"""A report as one HTML page that loads nothing."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hilum.check.gathering import PICTURES_KEPT
from hilum.check.rules import BY_CHECK, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import Template

    from hilum.check.finding import Finding
    from hilum.check.report import Report


FINDINGS_SHOWN = 5000
"""Findings of a check on a page: some hundred thousand rows are more than a browser shows."""


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one check.

    Attributes
    ----------
    rule
        The check.
    count, accepted_count
        Its findings, and how many of them somebody accepted.
    shown
        Findings that stand on the page, those nobody accepted first; gone through once.
    """

    rule: Rule
    count: int
    accepted_count: int
    shown: Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Picture:
    """A series with findings: its picture as a data URL, and what to call it."""

    url: str
    uid: str
    participant: str
    place: str
    checks: tuple[str, ...]


def report_html(report: Report, *, style: str) -> str:
    """Give the page, as `report_pieces` does, in one."""
    return "".join(report_pieces(report, style=style))


def report_pieces(report: Report, *, style: str) -> Iterator[str]:
    """Give the page piece by piece.

    Parameters
    ----------
    style
        Style sheet of the pages of hilum.
    """
    return _template().generate(
        report=report,
        counts=report.counts(),
        sections=_sections(report),
        pictures=_pictures(report),
        findings_shown=FINDINGS_SHOWN,
        pictures_kept=PICTURES_KEPT,
        style=style,
    )


def _sections(report: Report) -> Iterator[Section]:
    for one in report.findings.counts:
        shown = report.findings.first_of(one.check, FINDINGS_SHOWN)
        yield Section(BY_CHECK[one.check], one.count, one.accepted, shown)


def _pictures(report: Report) -> list[Picture]:
    findings: dict[str, list[Finding]] = {uid: [] for uid in sorted(report.thumbnails)}
    for finding in report.findings.of_items(findings):
        findings[finding.item].append(finding)
    return [_picture(report, uid, found) for uid, found in findings.items()]


def _picture(report: Report, uid: str, found: Sequence[Finding]) -> Picture:
    url = f"data:image/png;base64,{b64encode(report.thumbnails[uid]).decode()}"
    place = next((finding.place for finding in found if finding.place), "")
    checks = tuple(dict.fromkeys(finding.check for finding in found if finding.is_open))
    return Picture(url, uid, found[0].participant, place, checks)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hilum.check", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
