"""A report as one HTML page that loads nothing."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from hilum.check.gathering import PICTURES_KEPT
from hilum.check.rules import BY_CHECK, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Template

    from hilum.check.finding import Finding
    from hilum.check.report import Report


FINDINGS_SHOWN = 5000
"""Findings of a check on a page: some hundred thousand rows are more than a browser shows."""


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one check, those nobody accepted first."""

    rule: Rule
    findings: tuple[Finding, ...]

    @property
    def open_count(self) -> int:
        """Findings that nobody accepted."""
        return sum(finding.acceptance is None for finding in self.findings)

    @property
    def shown(self) -> tuple[Finding, ...]:
        """Findings that stand on the page."""
        return self.findings[:FINDINGS_SHOWN]


@dataclass(frozen=True, slots=True)
class Picture:
    """A series with findings: its picture as a data URL, and what to call it."""

    url: str
    uid: str
    participant: str
    place: str
    checks: tuple[str, ...]


def report_html(report: Report, *, style: str) -> str:
    """Give the page.

    Parameters
    ----------
    style
        Style sheet of the pages of hilum.
    """
    return _template().render(
        report=report,
        counts=report.counts(),
        sections=list(_sections(report)),
        pictures=list(_pictures(report)),
        pictures_kept=PICTURES_KEPT,
        style=style,
    )


def _sections(report: Report) -> Iterator[Section]:
    for check, findings in groupby(report.findings, key=lambda finding: finding.check):
        yield Section(BY_CHECK[check], tuple(sorted(findings, key=lambda one: one.acceptance is not None)))


def _pictures(report: Report) -> Iterator[Picture]:
    findings: dict[str, list[Finding]] = {uid: [] for uid in sorted(report.thumbnails)}
    for finding in report.findings:
        if finding.item in findings:
            findings[finding.item].append(finding)
    for uid, found in findings.items():
        url = f"data:image/png;base64,{b64encode(report.thumbnails[uid]).decode()}"
        place = next((finding.place for finding in found if finding.place), "")
        checks = tuple(dict.fromkeys(finding.check for finding in found if finding.is_open))
        yield Picture(url, uid, found[0].participant, place, checks)


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
