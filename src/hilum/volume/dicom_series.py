"""A volume written as a DICOM CT series.

What is equal for all slices is encoded once, with pydicom; the three elements that differ are encoded here, so that a
slice costs little more than the writing of its bytes.

References
----------
DICOM PS3.3 A.3 (CT Image IOD) and C.7.6.2 (Image Plane), PS3.5 sections 6.2 (padding of values), 7.1 (explicit and
implicit VR) and B.2 (UIDs derived from UUIDs), PS3.10 section 7.1 (file meta information).
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import numpy as np

from hilum.errors import PixelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.model.geometry import Geometry
    from hilum.volume.volume import Volume

EXPLICIT_VR = "1.2.840.10008.1.2.1"
IMPLICIT_VR = "1.2.840.10008.1.2"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
IMPLEMENTATION_CLASS_UID = "2.25.95149454009735688739220168147365060056"
UID_NAMESPACE = UUID("a87d2bbd-d041-415c-8308-9a114a1c8621")
"""Both made once at random, for hilum."""

SOP_INSTANCE_UID = 0x00080018
INSTANCE_NUMBER = 0x00200013
IMAGE_POSITION = 0x00200032
PIXEL_DATA = 0x7FE00010
PER_SLICE = (SOP_INSTANCE_UID, INSTANCE_NUMBER, IMAGE_POSITION, PIXEL_DATA)
"""Elements that differ from slice to slice, in the order of the file."""

LONG_LENGTH_VRS = frozenset({b"OB", b"OW"})
"""VRs of this module with a length of four bytes after two reserved ones."""

OWN_KEYWORDS = frozenset(
    {
        "SOPInstanceUID",
        "InstanceNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "RescaleSlope",
        "RescaleIntercept",
        "PixelData",
        "NumberOfFrames",
    }
)
"""What follows from the volume and cannot be given."""

RIGHT_ANGLE_TOLERANCE = 1e-4
"""Largest cosine between the rows and columns of a slice."""


def write_dicom_series(
    volume: Volume,
    folder: str | Path,
    *,
    attributes: Mapping[str, object],
    slope: float = 1,
    intercept: float = 0,
    is_signed: bool = True,
    is_implicit: bool = False,
    name: str = "{index:06d}.dcm",
) -> list[Path]:
    """Write a volume as one CT series, a file a slice, slice 0 first.

    The same volume and attributes give the same bytes: UIDs that are not given are derived from the content. Nothing
    is invented: an attribute that is neither given nor follows from the volume is left out.

    Parameters
    ----------
    volume
        Rows and columns at right angles; the slices may be sheared against each other. HU are rounded to the nearest
        that `slope` and `intercept` can store.
    folder
        Made if absent; files of the same name are replaced.
    attributes
        DICOM keyword to value, for every instance; None leaves out what is written by default (Modality, ImageType,
        SOPClassUID, the UIDs of study, series and frame of reference).
    slope, intercept
        HU = slope * stored + intercept.
    is_signed
        Store two's complement or unsigned 16-bit values.
    is_implicit
        Implicit instead of explicit VR little endian.
    name
        File name, with ``{index}`` counted from 0 or ``{number}`` counted from 1.

    Returns
    -------
    Paths of the files, in the order of the slices.

    Raises
    ------
    PixelError
        HU are beyond what 16 bits hold with this slope and intercept.
    ValueError
        `attributes` names what is no DICOM keyword or follows from the volume, or the grid's rows and columns are not
        at right angles.
    """
    encoding = {"slope": slope, "intercept": intercept, "is_signed": is_signed, "is_implicit": is_implicit}
    stored = _stored_values(volume, slope, intercept, is_signed=is_signed)
    content = _digest(volume, [*attributes.items(), *encoding.items()])
    common = _common_dataset(volume.geometry, attributes, content)
    common.PixelRepresentation = int(is_signed)
    common.RescaleSlope, common.RescaleIntercept = decimal_string(slope), decimal_string(intercept)
    parts = _encode_parts(common, is_implicit=is_implicit)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, pixels in enumerate(stored):
        uid = derived_uid(f"{content}/{common.get('SeriesInstanceUID')}/{index}")
        position = "\\".join(map(decimal_string, volume.geometry.to_mm((index, 0, 0)).tolist()))
        own = (
            _element(SOP_INSTANCE_UID, b"UI", uid.encode(), is_implicit=is_implicit),
            _element(INSTANCE_NUMBER, b"IS", str(index + 1).encode(), is_implicit=is_implicit),
            _element(IMAGE_POSITION, b"DS", position.encode(), is_implicit=is_implicit),
            _element(PIXEL_DATA, b"OW", pixels.tobytes(), is_implicit=is_implicit),
        )
        body = b"".join(part for pair in zip(parts, own, strict=True) for part in pair)
        paths.append(folder / name.format(index=index, number=index + 1))
        paths[-1].write_bytes(_file_meta(common.get("SOPClassUID", ""), uid, is_implicit=is_implicit) + body)
    return paths


def derived_uid(content: str) -> str:
    """UID that follows from a text: the same text gives the same UID."""
    return f"2.25.{uuid5(UID_NAMESPACE, content).int}"


def _stored_values(volume: Volume, slope: float, intercept: float, *, is_signed: bool) -> NDArray[Any]:
    if slope == 0:
        raise ValueError("slope 0: expected a number other than 0")
    limits = np.iinfo(np.int16 if is_signed else np.uint16)
    if volume.hu.dtype == np.int16 and slope == 1 and float(intercept).is_integer():
        values: NDArray[Any] = volume.hu if intercept == 0 else volume.hu.astype(np.int32) - int(intercept)
    else:
        values = np.rint((volume.hu.astype(np.float64) - intercept) / slope)
    low, high = values.min(), values.max()
    if not (low >= limits.min and high <= limits.max):
        raise PixelError(
            f"stored values from {low:g} to {high:g} at slope {slope:g} and intercept {intercept:g}; 16 bits hold "
            f"{limits.min} to {limits.max}: choose another slope or intercept"
        )
    return values.astype(f"<{'i' if is_signed else 'u'}2")


def _digest(volume: Volume, settings: Sequence[tuple[str, object]]) -> str:
    """What the content of a series is and how it is written, in 32 hexadecimal digits."""
    digest = hashlib.blake2b(np.ascontiguousarray(volume.hu).data, digest_size=16)
    digest.update(volume.geometry.affine.tobytes())
    digest.update(repr(sorted((name, str(value)) for name, value in settings)).encode())
    return digest.hexdigest()


def _common_dataset(geometry: Geometry, attributes: Mapping[str, object], content: str) -> Dataset:
    """Elements that all slices share."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataset import Dataset

    if unknown := [keyword for keyword in attributes if tag_for_keyword(keyword) is None]:
        raise ValueError(f"attributes {', '.join(unknown)}: not keywords of the DICOM data dictionary")
    if forbidden := sorted(OWN_KEYWORDS & set(attributes)):
        raise ValueError(f"attributes {', '.join(forbidden)} follow from the volume and cannot be given")
    study_uid = attributes.get("StudyInstanceUID") or derived_uid(f"{content}/study")
    values: dict[str, object] = {
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "SOPClassUID": CT_IMAGE_STORAGE,
        "Modality": "CT",
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": derived_uid(f"{content}/series"),
        "FrameOfReferenceUID": derived_uid(f"{study_uid}/frame of reference"),
        **attributes,
        **_plane(geometry),
    }
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def _plane(geometry: Geometry) -> dict[str, object]:
    direction = np.asarray(geometry.direction)
    along_row, along_column = direction[:, 2], direction[:, 1]
    if abs(along_row @ along_column) > RIGHT_ANGLE_TOLERANCE:
        raise ValueError(f"direction {geometry.direction}: rows and columns are not at right angles; resample first")
    return {
        "ImageOrientationPatient": [decimal_string(value) for value in (*along_row.tolist(), *along_column.tolist())],
        "PixelSpacing": [decimal_string(value) for value in geometry.spacing_mm[1:]],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": geometry.shape[1],
        "Columns": geometry.shape[2],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
    }


