"""A file as DICOM JSON: equal to pydicom's where pydicom can, and going on where it cannot."""

from __future__ import annotations

import json
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.errors import HeaderError, HilumError
from hilum.index.header import read_header
from hilum.serve.published.dicom_json import DataSetWriter, UnusualError
from hilum.serve.published.fallback import write_with_pydicom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    JsonObject = dict[str, Any]

PREFIX = "/bulk"
NOT_COMPARED = ("00080005", "7FE00008", "7FE00009", "7FE00010")
"""All text becomes UTF-8, and pixels are given by address."""


def file_bytes(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the values are wrong on purpose
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> JsonObject:
    return dict(json.loads(DataSetWriter().write(file_bytes(dataset, syntax), bulk_prefix=PREFIX)))


def values(dataset: Dataset, tag: str, syntax: str = ExplicitVRLittleEndian) -> Any:
    return written(dataset, syntax)[tag].get("Value")


def differences(ours: JsonObject, theirs: JsonObject, way: str = "") -> Iterator[str]:
    for tag in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(tag), theirs.get(tag)
        is_private, is_group_length = int(tag[:4], 16) % 2, tag.endswith("0000")
        if mine == other or tag in NOT_COMPARED or is_private or is_group_length or "BulkDataURI" in (mine or {}):
            continue
        if mine and other and mine["vr"] == other["vr"] == "SQ":
            for own_item, other_item in zip(mine.get("Value", []), other.get("Value", []), strict=True):
                yield from differences(own_item, other_item, f"{way}{tag}/")
        elif not (mine and other and without_padding(mine) == without_padding(other)):
            yield f"{way}{tag}: {mine} instead of {other}"


def without_padding(element: JsonObject) -> JsonObject:
    """Pydicom keeps spaces around some values, and gives an empty text for an empty one of several."""
    found = [value.strip() or None if isinstance(value, str) else value for value in element.get("Value", [])]
    return element | {"Value": found}


def real_files() -> list[Path]:
    folders = ("cmb_crc_chest", "codecs_wg04", "seg_sr_dcmqi", "seg_sr_highdicom", "slides", "pydicom_samples")
    found = [path for folder in folders for path in sorted((SHARED_DATA / folder).rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix not in {".txt", ".md", ".jpeg", ".png"} and path.name != "DICOMDIR"]


@needs_shared_data
def test_it_equals_pydicom_on_every_real_file() -> None:
    writer = DataSetWriter()
    compared = 0
    for path in real_files():
        try:
            header = read_header(path)
        except HilumError:
            continue
        data = path.read_bytes()
        try:
            text = writer.write(data[: header.pixel_offset] if header.pixel_offset > 0 else data, bulk_prefix=PREFIX)
        except UnusualError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pydicom.dcmread(path, stop_before_pixels=True, force=True).to_json_dict()
        assert list(differences(json.loads(text), theirs)) == [], path.name
        compared += 1
    assert compared > 150


def test_texts_of_other_character_sets_become_utf8() -> None:
    russian = Dataset()
    russian.SpecificCharacterSet = "ISO_IR 144"
    russian.PatientName = "Люкceмбypг"
    found = written(russian)
    assert found["00100010"]["Value"] == [{"Alphabetic": "Люкceмбypг"}]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]
    japanese = Dataset()
    japanese.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    japanese.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    names = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    assert values(japanese, "00100010") == [names]
    chinese = Dataset()
    chinese.SpecificCharacterSet = "GB18030"
    chinese.StudyDescription = "誠\\b"  # its second byte is a backslash in GB18030
    assert values(chinese, "00081030") == ["誠", "b"]


def test_a_value_that_its_vr_forbids_is_left_out_and_told() -> None:
    dataset = Dataset()
    dataset.SliceThickness = 1
    dataset.StudyDescription = "kept"
    data = file_bytes(dataset).replace(b"DS\x04\x001.0 ", b"DS\x04\x00x.0 ")
    writer = DataSetWriter()
    found = json.loads(writer.write(data, bulk_prefix=PREFIX))
    assert "00180050" not in found
    assert found["00081030"]["Value"] == ["kept"]
    assert [place for place, _ in writer.refused] == ["00180050"]
    json.loads(writer.write(data, bulk_prefix=PREFIX))
    assert len(writer.refused) == 1, "it is told of each file"


def test_numbers_keep_their_precision_and_what_is_no_number_is_said_in_words() -> None:
    dataset = Dataset()
    dataset.PixelSpacing = ["0.7031250000", "+.5"]
    dataset.add_new(0x00189073, "FD", [1.5, float("nan"), float("-inf")])
    dataset.add_new(0x00720074, "FD", 0.1)
    found = written(dataset)
    assert found["00280030"]["Value"] == [0.703125, 0.5]
    assert found["00189073"]["Value"] == [1.5, "NaN", "-inf"]


def test_long_values_are_given_by_address_at_any_depth() -> None:
    inner = Dataset()
    inner.add_new(0x00420011, "OB", bytes(2000))
    dataset = Dataset()
    dataset.IconImageSequence = [Dataset(), inner]
    dataset.add_new(0x00282000, "OB", bytes(10))
    found = written(dataset)
    address = found["00880200"]["Value"][1]["00420011"]["BulkDataURI"]
    assert address == f"{PREFIX}/00880200/1/00420011"
    assert found["00282000"] == {"vr": "OB", "InlineBinary": "AAAAAAAAAAAAAA=="}


def test_implicit_vr_takes_signs_from_pixel_representation() -> None:
    dataset = Dataset()
    dataset.PixelRepresentation = 1
    dataset.BitsAllocated = 16
    dataset.add_new(0x00280120, "SS", -2000)
    assert values(dataset, "00280120", ImplicitVRLittleEndian) == [-2000]


def test_sequences_of_unknown_length_and_type_are_read() -> None:
    inner = Dataset()
    inner.CodeValue = "113100"
    dataset = Dataset()
    dataset.ProcedureCodeSequence = [inner]
    dataset["ProcedureCodeSequence"].is_undefined_length = True
    for item in dataset.ProcedureCodeSequence:
        item.is_undefined_length_sequence_item = True
    assert written(dataset)["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["113100"]}}]


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_what_is_unusual_goes_through_pydicom(syntax: str, tmp_path: Path) -> None:
    dataset = CtSeries().datasets()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(UnusualError):
        DataSetWriter().write((tmp_path / "a.dcm").read_bytes(), bulk_prefix=PREFIX)
    text, refused = write_with_pydicom(tmp_path / "a.dcm", bulk_prefix=PREFIX)
    found = json.loads(text)
    assert found["00100020"]["Value"] == ["P1"]
    assert found["7FE00010"]["BulkDataURI"] == f"{PREFIX}/7FE00010"
    assert not refused


def test_pydicom_refuses_what_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no DICOM at all")
    with pytest.raises(HeaderError):
        write_with_pydicom(tmp_path / "a", bulk_prefix=PREFIX)


@given(cut=st.integers(0, 2000), byte=st.integers(0, 255))
def test_damaged_files_give_json_or_are_declined(cut: int, byte: int) -> None:
    data = bytearray(_WHOLE)
    data[cut % len(data)] = byte
    try:
        text = DataSetWriter().write(bytes(data[: max(200, cut)]), bulk_prefix=PREFIX)
    except UnusualError:
        return
    json.loads(text)


_WHOLE = file_bytes(CtSeries(shape=(1, 2, 2)).datasets()[0])
