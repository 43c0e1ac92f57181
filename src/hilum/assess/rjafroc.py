"""Results as an Excel file that RJafroc reads: three sheets with what it needs, one that says what its numbers mean.

RJafroc knows exams, lesions, modalities and readers by number. Each method is a modality, of one reader.

References
----------
RJafroc, ``DfReadDataFile(file, newExcelFileFormat = TRUE)``; Chakraborty 2017, Observer Performance Methods for
Diagnostic Imaging, ISBN 978-1-4822-1484-0. RJafroc sorts the sheets' names and wants FP, TP and TRUTH first, in that
order: a sheet of explanations must come after them, and NL and LL, their other names, fail.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.assess.comparable import why_not_comparable
from hilum.assess.matching import LesionState
from hilum.assess.sample import false_marks
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hilum.assess.assessment import Assessment

    Row = tuple[Any, ...]

READER = "1"
PARADIGM = ("FROC", "FCTRL")
"""First two cells of the column Paradigm: free response, and every reader reads every case of every modality."""

NO_LESION = 0
"""LesionID of an exam without lesions."""

EQUAL_WEIGHTS = 0
"""Weight by which RJafroc gives all lesions of an exam the same."""

MEANINGS = "Where from"

_MAX_ROWS = 1_048_575
"""Rows that a sheet of Excel holds below its head."""


def write_rjafroc(path: Path, assessments: Mapping[str, Assessment]) -> None:
    """Write methods assessed on the same exams, lesions and choices.

    The ratings are the scores. Redundant and ignored marks are in no sheet, unless the policy counts redundant ones
    as false positives; missed lesions stand in Truth and not in TP.

    Parameters
    ----------
    assessments
        Name of each method to its assessment; blanks and commas in names become underscores.

    Raises
    ------
    AssessmentError
        The methods are not comparable, there are no lesions, no lesion is hit or no mark is false (RJafroc cannot
        read that), or there are more marks than a sheet holds.
    """
    from openpyxl import Workbook

    sheets = rjafroc_sheets(assessments)
    book = Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def rjafroc_sheets(assessments: Mapping[str, Assessment]) -> dict[str, list[Row]]:
    """Give the rows of each sheet, the head first; otherwise as `write_rjafroc`."""
    _require_comparable(assessments)
    modalities = _modalities(assessments)
    first = next(iter(assessments.values()))
    cases = {exam_id: number for number, exam_id in enumerate(first.exam_ids, start=1)}
    numbers = _lesion_numbers(first)
    false = [row for name, one in assessments.items() for row in _false(modalities[name], one, cases)]
    hits = [row for name, one in assessments.items() for row in _hits(modalities[name], one, cases)]
    sheets = {
        "FP": [("ReaderID", "ModalityID", "CaseID", "FP_Rating"), *false],
        "TP": [("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating"), *hits],
        "Truth": _truth(first, cases, numbers, ", ".join(modalities.values())),
        MEANINGS: _meanings(first, cases, numbers, modalities),
    }
    for name, rows in sheets.items():
        least = len(PARADIGM) if name == "Truth" else 1
        if not least < len(rows) <= _MAX_ROWS + 1:
            raise AssessmentError(f"sheet {name} has {len(rows) - 1} rows; RJafroc reads from {least} to {_MAX_ROWS:,}")
    return sheets


def _require_comparable(assessments: Mapping[str, Assessment]) -> None:
    if not assessments:
        raise ValueError("no assessments: expected at least one")
    for one, two in pairwise(assessments):
        if reasons := why_not_comparable(assessments[one], assessments[two], (one, two)):
            raise AssessmentError(
                f"{one!r} and {two!r} cannot stand in one file of RJafroc, as they differ in {'; in '.join(reasons)}"
            )
    if not next(iter(assessments.values())).counts.lesions:
        raise AssessmentError("there are no lesions: RJafroc cannot read a file without diseased cases")


def _modalities(assessments: Mapping[str, Assessment]) -> dict[str, str]:
    names = {name: re.sub(r"[\s,]+", "_", name.strip()) or "_" for name in assessments}
    if len(set(names.values())) < len(names):
        raise AssessmentError(f"methods {', '.join(names)} become the same ModalityID; give them other names")
    return names


def _lesion_key(assessment: Assessment, row: int) -> tuple[int, tuple[float, ...], float]:
    """What tells a lesion from the others of its exam in any assessment, whatever the order there."""
    lesions = assessment.lesions
    size = float(np.nan_to_num(lesions.diameter_mm[row], nan=-1.0))
    return int(lesions.exam[row]), tuple(lesions.position_mm[row].tolist()), size


def _lesion_numbers(assessment: Assessment) -> list[int]:
    """Number of each lesion in its exam, from 1, by position; `NO_LESION` for excluded findings."""
    lesions = assessment.lesions
    rows = np.nonzero(~lesions.is_excluded)[0].tolist()
    seen: Counter[int] = Counter()
    numbers = [NO_LESION] * len(lesions)
    for row in sorted(rows, key=lambda one: (*_lesion_key(assessment, one), str(lesions.lesion_id[one]))):
        exam = int(lesions.exam[row])
        seen[exam] += 1
        numbers[row] = seen[exam]
    return numbers


def _false(modality: str, assessment: Assessment, cases: Mapping[str, int]) -> list[Row]:
    """False positives, those of a case together: RJafroc takes the ratings of a case from consecutive rows."""
    marks = assessment.marks
    rows = np.nonzero(false_marks(assessment.matching, assessment.policy))[0]
    found = [(cases[assessment.exam_ids[marks.exam[row]]], float(marks.score[row])) for row in rows.tolist()]
    return [(READER, modality, case, score) for case, score in sorted(found)]


def _hits(modality: str, assessment: Assessment, cases: Mapping[str, int]) -> list[Row]:
    matching, lesions = assessment.matching, assessment.lesions
    numbers = _lesion_numbers(assessment)
    rows = np.nonzero(matching.lesion_state == LesionState.HIT)[0].tolist()
    found = [
        (
            cases[assessment.exam_ids[lesions.exam[row]]],
            numbers[row],
            float(assessment.marks.score[matching.lesion_mark[row]]),
        )
        for row in rows
    ]
    return [(READER, modality, *values) for values in sorted(found)]


def _truth(assessment: Assessment, cases: Mapping[str, int], numbers: Sequence[int], modalities: str) -> list[Row]:
    """Every exam: a row a lesion, or one with lesion 0. The numbers of a case ascend, as RJafroc demands."""
    lesions = assessment.lesions
    of_case: dict[int, list[int]] = {case: [] for case in cases.values()}
    for row in np.nonzero(~lesions.is_excluded)[0].tolist():
        of_case[cases[assessment.exam_ids[lesions.exam[row]]]].append(numbers[row])
    body = [(case, lesion) for case, found in of_case.items() for lesion in sorted(found) or [NO_LESION]]
    paradigm = [*PARADIGM, *[None] * len(body)]
    return [
        ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"),
        *((*row, EQUAL_WEIGHTS, READER, modalities, word) for row, word in zip(body, paradigm, strict=False)),
    ]


def _meanings(
    assessment: Assessment, cases: Mapping[str, int], numbers: Sequence[int], modalities: Mapping[str, str]
) -> list[Row]:
    """What each number stands for, and the choices behind the sheets."""
    lesions = assessment.lesions
    rows: list[Row] = [("what", "in these sheets", "name", "of exam")]
    rows += [("ModalityID", modality, name, None) for name, modality in modalities.items()]
    rows += [("choice", name, words, None) for name, words in assessment.choices().items()]
    rows += [("CaseID", case, exam_id, None) for exam_id, case in cases.items()]
    rows += [
        ("LesionID", numbers[row], str(lesions.lesion_id[row]), assessment.exam_ids[lesions.exam[row]])
        for row in np.nonzero(~lesions.is_excluded)[0].tolist()
    ]
    return rows