def decimal_string(value: float) -> str:
    """Decimal string (VR DS) of at most 16 characters that is nearest to a number."""
    from pydicom.valuerep import format_number_as_ds

    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else format_number_as_ds(float(value))


def _encode_parts(common: Dataset, *, is_implicit: bool) -> list[bytes]:
    """Encoded elements before each of `PER_SLICE`."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    encoding = common.get("SpecificCharacterSet") or "iso8859"
    parts = []
    start = 0
    for stop in PER_SLICE:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, is_implicit
        write_dataset(buffer, common[start:stop], encoding)
        parts.append(buffer.getvalue())
        start = stop + 1
    return parts


def _element(tag: int, vr: bytes, value: bytes, *, is_implicit: bool) -> bytes:
    """Encode an element, its value padded to even length."""
    value += (b"\0" if vr in {b"UI", b"OB", b"OW"} else b" ") * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if is_implicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in LONG_LENGTH_VRS:
        return head + vr + struct.pack("<HI", 0, len(value)) + value
    return head + vr + struct.pack("<H", len(value)) + value


def _file_meta(sop_class_uid: str, sop_instance_uid: str, *, is_implicit: bool) -> bytes:
    """Preamble and file meta information of an instance."""
    elements = (
        (0x00020001, b"OB", b"\0\1"),
        (0x00020002, b"UI", str(sop_class_uid).encode()),
        (0x00020003, b"UI", sop_instance_uid.encode()),
        (0x00020010, b"UI", (IMPLICIT_VR if is_implicit else EXPLICIT_VR).encode()),
        (0x00020012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
    )
    group = b"".join(_element(tag, vr, value, is_implicit=False) for tag, vr, value in elements)
    length = _element(0x00020000, b"UL", struct.pack("<I", len(group)), is_implicit=False)
    return bytes(128) + b"DICM" + length + group
