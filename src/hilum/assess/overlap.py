"""Hits by overlap: intersection over union of boxes, or of spheres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from hilum.assess.criteria import Border, require_border
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns
    from hilum.assess.criteria import Pairs

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Shape = Literal["box", "sphere"]

_PLURAL: dict[Shape, str] = {"box": "upright boxes", "sphere": "spheres"}


@dataclass(frozen=True, slots=True)
class Overlap:
    """A mark hits if its extent overlaps the lesion's: intersection over union above `iou`.

    Boxes are upright (sides along x, y, z) and centred at the positions; where there is only a diameter, the cube
    around the sphere is the box. Of spheres the mark's diameter is that it states; the lesion's is its diameter, else
    its long axis, else its short axis. Every mark and lesion of an exam with both must have such an extent.

    Attributes
    ----------
    iou
        Intersection over union, 0 to 1.
    shape
        ``box`` or ``sphere``.
    border
        ``closed``: exactly `iou` hits too, as in COCO and nnDetection; ``open``: not. Where `iou` is 0 only ``open``
        says anything: any overlap.

    References
    ----------
    Everingham et al. 2010, doi 10.1007/s11263-009-0275-4, section 4.2 (boxes); sphere-sphere intersection: Weisstein,
    MathWorld.
    """

    iou: float
    shape: Shape = "box"
    border: Border = "closed"

    def __post_init__(self) -> None:
        require_border(self.border)
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape {self.shape!r}: expected box or sphere")
        least = 0.0 if self.border == "open" else np.nextafter(0.0, 1.0)
        most = 1.0 if self.border == "closed" else np.nextafter(1.0, 0.0)
        if not least <= self.iou <= most:
            expected = "0 to below 1" if self.border == "open" else "above 0 to 1"
            raise ValueError(f"overlap {self.iou} with a border that is {self.border}: expected {expected}")

    @property
    def name(self) -> str:
        """The rule in words."""
        how = "above" if self.border == "open" else "at least"
        return f"intersection over union of {_PLURAL[self.shape]} {how} {self.iou:g}"

    def hits(self, pairs: Pairs) -> Flags:
        """For each pair whether the mark hits the lesion.

        Raises
        ------
        AssessmentError
            A mark or lesion has no extent.
        """
        found = box_iou(pairs) if self.shape == "box" else sphere_iou(pairs)
        inside: Flags = found > self.iou if self.border == "open" else found >= self.iou
        return inside


def box_iou(pairs: Pairs) -> Floats:
    """``(n,)`` intersection over union of the boxes of pairs; 0 of a lesion whose size is 0.

    Raises
    ------
    AssessmentError
        A mark or lesion has neither a box nor a diameter.
    """
    mark = _sides(pairs, pairs.marks, pairs.mark, "mark")
    lesion = _sides(pairs, pairs.lesions, pairs.lesion, "lesion")
    apart = pairs.marks.position_mm[pairs.mark] - pairs.lesions.position_mm[pairs.lesion]
    # Along each axis two intervals share this much, but no more than the shorter one has.
    common = np.minimum((mark + lesion) / 2 - np.abs(apart), np.minimum(mark, lesion))
    intersection = np.prod(np.maximum(common, 0.0), axis=1)
    iou: Floats = intersection / (np.prod(mark, axis=1) + np.prod(lesion, axis=1) - intersection)
    return iou


def sphere_iou(pairs: Pairs) -> Floats:
    """``(n,)`` intersection over union of the spheres of pairs; 0 of a lesion whose size is 0.

    Raises
    ------
    AssessmentError
        A mark or lesion has no diameter.
    """
    mark = _diameters(pairs, pairs.marks, pairs.mark, "mark") / 2
    lesion = _diameters(pairs, pairs.lesions, pairs.lesion, "lesion") / 2
    distance = np.sqrt(pairs.squared_distance_mm2)
    smaller = np.minimum(mark, lesion)
    is_inside = distance <= np.abs(mark - lesion)
    common = np.where(is_inside, 4 * smaller**3, 3 * _lens(mark, lesion, np.where(is_inside, 1.0, distance)))
    iou: Floats = common / (4 * mark**3 + 4 * lesion**3 - common)
    return iou


def _lens(first: Floats, second: Floats, distance: Floats) -> Floats:
    """Volume, divided by pi, that two spheres of these radii share; 0 where they do not touch."""
    depth = np.maximum(first + second - distance, 0.0)
    shape = distance**2 + 2 * distance * (first + second) - 3 * (first - second) ** 2
    volume: Floats = depth**2 * shape / (12 * distance)
    return volume


def _sides(pairs: Pairs, columns: MarkColumns | LesionColumns, rows: NDArray[np.intp], what: str) -> Floats:
    """``(n, 3)`` sides of boxes; a diameter stands for three sides where there is no box."""
    diameter = _diameter_column(columns)
    sides = np.repeat(diameter[:, np.newaxis], 3, axis=1)
    if columns.box_mm is not None:
        sides = np.where(np.isnan(columns.box_mm), sides, columns.box_mm)
    found: Floats = sides[rows]
    _require_extents(pairs, columns, rows, found[:, 0], f"{what} has neither a box nor a diameter")
    return found


def _diameters(pairs: Pairs, columns: MarkColumns | LesionColumns, rows: NDArray[np.intp], what: str) -> Floats:
    found: Floats = _diameter_column(columns)[rows]
    _require_extents(pairs, columns, rows, found, f"{what} has no diameter")
    return found


def _diameter_column(columns: MarkColumns | LesionColumns) -> Floats:
    """``(columns,)`` diameters, NaN where there is none."""
    if columns.diameter_mm is None:
        return np.full(len(columns), np.nan)
    return np.where(columns.diameter_mm >= 0, columns.diameter_mm, np.nan)


def _require_extents(
    pairs: Pairs, columns: MarkColumns | LesionColumns, rows: NDArray[np.intp], extent: Floats, problem: str
) -> None:
    if absent := np.unique(rows[np.isnan(extent)]).tolist():
        where = columns.position_mm[absent[0]].tolist()
        exam = int(columns.exam[absent[0]])
        exam_id = repr(pairs.exam_ids[exam]) if pairs.exam_ids else f"row {exam}"
        raise AssessmentError(
            f"exam {exam_id}: the {problem}, at {where} mm ({len(absent)} such); overlap needs the extent of every "
            "mark and lesion: give it, or take a criterion of distance"
        )
