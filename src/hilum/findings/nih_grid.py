"""The voxel grid behind NIH's points: whether indices and points agree, and where the CT puts the same grid.

NIH's points obey ``mm = origin + spacing * index`` on each axis. The origin so found differs in some patients from the
CT's own (the y axis looks sign-flipped), while the indices are right: where the CT is known, indices decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

POINT_TOLERANCE_MM = 0.01
"""Points and grid that differ by no more agree: the files keep 6 significant digits, and the worst residual of a fit
through all nodes of a patient is 0.0007 mm."""

ORIGIN_TOLERANCE_MM = 0.05
"""Origins of points and CT that differ by no more agree: pixel spacings of 6 digits over 512 columns add 0.0003 mm,
decimal positions of CTs up to some hundredths."""

_AXES = "xyz"


def check_grid(indices: Integers, points_mm: Floats, indices_path: Path, points_path: Path) -> None:
    """Check that indices and points lie on one grid, of positive spacing on each axis.

    Parameters
    ----------
    indices
        ``(n, 3)`` column x, row y, slice z, 0-based; n ≥ 0.
    points_mm
        ``(n, 3)`` LPS, in the same order.

    Raises
    ------
    FormatError
        A line fits no such grid; the message names it.
    """
    for axis, name in enumerate(_AXES):
        line = _misfit(indices[:, axis].astype(np.float64), points_mm[:, axis])
        if line is not None:
            raise FormatError(
                f"{points_path}:{line + 1}: {name} = {points_mm[line, axis]:g} mm does not belong to index "
                f"{indices[line, axis]} of {indices_path}:{line + 1}; expected mm = origin + spacing * index as in "
                "the other lines, spacing positive. Were lines swapped or lost in one of the files?"
            )


def ct_positions(indices: Integers, geometry: Geometry, indices_path: Path) -> Floats:
    """LPS positions ``(n, 3)`` of indices ``(n, 3)`` (x, y, z) in the CT's grid.

    Raises
    ------
    FormatError
        An index lies outside the CT.
    """
    columns_rows_slices = np.asarray(geometry.shape[::-1])
    for line in np.nonzero(np.any(indices >= columns_rows_slices, axis=1))[0]:
        raise FormatError(
            f"{indices_path}:{line + 1}: index {indices[line].tolist()} lies outside the CT of "
            f"{columns_rows_slices.tolist()} columns, rows, slices; is it the CT of this patient?"
        )
    return geometry.to_mm(indices[:, ::-1])


def origin_warning(patient_id: str, positions_mm: Floats, points_mm: Floats, geometry: Geometry) -> str | None:
    """Say how the origin the points imply differs from the CT's; None where they agree or there is no point."""
    if not len(points_mm):
        return None
    differences = positions_mm - points_mm
    distance = float(np.max(np.linalg.norm(differences, axis=1)))
    if distance <= ORIGIN_TOLERANCE_MM:
        return None
    origin = np.asarray(geometry.origin_mm)
    fitted = origin - differences.mean(axis=0)
    flipped = [
        name
        for axis, name in enumerate(_AXES)
        if abs(fitted[axis] + origin[axis]) <= ORIGIN_TOLERANCE_MM < abs(origin[axis])
    ]
    signs = f" (sign of {' and '.join(flipped)} flipped)" if flipped else ""
    return (
        f"{patient_id}: the physical points put the grid's origin at {_point_text(fitted)}, the CT at "
        f"{_point_text(origin)}{signs}, up to {distance:.2f} mm apart; positions are taken from the indices"
    )


def _misfit(indices: Floats, mm: Floats) -> int | None:
    """Line that does not lie on ``mm = origin + spacing * index``; None if all do."""
    residuals = _residuals(indices, mm)
    if residuals is not None and (not len(mm) or residuals.max() <= POINT_TOLERANCE_MM):
        return None
    for line in range(len(mm)) if len(mm) > 3 else ():
        others = np.delete(np.arange(len(mm)), line)
        rest = _residuals(indices[others], mm[others])
        if rest is not None and rest.max() <= POINT_TOLERANCE_MM:
            return line
    return 0 if residuals is None else int(np.argmax(residuals))


def _residuals(indices: Floats, mm: Floats) -> Floats | None:
    """Distances from the fitted line; None if its spacing is not positive."""
    if not len(mm):
        return np.empty(0)
    centred = indices - indices.mean()
    spread = float(centred @ centred)
    spacing = float(centred @ (mm - mm.mean())) / spread if spread else 1.0
    if spacing <= 0:
        return None
    residuals: Floats = np.abs(mm - mm.mean() - spacing * centred)
    return residuals


def _point_text(point: Floats) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in point) + ") mm"
