"""Candidates and features of a volume, and blob filters of several libraries at full resolution: seconds and memory.

The volume is 300 x 512 x 512 at 1.0 x 0.7 x 0.7 mm: a computed torso with lungs, spine, vessels and noise.
"""

from __future__ import annotations

from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from hilum.detect.candidates import SCALES_MM, find_candidates
from hilum.detect.classic import ClassicDetector
from hilum.detect.features import candidate_features
from hilum.detect.grid import work_grid
from hilum.model.geometry import Geometry
from hilum.volume import Volume
from measure import Row, best_of, report

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

SHAPE = (300, 512, 512)
SPACING_MM = (1.0, 0.7, 0.7)
GEOMETRY = Geometry(SHAPE, SPACING_MM, (0.0, 0.0, 0.0))


def torso() -> Volume:
    """A body of fat with lungs, spine, 40 vessels and 20 nodes, and the noise of a thin slice (25 HU)."""
    generator = np.random.default_rng(0)
    z, y, x = (np.arange(n, dtype=np.float32) * step for n, step in zip(SHAPE, SPACING_MM, strict=True))
    z, y, x = z[:, None, None] - 150, y[None, :, None] - 179, x[None, None, :] - 179
    hu = np.full(SHAPE, -1000, np.float32)
    hu[np.broadcast_to((x / 165) ** 2 + (y / 125) ** 2 < 1, SHAPE)] = -90
    for side in (-1, 1):
        hu[((x - side * 80) / 50) ** 2 + (y / 80) ** 2 + (z / 120) ** 2 < 1] = -850
    hu[np.broadcast_to((x / 18) ** 2 + ((y - 85) / 18) ** 2 < 1, SHAPE)] = 450
    for _ in range(40):
        cx, cy, slope = generator.uniform(-60, 60), generator.uniform(-60, 60), generator.uniform(-0.5, 0.5)
        hu[(x - cx - slope * z) ** 2 + (y - cy) ** 2 < generator.uniform(2, 8) ** 2] = 150
    for _ in range(20):
        cz, cy, cx = generator.uniform(-120, 120), generator.uniform(-60, 60), generator.uniform(-25, 25)
        hu[(z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < generator.uniform(3, 12) ** 2] = 70
    hu += generator.normal(0, 25, SHAPE).astype(np.float32)
    return Volume(hu.astype(np.int16), GEOMETRY)


def scipy_log(volume: Volume) -> np.ndarray:
    """Largest scale-normalised Laplacian of Gaussian over the same scales, at full resolution."""
    image = np.clip(volume.hu, -150, 250).astype(np.float32)
    best = np.full(SHAPE, -np.inf, np.float32)
    for sigma in SCALES_MM:
        response = ndimage.gaussian_laplace(image, [sigma / step for step in SPACING_MM], truncate=3.0)
        np.maximum(best, -(sigma**2) * response, out=best)
    return best


def scipy_dog(volume: Volume) -> np.ndarray:
    """Difference of Gaussians instead."""
    image = np.clip(volume.hu, -150, 250).astype(np.float32)
    best = np.full(SHAPE, -np.inf, np.float32)
    for sigma in SCALES_MM:
        narrow, wide = (
            ndimage.gaussian_filter(image, [factor * sigma / step for step in SPACING_MM], truncate=3.0)
            for factor in (1, 2 ** (1 / 3))
        )
        np.maximum(best, narrow - wide, out=best)
    return best


def peak_gib(way: str, path: str, queue: SimpleQueue[float]) -> None:
    """Run one way on a stored volume in a process of its own, and give the process's peak memory."""
    WAYS[way](Volume(np.load(path), GEOMETRY))
    # Not getrusage: its peak is inherited from the parent when the process starts.
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    queue.put(int(status.split()[0]) / 2**20)


WAYS = {
    "hilum: prepare": ClassicDetector().prepare,
    "scipy LoG, full resolution": scipy_log,
    "scipy DoG, full resolution": scipy_dog,
}


def memory_of(way: str, volume: Volume) -> float:
    context = get_context("spawn")
    queue: SimpleQueue[float] = context.SimpleQueue()
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "volume.npy"))
        np.save(path, volume.hu)
        process = context.Process(target=peak_gib, args=(way, path, queue))
        process.start()
        process.join()
    return queue.get()


def main() -> None:
    volume = torso()
    seconds = best_of({name: partial(way, volume) for name, way in WAYS.items()}, rounds=1)
    rows = [Row("blobs of a volume", name, taken, 1, "volume") for name, taken in seconds.items()]
    work = work_grid(volume)
    found = find_candidates(work)
    stages = best_of(
        {
            "work grid": lambda: work_grid(volume),
            "candidates": lambda: find_candidates(work),
            "features": lambda: candidate_features(work, found),
        },
        rounds=3,
    )
    rows += [Row("of that", name, taken, 1, "volume") for name, taken in stages.items()]
    ours, peer = "hilum: prepare", "scipy LoG, full resolution"
    report(
        f"{len(found)} candidates with features, 300 x 512 x 512, one core",
        rows,
        ours=ours,
        claims=[
            f"at most 5 s a volume: {seconds[ours]:.2f} s, scipy's LoG alone {seconds[peer]:.0f} s",
            f"under 2 GiB: {memory_of(ours, volume):.2f} GiB, the volume included",
        ],
    )


if __name__ == "__main__":
    main()
