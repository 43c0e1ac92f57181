"""Candidates: blobs brighter than what lies round them, at the sizes of lymph nodes.

A difference of Gaussians finds the centre and scale of every blob; the Hessian there tells a blob (curved downwards
in all three directions) from a tube or a sheet.

References
----------
Lindeberg, T. (1998). Feature detection with automatic scale selection. IJCV 30, 79-116. doi:10.1023/A:1008045108935
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from hilum.detect.grid import COARSE_STEP, WORK_SPACING_MM
from hilum.detect.suppression import suppress_neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hilum.detect.grid import WorkGrid

    Floats = NDArray[np.float32]

SCALE_STEP = 2.0 ** (1 / 3)
"""Ratio of neighbouring scales: three an octave, as in scale-space practice."""

SCALES_MM = tuple(round(2.5 * SCALE_STEP**step, 2) for step in range(6))
"""Sigma of each scale, 2.5 to 7.9 mm; a sphere of radius r answers most at r / sqrt(3), so these are 9 to 28 mm across.
A sphere of 5 mm still answers at the smallest; below it the noise of thin slices makes most of the maxima."""

FINE_SCALES = 2
"""Scales computed on the work grid; from 4 mm on, the coarse grid loses nothing."""

WINDOW_HU = (-150.0, 250.0)
"""Fat to enhanced vessel: bone and air outside it would drown a node's contrast of 50 to 150 HU."""

CORE_HU = (-30.0, 220.0)
"""Mean of the 3 × 3 × 3 work voxels at a node's centre: above fat, below bone and the brightest arteries. Not smoothed
further, or bone would pass, which is half of all blobs."""

TRUNCATE = 3.0
"""Gaussians are cut at three sigma."""

BLOB_RADIUS = 3.0**0.5
"""Radius of the sphere that answers most, in sigmas."""


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """How many candidates, and how faint.

    Attributes
    ----------
    minimum_response_hu
        Least scale-normalised response; a node of 50 HU contrast gives about 20.
    maximum_count
        Candidates kept a volume, the most blob-like first.
    """

    minimum_response_hu: float = 8.0
    maximum_count: int = 1500


@dataclass(frozen=True, slots=True)
class Candidates:
    """Blobs of one volume, the most blob-like first.

    Attributes
    ----------
    voxels
        ``(n, 3)``, (slice, row, column) of the work grid, not rounded.
    sigma_mm
        ``(n,)`` scale of each blob.
    curvature
        ``(n, 3)`` eigenvalues of the Hessian times sigma squared, HU, ascending (all negative).
    responses
        ``(n, scales)`` response at the blob's centre at every scale, HU.
    """

    voxels: NDArray[np.float64]
    sigma_mm: Floats
    curvature: Floats
    responses: Floats

    def __len__(self) -> int:
        return len(self.voxels)


@dataclass(frozen=True, slots=True)
class _Level:
    """One scale: its response, the image it comes from, and the step of its grid in work voxels."""

    sigma_mm: float
    response: Floats
    smooth: Floats
    step: int


def find_candidates(work: WorkGrid, settings: CandidateSettings | None = None) -> Candidates:
    """Blobs of a work grid; none where there is no body."""
    settings = settings or CandidateSettings()
    if not work.body.any():
        return _no_candidates()
    found, responses = [], []
    for level in _levels(work):
        found.append(_blobs(level, work, settings))
        responses.append((level.response, level.step))
    voxels = np.concatenate([voxels for voxels, _ in found])
    curvature = np.concatenate([curvature for _, curvature in found])
    sigma = np.concatenate(
        [np.full(len(voxels), sigma, np.float32) for (voxels, _), sigma in zip(found, SCALES_MM, strict=True)]
    )
    kept = suppress_neighbours(
        voxels * WORK_SPACING_MM,
        blobness(curvature).astype(np.float64),
        BLOB_RADIUS / 2 * sigma.astype(np.float64),
        maximum_count=settings.maximum_count,
    )
    return Candidates(voxels[kept], sigma[kept], curvature[kept], _responses_at(voxels[kept], responses))


def blobness(curvature: Floats) -> Floats:
    """Geometric mean of the three curvatures, HU: large for a blob, small where one direction is flat (a vessel)."""
    strength: Floats = np.cbrt(np.abs(np.prod(curvature.astype(np.float64), axis=1))).astype(np.float32)
    return strength


def _levels(work: WorkGrid) -> Iterator[_Level]:
    """Scales in ascending order, each smoothed from the one before."""
    image = np.clip(work.hu, *WINDOW_HU)
    step, spacing = 1, WORK_SPACING_MM
    smooth = _gaussian(image, SCALES_MM[0] / spacing)
    for index, sigma in enumerate(SCALES_MM):
        if index == FINE_SCALES:
            step, spacing = COARSE_STEP, COARSE_STEP * WORK_SPACING_MM
            smooth = np.ascontiguousarray(smooth[::COARSE_STEP, ::COARSE_STEP, ::COARSE_STEP])
        wider = _gaussian(smooth, sigma * (SCALE_STEP**2 - 1) ** 0.5 / spacing)
        yield _Level(sigma, (smooth - wider) / np.float32(SCALE_STEP - 1), smooth, step)
        smooth = wider


