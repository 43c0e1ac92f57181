"""Files that each hold the findings of one exam, alone or in a folder: which there are, and of which series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.findings.format import exam_of
from hilum.findings.formats import recognise
from hilum.findings.linking import SeriesNames
from hilum.findings.nndetection import ENDING as BOXES_ENDING
from hilum.findings.references import referred_among, referred_series
from hilum.volume.files import SUFFIXES as IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hilum.findings.format import Format
    from hilum.model.series import Series

MASK_ENDING = "_mask"
"""What NIH's names of masks have after the exam: ``ABD_LYMPH_001_mask.nii.gz``."""


@dataclass(frozen=True, slots=True)
class FindingFile:
    """A file with the findings of one exam, and its format."""

    path: Path
    form: Format

    @property
    def exam_id(self) -> str:
        """Exam that its name says: the name without its ending and without ``_mask``."""
        return exam_of(self.path, None, (*self.form.suffixes, *IMAGE_SUFFIXES)).removesuffix(MASK_ENDING)

    @property
    def is_known_by_name(self) -> bool:
        """Whether `names` are all that it can mean a series by."""
        return self.form.finds_series in {None, referred_among}

    def names(self) -> frozenset[str]:
        """Names by which it may mean a series: UIDs it refers to, and what its own name says.

        Raises
        ------
        FormatError
            It cannot be read.
        """
        referred = referred_series(self.path) if self.form.finds_series is referred_among else frozenset()
        return referred | {self.exam_id}

    def series_among(self, series: Sequence[Series]) -> list[Series]:
        """Give those of some series that it belongs to: what it says itself, else what its name means.

        COCO boxes can belong to many; other files belong to one at most.

        Raises
        ------
        FormatError
            It cannot be read, or its name means more than one.
        """
        found = self.form.finds_series(self.path, series) if self.form.finds_series else []
        meant = None if found else SeriesNames(series).meant_by(self.exam_id)
        return found if meant is None else [meant]


@dataclass(frozen=True, slots=True)
class FindingFiles:
    """Files of one exam each, sorted by name, and the files between them that are of no such format."""

    files: tuple[FindingFile, ...] = ()
    others: tuple[Path, ...] = ()


def find_exam_files(path: Path) -> FindingFiles:
    """Find the files of one exam each; none where a file or folder speaks of many exams, or holds marks alone.

    Raises
    ------
    FormatError
        A file is not there or cannot be read.
    """
    form = recognise(path)
    if path.is_file():
        return FindingFiles((FindingFile(path, form),)) if form and not form.of_many_exams else FindingFiles()
    if form is not None or next(path.glob(f"*{BOXES_ENDING}"), None):
        return FindingFiles()
    found: list[FindingFile] = []
    others: list[Path] = []
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        form = recognise(file)
        if form is None or form.of_many_exams:
            others.append(file)
        else:
            found.append(FindingFile(file, form))
    return FindingFiles(tuple(found), tuple(others)) if found else FindingFiles()
