"""From element to element through a little-endian data set, by their lengths.

The two walks (explicit and implicit VR) are the hot loops of indexing: one pass, no object an element, no reading of
what is not wanted.

References
----------
DICOM PS3.5 section 7.1 (elements), 7.5 (sequences), 6.2.2 note 2 (UN of undefined length).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NoReturn

from hilum.errors import HeaderError
from hilum.index.elements import PIXEL_DATA, WANTED, tag_number, vr_number

if TYPE_CHECKING:
    from hilum.index.elements import Wanted
    from hilum.model.attributes import Value

READ_BYTES = 8192
"""Bytes of one read. The header of a CT slice takes 3 to 7 KiB; a page cache gives 8 KiB as fast as 4."""

MAX_DEPTH = 32
"""Sequences within sequences; real objects (trees of structured reports) stay below 12, more is left to pydicom."""

UNDEFINED_LENGTH = 0xFFFFFFFF

DEFLATED_SYNTAX = "1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR Little Endian: the only syntax whose data set has no place of its own in the file."""

SHORT_VRS = frozenset(
    map(vr_number, ["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS"])
) | frozenset(map(vr_number, ["ST", "TM", "UI", "UL", "US"]))
"""VRs whose explicit length takes 16 bits."""

LONG_VRS = frozenset(map(vr_number, ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]))
"""VRs whose explicit length takes 32 bits, after two bytes of zero."""

_SEQUENCE_VRS = frozenset(map(vr_number, ("SQ", "UN")))
_ITEM = tag_number(0xFFFEE000)
_ITEM_END = tag_number(0xFFFEE00D)
_SEQUENCE_END = tag_number(0xFFFEE0DD)
_SHORTEST_ELEMENT = 8
_LONGEST_START = 12
"""Bytes before the value of an explicit element with a long VR."""

explicit_start = struct.Struct("<IHH").unpack_from
implicit_start = struct.Struct("<II").unpack_from
unsigned_long = struct.Struct("<I").unpack_from
_vr_names = {number: number.to_bytes(2, "little").decode() for number in SHORT_VRS | LONG_VRS}

Deferred = list[tuple[int, str | None, bytes]]
"""Elements whose value is in an uncommon form: tag, VR (None in implicit VR), bytes."""


class UnusualError(Exception):
    """The data set is in a form that is left to pydicom."""


class Window:
    """The part of the file that is in memory: ``buffer[0]`` is byte `base` of the file."""

    __slots__ = ("base", "buffer", "descriptor")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.base = 0
        self.buffer = os.pread(descriptor, READ_BYTES, 0)

    def shift(self, index: int, count: int = 0) -> bool:
        """Read on from ``buffer[index]``, which becomes ``buffer[0]``: at least `count` bytes.

        Returns
        -------
        Whether there is anything to read; False exactly at the end of the file.

        Raises
        ------
        HeaderError
            The file ends before.
        """
        size = os.fstat(self.descriptor).st_size
        self.base += index
        if self.base + count > size:
            raise_cut(self.base, count, size)
        self.buffer = os.pread(self.descriptor, max(count, READ_BYTES), self.base)
        if len(self.buffer) < count:
            raise_cut(self.base, count, self.base + len(self.buffer))
        return bool(self.buffer)

    def ensure(self, index: int, count: int) -> int:
        """Index at which the `count` bytes from ``buffer[index]`` on are in memory."""
        if index + count <= len(self.buffer):
            return index
        if count == UNDEFINED_LENGTH:
            raise UnusualError
        self.shift(index, count)
        return 0


def raise_cut(offset: int, count: int, size: int) -> NoReturn:
    """Refuse a file that ends inside its header."""
    raise HeaderError(
        f"the file ends at byte {size} inside its header, which goes on to byte {offset + count} at least; "
        "copy or download it again",
        check="truncated-header",
    )


def refuse_zeros(window: Window, index: int) -> None:
    """Refuse a file in which zeros stand where an element should: its place was taken, but it was never written."""
    if not any(window.buffer[index : index + _SHORTEST_ELEMENT]):
        raise HeaderError(
            f"zeros from byte {window.base + index} on, inside the header: the file was not written to its end; "
            "copy or download it again",
            check="truncated-header",
        )


def walk_explicit(window: Window, index: int, values: dict[str, Value], deferred: Deferred) -> tuple[int, int] | None:
    """Walk an explicit VR data set from ``window.buffer[index]`` on, filling `values` and `deferred`.

    Returns
    -------
    Offset in the file and length of the pixel data's value, which may be `UNDEFINED_LENGTH`; None if there is none.
    """
    buffer = window.buffer
    limit = len(buffer)
    wanted = WANTED.get
    while True:
        if index + _LONGEST_START > limit:
            if not _reaches_element(window, index):
                return None
            buffer, index = window.buffer, 0
            limit = len(buffer)
        tag, vr, length = explicit_start(buffer, index)
        if vr in SHORT_VRS:
            start = index + 8
        elif vr in LONG_VRS:
            length = long_length(window, index)
            start = index + 12
        else:
            refuse_zeros(window, index)
            raise UnusualError
        entry = wanted(tag)
        if entry is None:
            if length == UNDEFINED_LENGTH:
                start, length = _skip_explicit(window, start, vr), 0
                buffer = window.buffer
                limit = len(buffer)
        elif entry is PIXEL_DATA:
            return window.base + start, length
        elif length:
            if start + length > limit:
                start = window.ensure(start, length)
                buffer = window.buffer
                limit = len(buffer)
            raw = buffer[start : start + length]
            value = entry.memo.get(raw) if vr == entry.vr else None
            values[entry.keyword] = _decode(entry, raw, vr, deferred) if value is None else value
        index = start + length


