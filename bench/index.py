"""Header reading: files a second in one process, hilum against pydicom, dicomsdl and GDCM, and the floor.

The files are written here: CT slices with the headers of a TCIA download (about 105 elements, private ones and
sequences among them). Every way gives the same attributes, hilum and pydicom as typed values, the others as text.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum.index.elements import WANTED
from hilum.index.header import read_header
from hilum.index.walk import READ_BYTES
from hilum.model.attributes import ATTRIBUTES, KEYWORDS
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Callable

SLICES_PER_SERIES = 100
UID_ROOT = "1.3.6.1.4.1.14519.5.2.1.7009.9004"
DATASET_TAGS = [attribute for attribute in ATTRIBUTES if attribute.tag >> 16 != 2]


def study_attributes(series: int) -> dict[str, Any]:
    """What all slices of a series share."""
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"],
        "SOPClassUID": CTImageStorage,
        "StudyDate": "20000102",
        "SeriesDate": "20000102",
        "AcquisitionDate": "20000102",
        "StudyTime": "101112.131000",
        "SeriesTime": "101502.750000",
        "AccessionNumber": f"28194825{series:08d}",
        "Modality": "CT",
        "Manufacturer": "GE MEDICAL SYSTEMS",
        "InstitutionName": "",
        "ReferringPhysicianName": "",
        "StudyDescription": "NLST-LSS",
        "SeriesDescription": "0,OPA,GE,LSQX,STANDARD,360,2.5,120,40,0,1.5",
        "ManufacturerModelName": "LightSpeed QX/i",
        "PatientName": f"1{series:05d}",
        "PatientID": f"1{series:05d}",
        "PatientBirthDate": "",
        "PatientSex": "M",
        "PatientAge": "063Y",
        "PatientSize": "1.75",
        "PatientWeight": "82.1",
        "EthnicGroup": "White",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Per DICOM PS 3.15 AnnexE. Details in 0012,0064",
        "ClinicalTrialSponsorName": "NCI",
        "ClinicalTrialProtocolID": "NLST",
        "ClinicalTrialTimePointID": "T0",
        "BodyPartExamined": "CHEST",
        "ScanOptions": "HELICAL MODE",
        "SliceThickness": "2.500000",
        "KVP": "120",
        "DataCollectionDiameter": "500.000000",
        "SoftwareVersions": "LightSpeedverrel",
        "ProtocolName": "5.1 LUNG SCREENING",
        "ReconstructionDiameter": "360.000000",
        "DistanceSourceToDetector": "949.075",
        "DistanceSourceToPatient": "541",
        "GantryDetectorTilt": "0.000000",
        "TableHeight": "144.399994",
        "RotationDirection": "CW",
        "ExposureTime": "800",
        "XRayTubeCurrent": "50",
        "Exposure": "40",
        "FilterType": "BODY FILTER",
        "GeneratorPower": "60000",
        "FocalSpots": ["0.7"],
        "ConvolutionKernel": "STANDARD",
        "PatientPosition": "FFS",
        "RevolutionTime": 0.8,
        "SingleCollimationWidth": 2.5,
        "TotalCollimationWidth": 10.0,
        "TableSpeed": 18.75,
        "TableFeedPerRotation": 15.0,
        "SpiralPitchFactor": 1.5,
        "StudyInstanceUID": f"{UID_ROOT}.{series}.176043",
        "SeriesInstanceUID": f"{UID_ROOT}.{series}.176043.2",
        "StudyID": "",
        "SeriesNumber": "2",
        "AcquisitionNumber": "1",
        "ImageOrientationPatient": ["1.000000", "0.000000", "0.000000", "0.000000", "1.000000", "0.000000"],
        "FrameOfReferenceUID": f"{UID_ROOT}.{series}.176043.9",
        "Laterality": "",
        "PositionReferenceIndicator": "SN",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 32,
        "Columns": 32,
        "PixelSpacing": ["0.703125", "0.703125"],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "LongitudinalTemporalInformationModified": "MODIFIED",
        "WindowCenter": "40",
        "WindowWidth": "400",
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
    }


def write_slice(path: Path, series: int, number: int, *, size: int = 32) -> None:
    """One slice of `size` rows and columns: the shared attributes, its own ones, private groups and sequences."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    z_mm = -300.0 + 2.5 * number
    own = {
        "SOPInstanceUID": f"{UID_ROOT}.{series}.176043.2.{number + 1}",
        "ContentDate": "20000102",
        "AcquisitionTime": f"1015{number % 60:02d}.612000",
        "ContentTime": f"1016{number % 60:02d}.000000",
        "InstanceNumber": str(number + 1),
        "ImagePositionPatient": ["-180.000000", "-171.699997", f"{z_mm:.6f}"],
        "SliceLocation": f"{z_mm:.6f}",
        "InstanceCreationTime": f"1016{number % 60:02d}",
    }
    for keyword, value in (study_attributes(series) | own).items():
        setattr(dataset, keyword, value)
    dataset.ProcedureCodeSequence = Sequence([code("CTTHOR", "CT thorax")])
    dataset.DeidentificationMethodCodeSequence = Sequence(
        [code(str(113100 + index), f"Retain or clean option {index}") for index in range(8)]
    )
    dataset.ReferencedStudySequence = Sequence([reference(f"{UID_ROOT}.{series}.176043")])
    dataset.RequestAttributesSequence = Sequence([code("1", "step")])
    ctp = dataset.private_block(0x0013, "CTP", create=True)
    for element, text in ((0x10, "NLST"), (0x11, "NLST"), (0x12, "NLST"), (0x13, f"{series:04d}")):
        ctp.add_new(element, "LO", text)
    gems = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for element in range(0x02, 0x0A):
        gems.add_new(element, "DS", f"{element * 1.5:.6f}")
    parameters = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x10, "US", 400)
    parameters.add_new(0x2A, "OB", bytes(512))
    dataset.Rows = dataset.Columns = size
    dataset.add_new("PixelData", "OW", bytes(size * size * 2))
    dataset.save_as(path, enforce_file_format=True)


