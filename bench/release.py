"""Releases and drives: hilum against sha256sum, and against the Library of Congress's bagit.

``python bench/release.py`` writes CT slices, indexes them, and runs in turn ``hilum release`` (which hashes them,
checks their series and writes the tables) and ``sha256sum`` by two processes; ``hilum pack`` and a copy that ``bagit``
makes a bag of; ``hilum receive`` and bagit's validation; ``hilum verify`` and sha256sum again. Slices of 1 kB show what
a file costs, whatever its size; slices of 0.5 MB are those of a CT. All lies in memory where there is room, for the
disk is the same for all.

What hilum takes before the first file (processes, libraries) is measured on one series and told beside the table: with
few files it is most of the time, with millions nothing. So the tiny files are taken twice, few and many.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from measure import Row, report, run_process

if TYPE_CHECKING:
    from measure import Ran

SLICES = 200
CASES = ((20_000, 8), (100_000, 8), (1_000, 512))
"""Files of a collection, and rows and columns of a slice."""

PAGE_BYTES, COPIES = 4096, 3
WORKERS = "2"
MEMORY = Path("/dev/shm")
SERIES_UID, STUDY_UID = "1.2.826.0.1.3680043.8.498.77.1000000.2", "1.2.826.0.1.3680043.8.498.77.1000000"
FIRST_MM = 1000.0
BIN = Path(sys.executable).parent

RELEASE = ("release", "trial", "1", "--notes", "first", "--pixels", "none", "--with-errors")
BAG = "import bagit, sys; bagit.make_bag(sys.argv[1], processes=2, checksums=['sha256', 'sha512'])"
VALIDATE = "import bagit, sys; bagit.Bag(sys.argv[1]).validate(processes=2)"


def template(side: int) -> bytes:
    """A slice whose identifiers and place have as many letters as those of any other."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{SERIES_UID}.1000",
        "Modality": "CT",
        "PatientID": "1000000",
        "SliceThickness": 1,
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "InstanceNumber": 1,
        "ImagePositionPatient": [0, 0, str(FIRST_MM)],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": side,
        "Columns": side,
        "PixelSpacing": [0.7, 0.7],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "PixelData": np.zeros((side, side), np.uint16).tobytes(),
    }
    for name, value in values.items():
        setattr(dataset, name, value)
    content = DicomBytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return bytes(content.getvalue())


def fill(folder: Path, files: int, side: int) -> None:
    slice_ = template(side)
    for series in range(files // SLICES):
        path = folder / f"{series:05d}"
        path.mkdir(parents=True)
        of_series = slice_.replace(b"1000000", str(1_000_000 + series).encode())
        for number in range(SLICES):
            content = of_series.replace(b".2.1000", f".2.{1000 + number}".encode())
            place = str(FIRST_MM + number).encode()
            (path / f"{number:04d}.dcm").write_bytes(content.replace(str(FIRST_MM).encode(), place))


def hilum(*words: str | Path) -> Ran:
    program = "from hilum.cli.app import main; main()"
    return run_process([sys.executable, "-c", program, *map(str, words)], environment={"HILUM_WORKERS": WORKERS})


def python(program: str, folder: Path) -> Ran:
    return run_process([sys.executable, "-c", program, str(folder)])


def bag_as_bagit_does(images: Path, bag: Path) -> Ran:
    shutil.copytree(images, bag.with_name("once"))  # whoever is first reads it into memory
    shutil.rmtree(bag.with_name("once"))
    return run_process(["sh", "-c", f'cp -r {images} {bag} && {sys.executable} -c "{BAG}" {bag}'])


def run_all(folder: Path) -> dict[tuple[str, str], Ran]:
    images, archive, drive, bag = (folder / name for name in ("images", "archive", "drive", "bag"))
    index = hilum("index", images, "--collection", "trial", "--archive", archive)
    print(f"indexed in {index.seconds:.0f} s, {index.memory_mb:.0f} MB")
    hash_all = f"find {images} -type f -print0 | xargs -0 -P2 -n500 sha256sum"
    own = ("--archive", archive)
    start = folder / "start"
    hilum("index", images / "00000", "--collection", "trial", "--archive", start)
    return {
        ("release of one series", "hilum"): hilum(*RELEASE, "--archive", start),
        ("release", "sha256sum"): run_process(["sh", "-c", hash_all]),
        ("release", "hilum"): hilum(*RELEASE, *own),
        ("pack", "cp, bagit"): bag_as_bagit_does(images, bag),
        ("pack", "hilum"): hilum("pack", "1", "--capacity", "4TB", "--out", drive, *own),
        ("receive", "bagit"): python(VALIDATE, bag),
        ("receive", "hilum"): hilum("receive", drive, "--receipts", folder),
        ("verify of one series", "hilum"): hilum("verify", "1", "--archive", start),
        ("verify", "sha256sum"): run_process(["sh", "-c", hash_all]),
        ("verify", "hilum"): hilum("verify", "1", *own),
    }


def measure(folder: Path, files: int, side: int) -> None:
    fill(folder / "images", files, side)
    ran = run_all(folder)
    report(
        f"{files:,} files of {len(template(side)) / 1000:,.0f} kB released, packed, received and verified",
        [
            Row(task, way, one.seconds, SLICES if "one series" in task else files, "files", one.processor_s)
            for (task, way), one in ran.items()
        ],
        ours="hilum",
        claims=["memory: " + ", ".join(f"{task}, {way} {one.memory_mb:.0f} MB" for (task, way), one in ran.items())],
    )


def measure_with_room(files: int, side: int) -> None:
    room_bytes = files * COPIES * (2 * side**2 + 2 * PAGE_BYTES)
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > room_bytes
    with tempfile.TemporaryDirectory(dir=MEMORY if in_memory else None) as name:
        if shutil.disk_usage(name).free < room_bytes:
            sys.exit(f"{name}: less than {room_bytes / 1e9:.0f} GB are free")
        measure(Path(name), files, side)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, help="Only so many files of 1 kB.")
    files = parser.parse_args().files
    for case in [(files // SLICES * SLICES, CASES[0][1])] if files else CASES:
        measure_with_room(*case)


if __name__ == "__main__":
    main()
