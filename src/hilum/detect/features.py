"""What a classifier is told about a candidate: intensity, shape and place, as one row of named numbers.

Every number is in HU, mm or a ratio, and none depends on the scanner's voxels or on how the patient lay in the grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from hilum.detect.body import FAR_MM, bone_mask, distance_to, lung_mask
from hilum.detect.candidates import SCALES_MM, blobness
from hilum.detect.grid import COARSE_STEP
from hilum.detect.rays import HALF_DIRECTIONS, RADII_MM, cast_rays, directions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hilum.detect.candidates import Candidates
    from hilum.detect.grid import WorkGrid
    from hilum.detect.rays import Rays

    Floats = NDArray[np.float32]
    Columns = dict[str, Floats]

RANGE_HU = (-300.0, 500.0)
"""Intensities are clipped here: what lies beyond is air or bone, whatever its value."""

RIM_MM = (1.5, 7.5)
"""The rim of a candidate, from its edge outwards: fat round a node, wall and content round a fold of bowel."""

FAT_BELOW_HU, LUNG_BELOW_HU, BRIGHT_ABOVE_HU = -30.0, -250.0, 150.0
"""Borders of fat, of aerated lung, and of enhanced vessels and bone, for the make-up of a rim."""

ENTROPY_BINS = 16
"""Bins of 50 HU over `RANGE_HU`."""

CONTEXT_MM = 30.0
"""Side of the cube whose make-up tells the neighbourhood."""


def candidate_features(work: WorkGrid, candidates: Candidates) -> tuple[NDArray[np.float64], Columns]:
    """Features of each candidate.

    Returns
    -------
    Radius of each candidate in mm (``(n,)``: the median of its edges over all directions), and name to column of
    ``(n,)`` float32. No candidates give columns of length 0 under the same names.
    """
    rays = _rays(work, candidates)
    columns = {
        **_scale_features(candidates),
        **_profile_features(rays),
        **_edge_features(rays),
        **_region_features(rays),
        **_place_features(work, candidates),
    }
    return _radii_mm(rays), columns


def candidate_radii_mm(work: WorkGrid, candidates: Candidates) -> NDArray[np.float64]:
    """Radius of each candidate, ``(n,)``, as `candidate_features` gives it."""
    return _radii_mm(_rays(work, candidates))


def as_matrix(columns: Mapping[str, Floats]) -> Floats:
    """Columns side by side, ``(n, features)``, in the order of the mapping."""
    return np.stack(list(columns.values()), axis=1)


def _rays(work: WorkGrid, candidates: Candidates) -> Rays:
    return cast_rays(np.clip(work.hu, *RANGE_HU), candidates.voxels)


def _radii_mm(rays: Rays) -> NDArray[np.float64]:
    return np.median(rays.edge_mm, axis=1).astype(np.float64)


def _scale_features(candidates: Candidates) -> Columns:
    """Strength at each scale, and the three curvatures and their ratios."""
    steep, middle, flat = candidates.curvature.T
    columns = {f"response_{scale:g}mm": candidates.responses[:, i] for i, scale in enumerate(SCALES_MM)}
    return columns | {
        "sigma_mm": candidates.sigma_mm,
        "blobness_hu": blobness(candidates.curvature),
        "curvature_steep_hu": steep,
        "curvature_flat_hu": flat,
        "curvature_flat_to_steep": flat / steep,
        "curvature_middle_to_steep": middle / steep,
        "curvature_flat_to_middle": flat / middle,
    }


def _profile_features(rays: Rays) -> Columns:
    """Mean and spread over all directions at each radius, relative to the core."""
    mean = rays.hu.mean(axis=1) - rays.core_hu[:, None]
    spread = rays.hu.std(axis=1)
    columns: Columns = {"core_hu": rays.core_hu}
    for index, radius in enumerate(RADII_MM[1:], start=1):
        columns[f"profile_{radius:g}mm_hu"] = mean[:, index]
        columns[f"spread_{radius:g}mm_hu"] = spread[:, index]
    return columns


def _edge_features(rays: Rays) -> Columns:
    """How far the candidate reaches: radii, diameters through the centre, and elongation."""
    edge = rays.edge_mm
    diameter = edge[:, :HALF_DIRECTIONS] + edge[:, HALF_DIRECTIONS:]
    quartiles = np.percentile(edge, [10, 25, 50, 75, 90], axis=1).astype(np.float32)
    columns = {f"edge_p{p}_mm": quartiles[i] for i, p in enumerate((10, 25, 50, 75, 90))}
    mean = edge.mean(axis=1)
    return columns | {
        "edge_mean_mm": mean,
        "edge_variation": edge.std(axis=1) / np.maximum(mean, 1),
        "edge_open_fraction": (edge > RADII_MM[-1]).mean(axis=1, dtype=np.float32),
        "diameter_least_mm": diameter.min(axis=1),
        "diameter_median_mm": np.median(diameter, axis=1),
        "diameter_most_mm": diameter.max(axis=1),
        "both_ends_open_fraction": (diameter > 2 * RADII_MM[-1]).mean(axis=1, dtype=np.float32),
        **_elongation(edge),
    }


def _elongation(edge: Floats) -> Columns:
    """Ratios of the axes of the ellipsoid through the edges (second moments of the edge points)."""
    points = edge[:, :, None] * directions().astype(np.float32)
    moments = np.linalg.eigvalsh(np.einsum("ndi,ndj->nij", points, points) / edge.shape[1])
    least, middle, most = np.sqrt(np.maximum(moments, 0)).T
    most = np.maximum(most, np.float32(1e-3))
    return {"axes_least_to_most": least / most, "axes_middle_to_most": middle / most}


def _region_features(rays: Rays) -> Columns:
    """Intensities inside the edges, and in the rim outside them."""
    radii = np.asarray(RADII_MM, dtype=np.float32)
    outside_by = radii - rays.edge_mm[:, :, None]
    is_rim = (outside_by >= RIM_MM[0]) & (outside_by <= RIM_MM[1])
    flat = (len(rays.hu), rays.hu.shape[1] * rays.hu.shape[2])
    inside = np.where(outside_by <= 0, rays.hu, np.float32(np.nan)).reshape(flat)
    rim = np.where(is_rim, rays.hu, np.float32(np.nan)).reshape(flat)
    steps = np.diff(rays.hu, axis=2)
    return {
        **_intensities("inside", inside),
        **_intensities("rim", rim),
        "inside_entropy": _entropy(inside),
        "steepest_fall_hu": np.median(steps.min(axis=2), axis=1),
        "steepest_rise_hu": np.median(steps.max(axis=2), axis=1),
        "rim_fat_fraction": _fraction(rim, LUNG_BELOW_HU, FAT_BELOW_HU),
        "rim_lung_fraction": _fraction(rim, -np.inf, LUNG_BELOW_HU),
        "rim_bright_fraction": _fraction(rim, BRIGHT_ABOVE_HU, np.inf),
    }


def _intensities(name: str, values: Floats) -> Columns:
    """Mean, spread and percentiles of each row, its NaN left out; a row of NaN alone gives NaN (known as missing)."""
    ordered = np.sort(values, axis=1)
    count = np.count_nonzero(~np.isnan(ordered), axis=1)
    total = np.maximum(count, 1).astype(np.float32)
    missing = np.where(count > 0, np.float32(0), np.float32(np.nan))
    mean = np.nansum(ordered, axis=1) / total + missing
    variance = np.nansum((ordered - mean[:, None]) ** 2, axis=1) / total
    columns = {f"{name}_mean_hu": mean, f"{name}_std_hu": np.sqrt(variance) + missing}
    for percent in (10, 50, 90):
        at = np.maximum(np.rint((count - 1) * percent / 100).astype(np.intp), 0)
        columns[f"{name}_p{percent}_hu"] = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return columns


def _entropy(values: Floats) -> Floats:
    """Shannon entropy, bit, of each row's intensities in `ENTROPY_BINS`; NaN left out."""
    low, high = RANGE_HU
    bins = np.nan_to_num((values - low) / (high - low) * ENTROPY_BINS, nan=-1)
    entropy = np.zeros(len(values), dtype=np.float32)
    total = np.maximum(np.count_nonzero(bins >= 0, axis=1), 1)
    index = np.minimum(bins, ENTROPY_BINS - 1).astype(np.int8)
    for k in range(ENTROPY_BINS):
        share = np.count_nonzero((index == k) & (bins >= 0), axis=1) / total
        entropy -= np.where(share > 0, share * np.log2(np.maximum(share, 1e-12)), 0).astype(np.float32)
    return entropy


