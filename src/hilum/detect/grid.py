"""The grid a detector works on: the body's box, isotropic, at about half resolution.

One spacing for all scanners makes a scale in mm the same number of voxels everywhere, and the box round the body leaves
out the air that is half of most volumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hilum.detect.body import body_mask, bounding_box
from hilum.model.geometry import Geometry
from hilum.volume.axes import as_axial
from hilum.volume.resample import resample_to_spacing
from hilum.volume.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.detect.body import Mask

WORK_SPACING_MM = 1.5
"""Twice the usual pixel (0.7 mm): a node of 5 mm still spans three voxels, and a volume shrinks to an eighth."""

COARSE_STEP = 2
"""Work voxels a coarse voxel: large scales, masks and distances are computed at 3 mm."""

BLOCK_ROUNDING = 0.1
"""Pixels of up to 0.79 mm are averaged two by two, which leaves them no coarser than the work voxel's 1.5 mm by 5 %."""

MASK_SPACING_MM = 3.0
"""About the spacing at which the body is looked for."""


@dataclass(frozen=True)
class WorkGrid:
    """HU of the body's box on an isotropic grid.

    Attributes
    ----------
    hu
        float32, (slice, row, column), `WORK_SPACING_MM` along each axis; slices ascend as nearly toward the head as
        the volume's axes allow.
    geometry
        Grid of `hu`.
    body
        Body mask on every `COARSE_STEP`-th voxel of `hu`.
    """

    hu: NDArray[np.float32]
    geometry: Geometry
    body: Mask

    @cached_property
    def coarse_spacing_mm(self) -> tuple[float, float, float]:
        """Distance of the voxels of `body`."""
        z, y, x = self.geometry.spacing_mm
        return (COARSE_STEP * z, COARSE_STEP * y, COARSE_STEP * x)


def work_grid(volume: Volume) -> WorkGrid:
    """Cut a volume to its body and a seam of air, and resample it, its axes in the order of an axial CT.

    A volume without any tissue is kept whole, with an empty mask.
    """
    volume = as_axial(volume)
    steps = [max(1, round(MASK_SPACING_MM / spacing)) for spacing in volume.spacing_mm]
    sparse = volume.hu[:: steps[0], :: steps[1], :: steps[2]]
    spacing_mm = [step * spacing for step, spacing in zip(steps, volume.spacing_mm, strict=True)]
    body = body_mask(sparse, spacing_mm)
    box = [
        slice(max(found.start - 1, 0) * step, min((found.stop + 1) * step, count))
        for found, step, count in zip(bounding_box(body), steps, volume.shape, strict=True)
    ]
    work = resample_to_spacing(_block_means(_crop(volume, box)), WORK_SPACING_MM)
    hu = np.asarray(work.hu, dtype=np.float32)
    return WorkGrid(hu, work.geometry, _mask_on(work.geometry, body, volume.geometry, steps))


def _block_means(volume: Volume) -> Volume:
    """Average neighbours where several fit into a work voxel: interpolation alone would keep their noise."""
    counts = [max(1, int(WORK_SPACING_MM / spacing + BLOCK_ROUNDING)) for spacing in volume.spacing_mm]
    counts = [min(count, size) for count, size in zip(counts, volume.shape, strict=True)]
    shape = [size // count for size, count in zip(volume.shape, counts, strict=True)]
    total = np.zeros(shape, dtype=np.float32)
    for first in np.ndindex(*counts):
        total += volume.hu[
            tuple(slice(i, i + n * count, count) for i, n, count in zip(first, shape, counts, strict=True))
        ]
    total /= np.float32(np.prod(counts))
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_mm([(count - 1) / 2 for count in counts])
    affine[:3, :3] *= counts
    return Volume(total, Geometry.from_affine(affine, shape))


def _crop(volume: Volume, box: Sequence[slice]) -> Volume:
    hu = volume.hu[tuple(box)]
    origin = volume.geometry.to_mm([part.start for part in box])
    shape = (hu.shape[0], hu.shape[1], hu.shape[2])
    geometry = Geometry(shape, volume.spacing_mm, (*origin.tolist(),), volume.geometry.direction)
    return Volume(hu, geometry)


def _mask_on(target: Geometry, mask: Mask, source: Geometry, steps: Sequence[int]) -> Mask:
    """Mask of every ``steps``-th voxel of `source`, taken at every `COARSE_STEP`-th voxel of `target` (nearest).

    Both grids have the same axes, so each axis is looked up by itself.
    """
    corner = source.to_voxels(target.origin_mm)
    indices = []
    for axis in range(3):
        count = -(-target.shape[axis] // COARSE_STEP)
        along = corner[axis] + np.arange(count) * COARSE_STEP * target.spacing_mm[axis] / source.spacing_mm[axis]
        indices.append(np.clip(np.rint(along / steps[axis]).astype(np.intp), 0, mask.shape[axis] - 1))
    return mask[np.ix_(*indices)]
