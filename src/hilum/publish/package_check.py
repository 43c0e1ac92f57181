"""The check of what is about to be released: `hilum check`'s report with the names that the release has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.check import FolderNames, Severity, check_archive
from hilum.errors import Refusal
from hilum.model.series import Series
from hilum.publish.contents import series_folder
from hilum.publish.release import CHECK_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hilum.catalog import Archive
    from hilum.check import Report, Terms
    from hilum.publish.contents import Subject


def check_subject(archive: Archive, subject: Subject, terms: Terms) -> Report:
    """Check the series of a collection or cohort, and its lesions; places are named as in the release.

    Errors are those of `hilum.check.check_archive`.
    """
    lesions = terms.lesions
    roots = set() if lesions is None else {str(lesions.absolute().parent), str(lesions.parent)} - {"."}
    terms = replace(terms, names=FolderNames(lambda one: series_folder(one.row), roots))
    return check_archive(archive, SubjectSeries(subject), terms, name=f"{subject.kind} {subject.name}")


@dataclass(frozen=True, slots=True)
class SubjectSeries:
    """The series of a collection or cohort, whole, each time they are gone through."""

    subject: Subject

    def __iter__(self) -> Iterator[Series]:
        for collection_id in self.subject.series_uids:
            for batch in self.subject.series(collection_id):
                yield from map(Series, batch.to_pylist())


def open_errors(report: Report) -> tuple[Refusal, ...]:
    """Give the errors of a report that nobody accepted."""
    found = (one for one in report.findings if one.is_open and one.severity is Severity.ERROR)
    return tuple(Refusal(one.item, one.check, one.detail) for one in found)


def report_files(report: Report) -> dict[str, Iterable[bytes]]:
    """Give the content of the report's files by their names, piece by piece."""
    from hilum.assess.page import stylesheet
    from hilum.check.page import report_html

    return {
        CHECK_FILE: (piece.encode() for piece in report.json_pieces()),
        "check.html": [report_html(report, style=stylesheet()).encode()],
    }
