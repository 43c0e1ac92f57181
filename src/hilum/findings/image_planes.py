"""The images of a series as planes in the patient: pixels of an image to mm, and mm to the nearest image.

Points of an image are (column, row) as DICOM counts spatial coordinates: the outer corner of the first pixel is (0, 0),
its centre (0.5, 0.5).

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Position and Orientation) and C.18.6.1.2 (spatial coordinates of an image).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hilum.errors import FormatError
from hilum.model.geometry import LONE_SLICE_SPACING_MM, SAME_POSITION_MM, slice_normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from hilum.model.series import Series

    Floats = NDArray[np.float64]

CENTRE = 0.5
"""Where the centre of the first pixel lies."""

ROUNDING = 1e-6
"""Pixels by which a point on the edge of an image may come to lie beyond it."""

PLANE_TOLERANCE_MM = 0.1
"""A point no further from the plane of an image lies in it: positions are written to a tenth of a millimetre."""


class ImageReference(NamedTuple):
    """What names an image: its object, and the frame of it, 1-based; 0 where the object is one image."""

    sop_class_uid: str
    sop_uid: str
    frame: int = 0


@dataclass(frozen=True, slots=True)
class ImagePlane:
    """One image: its name, the LPS of its first pixel's centre, the steps of a column and of a row in mm, its size."""

    reference: ImageReference
    origin_mm: Floats
    column_step_mm: Floats
    row_step_mm: Floats
    rows: int
    columns: int

    @property
    def normal(self) -> Floats:
        """Unit vector across the image: row x column."""
        across = np.cross(self.column_step_mm, self.row_step_mm)
        return np.asarray(across / np.linalg.norm(across), dtype=np.float64)

    def to_mm(self, points: ArrayLike) -> Floats:
        """``(n, 3)`` LPS of ``(n, 2)`` points of the image."""
        column, row = np.asarray(points, dtype=np.float64).reshape(-1, 2).T - CENTRE
        ways = column[:, None] * self.column_step_mm + row[:, None] * self.row_step_mm
        return np.asarray(self.origin_mm + ways, dtype=np.float64)

    def to_points(self, positions_mm: ArrayLike) -> Floats:
        """``(n, 2)`` points of the image at the foot of ``(n, 3)`` LPS positions."""
        away = np.asarray(positions_mm, dtype=np.float64).reshape(-1, 3) - self.origin_mm
        steps = np.stack([self.column_step_mm, self.row_step_mm], axis=1)
        found, *_ = np.linalg.lstsq(steps, away.T, rcond=None)
        return np.asarray(found.T + CENTRE, dtype=np.float64)

    def distance_mm(self, positions_mm: ArrayLike) -> Floats:
        """``(n,)`` distance of ``(n, 3)`` LPS positions from the plane."""
        away = np.asarray(positions_mm, dtype=np.float64).reshape(-1, 3) - self.origin_mm
        return np.asarray(np.abs(away @ self.normal), dtype=np.float64)

    def holds(self, point: Sequence[float]) -> bool:
        """Whether a point lies in the image, its edge included."""
        column, row = point
        return -ROUNDING <= column <= self.columns + ROUNDING and -ROUNDING <= row <= self.rows + ROUNDING


class ImagePlanes:
    """The images of a series that have a place in the patient.

    Raises
    ------
    FormatError
        None has.
    """

    def __init__(self, series: Series) -> None:
        self._planes: list[ImagePlane] = list(_planes(series))
        if not self._planes:
            raise FormatError(f"series {series.uid}: no image of it says where it lies; give the series of the images")
        self._by_image = {(plane.reference.sop_uid, plane.reference.frame): plane for plane in self._planes}
        self._normals: Floats = np.stack([plane.normal for plane in self._planes])
        self._along: Floats = np.einsum(
            "ij,ij->i", np.stack([plane.origin_mm for plane in self._planes]), self._normals
        )
        steps = np.diff(np.sort(self._along))
        self._steps_mm: Floats = steps[steps > SAME_POSITION_MM]

    @property
    def spacing_mm(self) -> float:
        """Median distance of neighbouring images."""
        return float(np.median(self._steps_mm)) if len(self._steps_mm) else LONE_SLICE_SPACING_MM

    @property
    def reach_mm(self) -> float:
        """How far from the nearest image a position can be: half the largest step, and a tolerance."""
        step_mm = float(self._steps_mm.max()) if len(self._steps_mm) else LONE_SLICE_SPACING_MM
        return step_mm / 2 + PLANE_TOLERANCE_MM

    def of(self, sop_uid: str, frame: int = 0) -> ImagePlane | None:
        """Give the image of a name; None where the series has none. Frame 1 of an object of one image is the image."""
        return self._by_image.get((sop_uid, frame)) or self._by_image.get((sop_uid, 0 if frame == 1 else frame or 1))

    def nearest(self, position_mm: Sequence[float]) -> ImagePlane:
        """Image nearest to a position, the first of several.

        Raises
        ------
        FormatError
            The position lies beside all images, or further from the nearest than half the step between images.
        """
        far: Floats = np.abs(self._normals @ np.asarray(position_mm, dtype=np.float64) - self._along)
        place = f"({', '.join(f'{value:.2f}' for value in position_mm)}) mm"
        ordered: Iterator[ImagePlane] = (self._planes[index] for index in np.argsort(far, kind="stable").tolist())
        best = next((plane for plane in ordered if plane.holds(plane.to_points(position_mm)[0].tolist())), None)
        if best is None:
            raise FormatError(f"{place} lies beside the images of the series; expected it in one")
        off_mm = float(best.distance_mm(position_mm)[0])
        if off_mm > self.reach_mm:
            raise FormatError(
                f"{place} lies {off_mm:.2f} mm from the nearest image; expected at most {self.reach_mm:.2f} mm, half "
                "the step between images"
            )
        return best


def _planes(series: Series) -> Iterator[ImagePlane]:
    for row in series.instances:
        if row.get("frames"):
            for number, place in enumerate(row["frames"], start=1):
                yield from _plane(row, number, *place)
        elif int(row.get("NumberOfFrames") or 1) == 1:
            own = (row.get(name) for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
            yield from _plane(row, 0, *own)


def _plane(row: dict[str, Any], frame: int, position: Any, orientation: Any, spacing: Any) -> Iterator[ImagePlane]:
    """Give the image, if its header places it."""
    if not (position and orientation and spacing):
        return
    try:
        slice_normal(orientation)
    except ValueError:
        return
    cosines = np.asarray(orientation, dtype=np.float64)
    yield ImagePlane(
        ImageReference(str(row.get("SOPClassUID") or ""), str(row["SOPInstanceUID"]), frame),
        np.asarray(position, dtype=np.float64),
        cosines[:3] * float(spacing[1]),
        cosines[3:] * float(spacing[0]),
        int(row["Rows"]),
        int(row["Columns"]),
    )
