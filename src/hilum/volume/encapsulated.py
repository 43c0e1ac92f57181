"""Compressed frames taken out of encapsulated pixel data.

The value is a row of items: the basic offset table (empty, or the start of each frame), then the fragments; a frame is
one fragment or several in a row.

References
----------
DICOM PS3.5 annex A.4 (transfer syntaxes for encapsulation) and section 7.5 (items).
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from hilum.errors import PixelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ITEM = 0xE000FFFE
SEQUENCE_DELIMITER = 0xE0DDFFFE
"""Tags as little endian words read them: group in the low half."""

ITEM_HEADER = struct.Struct("<II")

Fragment = tuple[int, int]
"""Offset in the file and length of a fragment's bytes."""


def read_encapsulated(file: int, offset: int, frame_count: int, wanted: Sequence[int], name: str) -> list[bytes]:
    """Encoded bytes of frames.

    Parameters
    ----------
    file
        Open file descriptor.
    offset
        Byte at which the value of the pixel data starts: the item of the basic offset table.
    frame_count
        Frames in the file.
    wanted
        Numbers of the frames to give, 0-based.
    name
        What the file is, for messages.

    Raises
    ------
    PixelError
        The items are cut off, are not items, or do not divide into `frame_count` frames.
    """
    frames = find_frames(file, offset, frame_count, name)
    return [b"".join(os.pread(file, length, start) for start, length in frames[index]) for index in wanted]


def find_frames(file: int, offset: int, frame_count: int, name: str) -> list[list[Fragment]]:
    """Fragments of each frame; parameters and errors as `read_encapsulated`."""
    table, *fragments = _items(file, offset, name)
    return _frames(fragments, _offset_table(file, table), frame_count, name)


def _items(file: int, offset: int, name: str) -> Iterator[Fragment]:
    """Place of each item, the basic offset table first; each is whole."""
    end = os.fstat(file).st_size
    count = 0
    while True:
        header = os.pread(file, ITEM_HEADER.size, offset)
        if len(header) < ITEM_HEADER.size:
            raise PixelError(f"{name}: file ends in its pixel data, before the end of item {count}; get it again")
        tag, length = ITEM_HEADER.unpack(header)
        offset += ITEM_HEADER.size
        if tag == SEQUENCE_DELIMITER and count:
            return
        if tag != ITEM or length > end - offset:
            found = f"tag {tag & 0xFFFF:04X},{tag >> 16:04X} of {length} bytes, {end - offset} bytes before the end"
            raise PixelError(f"{name}: item {count} of the pixel data is {found}; expected a whole item FFFE,E000")
        yield offset, length
        offset += length
        count += 1


def _offset_table(file: int, table: Fragment) -> tuple[int, ...]:
    start, length = table
    return struct.unpack(f"<{length // 4}I", os.pread(file, length // 4 * 4, start))


def _frames(fragments: list[Fragment], table: tuple[int, ...], frame_count: int, name: str) -> list[list[Fragment]]:
    """Fragments of each frame: all of them for one frame, by the offset table, or one each."""
    if not fragments:
        raise PixelError(f"{name}: encapsulated pixel data without a fragment")
    if frame_count == 1:
        return [fragments]
    if len(table) == frame_count:
        return _by_table(fragments, table, name)
    if len(fragments) == frame_count:
        return [[fragment] for fragment in fragments]
    raise PixelError(
        f"{name}: {len(fragments)} fragments and an offset table of {len(table)} for {frame_count} frames; "
        "expected one fragment a frame or an offset a frame"
    )


def _by_table(fragments: list[Fragment], table: tuple[int, ...], name: str) -> list[list[Fragment]]:
    """Fragments from each offset to the next; offsets count from the first fragment's item header."""
    base = fragments[0][0] - ITEM_HEADER.size
    number = {start - ITEM_HEADER.size - base: index for index, (start, _) in enumerate(fragments)}
    if absent := [offset for offset in table if offset not in number]:
        raise PixelError(f"{name}: offset {absent[0]} of the basic offset table is not the start of a fragment")
    starts = [*(number[offset] for offset in table), len(fragments)]
    if starts[0] != 0 or any(first >= last for first, last in pairwise(starts)):
        raise PixelError(f"{name}: offsets {table} of the basic offset table are not in ascending order from 0")
    return [fragments[first:last] for first, last in pairwise(starts)]
