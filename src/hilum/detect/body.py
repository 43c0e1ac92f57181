"""Where the body, its lungs and its bones are, on a coarse grid of HU.

Masks are rough on purpose: they bound the search and measure how far a candidate lies from each organ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Hu = NDArray[np.int16] | NDArray[np.float32]

BODY_ABOVE_HU = -400
"""Between air (-1000) and fat (-100), below the partial volume of skin."""

LUNG_BELOW_HU = -500
"""Inflated lung is -950 to -600; the half-way value to soft tissue."""

BONE_ABOVE_HU = 250
"""Above enhanced soft tissue (150 at most); the brightest arteries pass too and are told apart by the classifier."""

TABLE_MM = 6.0
"""Sheets thinner than this (table, clothing, cushion covers) are opened away from the body."""

LUNG_MINIMUM_ML = 100.0
"""Smaller pockets of gas are trachea, stomach or bowel."""

FAR_MM = 150.0
"""Distance stated where an organ is not in the volume, and the cap of all distances."""


def body_mask(hu: Hu, spacing_mm: Sequence[float]) -> Mask:
    """Voxels of the body, its cavities filled.

    Parameters
    ----------
    hu
        (slice, row, column), at 2 to 5 mm.
    spacing_mm
        Distance of voxel centres along (slice, row, column).

    Returns
    -------
    The largest connected piece of tissue, closed slice by slice; all False where nothing is denser than air.
    """
    tissue: Mask = hu > BODY_ABOVE_HU
    radius = [int(np.ceil(TABLE_MM / 2 / step)) for step in spacing_mm]
    largest = _largest_piece(_open_in_slices(tissue, radius[1], radius[2]))
    return _fill_slices(largest)


def lung_mask(hu: Hu, body: Mask, spacing_mm: Sequence[float]) -> Mask:
    """Voxels of air-filled lung inside the body: gas in pieces of at least `LUNG_MINIMUM_ML`."""
    labels, count = ndimage.label((hu < LUNG_BELOW_HU) & body)
    if count == 0:
        return np.zeros(body.shape, dtype=np.bool_)
    sizes_ml = np.bincount(labels.ravel()) * float(np.prod(spacing_mm)) / 1000
    is_lung = sizes_ml >= LUNG_MINIMUM_ML
    is_lung[0] = False
    mask: Mask = is_lung[labels]
    return mask


def bone_mask(hu: Hu, body: Mask) -> Mask:
    """Voxels of the body denser than `BONE_ABOVE_HU`."""
    mask: Mask = (hu > BONE_ABOVE_HU) & body
    return mask


def distance_to(mask: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    """Distance of each voxel from the nearest voxel of `mask`, mm, at most `FAR_MM`; 0 inside the mask."""
    if not mask.any():
        return np.full(mask.shape, FAR_MM, dtype=np.float32)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~mask, sampling=tuple(spacing_mm))
    return np.minimum(distance, FAR_MM).astype(np.float32)


def bounding_box(mask: Mask) -> tuple[slice, slice, slice]:
    """Smallest box round the True voxels; the whole grid where there is none."""
    found = ndimage.find_objects(mask.astype(np.uint8), max_label=1)[0]
    return found if found is not None else (slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2]))


def _open_in_slices(mask: Mask, rows: int, columns: int) -> Mask:
    """Opening by a box of ``2 * rows + 1`` × ``2 * columns + 1`` voxels within each slice.

    Erosion counts what lies beyond the edge as body, so that an arm or flank cut by the field of view stays.
    """
    size = (1, 2 * rows + 1, 2 * columns + 1)
    eroded = ndimage.minimum_filter(mask.view(np.uint8), size=size, mode="constant", cval=1)
    opened: Mask = ndimage.maximum_filter(eroded, size=size, mode="constant", cval=0).view(np.bool_)
    return opened


def _largest_piece(mask: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    piece: Mask = labels == sizes.argmax()
    return piece


def _fill_slices(mask: Mask) -> Mask:
    """Fill what is enclosed within a slice; in the volume the lungs are open to the first and last slice."""
    filled = np.empty_like(mask)
    for index, plane in enumerate(mask):
        filled[index] = ndimage.binary_fill_holes(plane)
    return filled
