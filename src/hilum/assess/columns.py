"""Lesions and marks as columns: what assessment computes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion, Mark

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MarkColumns:
    """Marks, a row each.

    Attributes
    ----------
    exam
        ``(n,)`` row of the mark's exam in the list of exams.
    position_mm
        ``(n, 3)`` LPS.
    score
        ``(n,)`` finite.
    """

    exam: Rows
    position_mm: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.exam)

    @classmethod
    def of(cls, marks: Sequence[Mark], exam_ids: Sequence[str]) -> MarkColumns:
        """Columns of marks of the exams listed.

        Raises
        ------
        AssessmentError
            A mark is in no exam of the list, or its position or score is not finite.
        """
        columns = cls(
            _exam_rows("mark", marks, exam_ids),
            _points(mark.position_mm for mark in marks),
            np.fromiter((mark.score for mark in marks), np.float64, len(marks)),
        )
        columns.check(exam_ids)
        return columns

    def check(self, exam_ids: Sequence[str]) -> None:
        """Check that the columns can be assessed.

        Raises
        ------
        AssessmentError
            A row names no exam of the list, or a position or score is not finite.
        """
        _check_exams("mark", self.exam, exam_ids)
        _check_finite("mark", self.exam, exam_ids, np.column_stack((self.position_mm, self.score)))


@dataclass(frozen=True, slots=True)
class LesionColumns:
    """Lesions and excluded findings, a row each.

    Attributes
    ----------
    exam
        ``(n,)`` row of the lesion's exam in the list of exams.
    position_mm
        ``(n, 3)`` LPS.
    diameter_mm
        ``(n,)`` the diameter the source gives, else the long axis, else the short axis; NaN if there is none.
    is_excluded
        ``(n,)`` findings whose marks count neither way.
    lesion_id
        ``(n,)`` names, unique within their exam.
    """

    exam: Rows
    position_mm: Floats
    diameter_mm: Floats
    is_excluded: Flags
    lesion_id: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.exam)

    @classmethod
    def of(cls, lesions: Sequence[Lesion], exam_ids: Sequence[str]) -> LesionColumns:
        """Columns of lesions of the exams listed.

        Raises
        ------
        AssessmentError
            A lesion is in no exam of the list, two lesions of an exam have one name, or a position is not finite.
        """
        columns = cls(
            _exam_rows("lesion", lesions, exam_ids),
            _points(lesion.position_mm for lesion in lesions),
            np.fromiter(map(_diameter_mm, lesions), np.float64, len(lesions)),
            np.fromiter((lesion.is_excluded for lesion in lesions), np.bool_, len(lesions)),
            np.asarray([lesion.lesion_id for lesion in lesions], dtype=np.str_),
        )
        columns.check(exam_ids)
        return columns

    def check(self, exam_ids: Sequence[str]) -> None:
        """Check that the columns can be assessed.

        Raises
        ------
        AssessmentError
            A row names no exam of the list, a position is not finite, or two lesions of an exam have one name.
        """
        _check_exams("lesion", self.exam, exam_ids)
        _check_finite("lesion", self.exam, exam_ids, self.position_mm)
        names = list(zip(self.exam.tolist(), self.lesion_id.tolist(), strict=True))
        if len(set(names)) < len(names):
            exam, lesion_id = next(name for name, count in Counter(names).items() if count > 1)
            raise AssessmentError(f"exam {exam_ids[exam]!r} has two lesions named {lesion_id!r}; expected a name each")


class _Finding(Protocol):
    @property
    def exam_id(self) -> str: ...


def exam_rows(exam_ids: Sequence[str]) -> dict[str, int]:
    """Row of each exam.

    Raises
    ------
    AssessmentError
        There is no exam, or one stands twice.
    """
    rows = {exam_id: row for row, exam_id in enumerate(exam_ids)}
    if not rows:
        raise AssessmentError("no exams: expected the list of all exams that were read, those without lesions included")
    if len(rows) != len(exam_ids):
        twice = next(exam_id for row, exam_id in enumerate(exam_ids) if rows[exam_id] != row)
        raise AssessmentError(f"exam {twice!r} stands twice in the list of exams; expected each exam once")
    return rows


def runs(sorted_values: NDArray[Any]) -> Flags:
    """True at the first of each run of equal values."""
    first = np.ones(len(sorted_values), dtype=np.bool_)
    first[1:] = sorted_values[1:] != sorted_values[:-1]
    return first


def _exam_rows(what: str, findings: Sequence[_Finding], exam_ids: Sequence[str]) -> Rows:
    rows = exam_rows(exam_ids)
    try:
        return np.fromiter((rows[finding.exam_id] for finding in findings), np.intp, len(findings))
    except KeyError:
        unknown = sorted({finding.exam_id for finding in findings} - rows.keys())
        raise AssessmentError(
            f"{len(unknown)} exam(s) of {what}s are not among the {len(rows)} exams assessed, as {unknown[0]!r}; "
            "add them to the list of exams or take their findings out"
        ) from None


def _points(positions: Iterable[tuple[float, float, float]]) -> Floats:
    return np.asarray(list(positions), dtype=np.float64).reshape(-1, 3)


def _diameter_mm(lesion: Lesion) -> float:
    sizes = (lesion.diameter_mm, lesion.long_axis_mm, lesion.short_axis_mm)
    return next((size for size in sizes if size is not None), np.nan)


def _check_exams(what: str, exam: Rows, exam_ids: Sequence[str]) -> None:
    for row in np.nonzero((exam < 0) | (exam >= len(exam_ids)))[0]:
        raise AssessmentError(f"{what} {row + 1} is in exam row {exam[row]}; expected 0 to {len(exam_ids) - 1}")


def _check_finite(what: str, exam: Rows, exam_ids: Sequence[str], values: Floats) -> None:
    for row in np.nonzero(~np.isfinite(values).all(axis=1))[0]:
        raise AssessmentError(
            f"{what} {row + 1}, exam {exam_ids[exam[row]]!r}: found {values[row].tolist()}, expected finite numbers"
        )
