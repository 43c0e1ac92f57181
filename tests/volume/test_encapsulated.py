"""Encapsulated pixel data taken apart, and compressed frames decoded."""

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless

from builders import CtSeries
from hilum.errors import HilumError, PixelError
from hilum.index.record import read_record
from hilum.volume import load
from hilum.volume.codestream import check_codestream
from hilum.volume.encapsulated import read_encapsulated
from hilum.volume.frames import make_frame
from hilum.volume.pixels import read_frames

DELIMITER = struct.pack("<II", 0xE0DDFFFE, 0)


def item(value: bytes) -> bytes:
    return struct.pack("<II", 0xE000FFFE, len(value)) + value


def taken(tmp_path: Path, value: bytes, frame_count: int, wanted: list[int] | None = None) -> list[bytes]:
    """Frames of an encapsulated value that lies 5 bytes into a file."""
    path = tmp_path / "encapsulated"
    path.write_bytes(b"head." + value)
    file = os.open(path, os.O_RDONLY)
    try:
        return read_encapsulated(file, 5, frame_count, wanted or list(range(frame_count)), "it")
    finally:
        os.close(file)


def test_one_frame_is_all_its_fragments(tmp_path: Path) -> None:
    assert taken(tmp_path, item(b"") + item(b"ab") + item(b"cd") + DELIMITER, 1) == [b"abcd"]


def test_one_fragment_a_frame_needs_no_table(tmp_path: Path) -> None:
    value = item(b"") + item(b"ab") + item(b"cdef") + DELIMITER
    assert taken(tmp_path, value, 2) == [b"ab", b"cdef"]
    assert taken(tmp_path, value, 2, [1]) == [b"cdef"]


def test_table_tells_which_fragments_make_a_frame(tmp_path: Path) -> None:
    # Fragments at 0 (8 + 2 bytes), 10 (8 + 4) and 22: frames at 0 and 22.
    value = item(struct.pack("<II", 0, 22)) + item(b"ab") + item(b"cdef") + item(b"gh") + DELIMITER
    assert taken(tmp_path, value, 2) == [b"abcdef", b"gh"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.binary(min_size=2, max_size=20).map(lambda b: b[: len(b) // 2 * 2]), min_size=1, max_size=5), st.data()
)
def test_what_pydicom_encapsulates_is_taken_apart(tmp_path: Path, frames: list[bytes], data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, 1 if len(frames) == 1 else max(1, min(map(len, frames)) // 2)))
    value = encapsulate(frames, fragments_per_frame=parts, has_bot=True)
    assert taken(tmp_path, value + DELIMITER, len(frames)) == frames


@pytest.mark.parametrize(
    ("value", "frame_count", "message"),
    [
        (item(b"") + item(b"ab"), 1, "file ends in its pixel data"),
        (item(b"") + item(b"abcd")[:-1], 1, "expected a whole item"),
        (item(b"") + b"\1\2\3\4\5\6\7\10", 1, "expected a whole item"),
        (item(b"") + DELIMITER, 1, "without a fragment"),
        (item(b"") + item(b"ab") + item(b"cd") + item(b"ef") + DELIMITER, 2, "3 fragments and an offset table of 0"),
        (item(struct.pack("<II", 0, 4)) + item(b"ab") + item(b"cd") + DELIMITER, 2, "not the start of a fragment"),
        (item(struct.pack("<II", 10, 0)) + item(b"ab") + item(b"cd") + DELIMITER, 2, "not in ascending order"),
        (b"", 1, "file ends in its pixel data"),
    ],
)
def test_damage_is_told(tmp_path: Path, value: bytes, frame_count: int, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        taken(tmp_path, value, frame_count)


ENCODERS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "1.2.840.10008.1.2.4.70": lambda image: imagecodecs.ljpeg_encode(image.view(np.uint16), bitspersample=16),
    "1.2.840.10008.1.2.4.80": lambda image: imagecodecs.jpegls_encode(image.view(np.uint16)),
    "1.2.840.10008.1.2.4.90": lambda image: imagecodecs.jpeg2k_encode(
        image, level=0, codecformat="j2k", reversible=True
    ),
    "1.2.840.10008.1.2.4.201": imagecodecs.htj2k_encode,
}


def write_compressed(folder: Path, series: CtSeries, syntax: str) -> None:
    """Write a series compressed, each frame by a library that hilum does not write with."""
    folder.mkdir(exist_ok=True)
    for index, dataset in enumerate(series.datasets()):
        if syntax == RLELossless:
            dataset.compress(RLELossless, generate_instance_uid=False)
        else:
            image = series.stored()[index].astype(np.int16 if series.is_signed else np.uint16)
            dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](image))])
            dataset["PixelData"].VR = "OB"
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("syntax", [*ENCODERS, str(RLELossless)])
def test_every_codec_gives_back_what_was_encoded(tmp_path: Path, syntax: str, is_signed: bool) -> None:
    series = CtSeries(shape=(3, 20, 30), is_signed=is_signed, intercept=-24)
    write_compressed(tmp_path, series, syntax)
    assert np.array_equal(load(tmp_path).hu, series.stored() - 24)
    assert np.array_equal(load(tmp_path, dtype="float32").hu, series.stored() - 24)


