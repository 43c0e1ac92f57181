from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.index.record import has_pixel_data, missing_pixel_bytes, pack_records, read_record, unpack_records
from hilum.model.instances import FILE_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = {
    "Rows": 4,
    "Columns": 5,
    "BitsAllocated": 16,
    "SamplesPerPixel": 1,
    "pixel_offset": 100,
    "pixel_length": 40,
    "size_bytes": 140,
}


def compressed(path: Path) -> bytes:
    """A file of one compressed frame; its bytes."""
    dataset = CtSeries().datasets()[0]
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PixelData = encapsulate([b"fragment" * 10])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def test_a_record_says_where_its_file_and_pixels_lie(tmp_path: Path) -> None:
    [path] = CtSeries(shape=(1, 3, 4)).write(tmp_path / "sub")
    record = read_record(tmp_path, "sub/000000.dcm")
    assert set(FILE_COLUMNS) <= set(record)
    assert (record["root"], record["path"]) == (str(tmp_path), "sub/000000.dcm")
    assert (record["size_bytes"], record["modified_ns"]) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert record["pixel_length"] == 24
    assert path.read_bytes()[record["pixel_offset"] :] == pydicom.dcmread(path).PixelData
    assert "frames" not in record


def test_size_and_time_that_are_known_are_taken(tmp_path: Path) -> None:
    CtSeries(shape=(1, 3, 4)).write(tmp_path)
    record = read_record(tmp_path, "000000.dcm", size_bytes=7, modified_ns=8)
    assert (record["size_bytes"], record["modified_ns"]) == (7, 8)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, 0),
        ({"Rows": 5}, 10),
        ({"pixel_length": 39}, 1),
        ({"size_bytes": 100}, 40),
        ({"size_bytes": 50}, 90),
        ({"NumberOfFrames": 2}, 40),
        ({"pixel_length": -1}, 0),
        ({"pixel_offset": -1}, 0),
        ({"BitsAllocated": 1}, 0),
        ({"Rows": None}, 0),
        ({"Rows": 5, "PhotometricInterpretation": "YBR_FULL_422"}, 0),
    ],
)
def test_missing_pixel_bytes_are_counted(change: dict[str, Any], missing: int) -> None:
    record = {name: value for name, value in (IMAGE | change).items() if value is not None}
    assert missing_pixel_bytes(record) == missing


def test_single_bits_are_packed_eight_a_byte() -> None:
    assert missing_pixel_bytes(IMAGE | {"BitsAllocated": 1, "pixel_length": 2}) == 1  # 20 bits take 3 bytes


def test_a_deflated_object_may_have_pixels() -> None:
    assert has_pixel_data({"pixel_offset": -1, "TransferSyntaxUID": "1.2.840.10008.1.2.1.99"})
    assert not has_pixel_data({"pixel_offset": -1, "TransferSyntaxUID": "1.2.840.10008.1.2.1"})


def test_a_compressed_file_that_is_cut_is_told(tmp_path: Path) -> None:
    whole = compressed(tmp_path / "whole")
    assert "is_cut" not in read_record(tmp_path, "whole")
    for lacking in (9, 40, 88, 96):
        (tmp_path / "cut").write_bytes(whole[:-lacking])
        assert read_record(tmp_path, "cut")["is_cut"], lacking


def test_records_are_packed_and_unpacked_without_a_change(tmp_path: Path) -> None:
    CtSeries(override_at={1: {"KVP": None}}).write(tmp_path)
    records = [read_record(tmp_path, name) for name in sorted(os.listdir(tmp_path))]  # noqa: PTH208 - names are wanted
    assert "KVP" in records[0]
    assert "KVP" not in records[1]
    assert unpack_records(pack_records(records)) == records


@needs_shared_data
def test_frames_of_an_enhanced_ct_are_read_from_its_functional_groups() -> None:
    folder = SHARED_DATA / "seg_sr_dcmqi" / "segmentations" / "23x38x3"
    [path] = (folder / "multiframe").iterdir()
    frames = read_record(path.parent, path.name)["frames"]
    singles = [pydicom.dcmread(single) for single in sorted((folder / "image").iterdir())]
    assert sorted(position[2] for position, _, _ in frames) == sorted(
        float(single.ImagePositionPatient[2]) for single in singles
    )
    assert {spacing for _, _, spacing in frames} == {tuple(map(float, singles[0].PixelSpacing))}
    assert {orientation for _, orientation, _ in frames} == {tuple(map(float, singles[0].ImageOrientationPatient))}
