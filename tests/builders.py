"""Inputs for tests: a valid CT series with a chosen flaw, and where the real files lie."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="real data are not here: ../shared/data is absent"
)

UID_ROOT = "1.2.826.0.1.3680043.8.498.77"
"""A root for UIDs of test objects."""

DECLARED: dict[str, Any] = {
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "by the test",
    "SeriesDescription": None,
    "PatientName": "",
    "PatientSex": "",
    "StudyDate": "",
    "StudyTime": "",
    "StudyID": "",
}
"""Attributes of a CT series that the basic profile leaves nothing to say about but its PatientID."""


@dataclass
class CtSeries:
    """A CT series to be written; change any field, or `override` elements of every instance or of one.

    Attributes
    ----------
    shape
        (slices, rows, columns).
    spacing_mm
        (slice, row, column).
    origin_mm
        LPS position of the first voxel of slice 0.
    positions_mm
        z of each slice instead of equal steps of `spacing_mm`.
    orientation
        ImageOrientationPatient; slices advance along row × column.
    pixels
        Stored values, (slice, row, column) of int16; seeded noise by default.
    override
        Keyword to value on every instance; None deletes the element.
    override_at
        Instance index to the same, for that instance only.
    """

    shape: tuple[int, int, int] = (4, 16, 16)
    spacing_mm: tuple[float, float, float] = (2.0, 0.7, 0.7)
    origin_mm: tuple[float, float, float] = (-100.0, -120.0, -300.0)
    positions_mm: Sequence[float] | None = None
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0)
    participant: str = "P1"
    study_uid: str = f"{UID_ROOT}.1"
    series_uid: str = f"{UID_ROOT}.1.1"
    description: str = "chest"
    transfer_syntax: str = ExplicitVRLittleEndian
    slope: float = 1.0
    intercept: float = -1024.0
    is_signed: bool = False
    seed: int = 0
    pixels: NDArray[np.int16] | None = None
    override: dict[str, Any] = field(default_factory=dict)
    override_at: dict[int, dict[str, Any]] = field(default_factory=dict)

    def stored(self) -> NDArray[np.int16]:
        """Stored values of the series, (slice, row, column)."""
        if self.pixels is not None:
            return self.pixels
        generator = np.random.default_rng(self.seed)
        low = -1000 if self.is_signed else 0
        return generator.integers(low, 2000, self.shape, dtype=np.int16)

    def datasets(self) -> list[Dataset]:
        """The instances, slice 0 first."""
        stored = self.stored()
        return [self._dataset(index, stored[index]) for index in range(self.shape[0])]

    def write(self, folder: Path, *, names: Sequence[str] | None = None) -> list[Path]:
        """Write the instances below `folder`, ``000000.dcm`` upwards unless named; give their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for index, dataset in enumerate(self.datasets()):
            path = folder / (names[index] if names else f"{index:06d}.dcm")
            dataset.save_as(path, enforce_file_format=True)
            paths.append(path)
        return paths

    def _position(self, index: int) -> NDArray[np.float64]:
        row, column = np.array(self.orientation[:3], float), np.array(self.orientation[3:], float)
        step = self.positions_mm[index] if self.positions_mm is not None else index * self.spacing_mm[0]
        return np.asarray(self.origin_mm) + step * np.cross(row, column)

    def _dataset(self, index: int, stored: NDArray[np.int16]) -> Dataset:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(self.transfer_syntax)
        values: dict[str, Any] = {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": f"{self.series_uid}.{index + 1}",
            "StudyDate": "20000102",
            "StudyTime": "101112",
            "AccessionNumber": "",
            "Modality": "CT",
            "Manufacturer": "hilum",
            "SeriesDescription": self.description,
            "PatientName": self.participant,
            "PatientID": self.participant,
            "PatientSex": "O",
            "SliceThickness": self.spacing_mm[0],
            "KVP": 120,
            "ConvolutionKernel": "STANDARD",
            "PatientPosition": "HFS",
            "StudyInstanceUID": self.study_uid,
            "SeriesInstanceUID": self.series_uid,
            "StudyID": "1",
            "SeriesNumber": 1,
            "InstanceNumber": index + 1,
            "ImagePositionPatient": [round(float(value), 6) for value in self._position(index)],
            "ImageOrientationPatient": list(self.orientation),
            "FrameOfReferenceUID": f"{self.study_uid}.9",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": self.shape[1],
            "Columns": self.shape[2],
            "PixelSpacing": [self.spacing_mm[1], self.spacing_mm[2]],
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": int(self.is_signed),
            "RescaleIntercept": self.intercept,
            "RescaleSlope": self.slope,
            "RescaleType": "HU",
        }
        values |= self.override | self.override_at.get(index, {})
        for keyword, value in values.items():
            if value is not None:
                setattr(dataset, keyword, value)
        dataset.add_new("PixelData", "OW", stored.astype("<i2").tobytes())
        return dataset


def dicom_errors(path: Path) -> list[str]:
    """Errors that dciodvfy (dicom3tools) finds in a DICOM file against the standard's definition of its object."""
    command = shutil.which("dciodvfy")
    if command is None:
        pytest.fail("no dciodvfy on this machine; `make test` installs it (apt-get install dicom3tools)")
    found = subprocess.run([command, str(path)], capture_output=True, text=True, check=False, errors="replace")
    return [line for line in found.stderr.splitlines() if line.startswith("Error")]
