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
    Integers = NDArray[np.int64]
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
    diameter_mm
        ``(n,)`` diameter of the sphere the mark states, NaN for none; None: no mark states one.
    box_mm
        ``(n, 3)`` sides of the upright box the mark states, NaN for none; None: no mark states one.
    """

    exam: Rows
    position_mm: Floats
    score: Floats
    diameter_mm: Floats | None = None
    box_mm: Floats | None = None

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
            _column([mark.diameter_mm for mark in marks]),
            _boxes([mark.box_mm for mark in marks]),
        )
        columns.check(exam_ids)
        return columns

    def check(self, exam_ids: Sequence[str]) -> None:
        """Check that the columns can be assessed.

        Raises
        ------
        AssessmentError
            A row names no exam of the list, a position or score is not finite, or an extent is not positive.
        """
        _check_exams("mark", self.exam, exam_ids)
        _check_finite("mark", self.exam, exam_ids, np.column_stack((self.position_mm, self.score)))
        _check_lengths("mark", self.exam, exam_ids, self.diameter_mm)
        _check_lengths("mark", self.exam, exam_ids, self.box_mm)


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
    short_axis_mm
        ``(n,)`` the short axis, else the diameter of the sphere the source gives; NaN if there is neither. None: of no
        lesion.
    box_mm
        ``(n, 3)`` sides of the upright box round the lesion, NaN for none; None: no lesion has one.
    mask_label
        ``(n,)`` number of the lesion's voxels in its exam's mask, 0 for none; None: no lesion has one.
    """

    exam: Rows
    position_mm: Floats
    diameter_mm: Floats
    is_excluded: Flags
    lesion_id: NDArray[np.str_]
    short_axis_mm: Floats | None = None
    box_mm: Floats | None = None
    mask_label: Integers | None = None

    def __len__(self) -> int:
        return len(self.exam)

    def take(self, rows: Rows | Flags) -> LesionColumns:
        """Some of the lesions."""
        return LesionColumns(
            self.exam[rows],
            self.position_mm[rows],
            self.diameter_mm[rows],
            self.is_excluded[rows],
            self.lesion_id[rows],
            None if self.short_axis_mm is None else self.short_axis_mm[rows],
            None if self.box_mm is None else self.box_mm[rows],
            None if self.mask_label is None else self.mask_label[rows],
        )

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
            _column([short_axis_mm(lesion) for lesion in lesions]),
            _boxes([lesion.box_mm for lesion in lesions]),
            _labels([lesion.mask_label for lesion in lesions]),
        )
        columns.check(exam_ids)
        return columns

    def check(self, exam_ids: Sequence[str]) -> None:
        """Check that the columns can be assessed.

        Raises
        ------
        AssessmentError
            A row names no exam of the list, a position is not finite, a box is not positive, or two lesions of an exam
            have one name.
        """
        _check_exams("lesion", self.exam, exam_ids)
        _check_finite("lesion", self.exam, exam_ids, self.position_mm)
        _check_lengths("lesion", self.exam, exam_ids, self.box_mm)
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


def short_axis_mm(lesion: Lesion) -> float | None:
    """Short axis of a lesion; None if unknown.

    A sphere's is its diameter, of which negative ones mean unknown (LUNA16). A long axis alone tells nothing.
    """
    if lesion.short_axis_mm is not None:
        return lesion.short_axis_mm
    return lesion.diameter_mm if lesion.diameter_mm is not None and lesion.diameter_mm >= 0 else None


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


def _column(values: Sequence[float | None]) -> Floats | None:
    """Values with NaN for None; None if all are."""
    if all(value is None for value in values):
        return None
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def _boxes(boxes: Sequence[tuple[float, float, float] | None]) -> Floats | None:
    if all(box is None for box in boxes):
        return None
    return np.asarray([(np.nan,) * 3 if box is None else box for box in boxes], dtype=np.float64)


def _labels(labels: Sequence[int | None]) -> Integers | None:
    if all(label is None for label in labels):
        return None
    return np.asarray([label or 0 for label in labels], dtype=np.int64)


def _check_exams(what: str, exam: Rows, exam_ids: Sequence[str]) -> None:
    for row in np.nonzero((exam < 0) | (exam >= len(exam_ids)))[0]:
        raise AssessmentError(f"{what} {row + 1} is in exam row {exam[row]}; expected 0 to {len(exam_ids) - 1}")


def _check_finite(what: str, exam: Rows, exam_ids: Sequence[str], values: Floats) -> None:
    for row in np.nonzero(~np.isfinite(values).all(axis=1))[0]:
        raise AssessmentError(
            f"{what} {row + 1}, exam {exam_ids[exam[row]]!r}: found {values[row].tolist()}, expected finite numbers"
        )


def _check_lengths(what: str, exam: Rows, exam_ids: Sequence[str], lengths: Floats | None) -> None:
    if lengths is None:
        return
    is_bad = (lengths <= 0) | np.isinf(lengths)
    for row in np.nonzero(is_bad.reshape(len(lengths), -1).any(axis=1))[0]:
        raise AssessmentError(
            f"{what} {row + 1}, exam {exam_ids[exam[row]]!r}: found the extent {lengths[row].tolist()} mm, expected "
            "positive lengths"
        )
