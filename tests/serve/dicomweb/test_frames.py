"""Frames out of files: as they are stored, and without waiting where that can be."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from hilum.errors import PixelError
from hilum.serve.dicomweb import frames
from hilum.serve.dicomweb.found import FoundInstance, FoundSeries
from hilum.serve.dicomweb.frames import BIG_ENDIAN, DEFLATED, EXPLICIT, read_at_once, read_frames
from hilum.serve.dicomweb.problem import ProblemError
from serve.dicomweb.conftest import can_read_at_once

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"some head"
PIXELS = bytes(range(48))
JPEG = "1.2.840.10008.1.2.4.50"
SERIES = FoundSeries(1, 1, "1.2", "1.2.3", "lab", "digest", 1)
SIZE: dict[str, Any] = {"Rows": 4, "Columns": 4, "BitsAllocated": 8, "NumberOfFrames": 3}


def instance(folder: Path, *, name: str = "1.dcm", data: bytes = PIXELS, **changed: Any) -> FoundInstance:
    """Three native frames of 16 bytes, unless something else is said."""
    (folder / name).write_bytes(HEAD + data)
    lies = {"pixel_offset": len(HEAD), "pixel_length": len(data), "TransferSyntaxUID": EXPLICIT}
    return FoundInstance(SERIES, 0, {"root": str(folder), "path": name} | SIZE | lies | changed)


def item(value: bytes) -> bytes:
    return struct.pack("<II", 0xE000FFFE, len(value)) + value


def encapsulated(folder: Path, *fragments: bytes, **changed: Any) -> FoundInstance:
    """One frame a fragment, unless another number is said."""
    data = b"".join(map(item, (b"", *fragments))) + struct.pack("<II", 0xE0DDFFFE, 0)
    own: dict[str, Any] = {"pixel_length": -1, "TransferSyntaxUID": JPEG, "NumberOfFrames": len(fragments)}
    return instance(folder, data=data, **own | changed)


def at_once(found: FoundInstance, number: int = 1) -> bytes | None:
    data = read_at_once(found, number, lambda length: (b"%d bytes:" % length, b"."))
    return None if data is None else bytes(data)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that can be read without waiting, of which nobody knows that yet."""
    if not can_read_at_once(tmp_path):
        pytest.skip("this file system cannot read without waiting")
    monkeypatch.setattr(frames, "_folders", set())
    return tmp_path


def test_native_frames_are_had_at_once_out_of_a_folder_that_was_read_before(folder: Path) -> None:
    found = instance(folder)
    assert at_once(found) is None
    assert read_frames(found, [1, 3]) == [PIXELS[:16], PIXELS[32:]]
    assert [at_once(found, number) for number in (1, 2, 3)] == [
        b"16 bytes:" + PIXELS[start : start + 16] + b"." for start in (0, 16, 32)
    ]
    assert at_once(instance(folder, name="2.dcm", data=PIXELS[::-1])) == b"16 bytes:" + PIXELS[:-17:-1] + b"."


def test_single_bits_are_had_at_once_where_frames_begin_with_a_byte(folder: Path) -> None:
    whole, within = instance(folder, BitsAllocated=1), instance(folder, BitsAllocated=1, Rows=3)
    assert read_frames(whole, [2]) == [PIXELS[2:4]]
    assert at_once(whole, 2) == b"2 bytes:" + PIXELS[2:4] + b"."
    assert at_once(within, 2) is None


def test_compressed_frames_are_had_at_once_where_their_place_is_known(folder: Path) -> None:
    found = encapsulated(folder, b"first.", b"second")
    read_frames(instance(folder, name="2.dcm"), [1])
    assert at_once(found, 2) is None
    assert read_frames(found, [2]) == [b"second"]
    assert at_once(found, 2) == b"6 bytes:second."

    in_pieces = encapsulated(folder, b"of pi", b"eces", b"", NumberOfFrames=1)
    assert read_frames(in_pieces, [1]) == [b"of pieces"]
    assert at_once(in_pieces) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"TransferSyntaxUID": BIG_ENDIAN},
        {"TransferSyntaxUID": DEFLATED},
        {"pixel_offset": -1},
        {"pixel_offset": None},
        {"NumberOfFrames": 0},
        {"Rows": 1 << 12, "Columns": 1 << 12},
    ],
)
def test_what_takes_longer_is_not_had_at_once(folder: Path, changed: dict[str, Any]) -> None:
    read_frames(instance(folder), [1])
    assert at_once(instance(folder, **changed), 2) is None


def test_a_frame_that_is_not_whole_is_not_given(folder: Path) -> None:
    found = instance(folder, data=PIXELS[:40])
    read_frames(found, [1])
    assert at_once(found, 3) is None
    with pytest.raises(PixelError):
        read_frames(found, [3])


def test_a_file_that_went_away_is_refused(folder: Path) -> None:
    found = instance(folder)
    read_frames(found, [1])
    (folder / "1.dcm").unlink()
    with pytest.raises(ProblemError):
        at_once(found)


def test_file_systems_that_cannot_tell_are_waited_for(folder: Path) -> None:
    values = {
        "root": "/proc/self",
        "path": "status",
        "pixel_offset": 0,
        "pixel_length": 4,
        "TransferSyntaxUID": EXPLICIT,
    }
    found = FoundInstance(SERIES, 0, values | SIZE | {"Rows": 1, "NumberOfFrames": 1})
    assert read_frames(found, [1]) == [b"Name"]
    assert frames._folders == set()
    assert at_once(found) is None