@pytest.mark.parametrize("syntax", [*ENCODERS, str(RLELossless)])
def test_cut_or_damaged_frames_are_errors(tmp_path: Path, syntax: str) -> None:
    series = CtSeries(shape=(3, 20, 30))
    write_compressed(tmp_path, series, syntax)
    dataset = pydicom.dcmread(tmp_path / "1.dcm")
    whole = dataset.PixelData
    frame = whole[16 : -8 if whole.endswith(DELIMITER) else None]
    for damaged in (frame[:20], bytes(len(frame))):
        dataset.PixelData = encapsulate([damaged])
        dataset.save_as(tmp_path / "1.dcm")
        with pytest.raises(PixelError, match=r"1\.dcm: cannot decode"):
            load(tmp_path)


def test_frame_of_another_size_is_an_error(tmp_path: Path) -> None:
    series = CtSeries(shape=(3, 20, 30), override={"Rows": 30, "Columns": 20})
    write_compressed(tmp_path, series, "1.2.840.10008.1.2.4.80")
    with pytest.raises(PixelError, match="decodes to 20 x 30 values of 1 components, expected 30 x 20"):
        load(tmp_path)


def test_rle_frame_with_too_few_values_is_an_error(tmp_path: Path) -> None:
    series = CtSeries(shape=(3, 20, 30))
    write_compressed(tmp_path, series, RLELossless)
    for path in sorted(tmp_path.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.Rows = 21
        dataset.save_as(path)
    with pytest.raises(PixelError, match="holds 600 values, expected 630"):
        load(tmp_path)


def test_baseline_jpeg_of_eight_bits(tmp_path: Path) -> None:
    smooth = (np.add.outer(np.arange(16), np.arange(24)) * 3).astype(np.uint8)
    overrides: dict[str, Any] = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    for index, dataset in enumerate(CtSeries(shape=(3, 16, 24), override=overrides, intercept=-100).datasets()):
        dataset.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(smooth, level=98))])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.50")
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    assert np.max(np.abs(load(tmp_path).hu[1] - (smooth.astype(int) - 100))) <= 2  # lossy


