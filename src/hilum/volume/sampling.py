"""HU at any place of a volume: the one interpolation that resampling and patches share.

The volume ends half a voxel outside its outer centres. Up to there a place takes the value of the nearest face;
beyond it, the value that the caller names. This is what ITK does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.volume.volume import Volume

    Floats = NDArray[np.float32]

Interpolation = Literal["linear", "nearest"]

AIR_HU = -1000.0
"""Hounsfield units of air, by definition of the scale; what lies outside a volume."""


def sample(
    volume: Volume,
    points_mm: NDArray[np.float64],
    *,
    interpolation: Interpolation = "linear",
    outside_hu: float = AIR_HU,
) -> Floats:
    """HU at LPS positions.

    Parameters
    ----------
    points_mm
        ``(..., 3)`` of (x, y, z).
    interpolation
        Trilinear, or the voxel whose centre is nearest.
    outside_hu
        HU of positions outside the volume.

    Returns
    -------
    ``(...)``, float32; empty for no points.
    """
    return sample_voxels(volume, volume.geometry.to_voxels(points_mm), interpolation, outside_hu)


def sample_voxels(
    volume: Volume, voxels: NDArray[np.float64], interpolation: Interpolation, outside_hu: float
) -> Floats:
    """HU at ``(..., 3)`` voxel coordinates (slice, row, column), as `sample` gives them."""
    from scipy.ndimage import map_coordinates

    check_interpolation(interpolation)
    coordinates = voxels.reshape(-1, 3).T
    if interpolation == "nearest":
        coordinates = np.floor(coordinates + 0.5)
    hu: Floats = map_coordinates(volume.hu, coordinates, output=np.float32, order=1, mode="nearest")
    hu = hu.reshape(voxels.shape[:-1])
    hu[is_outside(voxels, volume.shape)] = outside_hu
    return hu


def is_outside(voxels: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether ``(..., k)`` voxel coordinates lie more than half a voxel outside the outer centres of k axes."""
    outside: NDArray[np.bool_] = np.any((voxels < -0.5) | (voxels > np.asarray(shape) - 0.5), axis=-1)
    return outside


def check_interpolation(interpolation: str) -> None:
    """Raise ``ValueError`` unless the interpolation is known."""
    if interpolation not in ("linear", "nearest"):
        raise ValueError(f"interpolation {interpolation!r}: expected 'linear' or 'nearest'")
