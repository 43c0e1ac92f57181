"""Patches: small regular grids in mm, cut out of a volume around points of the patient, along any axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.volume.sampling import AIR_HU, Interpolation, sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hilum.volume.volume import Volume

    Axes = Sequence[Sequence[float]]

AXIAL: Axes = ((0, 1, 0), (1, 0, 0))
CORONAL: Axes = ((0, 0, -1), (1, 0, 0))
SAGITTAL: Axes = ((0, 0, -1), (0, 1, 0))
"""LPS direction of rows (down the image) and of columns (to the right), as images are read: the patient's left on the
right of axial and coronal images, the head up, the face to the left of sagittal ones."""

PLANES: Mapping[str, Axes] = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL}

CUBE: Axes = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
"""Axes of a 3D patch: slices toward the head, rows toward the back, columns to the left."""

POINTS_AT_ONCE = 1 << 22
"""Points interpolated at once: 100 MB of coordinates."""

UNIT_TOLERANCE = 1e-3
"""Largest difference of an axis's length from 1."""


def extract_patches(
    volume: Volume,
    centres_mm: ArrayLike,
    *,
    shape: Sequence[int],
    spacing_mm: float,
    axes: Axes = CUBE,
    interpolation: Interpolation = "linear",
    outside_hu: float = AIR_HU,
) -> NDArray[np.float32]:
    """Patches around points.

    Parameters
    ----------
    centres_mm
        ``(n, 3)`` LPS positions, or one ``(3,)``. The centre of a patch lies on a voxel of it where its shape is odd,
        between voxels where it is even.
    shape
        Voxels along each of `axes`, two or three.
    spacing_mm
        Distance of the patch's voxels.
    axes
        LPS unit vector along each axis of the patch: two for a plane (`AXIAL`, `oblique_axes`), three for a block.
    interpolation
        Trilinear, or the nearest voxel.
    outside_hu
        HU of what lies outside the volume.

    Returns
    -------
    ``(n, *shape)``, or ``shape`` for one point; HU, float32. No points give ``(0, *shape)``.

    Raises
    ------
    ValueError
        Axes are not unit vectors, or not as many as `shape` has numbers.
    """
    centres = np.asarray(centres_mm, dtype=np.float64)
    offsets = _offsets(shape, spacing_mm, axes)
    flat = centres.reshape(-1, 3)
    patches = np.empty((len(flat), *shape), np.float32)
    step = max(1, POINTS_AT_ONCE // max(1, offsets[..., 0].size))
    for start in range(0, len(flat), step):
        some = flat[start : start + step]
        points = some.reshape(-1, *[1] * len(shape), 3) + offsets
        patches[start : start + step] = sample(volume, points, interpolation=interpolation, outside_hu=outside_hu)
    return patches.reshape(*centres.shape[:-1], *shape)


def orthogonal_patches(
    volume: Volume,
    centre_mm: ArrayLike,
    *,
    size: int,
    spacing_mm: float,
    outside_hu: float = AIR_HU,
) -> dict[str, NDArray[np.float32]]:
    """Axial, coronal and sagittal square of `size` × `size` voxels around an LPS position, by name."""
    return {
        name: extract_patches(
            volume, centre_mm, shape=(size, size), spacing_mm=spacing_mm, axes=axes, outside_hu=outside_hu
        )
        for name, axes in PLANES.items()
    }


def oblique_axes(normal: Sequence[float], *, angle_deg: float = 0.0) -> Axes:
    """Two axes of a plane across `normal`, for `extract_patches`.

    Parameters
    ----------
    normal
        LPS direction across the plane, of any length.
    angle_deg
        Turn of the axes about the normal, right-handed.

    Returns
    -------
    Two unit vectors; at angle 0 the second is as near as can be to LPS x (to y where the normal is x).

    Raises
    ------
    ValueError
        The normal has no direction.
    """
    across = np.asarray(normal, dtype=np.float64)
    length = float(np.linalg.norm(across))
    if across.shape != (3,) or not np.isfinite(length) or length == 0:
        raise ValueError(f"normal {normal}: expected three finite numbers, not all 0")
    across = across / length
    near = np.eye(3)[1 if abs(across[0]) > 1 - UNIT_TOLERANCE else 0]
    column = near - (near @ across) * across
    column /= np.linalg.norm(column)
    row = np.cross(across, column)
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turned = (cosine * row - sine * column, sine * row + cosine * column)
    return tuple(tuple(axis.tolist()) for axis in turned)


def _offsets(shape: Sequence[int], spacing_mm: float, axes: Axes) -> NDArray[np.float64]:
    """LPS offset in mm of each voxel of a patch from its centre, ``(*shape, 3)``."""
    directions = np.asarray(axes, dtype=np.float64)
    if directions.shape != (len(shape), 3) or len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"shape {tuple(shape)} with axes {axes}: expected two or three counts and a vector for each")
    if np.max(np.abs(np.linalg.norm(directions, axis=1) - 1)) > UNIT_TOLERANCE or not spacing_mm > 0:
        raise ValueError(f"axes {axes}, spacing {spacing_mm} mm: expected unit vectors and a positive distance")
    steps = [(np.arange(count) - (count - 1) / 2) * spacing_mm for count in shape]
    return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) @ directions