def test_extended_jpeg_of_twelve_bits_equals_pydicom_but_for_rounding() -> None:
    path = Path(str(get_testdata_file("JPGExtended.dcm")))
    hu = read_frames([make_frame(read_record(path.parent, path.name), {})], "int16")[0]
    assert np.max(np.abs(hu - pydicom.dcmread(path).pixel_array)) <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no image header"),
        (b"\xff\xd8\xff\xe0\x00\x04ab", "no image header"),
        (b"\xff\xd8\xff\xff\xc3\x00\x0b\x10\x00\x03\x00\x02\x01..", "3 x 2 values of 1 components, expected 2 x 2"),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xf7\x00\x0b\x10\x00\x02\x00\x02\x03..", "of 3 components"),
        (b"\xff\xd8\xff\xc3\x00\x0b\x10\x00\x02\x00\x02\x01..", "before its end marker"),
        (b"jP box\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(">8IH", 5, 6, 1, 2, 5, 6, 0, 0, 1), "4 x 4 values"),
    ],
)
def test_codestreams_that_are_not_as_expected(data: bytes, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        check_codestream(data, (2, 2), needs_end=True)


def test_codestreams_that_are_as_expected() -> None:
    jpeg = b"\xff\xd8\xff\xc3\x00\x0b\x10\x00\x02\x00\x03\x01.."
    check_codestream(jpeg, (2, 3), needs_end=False)
    check_codestream(jpeg + b"\xff\xd9\x00", (2, 3), needs_end=True)


def enhanced(tmp_path: Path, frames: NDArray[Any], encode: Any, syntax: str) -> Path:
    """An enhanced CT whose frames lie 2 mm apart and have slopes 1, 2, 3, ..."""
    dataset = CtSeries(shape=(1, *frames.shape[1:]), pixels=frames[:1]).datasets()[0]
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        delattr(dataset, keyword)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(frames)
    dataset.SharedFunctionalGroupsSequence = [pydicom.Dataset()]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence = [pydicom.Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.7, 0.7]
    shared.PlaneOrientationSequence = [pydicom.Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    groups = []
    for index in range(len(frames)):
        group = pydicom.Dataset()
        group.PlanePositionSequence = [pydicom.Dataset()]
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, -2 * index]
        group.PixelValueTransformationSequence = [pydicom.Dataset()]
        group.PixelValueTransformationSequence[0].RescaleSlope = index + 1
        group.PixelValueTransformationSequence[0].RescaleIntercept = -5
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encode(frames)
    dataset.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    return tmp_path / "enhanced.dcm"


@pytest.mark.parametrize("fragments", [0, 1, 2])
def test_enhanced_ct_uncompressed_and_in_one_or_several_fragments(tmp_path: Path, fragments: int) -> None:
    frames = np.random.default_rng(0).integers(0, 2000, (5, 8, 9), np.int16)

    def encode(images: NDArray[Any]) -> bytes:
        if fragments == 0:
            return images.tobytes()
        encoded = [bytes(imagecodecs.jpegls_encode(image.view(np.uint16))) for image in images]
        return encapsulate(encoded, fragments_per_frame=fragments)

    path = enhanced(tmp_path, frames, encode, "1.2.840.10008.1.2.4.80" if fragments else "1.2.840.10008.1.2.1")
    volume = load(path)
    slopes = np.arange(1, 6)[:, None, None]
    assert np.array_equal(volume.hu, (frames * slopes - 5)[::-1])  # the last frame lies lowest
    assert volume.geometry.origin_mm == (0, 0, -8)
    assert volume.spacing_mm == pytest.approx((2, 0.7, 0.7))


def test_functional_groups_of_too_few_frames_are_refused(tmp_path: Path) -> None:
    path = enhanced(tmp_path, np.zeros((4, 8, 9), np.int16), lambda images: images.tobytes(), "1.2.840.10008.1.2.1")
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[3]
    dataset.save_as(path)
    with pytest.raises(PixelError, match="functional groups of 3 frames, NumberOfFrames 4"):
        load(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the HTJ2K codec writes what it meets
@pytest.mark.parametrize("syntax", [*ENCODERS, str(RLELossless)])
def test_any_damage_gives_a_volume_or_an_error_of_ours(tmp_path: Path, syntax: str) -> None:
    write_compressed(tmp_path / "in", CtSeries(shape=(3, 20, 30)), syntax)
    whole = (tmp_path / "in" / "1.dcm").read_bytes()
    random = Random(syntax)
    for _ in range(120):
        damaged = bytearray(whole[: random.choice([len(whole), random.randrange(len(whole))])])
        for _ in range(random.randrange(8)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        (tmp_path / "in" / "1.dcm").write_bytes(damaged)
        with suppress(HilumError):
            assert load(tmp_path / "in").hu.shape[1:] == (20, 30)
