"""The header of one DICOM file: the catalog's attributes and where the pixel data lies, in one short read.

Little-endian data sets, explicit or implicit VR, are walked here: from element to element by their lengths, stopping
for the wanted ones. Whatever is unusual (big endian, deflated, wrong VRs, a command group) goes through pydicom, and
what either gives is the same.

References
----------
DICOM PS3.5 section 7 (data set), annex A (transfer syntaxes); PS3.10 section 7 (file format).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum.errors import HeaderError
from hilum.index.elements import CHARACTER_SETS_LIKE_ASCII, WANTED, decode_with_pydicom, tag_number
from hilum.index.walk import (
    DEFLATED_SYNTAX,
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    UnusualError,
    Window,
    explicit_start,
    long_length,
    looks_explicit,
    refuse_zeros,
    walk_explicit,
    walk_implicit,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.index.elements import Wanted
    from hilum.index.walk import Deferred
    from hilum.model.attributes import Value

NO_PIXEL_DATA = -1
ENCAPSULATED = -1

PREAMBLE_BYTES = 128
MAGIC = b"DICM"

MAX_SIGNED = (1 << 15) - 1
"""Largest SS value."""

IMPLICIT_SYNTAX = "1.2.840.10008.1.2"
BIG_ENDIAN_SYNTAX = "1.2.840.10008.1.2.2"
DEFLATED_JPIP_SYNTAXES = ("1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
NOT_WALKED = frozenset({DEFLATED_SYNTAX, BIG_ENDIAN_SYNTAX, *DEFLATED_JPIP_SYNTAXES})

_MEDIA_CLASS = tag_number(0x00020002)
_META_GROUP = 0x0002
_FIRST_GROUPS = frozenset({b"\x02\0", b"\x08\0"})


@dataclass(slots=True)
class Header:
    """What one file's header says.

    Attributes
    ----------
    values
        Keyword to value of the attributes of `hilum.model.attributes` that the data set holds at its top level
        (and TransferSyntaxUID). An element without value is left out.
    pixel_offset
        Byte offset in the file of the pixel data's value; -1 if there is none, or the data set is deflated.
    pixel_length
        Bytes of the pixel data's value; -1 if it is encapsulated (its first item lies at `pixel_offset`) or absent.
    media_class_uid
        MediaStorageSOPClassUID of the file meta group, empty if absent.
    unreadable
        Keywords of the elements whose value fits no value representation.
    reader
        ``direct`` or ``pydicom``: which of the two read the file.
    """

    values: dict[str, Value] = field(default_factory=dict)
    pixel_offset: int = NO_PIXEL_DATA
    pixel_length: int = ENCAPSULATED
    media_class_uid: str = ""
    unreadable: tuple[str, ...] = ()
    reader: str = "direct"


def read_header(path: str | Path) -> Header:
    """Read the header of a DICOM file.

    Raises
    ------
    HeaderError
        ``empty-file``, ``not-dicom``, ``truncated-header`` or ``unreadable-header``.
    OSError
        The file cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read(descriptor, path)
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: str | Path) -> Header:
    window = Window(descriptor)
    try:
        return _walk(window, dataset_start(window.buffer))
    except UnusualError:
        from hilum.index.fallback import read_with_pydicom

        values, (offset, length), media_class, unreadable = read_with_pydicom(path)
        return Header(values, offset, length, media_class, unreadable, reader="pydicom")


def dataset_start(buffer: bytes) -> int:
    """Offset of the first element; raises unless the file begins as DICOM files do."""
    if buffer[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC:
        return PREAMBLE_BYTES + len(MAGIC)
    if not buffer:
        raise HeaderError("the file is empty: copy or download it again", check="empty-file")
    # Without a preamble the first group is 0002 or 0008, its first element one of low number.
    group, element = buffer[0:2], buffer[2:4]
    if group in _FIRST_GROUPS and element[1:] == b"\0":
        return 0
    if group[::-1] in _FIRST_GROUPS and element[:1] == b"\0" and looks_explicit(buffer, 0):
        raise UnusualError  # big endian
    raise HeaderError(
        f"expected 'DICM' at byte {PREAMBLE_BYTES} or a first element of group 0002 or 0008, found {buffer[:8]!r}",
        check="not-dicom",
    )


def _walk(window: Window, index: int) -> Header:
    header = Header()
    values = header.values
    index = _walk_file_meta(window, index, header)
    if values.get("TransferSyntaxUID") in NOT_WALKED:
        raise UnusualError
    if window.buffer[index : index + 2] == b"\0\0":  # a command group, as of a network message, or nothing at all
        refuse_zeros(window, index)
        raise UnusualError
    deferred: Deferred = []
    walk = walk_explicit if looks_explicit(window.buffer, index) else walk_implicit
    if (pixels := walk(window, index, values, deferred)) is not None:
        header.pixel_offset, length = pixels
        header.pixel_length = ENCAPSULATED if length == UNDEFINED_LENGTH else length
    terms = values.get("SpecificCharacterSet", ())
    if not CHARACTER_SETS_LIKE_ASCII.issuperset(terms if isinstance(terms, tuple) else (terms,)):
        raise UnusualError
    if deferred:
        _decode_deferred(header, deferred)
    if walk is walk_implicit:
        _sign_padding(values)
    if "" in values.values():
        header.values = {keyword: value for keyword, value in values.items() if value != ""}
    return header


def _decode_deferred(header: Header, deferred: Deferred) -> None:
    values = header.values
    decoded, header.unreadable = decode_with_pydicom(
        tuple(deferred), values.get("SpecificCharacterSet"), values.get("PixelRepresentation")
    )
    values.update(decoded)


def _sign_padding(values: dict[str, Value]) -> None:
    """Give PixelPaddingValue its sign, which implicit VR leaves to PixelRepresentation."""
    padding = values.get("PixelPaddingValue")
    if values.get("PixelRepresentation") and isinstance(padding, int) and padding > MAX_SIGNED:
        values["PixelPaddingValue"] = padding - (1 << 16)


def _walk_file_meta(window: Window, index: int, header: Header) -> int:
    """Read the file meta group; give the index of the data set's first element."""
    while True:
        if index + 12 > len(window.buffer):
            window.shift(index)
            index = 0
            if len(window.buffer) < 8:
                return index
        tag, vr, length = explicit_start(window.buffer, index)
        if tag & 0xFFFF != _META_GROUP:
            return index
        start = index + 8
        if vr in LONG_VRS:
            length, start = long_length(window, index), index + 12
        elif vr not in SHORT_VRS:
            raise UnusualError
        entry = WANTED.get(tag)
        if entry is not None or tag == _MEDIA_CLASS:
            start = window.ensure(start, length)
            raw = window.buffer[start : start + length]
            if entry is None:
                header.media_class_uid = raw.rstrip(b"\0 ").decode("latin-1")
            else:
                header.values[entry.keyword] = _meta_value(entry, raw, vr)
        index = start + length


def _meta_value(entry: Wanted, raw: bytes, vr: int) -> Value:
    try:
        if vr == entry.vr:
            return entry.memo.get(raw) or entry.remember(raw)
    except ValueError:
        pass
    raise UnusualError