def walk_implicit(window: Window, index: int, values: dict[str, Value], deferred: Deferred) -> tuple[int, int] | None:
    """Walk an implicit VR data set: as `walk_explicit`, with the VR of the data dictionary."""
    buffer = window.buffer
    limit = len(buffer)
    wanted = WANTED.get
    while True:
        if index + _SHORTEST_ELEMENT > limit:
            if not _reaches_element(window, index):
                return None
            buffer, index = window.buffer, 0
            limit = len(buffer)
        tag, length = implicit_start(buffer, index)
        start = index + 8
        entry = wanted(tag)
        if entry is None:
            if tag == 0:
                refuse_zeros(window, index)
            if length == UNDEFINED_LENGTH:
                start, length = skip_sequence(window, start, is_implicit=True), 0
                buffer = window.buffer
                limit = len(buffer)
        elif entry is PIXEL_DATA:
            return window.base + start, length
        elif length:
            if start + length > limit:
                start = window.ensure(start, length)
                buffer = window.buffer
                limit = len(buffer)
            raw = buffer[start : start + length]
            value = entry.memo.get(raw)
            values[entry.keyword] = _decode(entry, raw, None, deferred) if value is None else value
        index = start + length


def skip_sequence(window: Window, index: int, *, is_implicit: bool, depth: int = 0) -> int:
    """Index after a sequence of undefined length whose first item is at ``window.buffer[index]``."""
    if depth > MAX_DEPTH:
        raise UnusualError
    while True:
        index = window.ensure(index, 8)
        tag, length = implicit_start(window.buffer, index)
        index += 8
        if tag == _SEQUENCE_END:
            return index
        if tag != _ITEM:
            raise UnusualError
        if length == UNDEFINED_LENGTH:
            index = _skip_item(window, index, is_implicit=is_implicit, depth=depth)
        else:
            index += length


def _skip_item(window: Window, index: int, *, is_implicit: bool, depth: int) -> int:
    """Index after an item of undefined length whose first element is at ``window.buffer[index]``."""
    index = window.ensure(index, 8)
    # Within an explicit data set, an item of a UN sequence is implicit; its first element shows it.
    is_implicit = is_implicit or not looks_explicit(window.buffer, index)
    while True:
        index = window.ensure(index, 8)
        if is_implicit:
            tag, length = implicit_start(window.buffer, index)
            vr, start = None, index + 8
        else:
            tag, vr, length = explicit_start(window.buffer, index)
            start = index + 8
        if tag == _ITEM_END:
            return index + 8
        if vr in LONG_VRS:
            index = window.ensure(index, _LONGEST_START)
            length, start = unsigned_long(window.buffer, index + 8)[0], index + 12
        elif vr is not None and vr not in SHORT_VRS:
            raise UnusualError
        if length != UNDEFINED_LENGTH:
            index = start + length
        elif vr is None or vr in _SEQUENCE_VRS:
            index = skip_sequence(window, start, is_implicit=is_implicit, depth=depth + 1)
        else:
            raise UnusualError


def looks_explicit(buffer: bytes, index: int) -> bool:
    """Whether the element at ``buffer[index]`` has two capital letters where an explicit VR stands."""
    return buffer[index + 4 : index + 6].isalpha() and buffer[index + 4 : index + 6].isupper()


def _skip_explicit(window: Window, index: int, vr: int) -> int:
    if vr not in _SEQUENCE_VRS:
        raise UnusualError
    return skip_sequence(window, index, is_implicit=False)


def _reaches_element(window: Window, index: int) -> bool:
    """Read on from an element's start; False at the end of the file."""
    if not window.shift(index):
        return False
    if len(window.buffer) < _SHORTEST_ELEMENT:
        raise_cut(window.base, _SHORTEST_ELEMENT, window.base + len(window.buffer))
    return True


def long_length(window: Window, index: int) -> int:
    """Length of the value of an explicit element with a long VR."""
    if index + _LONGEST_START > len(window.buffer):
        raise_cut(window.base + index, _LONGEST_START, window.base + len(window.buffer))
    length: int = unsigned_long(window.buffer, index + 8)[0]
    return length


def _decode(entry: Wanted, raw: bytes, vr: int | None, deferred: Deferred) -> Value:
    """Value of an element met for the first time; empty, and put off, if it is in an uncommon form."""
    if vr is None or vr == entry.vr:
        try:
            return entry.remember(raw)
        except ValueError:
            pass
    deferred.append((entry.tag, None if vr is None else _vr_names[vr], raw))
    return ""
