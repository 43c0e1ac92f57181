"""The outline of a header: all that its checks depend on, so that of files with equal outlines one is examined.

The slices of a series differ in little: identifiers, positions, times. What the checks make of those is the same for
each, as long as an identifier has an identifier's form and a number a number's: it is there. So an outline has such
elements by tag and value representation alone, and everything else byte for byte: what the checks look into, and what
is in any form that is not the usual one. Equal outlines have equal findings because a check could not see what is left
out of them; no check is made here.

A header of which not even the bounds of elements are beyond doubt has no outline; it is examined itself.

References
----------
DICOM PS3.5 section 6.2 (value representations), 7.1 (elements), 7.5 (sequences).
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING

from hilum.check.profile import DESCRIPTORS, protections
from hilum.errors import HeaderError
from hilum.index.elements import CHARACTER_SETS_LIKE_ASCII, tag_number, vr_number
from hilum.index.header import IMPLICIT_SYNTAX, NOT_WALKED, dataset_start
from hilum.index.walk import (
    LONG_VRS,
    MAX_DEPTH,
    READ_BYTES,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    UnusualError,
    explicit_start,
    implicit_start,
    looks_explicit,
    unsigned_long,
)
from hilum.model.attributes import PIXEL_DATA_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Outline = tuple[bytes | int, ...]
"""Elements in their order: byte for byte, or a number for tag and VR; and marks."""

VALUES_READ = (
    *("TransferSyntaxUID", "SpecificCharacterSet", "PixelRepresentation"),  # how others are read
    *("MediaStorageSOPClassUID", "SOPClassUID", "Modality", "ImageType", "AcquisitionType", "ScanOptions"),
    *("BurnedInAnnotation", "SpecimenLabelInImage", "PatientName", "PatientID", "PatientIdentityRemoved", "CodeValue"),
)
"""Attributes whose value `hilum.check.header` looks into, beside descriptions. Of others it asks whether they are
there; of UIDs whether they have the form of one, and whether two are equal."""

LARGEST_BYTES = 1 << 18
"""A header of a slice takes 3 to 70 kB; those of many frames are hardly ever equal to another."""

_ITEM, _END, _EQUAL, _OTHER, _EXPLICIT, _IMPLICIT = range(6)
"""Marks of an outline; tags with their VR are above 65535."""

_TEXT = rb" *[!-\[\]-~][ -~]*\0?"
_NUMBER = rb" *[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d\d?)? *"
_WHOLE = rb" *[+-]?\d{1,9} *"
_FORMS = {
    "UI": rb"(?=[\d.]{1,64}\0?\Z)(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*\0?",
    "DS": rb"%b(?:\\%b)*" % (_NUMBER, _NUMBER),
    "IS": rb"%b(?:\\%b)*" % (_WHOLE, _WHOLE),
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UT"), _TEXT),
    **dict.fromkeys(("US", "SS"), rb"(?s:..)+"),
    **dict.fromkeys(("UL", "SL", "FL"), rb"(?s:....)+"),
    "FD": rb"(?s:.{8})+",
    **dict.fromkeys(("OB", "OW"), rb"(?s:.+)"),
}
"""Forms of a value that has something in it and that pydicom reads without fail, by value representation."""

_form_of: dict[int, Callable[..., object]] = {vr_number(vr): re.compile(form).fullmatch for vr, form in _FORMS.items()}
_something_in = re.compile(rb"[^ \0]").search

_SQ = vr_number("SQ")
_META_GROUP = 0x0002
_BIG_ENDIAN_GROUP = 0x0400
"""From here on pydicom takes the first group of a data set without a stated syntax for one of big endian."""
_LAST_CREATOR = 0xFF
_PIXEL_DATA = frozenset(map(tag_number, PIXEL_DATA_TAGS))
_PIXEL_RANGE = frozenset(map(tag_number, (0x00280106, 0x00280107)))
"""SmallestImagePixelValue, LargestImagePixelValue: US or SS, of one value in the usual form."""
_ITEM_START, _ITEM_END, _SEQUENCE_END = map(tag_number, (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD))
_DELIMITER_GROUP = 0xFFFE
_CHARACTER_SET, _SYNTAX = tag_number(0x00080005), tag_number(0x00020010)
_MEDIA_UID, _SOP_UID = tag_number(0x00020003), tag_number(0x00080018)
_COMPARED = (_MEDIA_UID, _SOP_UID)


def outline_of(path: Path) -> Outline | None:
    """Give the outline of a file's header; None for a header that must be examined itself, or cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _Walk(descriptor).outline()
    except (UnusualError, HeaderError, OSError):
        return None
    finally:
        os.close(descriptor)


