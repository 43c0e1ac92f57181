"""How fast a series becomes a volume: hilum against SimpleITK's series reader, uncompressed and compressed.

``python bench/volume.py`` writes 150 slices of 512 x 512 to a temporary folder, a chest CT of ``../shared/data`` where
that is there, a made one elsewhere, and reads them in turn with each reader. SimpleITK gets its file names sorted
beforehand; hilum is given the series of a catalog (places and positions known), and, apart, the bare folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from hilum.model.geometry import Geometry
from hilum.volume import Volume, load
from hilum.volume.dicom_series import write_dicom_series
from hilum.volume.source import read_series
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Encoder = Callable[[NDArray[np.int16]], Any]

CHEST = Path(__file__).resolve().parents[2] / "shared" / "data" / "cmb_crc_chest"
SHAPE = (150, 512, 512)
COMPRESSED_SLICES = 30
ROUNDS = 15
COMPRESSED_ROUNDS = 3
ITK_TYPES = {"int16": SimpleITK.sitkInt16, "float32": SimpleITK.sitkFloat32}
OURS = "hilum, catalog"
INTO_KEPT = "hilum, kept array"


def encode_rle(image: NDArray[np.int16]) -> bytes:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = image.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation = 1
    dataset.compress(RLELossless, image, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    return next(generate_frames(dataset.PixelData, number_of_frames=1))


SYNTAXES: dict[str, tuple[str, Encoder]] = {
    "JPEG lossless": ("1.2.840.10008.1.2.4.70", lambda image: imagecodecs.ljpeg_encode(image.view(np.uint16))),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", lambda image: imagecodecs.jpegls_encode(image.view(np.uint16))),
    "JPEG 2000": (
        "1.2.840.10008.1.2.4.90",
        lambda image: imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True),
    ),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", imagecodecs.htj2k_encode),
    "RLE": (RLELossless, encode_rle),
}


def image() -> NDArray[np.int16]:
    """HU to write."""
    if CHEST.is_dir():
        hu = load(CHEST).hu
        return np.concatenate([hu, hu[::-1]])[: SHAPE[0]].astype(np.int16)
    generator = np.random.default_rng(0)
    z, y, x = np.ogrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j, -1 : 1 : SHAPE[2] * 1j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.7, 40 + 200 * np.sin(9 * x) * np.sin(7 * y) * np.sin(5 * z), -1000)
    noisy: NDArray[np.int16] = (body + generator.normal(0, 12, SHAPE)).astype(np.int16)
    return noisy


def compress(paths: list[Path], folder: Path, syntax: str, encode: Encoder) -> None:
    folder.mkdir()
    for path in paths[:COMPRESSED_SLICES]:
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([bytes(encode(dataset.pixel_array))])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.save_as(folder / path.name)


def sorted_names(folder: Path) -> list[str]:
    return list(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))


def by_simpleitk(names: list[str], dtype: str) -> Any:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.SetOutputPixelType(ITK_TYPES[dtype])
    return reader.Execute()


def by_pydicom(names: list[str], dtype: str) -> NDArray[Any]:
    slices = []
    for name in names:
        dataset = pydicom.dcmread(name)
        slices.append((dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept).astype(dtype))
    return np.stack(slices)


def by_floor(names: list[str], size: int) -> None:
    """Read the last `size` bytes of every file into one buffer used again and again."""
    buffer = bytearray(size)
    for name in names:
        file = os.open(name, os.O_RDONLY)
        os.preadv(file, [buffer], os.fstat(file).st_size - size)
        os.close(file)


def check(folder: Path, names: list[str], *, has_simpleitk: bool) -> None:
    """Refuse to time readers that do not agree."""
    ours = load(folder).hu
    theirs = SimpleITK.GetArrayFromImage(by_simpleitk(names, "int16")) if has_simpleitk else by_pydicom(names, "int16")
    if not np.array_equal(ours, theirs):
        sys.exit(f"{folder}: the readers do not agree")


def measure_uncompressed(folder: Path) -> list[Row]:
    names = sorted_names(folder)
    check(folder, names, has_simpleitk=True)
    series = read_series(folder)
    megabytes = np.prod(SHAPE) * 2 / 1e6
    rows = []
    for dtype in ("int16", "float32"):
        ways = {
            OURS: partial(load, series, dtype=dtype),
            INTO_KEPT: partial(load, series, dtype=dtype, out=np.empty(SHAPE, dtype)),
            "hilum, folder": partial(load, folder, dtype=dtype),
            "hilum, 1 thread": partial(load, series, dtype=dtype, threads=1),
            "SimpleITK, sorted names": partial(by_simpleitk, names, dtype),
            "pydicom + NumPy": partial(by_pydicom, names, dtype),
            "pread into one buffer": partial(by_floor, names, SHAPE[1] * SHAPE[2] * 2),
        }
        best = best_of(ways, rounds=ROUNDS)
        rows += [Row(f"uncompressed into {dtype}", way, best[way], megabytes, "MB") for way in ways]
    return rows


def measure_compressed(folder: Path, task: str) -> list[Row]:
    names = sorted_names(folder) or sorted(map(str, folder.iterdir()))
    try:
        by_simpleitk(names[:1], "int16")
        has_simpleitk = True
    except RuntimeError:
        has_simpleitk = False
        names.reverse()
    check(folder, names if has_simpleitk else names[::-1], has_simpleitk=has_simpleitk)
    series = read_series(folder)
    ways: dict[str, Callable[[], object]] = {
        OURS: partial(load, series),
        "hilum, 1 thread": partial(load, series, threads=1),
        "pydicom + pylibjpeg": partial(by_pydicom, names, "int16"),
    }
    if has_simpleitk:
        ways["SimpleITK, sorted names"] = partial(by_simpleitk, names, "int16")
    best = best_of(ways, rounds=COMPRESSED_ROUNDS)
    megabytes = COMPRESSED_SLICES * SHAPE[1] * SHAPE[2] * 2 / 1e6
    return [Row(task, way, best[way], megabytes, "MB") for way in ways]


def claim(rows: list[Row], task: str, promised: float, way: str = OURS) -> str:
    rate = {row.way: row.rate for row in rows if row.task == task}
    peer = "SimpleITK, sorted names" if "SimpleITK, sorted names" in rate else "pydicom + pylibjpeg"
    ratio = rate[way] / rate[peer]
    verdict = "kept" if ratio >= promised else "NOT KEPT"
    return f"{task}, {way}: promised {promised:g} x {peer}, measured {ratio:.1f} x: {verdict}"


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        grid = Geometry(SHAPE, (2.5, 0.7, 0.7), (-180, -180, -300))
        attributes = {"PatientID": "P1", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}
        paths = write_dicom_series(Volume(image(), grid), folder / "plain", attributes=attributes, intercept=-1024)
        rows = measure_uncompressed(folder / "plain")
        for task, (syntax, encode) in SYNTAXES.items():
            compress(paths, folder / syntax, syntax, encode)
            rows += measure_compressed(folder / syntax, task)
    promises = {"uncompressed into int16": 8, "uncompressed into float32": 6}
    claims = [claim(rows, task, times, way) for task, times in promises.items() for way in (INTO_KEPT, OURS)]
    claims += [claim(rows, task, 1) for task in SYNTAXES]
    source = "a chest CT" if CHEST.is_dir() else "a made image"
    report(f"A series into a volume, {source} of 512 x 512 slices", rows, ours=OURS, claims=claims)


if __name__ == "__main__":
    main()
