"""A report as one HTML page that loads nothing."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from hilum.check.rules import BY_CHECK, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Template

    from hilum.check.finding import Finding
    from hilum.check.report import Report


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one check, those nobody accepted first."""

    rule: Rule
    findings: tuple[Finding, ...]

    @property
    def open_count(self) -> int:
        """Findings that nobody accepted."""
        return sum(finding.acceptance is None for finding in self.findings)


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
        style=style,
    )


def _sections(report: Report) -> Iterator[Section]:
    for check, findings in groupby(report.findings, key=lambda finding: finding.check):
        yield Section(BY_CHECK[check], tuple(sorted(findings, key=lambda one: one.acceptance is not None)))


def _pictures(report: Report) -> Iterator[Picture]:
    for uid, png in sorted(report.thumbnails.items()):
        findings = [finding for finding in report.findings if finding.item == uid]
        url = f"data:image/png;base64,{b64encode(png).decode()}"
        place = next((finding.place for finding in findings if finding.place), "")
        checks = tuple(dict.fromkeys(finding.check for finding in findings if finding.is_open))
        yield Picture(url, uid, findings[0].participant, place, checks)


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