def _gaussian(image: Floats, sigma: float) -> Floats:
    smooth: Floats = ndimage.gaussian_filter(image, sigma, truncate=TRUNCATE, mode="nearest", output=np.float32)
    return smooth


def _blobs(level: _Level, work: WorkGrid, settings: CandidateSettings) -> tuple[NDArray[np.float64], Floats]:
    """Centres (work voxels, refined below a voxel) and curvatures of a scale's blobs."""
    peaks = _local_maxima(level.response, settings.minimum_response_hu)
    peaks = peaks[work.body[tuple((peaks * level.step // COARSE_STEP).T)]]
    core_hu = _neighbourhood_mean(work.hu, peaks * level.step)
    peaks = peaks[(core_hu > CORE_HU[0]) & (core_hu < CORE_HU[1])]
    spacing = level.step * WORK_SPACING_MM
    curvature = _curvature(level.smooth, peaks) * np.float32((level.sigma_mm / spacing) ** 2)
    is_blob = curvature[:, 2] < 0
    peaks, curvature = peaks[is_blob], curvature[is_blob]
    return (peaks + _subvoxel_shift(level.response, peaks)) * level.step, curvature


def _local_maxima(response: Floats, minimum: float) -> NDArray[np.intp]:
    """Indices ``(n, 3)`` of voxels that no 3 × 3 × 3 neighbour exceeds, the grid's outer layer left out."""
    highest = response
    for axis in range(3):
        highest = _neighbour_maximum(highest, axis)
    inner = response[1:-1, 1:-1, 1:-1]
    return np.argwhere((inner >= highest) & (inner >= minimum)) + 1


def _neighbour_maximum(values: Floats, axis: int) -> Floats:
    """Maximum of each voxel and its two neighbours along `axis`; the axis loses its two ends."""
    lines = np.moveaxis(values, axis, 0)
    maximum = np.maximum(lines[:-2], lines[1:-1])
    np.maximum(maximum, lines[2:], out=maximum)
    return np.moveaxis(maximum, 0, axis)


def _neighbourhood_mean(image: Floats, voxels: NDArray[np.intp]) -> Floats:
    """Mean of the 3 × 3 × 3 voxels round each of `voxels` (not in the outer layer)."""
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    mean: Floats = image[tuple((voxels[:, None] + around).transpose(2, 0, 1))].mean(axis=1)
    return mean


def _curvature(image: Floats, voxels: NDArray[np.intp]) -> Floats:
    """Eigenvalues ``(n, 3)`` of the Hessian at `voxels` (not in the outer layer), ascending, a voxel squared."""
    hessian = np.empty((len(voxels), 3, 3), dtype=np.float32)
    unit = np.eye(3, dtype=np.intp)
    centre = image[tuple(voxels.T)]
    for i in range(3):
        hessian[:, i, i] = image[tuple((voxels + unit[i]).T)] - 2 * centre + image[tuple((voxels - unit[i]).T)]
        for j in range(i):
            both = image[tuple((voxels + unit[i] + unit[j]).T)] + image[tuple((voxels - unit[i] - unit[j]).T)]
            mixed = image[tuple((voxels + unit[i] - unit[j]).T)] + image[tuple((voxels - unit[i] + unit[j]).T)]
            hessian[:, i, j] = hessian[:, j, i] = (both - mixed) / 4
    eigenvalues: Floats = np.linalg.eigvalsh(hessian)
    return eigenvalues


def _subvoxel_shift(response: Floats, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Offset ``(n, 3)`` of the peak of a parabola through each voxel and its neighbours, axis by axis."""
    shift = np.zeros(voxels.shape)
    centre = response[tuple(voxels.T)].astype(np.float64)
    for axis, unit in enumerate(np.eye(3, dtype=np.intp)):
        before, after = response[tuple((voxels - unit).T)], response[tuple((voxels + unit).T)]
        bend = 2 * centre - before - after
        np.divide(after - before, 2 * bend, out=shift[:, axis], where=bend > 0)
    return np.clip(shift, -0.5, 0.5)


def _responses_at(voxels: NDArray[np.float64], responses: list[tuple[Floats, int]]) -> Floats:
    """Response of every scale at `voxels`, ``(n, scales)``."""
    columns = [
        ndimage.map_coordinates(response, voxels.T / step, order=1, mode="nearest") for response, step in responses
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _no_candidates() -> Candidates:
    empty = np.empty((0, 3), dtype=np.float32)
    return Candidates(empty.astype(np.float64), empty[:, 0], empty, np.empty((0, len(SCALES_MM)), dtype=np.float32))
