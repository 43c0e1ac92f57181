"""Volumes on other grids.

Between grids whose axes are parallel, one axis is interpolated after the other; between any others, all at once.
Averaging before enlarging the spacing is left to the caller: linear interpolation alone aliases beyond twice the
spacing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hilum.model.geometry import Geometry
from hilum.volume.sampling import AIR_HU, Interpolation, check_interpolation, is_outside, sample_voxels
from hilum.volume.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARALLEL_TOLERANCE_VOXELS = 1e-4
"""Axes are parallel if no corner of the new grid is moved further by ignoring the angle between them."""


def resample_to_spacing(
    volume: Volume,
    spacing_mm: float | Sequence[float],
    *,
    interpolation: Interpolation = "linear",
) -> Volume:
    """Volume of the same place and axes with other spacings.

    Parameters
    ----------
    spacing_mm
        One spacing for all axes, or (slice, row, column).
    interpolation
        Trilinear, or the nearest voxel.

    Returns
    -------
    Same dtype; see `spaced_geometry` for its grid.

    Raises
    ------
    ValueError
        A spacing is not a positive number.
    """
    return resample_to_grid(volume, spaced_geometry(volume.geometry, spacing_mm), interpolation=interpolation)


def resample_to_grid(
    volume: Volume,
    geometry: Geometry,
    *,
    interpolation: Interpolation = "linear",
    outside_hu: float = AIR_HU,
) -> Volume:
    """Volume on another grid.

    Parameters
    ----------
    geometry
        The new grid.
    interpolation
        Trilinear, or the nearest voxel.
    outside_hu
        HU of voxels whose centre lies outside `volume`.

    Returns
    -------
    Same dtype; of int16, rounded to the nearest HU.
    """
    check_interpolation(interpolation)
    matrix: NDArray[np.float64] = np.linalg.solve(volume.geometry.affine, geometry.affine).astype(np.float64)
    if _is_parallel(matrix, geometry.shape):
        hu = _along_axes(volume, matrix, geometry.shape, interpolation, outside_hu)
    else:
        hu = _slice_by_slice(volume, matrix, geometry.shape, interpolation, outside_hu)
    return Volume(np.rint(hu).astype(np.int16) if volume.hu.dtype == np.int16 else hu, geometry)


def spaced_geometry(geometry: Geometry, spacing_mm: float | Sequence[float]) -> Geometry:
    """Grid of other spacings with the same centre and axes, as many voxels as come closest to the same extent.

    Raises
    ------
    ValueError
        A spacing is not a positive number.
    """
    spacing = np.asarray(spacing_mm if isinstance(spacing_mm, Sequence) else [spacing_mm] * 3, dtype=np.float64)
    if spacing.shape != (3,) or not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
        raise ValueError(f"spacing {spacing_mm} mm: expected one or three positive distances")
    extent = np.asarray(geometry.shape) * np.asarray(geometry.spacing_mm)
    shape = np.maximum(1, np.floor(extent / spacing + 0.5)).astype(int)
    axes = np.asarray(geometry.direction)
    centre = geometry.to_mm((np.asarray(geometry.shape) - 1) / 2)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    return Geometry.from_affine(affine, shape.tolist())


def _is_parallel(matrix: NDArray[np.float64], shape: tuple[int, int, int]) -> bool:
    """Whether voxel axis k of the new grid runs along axis k of the old one."""
    scale = matrix[:3, :3]
    shift = np.abs(scale - np.diag(np.diag(scale))) @ (np.asarray(shape) - 1)
    return bool(np.max(shift) < PARALLEL_TOLERANCE_VOXELS)


def _along_axes(
    volume: Volume,
    matrix: NDArray[np.float64],
    shape: tuple[int, int, int],
    interpolation: Interpolation,
    outside_hu: float,
) -> NDArray[np.float32]:
    """Interpolate axis after axis, that which shrinks most first."""
    hu: NDArray[np.float32] = volume.hu.astype(np.float32)
    for axis in np.argsort(np.asarray(shape) / volume.shape).tolist():
        places = matrix[axis, axis] * np.arange(shape[axis]) + matrix[axis, 3]
        hu = _interpolate(hu, places, axis, interpolation)
    for axis, count in enumerate(shape):
        places = matrix[axis, axis] * np.arange(count) + matrix[axis, 3]
        np.moveaxis(hu, axis, 0)[is_outside(places[:, np.newaxis], volume.shape[axis : axis + 1])] = outside_hu
    return hu


def _interpolate(
    hu: NDArray[np.float32], places: NDArray[np.float64], axis: int, interpolation: Interpolation
) -> NDArray[np.float32]:
    """Values at fractional indices along an axis; beyond its ends those of the ends."""
    last = hu.shape[axis] - 1
    if interpolation == "nearest":
        return np.take(hu, np.clip(np.floor(places + 0.5), 0, last).astype(int), axis)
    places = np.clip(places, 0, last)
    lower = np.minimum(np.floor(places), max(last - 1, 0)).astype(int)
    weight = (places - lower).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
    below = np.take(hu, lower, axis)
    above: NDArray[np.float32] = np.take(hu, np.minimum(lower + 1, last), axis)
    above -= below
    above *= weight
    above += below
    return above


def _slice_by_slice(
    volume: Volume,
    matrix: NDArray[np.float64],
    shape: tuple[int, int, int],
    interpolation: Interpolation,
    outside_hu: float,
) -> NDArray[np.float32]:
    """Interpolate in all axes at once, a slice of the new grid at a time, which bounds memory."""
    rows, columns = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    plane = np.stack([np.zeros_like(rows), rows, columns], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    hu = np.empty(shape, np.float32)
    for index in range(shape[0]):
        hu[index] = sample_voxels(volume, plane + index * matrix[:3, 0], interpolation, outside_hu)
    return hu
