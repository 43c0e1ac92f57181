"""Lesions from a label mask of 300 x 512 x 512 voxels and 20 labels, against scipy.

With scipy each label is cut out by its box (as scikit-image's regionprops does), and measured by its centre of mass
and, slice by slice, by all distances between its boundary pixels. That gives long axis, centroid and volume; hilum
gives the short axis too.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import pdist

from hilum.findings.regions import measure_regions
from hilum.model.geometry import Geometry
from measure import Row, best_of, report

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = Geometry((300, 512, 512), (1.0, 0.75, 0.75), (-192, -192, -150))
LABELS = 20
PROMISED_SECONDS = 5
PROMISED_GIB = 2
TOLERANCE_MM = 1.5
"""Two pixels: hilum measures between pixel edges, the way with scipy between pixel centres."""


def nodes(seed: int = 0) -> NDArray[np.uint8]:
    """Mask of ellipsoids with semi-axes of 3 to 20 mm at random places."""
    random = np.random.default_rng(seed)
    labels = np.zeros(GRID.shape, np.uint8)
    spacing = np.asarray(GRID.spacing_mm)
    for label in range(1, LABELS + 1):
        semi = random.uniform(3, 20, 3) / spacing
        centre = random.uniform(semi + 1, np.asarray(GRID.shape) - semi - 2)
        low, high = np.floor(centre - semi).astype(int), np.ceil(centre + semi).astype(int) + 1
        box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        places = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1)
        labels[box][(((places - centre) / semi) ** 2).sum(axis=-1) <= 1] = label
    return labels


def organs(seed: int = 0) -> NDArray[np.uint8]:
    """Mask that fills the volume: the label nearest to each of 20 seeds on a coarse grid."""
    random = np.random.default_rng(seed)
    coarse = np.zeros((30, 32, 32), np.uint8)
    coarse[tuple(random.integers(0, coarse.shape, (LABELS, 3)).T)] = np.arange(1, LABELS + 1)
    indices: Any = ndimage.distance_transform_edt(coarse == 0, return_distances=False, return_indices=True)
    filled: NDArray[np.uint8] = coarse[tuple(indices)]
    return filled.repeat(10, 0).repeat(16, 1).repeat(16, 2)


def hilum_way(labels: NDArray[np.uint8], by: Any = "label") -> list[float]:
    """Long axes by label."""
    return [region.long_axis_mm for region in measure_regions(labels, GRID, by=by)]


def scipy_way(labels: NDArray[np.uint8]) -> list[float]:
    """Long axes by label, in the box of each label."""
    spacing = np.asarray(GRID.spacing_mm)
    return [
        _long_axis_mm(labels[box] == label, box, spacing)
        for label, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    ]


def _long_axis_mm(mask: NDArray[np.bool_], box: tuple[slice, ...], spacing: NDArray[np.float64]) -> float:
    GRID.to_mm(np.asarray(ndimage.center_of_mass(mask)) + [ends.start for ends in box])
    np.count_nonzero(mask) * float(np.prod(spacing))
    longest = 0.0
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        boundary = mask[index] & ~ndimage.binary_erosion(mask[index])
        longest = max(longest, float(pdist(np.argwhere(boundary) * spacing[1:]).max(initial=0)))
    return longest


def peak_gib() -> float:
    """Greatest memory that a fresh process needs for the fuller mask, the mask included."""
    if (child := os.fork()) == 0:
        hilum_way(organs())
        os._exit(0)
    return os.wait4(child, 0)[2].ru_maxrss / 2**20


def main() -> None:
    memory = peak_gib()
    rows = []
    seconds = {}
    for name, labels, rounds in (("20 nodes", nodes(), 3), ("20 labels that fill it", organs(), 1)):
        ours, theirs = hilum_way(labels), scipy_way(labels)
        if not np.allclose(ours, theirs, atol=TOLERANCE_MM, rtol=0):
            raise SystemExit(f"{name}: long axes {ours} against {theirs}")
        ways = {
            "hilum": partial(hilum_way, labels),
            "hilum, components": partial(hilum_way, labels, "component"),
            "scipy": partial(scipy_way, labels),
        }
        best = best_of(ways, rounds=rounds)
        rows += [Row(f"lesions of {name}", way, time, labels.size / 1e6, "Mvoxel") for way, time in best.items()]
        seconds[name] = best["hilum"]
    report(
        f"lesions of a mask of {' x '.join(map(str, GRID.shape))} voxels",
        rows,
        ours="hilum",
        claims=[
            *(f"{name}: {time:.2f} s, promised {PROMISED_SECONDS} s" for name, time in seconds.items()),
            f"memory: {memory:.2f} GiB, promised {PROMISED_GIB} GiB",
        ],
    )


if __name__ == "__main__":
    main()
