"""Small computed chests with known nodes, as arrays, as series on disk, and as a catalogued collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy import ndimage

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.cohort import Cohort, Criteria, build_cohort
from hilum.index.assemble import assemble
from hilum.index.record import read_record
from hilum.model.findings import Lesion
from hilum.model.geometry import Geometry
from hilum.model.tables import SERIES
from hilum.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (40, 88, 100)
SPACING_MM = (3.0, 2.5, 2.5)
ORIGIN_MM = (-124.0, -109.0, -60.0)
NODES = 2

AIR_HU, LUNG_HU, FAT_HU, VESSEL_HU, NODE_HU, BONE_HU = -1000, -850, -90, 150, 75, 500


@dataclass(frozen=True)
class Phantom:
    """A volume and its lesions."""

    volume: Volume
    lesions: tuple[Lesion, ...]


def series_uid(number: int) -> str:
    return f"{UID_ROOT}.{number}.1"


def make_phantom(number: int, *, nodes: int = NODES, noise_hu: float = 25) -> Phantom:
    """A body of fat with two lungs, a spine, vessels as tubes, and round nodes in the fat between the lungs."""
    generator = np.random.default_rng(number)
    geometry = Geometry(SHAPE, SPACING_MM, ORIGIN_MM)
    place = geometry.to_mm(np.moveaxis(np.indices(SHAPE), 0, -1))
    hu = _body(place)
    _draw_vessels(hu, place, generator)
    lesions = _draw_nodes(hu, place, generator, nodes, series_uid(number))
    noise = ndimage.gaussian_filter(generator.normal(0, 2 * noise_hu, SHAPE), 0.5)
    hu = ndimage.gaussian_filter(hu, 0.4) + noise
    return Phantom(Volume(hu.astype(np.int16), geometry), lesions)


def write_phantom(number: int, folder: Path) -> Phantom:
    """Write a phantom as a DICOM series of a participant of its own."""
    phantom = make_phantom(number)
    CtSeries(
        shape=SHAPE,
        spacing_mm=SPACING_MM,
        origin_mm=ORIGIN_MM,
        participant=f"P{number}",
        study_uid=f"{UID_ROOT}.{number}",
        series_uid=series_uid(number),
        pixels=(phantom.volume.hu + 1024).astype(np.int16),
    ).write(folder / f"P{number}")
    return phantom


def catalogue(archive: Archive, folder: Path) -> None:
    """Put every series below `folder` into the archive."""
    records = [read_record(folder, str(path.relative_to(folder))) for path in sorted(folder.rglob("*.dcm"))]
    rows = [dict(series.row) for series in assemble("phantom", records).series]
    table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
    archive.update("phantom", lambda _: {"series": table}, note="phantoms")


def phantom_archive(folder: Path, count: int) -> tuple[Archive, Cohort, list[Lesion]]:
    """An archive of `count` phantoms, a cohort ``all`` of them, and their lesions."""
    lesions = [lesion for number in range(count) for lesion in write_phantom(number, folder / "images").lesions]
    archive = Archive.create(folder / "archive")
    catalogue(archive, folder / "images")
    cohort = build_cohort(archive, "all", Criteria())
    cohort.save(archive)
    return archive, cohort, lesions


def _body(place: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = np.moveaxis(place, -1, 0)
    hu = np.full(SHAPE, float(AIR_HU))
    hu[(x / 115) ** 2 + (y / 95) ** 2 < 1] = FAT_HU
    for side in (-1, 1):
        hu[((x - side * 65) / 32) ** 2 + (y / 60) ** 2 + (z / 75) ** 2 < 1] = LUNG_HU
    hu[(x / 14) ** 2 + ((y - 65) / 14) ** 2 < 1] = BONE_HU
    return hu


def _draw_vessels(hu: NDArray[np.float64], place: NDArray[np.float64], generator: np.random.Generator) -> None:
    for _ in range(6):
        through = generator.normal(0, (20, 30, 30))
        along = generator.normal(size=3)
        along /= np.linalg.norm(along)
        offset = place - through
        across = offset - (offset @ along)[..., None] * along
        hu[(np.linalg.norm(across, axis=-1) < generator.uniform(2.5, 6)) & (hu > LUNG_HU)] = VESSEL_HU


def _draw_nodes(
    hu: NDArray[np.float64], place: NDArray[np.float64], generator: np.random.Generator, count: int, uid: str
) -> tuple[Lesion, ...]:
    lesions: list[Lesion] = []
    while len(lesions) < count:
        radius = generator.uniform(5, 9)
        centre = generator.uniform((-25, -60, -40), (25, 40, 40))
        distance = np.linalg.norm(place - centre, axis=-1)
        if np.all(hu[distance < radius + 3] == FAT_HU):
            hu[distance < radius] = NODE_HU
            x, y, z = centre.tolist()
            lesions.append(Lesion(uid, str(len(lesions) + 1), (x, y, z), short_axis_mm=2 * radius, series_uid=uid))
    return tuple(lesions)
