"""Frames of an instance, taken from its file as they are stored.

References
----------
DICOM PS3.5 section 8 (native and encapsulated pixel data), annex A.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError
from hilum.serve.dicomweb.problem import NOT_FOUND, ProblemError
from hilum.volume.encapsulated import Fragment, find_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.serve.dicomweb.found import FoundInstance

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED})
"""Transfer syntaxes without compression of the pixels."""

REMEMBERED_FILES = 512
"""Files whose frames a worker knows the places of: slides have thousands of tiles."""

REMEMBERED_FOLDERS = 10_000

AT_ONCE_BYTES = 1 << 20
"""Longest frame that is read at once: to copy more takes longer than to change threads."""

_AT_ONCE: int = getattr(os, "RWF_NOWAIT", 0)
"""Linux alone can read without waiting."""


def frame_count(instance: FoundInstance) -> int:
    """Frames of an instance, at least 1."""
    count = instance.values.get("NumberOfFrames")
    return count if isinstance(count, int) and count > 0 else 1


def read_frames(instance: FoundInstance, numbers: Sequence[int]) -> list[bytes]:
    """Stored bytes of frames.

    Parameters
    ----------
    numbers
        1-based.

    Returns
    -------
    One a number: compressed as stored, or little endian without compression.

    Raises
    ------
    ProblemError
        404: the object has no pixel data, no such frame, or its file is not there.
    PixelError
        The pixel data are damaged.
    """
    count = frame_count(instance)
    if not all(1 <= number <= count for number in numbers):
        raise ProblemError(NOT_FOUND, f"the object has frames 1 to {count}")
    if instance.transfer_syntax in {BIG_ENDIAN, DEFLATED}:
        pixels = _whole_pixels(instance)
        return [_cut(pixels, instance, number - 1) for number in numbers]
    offset, length = instance.values.get("pixel_offset"), instance.values.get("pixel_length", -1)
    if offset is None or offset < 0:
        raise ProblemError(NOT_FOUND, "the object has no pixel data")
    file = instance.open()
    try:
        _note_folder(file, instance)
        if length < 0:
            return _encapsulated(file, instance, offset, numbers)
        return [_native(file, instance, offset, length, number - 1) for number in numbers]
    finally:
        os.close(file)


def read_at_once(
    instance: FoundInstance, number: int, around: Callable[[int], tuple[bytes, bytes]]
) -> bytearray | None:
    """Stored bytes of a frame, as `read_frames` gives them, where nothing is to be waited for; None: something is.

    That is so for a short one that the system holds in memory, in a folder out of which `read_frames` has read before:
    it found out that the folder's file system can tell. Those of a network cannot.

    Parameters
    ----------
    around
        Gives, for the frame's length, what is to stand before and after it: half a megabyte is not copied for that.
    """
    if instance.folder not in _folders or not 1 <= number <= frame_count(instance):
        return None
    file = instance.open()
    try:
        place = _place_at_once(file, instance, number - 1)
        if place is None or place[1] > AT_ONCE_BYTES:
            return None
        return _read_between(file, place, *around(place[1]))
    finally:
        os.close(file)


def frame_bits(instance: FoundInstance, pixel_bytes: int) -> int:
    """Bits of one uncompressed frame."""
    values = instance.values
    if str(values.get("PhotometricInterpretation")).endswith(("_422", "_420")):
        return pixel_bytes * 8 // frame_count(instance)
    sizes = (values.get("Rows"), values.get("Columns"), values.get("BitsAllocated"))
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise PixelError("no size of the image; its frames cannot be told apart")
    rows, columns, bits = sizes
    return int(rows * columns * bits * (values.get("SamplesPerPixel") or 1))  # type: ignore[operator]


def _note_folder(file: int, instance: FoundInstance) -> None:
    """Take note that a folder's files can be read without waiting, if they can."""
    folder = instance.folder
    if not _AT_ONCE or folder in _folders:
        return
    try:
        os.preadv(file, [bytearray(1)], 0, _AT_ONCE)
    except BlockingIOError:
        pass  # it would have to be waited for, and the system can tell
    except OSError:
        return
    if len(_folders) >= REMEMBERED_FOLDERS:
        _folders.clear()
    _folders.add(folder)