def code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    return item


def with_floor(paths: list[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.pread(descriptor, READ_BYTES, 0)
        os.close(descriptor)


def with_hilum(paths: list[str]) -> None:
    for wanted in WANTED.values():
        wanted.memo.clear()  # no round may profit from the one before
    for path in paths:
        read_header(path)


def with_pydicom(paths: list[str]) -> None:
    for path in paths:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for attribute in DATASET_TAGS:
            dataset.get(attribute.keyword)


def with_pydicom_specific_tags(paths: list[str]) -> None:
    tags: list[Any] = [attribute.tag for attribute in DATASET_TAGS]
    for path in paths:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        for attribute in DATASET_TAGS:
            dataset.get(attribute.keyword)


def with_dicomsdl(paths: list[str]) -> None:
    import dicomsdl

    names = [attribute.keyword for attribute in DATASET_TAGS]
    for path in paths:
        dataset = dicomsdl.open(path)
        for name in names:
            getattr(dataset, name)


def with_gdcm_scanner(paths: list[str]) -> None:
    import gdcm

    scanner = gdcm.Scanner()
    for attribute in DATASET_TAGS:
        scanner.AddTag(gdcm.Tag(attribute.tag >> 16, attribute.tag & 0xFFFF))
    if not scanner.Scan(paths):
        raise OSError("GDCM could not scan the files")
    tags = [gdcm.Tag(attribute.tag >> 16, attribute.tag & 0xFFFF) for attribute in DATASET_TAGS]
    for path in paths:
        for tag in tags:
            scanner.GetValue(path, tag)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, f"{index:06d}.dcm")) for index in range(options.files)]
        for index, path in enumerate(paths):
            write_slice(Path(path), *divmod(index, SLICES_PER_SERIES))
        first = pydicom.dcmread(paths[0])
        header = read_header(paths[0])
        wanted: dict[str, Callable[[list[str]], None]] = {
            "hilum": with_hilum,
            "open + pread + close": with_floor,
            "dicomsdl": with_dicomsdl,
            "GDCM Scanner": with_gdcm_scanner,
            "pydicom, specific_tags": with_pydicom_specific_tags,
            "pydicom": with_pydicom,
        }
        seconds = best_of({name: partial(way, paths) for name, way in wanted.items()}, rounds=options.rounds)
    task = f"{len(KEYWORDS)} attributes"
    rows = [Row(task, name, seconds[name], options.files, "files") for name in wanted]
    report(
        f"Header reading: {options.files} CT files of {len(first)} elements, header of {header.pixel_offset} bytes,"
        " one process",
        rows,
        ours="hilum",
        claims=[
            f"at least 10 x pydicom: {seconds['pydicom'] / seconds['hilum']:.1f} x",
            f"at least 2 x dicomsdl: {seconds['dicomsdl'] / seconds['hilum']:.1f} x",
        ],
    )


if __name__ == "__main__":
    main()
