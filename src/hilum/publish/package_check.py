"""The check of what is about to be released: `hilum check`'s report with the names that the release has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.check import Severity, check_archive
from hilum.check.finding import place_of
from hilum.errors import Refusal
from hilum.model.series import Series
from hilum.publish.contents import series_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.check import Acceptance, Finding, Options, Report
    from hilum.publish.contents import Subject


def check_subject(
    archive: Archive,
    subject: Subject,
    *,
    options: Options,
    lesions: Path | None,
    accepted: Sequence[Acceptance],
    executor: Executor,
    workers: int,
) -> Report:
    """Check the series of a collection or cohort, and its lesions; places are named as in the release.

    Parameters and errors are those of `hilum.check.check_archive`.
    """
    series = all_series(subject)
    report = check_archive(
        archive,
        series,
        name=f"{subject.kind} {subject.name}",
        executor=executor,
        workers=workers,
        options=options,
        lesions=lesions,
        accepted=accepted,
    )
    names = _Names.of(series, lesions)
    return replace(report, findings=tuple(names.in_release(finding) for finding in report.findings))


def all_series(subject: Subject) -> list[Series]:
    """Give the series of a collection or cohort, whole."""
    batches = (batch for collection_id in subject.series_uids for batch in subject.series(collection_id))
    return [Series(row) for batch in batches for row in batch.to_pylist()]


def open_errors(report: Report) -> tuple[Refusal, ...]:
    """Give the errors of a report that nobody accepted."""
    found = (one for one in report.findings if one.is_open and one.severity is Severity.ERROR)
    return tuple(Refusal(one.item, one.check, one.detail) for one in found)


def report_files(report: Report) -> dict[str, bytes]:
    """Give the content of the report's files by their names."""
    from hilum.assess.page import stylesheet
    from hilum.check.page import report_html

    return {
        "check.json": json.dumps(report.to_dict(), indent=1, ensure_ascii=False, default=str).encode() + b"\n",
        "check.html": report_html(report, style=stylesheet()).encode(),
    }


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of folders here, and what they are called in a release.

    Attributes
    ----------
    folders
        Folder of each series by its UID: here, and in the release.
    roots
        Folders that names are given below, the longest first.
    """

    folders: Mapping[str, tuple[str, str]]
    roots: Sequence[str]

    @classmethod
    def of(cls, series: Sequence[Series], lesions: Path | None) -> _Names:
        """Names of the folders of series, and of a file of lesions."""
        here = [one for one in series if one["instances"] is not None]
        roots = {root for one in here for root in set(one.instances.column("root"))}
        if lesions is not None:
            roots |= {str(lesions.absolute().parent), str(lesions.parent)} - {"."}
        folders = {one.uid: (place_of(one), series_folder(one.row)) for one in here}
        return cls(folders, sorted(roots, key=len, reverse=True))

    def in_release(self, finding: Finding) -> Finding:
        """Give a finding without a path of this machine."""
        here, there = self.folders.get(finding.item, ("", ""))
        place = there if here and finding.place == here else self._below(finding.place)
        detail = finding.detail.replace(here, there) if here else finding.detail
        return replace(finding, item=self._below(finding.item), detail=self._below(detail), place=place)

    def _below(self, text: str) -> str:
        for root in self.roots:
            text = "." if text == root else text.replace(f"{root}/", "")
        return text
