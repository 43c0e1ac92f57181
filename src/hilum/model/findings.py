"""Lesions of a reference standard, findings that count neither way, and marks of a detector.

All positions are LPS millimetres in the frame of reference of the exam's volume.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.errors import Refusal
    from hilum.model.codes import Code
    from hilum.model.masks import LabelMask

Point = tuple[float, float, float]


def as_point(values: Iterable[float]) -> Point:
    """Give three numbers, such as a row of an array, as a point; ValueError if they are not three."""
    x, y, z = (float(value) for value in values)
    return x, y, z


@dataclass(frozen=True, slots=True)
class Lesion:
    """One element of the reference standard.

    Attributes
    ----------
    exam_id
        What marks and lesions are matched within: a SeriesInstanceUID, or the collection's own case name.
    lesion_id
        Name of the lesion, unique in its exam.
    position_mm
        Centre, LPS.
    short_axis_mm, long_axis_mm
        RECIST axes in the axial plane; None where the source gives none.
    diameter_mm
        Diameter of the sphere the source gives (LUNA16); None where it gives none.
    is_excluded
        True for an excluded finding: marks on it count neither way.
    label
        What it is, in the source's words (``mediastinal lymph node``, ``nodule``).
    source
        Where it was read: file and line, or SOP instance.
    series_uid
        Series whose geometry the position belongs to; empty where the source names none.
    box_mm
        Sides along x, y, z of the upright box with its centre at the position; None where the source gives none.
    mask_label
        Number of its voxels in the exam's label mask; None where there is no mask.
    long_ends_mm, short_ends_mm
        The two ends of each axis, LPS; None where the source gives lengths alone, or nothing.
    kind, site
        What it is (``Lymph node``) and the anatomic region it lies in, coded; None where the source codes nothing.
    tracking_uid
        UID of the lesion itself, the same in all its measurements and segmentations (DICOM's Tracking Unique
        Identifier, whose Tracking Identifier is `lesion_id`); empty where the source gives none.
    """

    exam_id: str
    lesion_id: str
    position_mm: Point
    short_axis_mm: float | None = None
    long_axis_mm: float | None = None
    diameter_mm: float | None = None
    is_excluded: bool = False
    label: str = ""
    source: str = ""
    series_uid: str = ""
    box_mm: Point | None = None
    mask_label: int | None = None
    long_ends_mm: tuple[Point, Point] | None = None
    short_ends_mm: tuple[Point, Point] | None = None
    kind: Code | None = None
    site: Code | None = None
    tracking_uid: str = ""

    def __post_init__(self) -> None:
        _require_finite("lesion", self.exam_id, self.position_mm)
        _require_lengths("lesion", self.exam_id, self.box_mm)
        for end in (*(self.long_ends_mm or ()), *(self.short_ends_mm or ())):
            _require_finite("end of an axis of a lesion", self.exam_id, end)
        if self.mask_label is not None and self.mask_label < 1:
            raise ValueError(f"lesion of exam {self.exam_id!r}: mask label {self.mask_label} must be at least 1")


@dataclass(frozen=True, slots=True)
class Mark:
    """One statement of a detector: here, with this score.

    Attributes
    ----------
    exam_id
        As in `Lesion`.
    position_mm
        LPS.
    score
        The higher, the surer; any finite scale.
    series_uid
        Series it was found in; empty where unknown.
    diameter_mm
        Diameter of the sphere the detector states; None where it states none.
    box_mm
        Sides along x, y, z of the upright box it states, with its centre at the position; None where it states none.
    """

    exam_id: str
    position_mm: Point
    score: float
    series_uid: str = ""
    diameter_mm: float | None = None
    box_mm: Point | None = None

    def __post_init__(self) -> None:
        _require_finite("mark", self.exam_id, (*self.position_mm, self.score))
        _require_lengths("mark", self.exam_id, self.box_mm)
        if self.diameter_mm is not None:
            _require_lengths("mark", self.exam_id, (self.diameter_mm,))


@dataclass(frozen=True, slots=True, eq=False)
class FindingSet:
    """All findings of one exam: what travels between formats.

    Attributes
    ----------
    exam_id
        Exam of every lesion and mark.
    series_uid
        Series whose geometry the positions and the mask belong to; empty where the source names none.
    frame_of_reference_uid
        FrameOfReferenceUID of the positions; empty where the source names none.
    lesions, marks
        In the source's order.
    mask
        Voxels of the lesions; None where the source has points alone.
    warnings
        What was odd in the source and how it was taken.
    refusals
        Findings of the source that are not among these, and why.
    """

    exam_id: str
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    lesions: tuple[Lesion, ...] = ()
    marks: tuple[Mark, ...] = ()
    mask: LabelMask | None = None
    warnings: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def __post_init__(self) -> None:
        strangers = {finding.exam_id for finding in self.every} - {self.exam_id}
        if strangers:
            raise ValueError(f"findings of {sorted(strangers)} among those of exam {self.exam_id!r}: one exam a set")

    @property
    def every(self) -> tuple[Lesion | Mark, ...]:
        """All lesions, then all marks."""
        return (*self.lesions, *self.marks)


def _require_finite(what: str, exam_id: str, values: tuple[float, ...]) -> None:
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"{what} of exam {exam_id!r}: {values} must all be finite numbers")


def _require_lengths(what: str, exam_id: str, lengths_mm: tuple[float, ...] | None) -> None:
    if lengths_mm is not None and not all(0 < length < math.inf for length in lengths_mm):
        raise ValueError(f"{what} of exam {exam_id!r}: {lengths_mm} mm must all be positive, finite lengths")
