"""A label mask of 300 x 512 x 512 voxels and 20 labels: its lesions, against scipy; as DICOM SEG, against highdicom.

With scipy each label is cut out by its box (as scikit-image's regionprops does), and measured by its centre of mass
and, slice by slice, by all distances between its boundary pixels. That gives long axis, centroid and volume; hilum
gives the short axis too.

With highdicom the headers of the CT are in memory before it begins, and the labels of all segments are read into one
array. The file of each is read by both, and must give the mask.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import highdicom
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from scipy import ndimage
from scipy.spatial.distance import pdist

from hilum.findings.regions import measure_regions
from hilum.findings.segmentation import read_segmentation
from hilum.findings.segmentation_writing import write_segmentation
from hilum.model.findings import FindingSet
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask
from hilum.volume.axes import axial_grid
from hilum.volume.dicom_series import write_dicom_series
from hilum.volume.source import read_series
from hilum.volume.volume import Volume
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.model.series import Series

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


class Segmentations:
    """A mask written to and read from DICOM SEG, by hilum and by highdicom.

    Parameters
    ----------
    folder
        Where the files go.
    """

    def __init__(self, labels: NDArray[np.uint8], series: Series, headers: list[Dataset], folder: Path) -> None:
        self.labels, self.series, self.headers = labels, series, headers
        self.ours, self.theirs = folder / "hilum.dcm", folder / "highdicom.dcm"

    def write(self) -> None:
        """Write with hilum."""
        mask = LabelMask(self.labels, self.series.geometry)
        write_segmentation(self.ours, FindingSet(self.series.uid, mask=mask), self.series)

    def write_with_highdicom(self) -> None:
        """Write the same with highdicom."""
        lesion = (codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion)
        described = [
            highdicom.seg.SegmentDescription(label, f"label {label}", *lesion, "MANUAL")
            for label in range(1, LABELS + 1)
        ]
        highdicom.seg.Segmentation(
            self.headers, self.labels, "BINARY", described, highdicom.UID(), 2, highdicom.UID(), 1, "m", "m", "1", "1"
        ).save_as(self.theirs)

    def read(self, path: Path) -> NDArray[Any]:
        """Labels that hilum reads."""
        mask = read_segmentation(path, self.series).mask
        if mask is None:
            raise SystemExit(f"{path}: no mask")
        return mask.labels

    def read_with_highdicom(self, path: Path) -> NDArray[Any]:
        """Labels that highdicom reads, from the lowest to the highest slice with a segment."""
        volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
        return axial_grid(volume.array, Geometry.from_affine(volume.affine, volume.array.shape))[0]

    def check(self) -> None:
        """Make sure that each way's file holds the mask, for either reader."""
        self.write()
        self.write_with_highdicom()
        held = np.flatnonzero(self.labels.any(axis=(1, 2)))
        inner = self.labels[held[0] : held[-1] + 1]
        for path in (self.ours, self.theirs):
            is_equal = np.array_equal(self.read(path), self.labels)
            if not is_equal or not np.array_equal(self.read_with_highdicom(path), inner):
                raise SystemExit(f"{path}: not the mask that was written")

    def round_trip(self) -> None:
        """Write and read with hilum."""
        self.write()
        self.read(self.ours)


def ct(folder: Path) -> tuple[Series, list[Dataset]]:
    """Write an empty CT on the grid; give the series, and its headers as highdicom wants them."""
    about = {"PatientName": "bench^", "PatientID": "bench", "PatientBirthDate": "", "PatientSex": "", "StudyID": "1"}
    about |= {"SliceThickness": "1"}
    about |= {"StudyDate": "20000101", "StudyTime": "000000", "AccessionNumber": "", "ReferringPhysicianName": ""}
    paths = write_dicom_series(Volume(np.zeros(GRID.shape, np.int16), GRID), folder, attributes=about)
    return read_series(folder), [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]


def segmentation_rows() -> tuple[list[Row], list[str]]:
    """Rows of DICOM SEG, and what was promised of it."""
    rows, claims = [], []
    with tempfile.TemporaryDirectory() as place:
        series, headers = ct(Path(place) / "ct")
        for name, labels in (("20 nodes", nodes()), ("20 labels that fill it", organs())):
            way = Segmentations(labels, series, headers, Path(place))
            way.check()
            tasks: dict[str, dict[str, Callable[[], object]]] = {
                f"SEG of {name} written": {"hilum": way.write, "highdicom": way.write_with_highdicom},
                f"SEG of {name} read": {
                    "hilum": partial(way.read, way.ours),
                    "highdicom": partial(way.read_with_highdicom, way.ours),
                },
            }
            for task, ways in tasks.items():
                best = best_of(ways, rounds=3)
                rows += [Row(task, one, seconds, labels.size / 1e6, "Mvoxel") for one, seconds in best.items()]
                claims.append(f"{task}: {best['highdicom'] / best['hilum']:.1f} x highdicom, promised 1 x")
            claims.append(f"memory of {name}: {peak_gib(way.round_trip):.2f} GiB, promised {PROMISED_GIB} GiB")
    return rows, claims


def peak_gib(task: Callable[[], object]) -> float:
    """Greatest memory of a process that does a task, what this one holds already included."""
    if (child := os.fork()) == 0:
        task()
        os._exit(0)
    return os.wait4(child, 0)[2].ru_maxrss / 2**20


def main() -> None:
    warnings.simplefilter("ignore")  # of pydicom, on names and dates of the empty CT
    memory = peak_gib(lambda: hilum_way(organs()))
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
    rows, claims = segmentation_rows()
    report(f"DICOM SEG of {' x '.join(map(str, GRID.shape))} voxels", rows, ours="hilum", claims=claims)


if __name__ == "__main__":
    main()
