"""Lesions of a file or folder as lesions of series: placed in the frame of the CT they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.errors import FormatError, HilumError, Refusal
from hilum.findings.archives import by_name, unpacked
from hilum.findings.checking import check_lesions
from hilum.findings.exam_files import FindingFile, find_exam_files
from hilum.findings.formats import read_as
from hilum.findings.linking import link_to_series
from hilum.findings.lists import LesionFile
from hilum.findings.masks import lesions_of
from hilum.findings.reading import read_lesions
from hilum.findings.refusing import DUPLICATE, UNKNOWN_EXAM, Refusals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.findings.exam_files import FindingFiles
    from hilum.model.findings import FindingSet, Lesion
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

UNREADABLE = "unreadable-file"
"""Name of the check."""


@dataclass(frozen=True, slots=True)
class SeriesLesions:
    """Lesions of series.

    Attributes
    ----------
    lesions
        Lesions whose ``exam_id`` and ``series_uid`` are a SeriesInstanceUID.
    warnings
        What was odd in the file, what was measured, and how much of it belongs to none of the series.
    refusals
        Lines, findings and files that were left out; none unless the reading was lenient.
    unlinked
        Lesions of a list whose exam is none of the series, unchanged.
    of_others
        Those of the warnings that say which files and findings of one exam belong to none of the series.
    """

    lesions: tuple[Lesion, ...]
    warnings: tuple[str, ...]
    refusals: tuple[Refusal, ...] = ()
    unlinked: tuple[Lesion, ...] = ()
    of_others: tuple[str, ...] = ()


def read_lesions_of(
    series: Sequence[Series], path: Path, *, is_lenient: bool = False, takes_outside: bool = False
) -> SeriesLesions:
    """Read a file, folder or zip of lesions as lesions of `series`, one series an exam.

    A file of one exam, or a folder of them, is read with the series it belongs to: the one it refers to, else the one
    its name means (`hilum.findings.exam_files`). So masks are held against the grid of the CT, and places on images
    are found. Labels of masks that no lesion has are measured (`hilum.findings.masks.lesions_of`).

    Points of NIH's files do not always share the frame of the CT: where a series forms a volume, the indices decide,
    and no lesion may lie outside it.

    Parameters
    ----------
    is_lenient
        Leave refused lines, findings and files out and list them, as `read_lesions`.
    takes_outside
        Take lesions outside their CT too, for whoever looks for such.

    Raises
    ------
    FormatError
        A file is malformed, does not fit its series, is the second of it, or means more than one of the series.
    """
    with unpacked(path) as place:
        found = find_exam_files(place)
        if found.files:
            grids = {} if takes_outside else _geometries(series)
            lesions = _of_exam_files(found, series, path.name, Refusals(is_lenient=is_lenient), grids)
            return replace(lesions, refusals=by_name(lesions.refusals, place, path))
    file = read_lesions(path, geometries=_geometries(series), is_lenient=is_lenient, takes_outside=takes_outside)
    linked = link_to_series(file.lesions, series)
    warnings = list(file.warnings)
    if linked.unlinked:
        warnings.append(f"{len(linked.unlinked)} of {len(file.lesions)} lesions of {path} are of other exams: left out")
    return SeriesLesions(linked.findings, tuple(warnings), file.refusals, linked.unlinked)


def series_named(path: Path, series: Iterable[Series]) -> list[Series]:
    """Give those of many series that a file, folder or zip of lesions may mean by any name it uses.

    With them `read_lesions_of` gives what it gives with all, so that the others need not be in memory at once. A file
    that cannot be read means none.
    """
    try:
        with unpacked(path) as place:
            files = find_exam_files(place).files
            names = {name for file in files for name in file.names()}
            if not files:
                names = {lesion.exam_id for lesion in read_lesions(place, is_lenient=True).lesions}
            asked = [file for file in files if not file.is_known_by_name]
            return [one for one in series if _is_named(one, names) or any(file.series_among([one]) for file in asked)]
    except FormatError:
        return []


def _is_named(series: Series, names: Collection[str]) -> bool:
    return any(name in names for name in (series.uid, series.study_uid, series.participant_id))


def _of_exam_files(
    found: FindingFiles, series: Sequence[Series], name: str, refusals: Refusals, grids: Mapping[str, Geometry]
) -> SeriesLesions:
    reading = _Reading(series, refusals)
    for one in found.files:
        reading.add(one)
    file = check_lesions(LesionFile(tuple(reading.lesions), ()), refusals, geometries=grids)
    others = tuple(reading.of_others(name))
    warnings = (*reading.words(name), *others, *_passed_over(found, name), *file.warnings)
    return SeriesLesions(file.lesions, warnings, refusals.found, of_others=others)


def _passed_over(found: FindingFiles, name: str) -> Iterator[str]:
    if found.others:
        yield (
            f"{len(found.others)} files of {name} hold no findings of one exam: passed over, such as "
            f"{found.others[0].name}"
        )


class _Reading:
    """Collects the lesions of files of one exam each."""

    def __init__(self, series: Sequence[Series], refusals: Refusals) -> None:
        self.lesions: list[Lesion] = []
        self._series, self._refusals = series, refusals
        self._file_of: dict[str, FindingFile] = {}
        self._warnings: list[str] = []
        self._of_others: list[str] = []
        self._strangers: list[FindingFile] = []
        self._measured = self._marks = self._file_count = 0

    def add(self, file: FindingFile) -> None:
        """Read a file with each series it belongs to."""
        self._file_count += 1
        try:
            series = file.series_among(self._series)
            found = [read_as(file.path, one, file.form) for one in series]
        except HilumError as error:
            self._refusals.refuse(str(file.path), UNREADABLE, str(error).removeprefix(f"{file.path}: "))
            return
        if not found:
            self._strangers.append(file)
        for findings in found:
            self._take(file, findings)
        self._take_refusals(file, found)

    def _take(self, file: FindingFile, findings: FindingSet) -> None:
        other = self._file_of.setdefault(findings.exam_id, file)
        if other is not file:
            reason = f"{other.path.name} has findings of series {findings.exam_id} too; expected one file a series"
            self._refusals.refuse(str(file.path), DUPLICATE, reason)
            return
        lesions = lesions_of(findings)
        self.lesions += lesions
        self._measured += len(lesions) - len(findings.lesions)
        self._marks += len(findings.marks)
        self._warnings += findings.warnings

    def _take_refusals(self, file: FindingFile, found: Sequence[FindingSet]) -> None:
        """Refuse what none of the series takes; a box on an image of other exams is left out as a lesion of theirs."""
        refused = [set(findings.refusals) for findings in found]
        for one in dict.fromkeys(one for findings in found for one in findings.refusals):
            if one.check != UNKNOWN_EXAM:
                self._refusals.refuse(one.item, one.check, one.reason)
        strangers = [{one.item for one in each if one.check == UNKNOWN_EXAM} for each in refused]
        if count := len(set.intersection(*strangers)) if strangers else 0:
            self._of_others.append(f"{count} findings of {file.path.name} are on images of other exams: left out")

    def words(self, name: str) -> Iterator[str]:
        """What was odd, what was measured, and which marks were left out."""
        yield from self._warnings
        if self._measured:
            yield (
                f"{self._measured} lesions of {name} are measured from voxels, one a label: centre, and RECIST axes in "
                "the axial plane"
            )
        if self._marks:
            yield f"{self._marks} marks of {name} are no lesions: left out"

    def of_others(self, name: str) -> Iterator[str]:
        """What belongs to none of the series."""
        yield from self._of_others
        if self._strangers:
            yield (
                f"{len(self._strangers)} of {self._file_count} files of {name} are of other exams: left out, such as "
                f"{self._strangers[0].path.name}; a file is known by the series it refers to, or by its name "
                "(SeriesInstanceUID, StudyInstanceUID or PatientID)"
            )


def _geometries(series: Sequence[Series]) -> dict[str, Geometry]:
    """Grid by each name of an exam that means one series alone."""
    found: dict[str, list[Series]] = {}
    for one in series:
        for name in {one.uid, one.study_uid, one.participant_id}:
            found.setdefault(name, []).append(one)
    return {name: ones[0].geometry for name, ones in found.items() if len(ones) == 1 and ones[0].row.get("is_volume")}
