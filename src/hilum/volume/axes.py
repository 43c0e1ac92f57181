"""Volumes with their axes in the order of an axial CT; no voxel is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.model.geometry import Geometry
from hilum.volume.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

AXIAL_DIRECTION = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
"""`Geometry.direction` of an axial volume: slices toward the head, rows toward the back, columns to the left."""


def as_axial(volume: Volume) -> Volume:
    """Give the volume with slices toward the head, rows toward the back and columns to the left, or nearest to it.

    Axes are exchanged and turned round, nothing is resampled; the voxels are a view of the same memory.
    """
    return Volume(*axial_grid(volume.hu, volume.geometry))


def axial_grid(values: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    """Give voxels of any type, such as a mask, and their grid as `as_axial` does."""
    return turn_grid(values, geometry, AXIAL_DIRECTION)


def axial_geometry(geometry: Geometry) -> Geometry:
    """Grid of a volume after `as_axial`: equal for two grids of the same voxels, however they are stored."""
    return axial_grid(np.broadcast_to(np.uint8(0), geometry.shape), geometry)[1]


def turn_grid(values: NDArray[Any], geometry: Geometry, direction: ArrayLike) -> tuple[NDArray[Any], Geometry]:
    """Exchange axes and turn them round so that they run as those of another grid, or nearest to it.

    Parameters
    ----------
    direction
        Axes of the other grid (`Geometry.direction`).

    Returns
    -------
    A view of the same voxels, and their grid.
    """
    cosines = np.asarray(geometry.direction).T @ np.asarray(direction)
    order = _nearest_axes(cosines)
    flipped = [bool(cosines[axis, wanted] < 0) for wanted, axis in enumerate(order)]
    first = [0, 0, 0]
    for axis, flip in zip(order, flipped, strict=True):
        first[axis] = geometry.shape[axis] - 1 if flip else 0
    signs = np.where(flipped, -1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = geometry.affine[:3, order] * signs
    affine[:3, 3] = geometry.to_mm(first)
    turned = np.transpose(values, order)[tuple(slice(None, None, -1 if flip else 1) for flip in flipped)]
    return turned, Geometry.from_affine(affine, turned.shape)


def _nearest_axes(cosines: NDArray[np.float64]) -> list[int]:
    """Voxel axis that runs nearest along each wanted one, each taken once, the clearest first."""
    weights = np.abs(cosines).T.copy()
    order = [0, 0, 0]
    for _ in range(3):
        wanted, axis = np.unravel_index(int(np.argmax(weights)), weights.shape)
        order[int(wanted)] = int(axis)
        weights[wanted, :] = -1
        weights[:, axis] = -1
    return order
