"""HU along rays from a candidate: the sphere round it as a table of directions and radii.

A node ends after nearly the same distance in every direction; a vessel goes on in two opposite ones; a fold of bowel
or a muscle goes on in many. The rays see that without a segmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from hilum.detect.grid import WORK_SPACING_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

HALF_DIRECTIONS = 32
"""Directions on a half sphere; each has its opposite, so that diameters can be read off."""

RADII_MM = tuple(float(radius) for radius in np.arange(0, 21.1, WORK_SPACING_MM))
"""Radii of the samples, up to just beyond a node of 30 mm and its rim."""

EDGE_STEP_HU = 40.0
"""A ray leaves the candidate where it differs so much from the core: half the contrast of a node in fat, three times
the noise of a soft reconstruction at the work spacing."""

CORE_MM = 3.0
"""Radius of the core, which every candidate of at least 6 mm fills."""


@dataclass(frozen=True, slots=True)
class Rays:
    """Samples round the candidates of one volume.

    Attributes
    ----------
    hu
        ``(n, 2 * HALF_DIRECTIONS, radii)``; direction ``k + HALF_DIRECTIONS`` is opposite to ``k``.
    core_hu
        ``(n,)`` median within `CORE_MM`.
    edge_mm
        ``(n, 2 * HALF_DIRECTIONS)`` where each ray leaves the candidate; the last radius plus one step if it does not.
    """

    hu: Floats
    core_hu: Floats
    edge_mm: Floats


def cast_rays(hu: Floats, voxels: NDArray[np.float64]) -> Rays:
    """Sample an isotropic grid round `voxels`, ``(n, 3)`` of (slice, row, column)."""
    offsets = directions()[:, None, :] * (np.asarray(RADII_MM) / WORK_SPACING_MM)[:, None]
    points = voxels[:, None, None, :] + offsets
    samples = ndimage.map_coordinates(hu, points.reshape(-1, 3).T, order=1, mode="nearest", output=np.float32)
    samples = samples.reshape(len(voxels), len(offsets), len(RADII_MM))
    core_radii = int(np.searchsorted(RADII_MM, CORE_MM, side="right"))
    core: Floats = np.median(samples[:, :, :core_radii].reshape(len(voxels), len(offsets) * core_radii), axis=1)
    return Rays(samples, core, _edges(samples, core))


def directions() -> NDArray[np.float64]:
    """Unit vectors ``(2 * HALF_DIRECTIONS, 3)``, evenly spread, the second half opposite to the first.

    References
    ----------
    González, Á. (2010). Measurement of areas on a sphere using Fibonacci lattices. Math. Geosci. 42, 49-64.
    doi:10.1007/s11004-009-9257-x
    """
    index = np.arange(HALF_DIRECTIONS)
    height = (index + 0.5) / HALF_DIRECTIONS
    angle = np.pi * (3 - np.sqrt(5)) * index
    ring = np.sqrt(1 - height**2)
    half = np.stack([height, ring * np.sin(angle), ring * np.cos(angle)], axis=1)
    return np.concatenate([half, -half])


def _edges(samples: Floats, core: Floats) -> Floats:
    """First radius of each ray that differs by `EDGE_STEP_HU`, placed between samples by linear interpolation."""
    away = np.abs(samples - core[:, None, None])
    is_outside = away > EDGE_STEP_HU
    is_outside[:, :, 0] = False
    first = is_outside.argmax(axis=2)
    has_edge = first > 0
    after = np.take_along_axis(away, first[:, :, None], axis=2)[:, :, 0]
    before = np.take_along_axis(away, np.maximum(first - 1, 0)[:, :, None], axis=2)[:, :, 0]
    rise = np.where(after > before, after - before, 1)
    fraction = np.clip((EDGE_STEP_HU - before) / rise, 0, 1)
    edge_mm = (first - 1 + fraction) * WORK_SPACING_MM
    return np.where(has_edge, edge_mm, len(RADII_MM) * WORK_SPACING_MM).astype(np.float32)