def _place_at_once(file: int, instance: FoundInstance, index: int) -> Fragment | None:
    """Where a frame lies whole; None if it does not, or if that is not known."""
    offset, length = instance.values.get("pixel_offset"), instance.values.get("pixel_length", -1)
    if instance.transfer_syntax in {BIG_ENDIAN, DEFLATED} or offset is None or offset < 0:
        return None
    if length < 0:
        places = _known_places(_file_key(file, instance, offset))
        return places[index][0] if places is not None and len(places[index]) == 1 else None
    bits = frame_bits(instance, length)
    return None if bits % 8 else (offset + index * bits // 8, bits // 8)


def _read_between(file: int, place: Fragment, before: bytes, after: bytes) -> bytearray | None:
    start, length = place
    data = bytearray(len(before) + length + len(after))
    gap = memoryview(data)[len(before) : len(before) + length]
    try:
        if os.preadv(file, [gap], start, _AT_ONCE) < length:
            return None
    except OSError:
        return None
    data[: len(before)], data[len(before) + length :] = before, after
    return data


def _native(file: int, instance: FoundInstance, offset: int, length: int, index: int) -> bytes:
    bits = frame_bits(instance, length)
    if bits % 8:
        start, stop = index * bits // 8, ((index + 1) * bits + 7) // 8
        return _shifted(os.pread(file, stop - start, offset + start), index * bits % 8, bits)
    data = os.pread(file, bits // 8, offset + index * bits // 8)
    if len(data) < bits // 8:
        raise PixelError(f"{len(data)} bytes of a frame, expected {bits // 8}")
    return data


def _shifted(data: bytes, first: int, bits: int) -> bytes:
    """Frame of single bits that begins within a byte, moved to its beginning (PS3.5 section 8.1.1)."""
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[first : first + bits]
    if len(unpacked) < bits:
        raise PixelError(f"{len(unpacked)} bits of a frame, expected {bits}")
    return np.packbits(unpacked, bitorder="little").tobytes()


def _encapsulated(file: int, instance: FoundInstance, offset: int, numbers: Sequence[int]) -> list[bytes]:
    key = _file_key(file, instance, offset)
    places = _known_places(key)
    if places is None:
        places = _places.setdefault(key, find_frames(file, offset, frame_count(instance), "the object"))
    return [b"".join(os.pread(file, length, start) for start, length in places[number - 1]) for number in numbers]


def _file_key(file: int, instance: FoundInstance, offset: int) -> tuple[Any, ...]:
    status = os.fstat(file)
    return instance.path, status.st_mtime_ns, status.st_size, offset, frame_count(instance)


_folders: set[str] = set()
_places: dict[tuple[Any, ...], list[list[Fragment]]] = {}


def _known_places(key: tuple[Any, ...]) -> list[list[Fragment]] | None:
    if len(_places) > REMEMBERED_FILES:
        _places.clear()
    return _places.get(key)


def _whole_pixels(instance: FoundInstance) -> bytes:
    """Pixel data of a file that pydicom must unpack, little endian."""
    import pydicom

    try:
        dataset = pydicom.dcmread(instance.path, force=True)
        pixels: bytes = dataset.PixelData
    except FileNotFoundError as error:
        raise ProblemError(NOT_FOUND, "the file is not where it was indexed; tell the steward") from error
    except Exception as error:
        raise ProblemError(NOT_FOUND, "the object has no pixel data that can be read") from error
    if instance.transfer_syntax == BIG_ENDIAN and (width := (instance.values.get("BitsAllocated") or 8) // 8) > 1:
        pixels = np.frombuffer(pixels, f">u{width}").astype(f"<u{width}").tobytes()
    return pixels


def _cut(pixels: bytes, instance: FoundInstance, index: int) -> bytes:
    bits = frame_bits(instance, len(pixels))
    start, stop = index * bits // 8, ((index + 1) * bits + 7) // 8
    if bits % 8:
        return _shifted(pixels[start:stop], index * bits % 8, bits)
    if len(pixels) < stop:
        raise PixelError(f"{len(pixels)} bytes of pixel data, expected {stop}")
    return pixels[start:stop]