class _Walk:
    """A walk over the elements of a header, which is read as far as it goes."""

    __slots__ = ("_buffer", "_contents", "_depth", "_descriptor", "_is_implicit", "_parts", "_uids")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = os.pread(descriptor, READ_BYTES, 0)
        self._contents = _contents()
        self._depth = 0
        self._parts: list[bytes | int] = []
        self._is_implicit = False
        self._uids: dict[int, bytes | None] = dict.fromkeys(_COMPARED)

    def outline(self) -> Outline:
        """Give the outline; raises `UnusualError` or `HeaderError` where there is none."""
        index, syntax = self._meta(dataset_start(self._buffer))
        self._reach(index + 8)
        self._is_implicit = not looks_explicit(self._buffer, index)
        is_as_said = syntax is None or self._is_implicit == (syntax == IMPLICIT_SYNTAX)
        if not is_as_said or syntax in NOT_WALKED or not 0 < self._group(index) < _BIG_ENDIAN_GROUP:
            raise UnusualError
        self._parts.append(_IMPLICIT if self._is_implicit else _EXPLICIT)
        self._elements(index, os.fstat(self._descriptor).st_size)
        stated, held = self._uids.values()
        if stated is None or held is None:  # absent, or there byte for byte: so must be what it is compared with
            self._parts += [uid for uid in (stated, held) if uid is not None]
        else:
            self._parts.append(_EQUAL if stated == held else _OTHER)
        return tuple(self._parts)

    def _meta(self, index: int) -> tuple[int, str | None]:
        """Take the file meta group; give the index after it and the transfer syntax, None where it is not stated."""
        syntax = None
        self._reach(index + 8)
        while self._group(index) == _META_GROUP:
            tag, vr, start, length = self._head(index)
            self._take(tag, vr, index, start, start + length)
            index = start + length
            if tag == _SYNTAX:
                syntax = self._buffer[start:index].rstrip(b"\0 ").decode("latin-1")
            self._reach(index + 8)
        return index, syntax

    def _elements(self, index: int, stop: int | None) -> int:
        """Take elements up to `stop`, pixel data, or the end of their item where that is not known; give the index."""
        while index != stop:
            tag, vr, start, length = self._head(index)
            if tag == _ITEM_END:
                if stop is not None or length or vr:
                    raise UnusualError
                return start
            if tag in _PIXEL_DATA and not self._depth:
                break
            end = None if length == UNDEFINED_LENGTH else start + length
            if end is not None and stop is not None and end > stop:
                raise UnusualError
            if end is None or (vr == _SQ and not tag & 1):
                index = self._sequence(tag, vr, start, end)
            else:
                self._take(tag, vr, index, start, end)
                index = end
        return index

    def _sequence(self, tag: int, vr: int, index: int, stop: int | None) -> int:
        """Take the items of a sequence; give the index after it."""
        is_sequence = vr == _SQ or (tag & 1 and self._is_implicit)
        self._depth += 1
        if self._depth > MAX_DEPTH or not is_sequence:
            raise UnusualError
        self._parts.append(tag << 16 | _SQ)
        while index != stop:
            self._reach(index + 8)
            mark, length = implicit_start(self._buffer, index)
            index += 8
            if mark == _SEQUENCE_END and stop is None and not length:
                break
            end = None if length == UNDEFINED_LENGTH else index + length
            if mark != _ITEM_START or (end is not None and stop is not None and end > stop):
                raise UnusualError
            self._parts.append(_ITEM)
            index = self._elements(index, end)
        self._parts.append(_END)
        self._depth -= 1
        return index

    def _head(self, index: int) -> tuple[int, int, int, int]:
        """Tag, VR, index of the value and its length, of the element at `index`."""
        if index + 12 > len(self._buffer):
            self._reach(index + 8)
        if self._is_implicit:
            tag, length = implicit_start(self._buffer, index)
            return tag, _dictionary_vrs[tag], index + 8, length
        tag, vr, length = explicit_start(self._buffer, index)
        if vr in LONG_VRS:
            if index + 12 > len(self._buffer):
                self._reach(index + 12)
            return tag, vr, index + 12, unsigned_long(self._buffer, index + 8)[0]
        if vr not in SHORT_VRS and tag != _ITEM_END:
            raise UnusualError
        return tag, vr, index + 8, length

    def _take(self, tag: int, vr: int, index: int, start: int, end: int) -> None:
        """Take an element into the outline: by tag and VR if nothing else of it matters, else whole."""
        if end > len(self._buffer):
            self._reach(end)
        if tag & 1:
            is_usual = tag >> 16 > _LAST_CREATOR and _something_in(self._buffer, start, end) is not None
        else:
            form = None if tag in self._contents else _form_of.get(vr)
            is_usual = form is not None and form(self._buffer, start, end) is not None
        self._parts.append(tag << 16 | vr if is_usual else self._buffer[index:end])
        if tag in _COMPARED and not self._depth:
            self._uids[tag] = self._buffer[start:end].rstrip(b"\0") if is_usual else None
        elif tag == _CHARACTER_SET:
            _require_like_ascii(self._buffer[start:end])

    def _group(self, index: int) -> int:
        return int.from_bytes(self._buffer[index : index + 2], "little")

    def _reach(self, end: int) -> None:
        """Have the bytes before `end` in memory."""
        held = len(self._buffer)
        if held < end <= LARGEST_BYTES:
            self._buffer += os.pread(self._descriptor, max(end - held, held), held)
        if end > len(self._buffer):
            raise UnusualError