def _fraction(values: Floats, low: float, high: float) -> Floats:
    """Share of each row's intensities between `low` and `high`, NaN left out; 0 for a row of NaN alone."""
    total = np.maximum(np.count_nonzero(~np.isnan(values), axis=1), 1)
    share: Floats = (np.count_nonzero((values >= low) & (values < high), axis=1) / total).astype(np.float32)
    return share


def _place_features(work: WorkGrid, candidates: Candidates) -> Columns:
    """Where the candidate lies: distances to skin, lung and bone, make-up of its neighbourhood, place in the body."""
    spacing = work.coarse_spacing_mm
    hu = work.hu[::COARSE_STEP, ::COARSE_STEP, ::COARSE_STEP]
    lung, bone = lung_mask(hu, work.body, spacing), bone_mask(hu, work.body)
    fat = work.body & (hu < FAT_BELOW_HU) & (hu > LUNG_BELOW_HU)
    at = candidates.voxels.T / COARSE_STEP
    columns = {
        "skin_mm": _sample(distance_to(~work.body, spacing), at),
        "lung_mm": _sample(distance_to(lung, spacing), at),
        "bone_mm": _sample(distance_to(bone, spacing), at),
    }
    for name, mask in (("lung", lung), ("bone", bone), ("fat", fat)):
        size = max(1, round(CONTEXT_MM / spacing[0]))
        share = ndimage.uniform_filter(mask.astype(np.float32), size, mode="nearest")
        columns[f"{name}_share_{CONTEXT_MM:g}mm"] = _sample(share, at)
    return columns | _relative_position(work, candidates)


def _sample(values: Floats, at: NDArray[np.float64]) -> Floats:
    sampled: Floats = ndimage.map_coordinates(values, at, order=1, mode="nearest", output=np.float32)
    return sampled


def _relative_position(work: WorkGrid, candidates: Candidates) -> Columns:
    """Place in the body's box, 0 to 1 along each LPS axis, and distances from the midline and from the top."""
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    corners_mm = work.geometry.to_mm(corners * (np.asarray(work.hu.shape) - 1))
    low, high = corners_mm.min(axis=0), corners_mm.max(axis=0)
    points = work.geometry.to_mm(candidates.voxels)
    relative = ((points - low) / np.maximum(high - low, 1)).astype(np.float32)
    return {
        "across": relative[:, 0],
        "from_midline": np.abs(relative[:, 0] - np.float32(0.5)),
        "front_to_back": relative[:, 1],
        "from_top_mm": np.minimum(high[2] - points[:, 2], 4 * FAR_MM).astype(np.float32),
        "upward": relative[:, 2],
    }
