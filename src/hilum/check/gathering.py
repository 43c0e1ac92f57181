"""Findings gathered series by series: of a series that was looked at, nothing stays in memory.

Findings and what series are compared by lie on the disk (`hilum.check.finding_table.FindingTable`,
`hilum.check.duplicates.EqualSeries`), pictures are kept of some, and what objects refer to is looked for as soon as
some hundred such objects were seen. So a million series take no more memory than a thousand do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum.check.accepted import Accepting
from hilum.check.duplicates import EqualSeries
from hilum.check.finding import place_of
from hilum.check.finding_table import FindingTable
from hilum.check.names import moved
from hilum.check.references import check_references
from hilum.check.segmentations import check_placement
from hilum.model.series import Series

if TYPE_CHECKING:
    from hilum.check.accepted import Acceptance
    from hilum.check.finding import Finding
    from hilum.check.finding_table import Findings
    from hilum.check.subject import Seen
    from hilum.check.terms import Terms

Near = Callable[[set[str], set[str]], Iterable[Series]]
"""Gives the series of studies, and series, by their UIDs."""

REFERRING_AT_ONCE = 200
"""Objects whose references are looked for together: with the series of their studies some 10 MB."""

PICTURES_KEPT = 1000
"""Series of which a picture is kept, 10 kB each: a page with more is of no use to anybody."""


@dataclass(slots=True)
class Pictures:
    """Pictures of series: of those with errors and warnings first, then of those with notes, then of the others."""

    _by_use: tuple[dict[str, bytes], ...] = field(default_factory=lambda: ({}, {}, {}))

    def add(self, uid: str, png: bytes, findings: Iterable[Finding]) -> None:
        """Take a picture, unless there are enough of its kind."""
        is_open = [finding.is_open for finding in findings]
        kept = self._by_use[0 if any(is_open) else 1 if is_open else 2]
        if len(kept) < PICTURES_KEPT:
            kept[uid] = png

    def of(self, findings: Findings) -> dict[str, bytes]:
        """Give the pictures of series with findings, by UID."""
        pictures = {uid: png for kept in self._by_use for uid, png in kept.items()}
        with_findings = {finding.item for finding in findings.of_items(pictures)}
        shown = [uid for uid in pictures if uid in with_findings][:PICTURES_KEPT]
        return {uid: pictures[uid] for uid in shown}


class Gathering:
    """What looking gave, so far.

    Attributes
    ----------
    series_count, file_count, slices_read
        What was looked at.
    pictures
        Pictures of series.
    """

    def __init__(self, terms: Terms, near: Near) -> None:
        self.series_count = self.file_count = self.slices_read = 0
        self.pictures = Pictures()
        self._accepting = Accepting(terms.accepted)
        self._names = terms.names
        self._near = near
        self._equals = EqualSeries()
        self._findings = FindingTable()
        self._referring: list[tuple[Seen, Series]] = []

    def add(self, seen: Seen, series: Series | None) -> None:
        """Take what looking at a series, or at a folder of loose files, gave."""
        self.file_count += seen.file_count
        self.slices_read += seen.slices_read
        folder = self._folder(series)
        found = [self._keep(finding, seen.place, folder) for finding in seen.findings]
        if series is None or seen.compared is None:
            return
        self.series_count += 1
        if self._names:
            self._names.roots |= seen.roots
        self._equals.add(seen.compared, digest=seen.digest, place=seen.place, folder=folder)
        if seen.thumbnail:
            self.pictures.add(seen.item, seen.thumbnail, found)
        if seen.references:
            self._referring.append((seen, series))
        if len(self._referring) >= REFERRING_AT_ONCE:
            self._look_up()

    def add_findings(self, findings: Iterable[Finding], series: Iterable[Series] = ()) -> None:
        """Take findings that come of no looking, some of them of the series given."""
        folders = {one.uid: (place_of(one), self._folder(one)) for one in series} if self._names else {}
        for finding in findings:
            self._keep(finding, *folders.get(finding.item, ("", "")))

    def close(self) -> None:
        """Remove what lies on the disk."""
        self._equals.close()

    def end(self) -> tuple[Findings, tuple[Acceptance, ...]]:
        """Compare the series; give all findings, each once and the worst first, and the acceptances that cover none."""
        self._look_up()
        for finding, folder in self._equals.findings():
            self._keep(finding, finding.place, folder)
        return self._findings.settled(self._names.below_roots() if self._names else None), self._accepting.unused

    def _look_up(self) -> None:
        """Look for what the objects seen lately refer to."""
        series = [one for _, one in self._referring]
        named = {seen.item: seen.references for seen, _ in self._referring}
        drawn = {seen.item: seen.drawn for seen, _ in self._referring if seen.drawn}
        self._referring.clear()
        sources = {one.uid: one for one in series}
        uids = {reference.series_uid for references in named.values() for reference in references}
        near = list(self._near({one.study_uid for one in series}, uids)) if named else []
        self.add_findings(check_references(named, sources, near), series)
        self.add_findings(check_placement(drawn, sources, near), series)

    def _keep(self, finding: Finding, here: str, there: str) -> Finding:
        """Keep a finding, marked by who accepted it under the names it has here."""
        marked = self._accepting.mark(finding)
        kept = moved(marked, here, there) if here and there else marked
        self._findings.add(kept)
        return kept

    def _folder(self, series: Series | None) -> str:
        return self._names.folder_of(series) if self._names and series else ""