def _require_like_ascii(terms: bytes) -> None:
    """Refuse character sets in which bytes of ASCII may mean something else, or nothing."""
    if not CHARACTER_SETS_LIKE_ASCII.issuperset(filter(None, terms.decode("latin-1").rstrip(" \0").split("\\"))):
        raise UnusualError


@cache
def _contents() -> frozenset[int]:
    """Tags of elements whose content the checks look into."""
    from pydicom.datadict import tag_for_keyword

    described = (keyword for keyword, protection in protections().items() if DESCRIPTORS in protection.options)
    tags = map(tag_for_keyword, (*VALUES_READ, *described))
    return frozenset(tag_number(tag) for tag in tags if tag is not None)


class _DictionaryVrs(dict[int, int]):
    """VR that an element of implicit VR has; 0 where it depends on others, or nobody knows it."""

    def __missing__(self, tag: int) -> int:
        from pydicom.datadict import dictionary_VR

        number = (tag & 0xFFFF) << 16 | tag >> 16
        if tag & 0xFFFF == _DELIMITER_GROUP and tag != _ITEM_END:
            raise UnusualError
        try:
            name = dictionary_VR(number)
        except KeyError:
            name = "" if number & 0xFFFF else "UL"
        vr = vr_number("US") if tag in _PIXEL_RANGE else vr_number(name) if len(name) == 2 else 0
        return self.setdefault(tag, vr)


_dictionary_vrs = _DictionaryVrs()
