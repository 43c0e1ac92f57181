"""What a graphic of a report says of a finding's place and size, in mm.

References
----------
DICOM PS3.3 C.18.6.1.2 (graphic types of an image) and C.18.9.1.2 (in the patient).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings.diameters import measure_diameters
from hilum.model.findings import as_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.model.findings import Point

    Floats = NDArray[np.float64]
    Ends = tuple[Point, Point]

OUTLINES = frozenset({"POLYLINE", "POLYGON"})
AXES_OF = {"ELLIPSE": 2, "ELLIPSOID": 3}
"""Graphics that are given by the ends of axes, and how many."""

FLAT_MM = 1e-3
"""An outline no wider than this is a line: millimetres from pixels have 24 bits."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A place, and the size that is drawn there; None where the graphic shows none.

    Attributes
    ----------
    box_mm
        Sides along x, y, z; 0 across the image.
    """

    position_mm: Point
    long_ends_mm: Ends | None = None
    short_ends_mm: Ends | None = None
    diameter_mm: float | None = None
    box_mm: Point | None = None


def shape_of(kind: str, points_mm: Floats) -> Shape:
    """Give the shape of a graphic.

    Parameters
    ----------
    kind
        Graphic type.
    points_mm
        ``(n, 3)`` LPS.

    Raises
    ------
    FormatError
        The graphic shows no one place, or has another number of points than its type.
    """
    count = len(points_mm)
    if not np.all(np.isfinite(points_mm)):
        raise FormatError(f"a {kind} with coordinates that are no finite numbers")
    if kind == "POINT" and count >= 1:  # an arrow has two: the first is its head
        return Shape(as_point(points_mm[0]))
    if kind == "CIRCLE" and count == 2:
        radius_mm = float(np.linalg.norm(points_mm[1] - points_mm[0]))
        return Shape(as_point(points_mm[0]), diameter_mm=2 * radius_mm or None)
    if kind in AXES_OF and count == 2 * AXES_OF[kind]:
        return axes_shape(*points_mm.reshape(-1, 2, 3))
    if kind in OUTLINES and count >= 1:
        return _outline(points_mm)
    raise FormatError(
        f"a {kind or 'graphic without type'} of {count} points; expected a POINT, a CIRCLE of 2, an ELLIPSE of 4, an "
        "ELLIPSOID of 6, a POLYLINE or a POLYGON"
    )


def axes_shape(*axes_mm: Floats) -> Shape:
    """Give the shape of axes, each ``(2, 3)`` of two ends: the longest, and the longest of the others."""
    ordered = sorted(axes_mm, key=lambda ends: -float(np.linalg.norm(ends[1] - ends[0])))
    short = _ends(ordered[1]) if len(ordered) > 1 else None
    return Shape(as_point(ordered[0].mean(axis=0)), _ends(ordered[0]), short)


def _outline(points_mm: Floats) -> Shape:
    """Outline of a region, closed or not; two points are a line, whose length is the long axis."""
    corners = points_mm[:-1] if len(points_mm) > 1 and np.allclose(points_mm[0], points_mm[-1]) else points_mm
    centre = corners.mean(axis=0)
    _, widths, frame = np.linalg.svd(corners - centre, full_matrices=False)
    if len(corners) == 1 or widths[0] <= FLAT_MM:
        return Shape(as_point(centre))
    if len(corners) == 2 or widths[1] <= FLAT_MM:
        along = (corners - centre) @ frame[0]
        return axes_shape(corners[[int(along.argmin()), int(along.argmax())]])
    if (sides := _upright_sides(corners)) is not None:
        return Shape(as_point((corners.min(axis=0) + corners.max(axis=0)) / 2), box_mm=sides)
    flat = (corners - centre) @ frame[:2].T
    axes = measure_diameters(flat)
    middle = centre + _centroid(flat) @ frame[:2]
    ends = [centre + axis @ frame[:2] for axis in (axes.long_mm, axes.short_mm)]
    return Shape(as_point(middle), _ends(ends[0]), _ends(ends[1]))


def _upright_sides(corners: Floats) -> Point | None:
    """Sides of a rectangle along the patient's axes, one of them 0; None of any other outline."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    sides = high - low
    is_corner = np.all((np.abs(corners - low) <= FLAT_MM) | (np.abs(corners - high) <= FLAT_MM), axis=1)
    is_flat = sides <= FLAT_MM
    if len(corners) != 4 or not np.all(is_corner) or int(np.sum(is_flat)) != 1:
        return None
    return as_point(np.where(is_flat, 0.0, sides))


def _centroid(corners: Floats) -> Floats:
    """Centre of the area of a polygon, ``(n, 2)``; the mean of its corners where its area is none."""
    following = np.roll(corners, -1, axis=0)
    cross = corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]
    if abs(float(cross.sum())) <= FLAT_MM**2:
        return np.asarray(corners.mean(axis=0), dtype=np.float64)
    return np.asarray(((corners + following) * cross[:, None]).sum(axis=0) / (3 * cross.sum()), dtype=np.float64)


def _ends(points_mm: Floats) -> Ends:
    return as_point(points_mm[0]), as_point(points_mm[1])
