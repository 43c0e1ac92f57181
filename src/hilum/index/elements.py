"""From the bytes of an element to its value: fast for the common forms, through pydicom for all others.

A decoder here either gives exactly what pydicom would give, as a plain ``str``, ``int``, ``float`` or a tuple of
them, or it declines by raising ``ValueError``; then `decode_with_pydicom` does it.

References
----------
DICOM PS3.5 section 6.2 (value representations), 6.1.2 (character sets).
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hilum.model.attributes import ATTRIBUTES, PIXEL_DATA_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.model.attributes import Scalar, Value

MEMO_SIZE = 2048
"""Distinct values remembered of an attribute: a few series' worth, a few hundred kB each."""

CHARACTER_SETS_LIKE_ASCII = frozenset(
    {"ISO_IR 13", "ISO_IR 192", "GB18030", "GBK", "ISO 2022 GBK", "ISO 2022 58"}
    | {f"ISO_IR {number}" for number in (6, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166)}
    | {f"ISO 2022 IR {n}" for n in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166)}
)
"""Defined terms of SpecificCharacterSet. In all of them a text of ASCII bytes without shift codes means ASCII."""

_SHIFT_CODES = b"\x0e\x0f\x1b"


class Wanted:
    """How one attribute is read: its VR, its decoder, and the values met lately.

    Attributes
    ----------
    tag, keyword
        DICOM tag and keyword.
    vr
        VR that `decode` is for, as the two bytes of an explicit header read as a little-endian number.
    decode
        Bytes to value; raises ``ValueError`` when the value is in none of the common forms.
    memo
        Bytes to value of the elements decoded lately.
    """

    __slots__ = ("decode", "keyword", "memo", "tag", "vr")

    def __init__(self, tag: int, keyword: str, vr: str) -> None:
        self.tag = tag
        self.keyword = keyword
        self.vr = vr_number(vr)
        self.decode = _DECODERS[vr]
        self.memo: dict[bytes, Value] = {}

    def remember(self, raw: bytes) -> Value:
        """Decode `raw` and keep its value; raises ``ValueError`` as `decode` does."""
        value = self.decode(raw)
        if len(self.memo) >= MEMO_SIZE:
            self.memo.clear()
        self.memo[raw] = value
        return value


def vr_number(vr: str) -> int:
    """Two letters of a VR as they read in a little-endian number of 16 bits."""
    return int.from_bytes(vr.encode(), "little")


def tag_number(tag: int) -> int:
    """Tag ``(group << 16) | element`` as its four bytes read in a little-endian number of 32 bits."""
    return (tag & 0xFFFF) << 16 | tag >> 16


def plain(value: Any) -> Value | None:
    """Give a value of pydicom's as ``str``, ``int``, ``float`` or a tuple of them; None if it is empty.

    Raises
    ------
    TypeError
        The value is none of these: bytes that fit no VR, or a sequence.
    """
    if value is None or isinstance(value, str | int | float):
        return _plain_scalar(value) if value not in (None, "") else None
    if isinstance(value, bytes):
        raise TypeError("value has a form that its VR does not have")
    if hasattr(value, "original_string"):  # PersonName
        return str(value) or None
    items = tuple(_plain_scalar(item) for item in value)
    return items or None


def decode_with_pydicom(
    raws: tuple[tuple[int, str | None, bytes], ...], character_set: Value | None, pixel_representation: Value | None
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Values of elements in an uncommon form, and the keywords of those that pydicom cannot decode either.

    Parameters
    ----------
    raws
        Tag, VR (None in implicit VR), value bytes.
    character_set, pixel_representation
        SpecificCharacterSet and PixelRepresentation of the same data set.
    """
    values: dict[str, Value] = {}
    unreadable: list[str] = []
    for tag, vr, raw in raws:
        try:
            value = _decode_one(tag, vr, raw, character_set, pixel_representation)
        except Exception:  # noqa: BLE001 - pydicom raises whatever a damaged element makes it stumble on
            unreadable.append(_KEYWORDS[tag])
            continue
        if value is not None:
            values[_KEYWORDS[tag]] = value
    return values, tuple(unreadable)


@lru_cache(MEMO_SIZE)
def _decode_one(
    tag: int, vr: str | None, raw: bytes, character_set: Value | None, pixel_representation: Value | None
) -> Value | None:
    from pydicom.charset import convert_encodings
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        is_implicit = vr is None
        element = RawDataElement(BaseTag(tag), vr, len(raw), raw, 0, is_implicit, True)
        dataset = Dataset({element.tag: element})
        terms = character_set if isinstance(character_set, tuple) else (character_set or "",)
        dataset.set_original_encoding(is_implicit, True, convert_encodings([str(term) for term in terms]))
        if pixel_representation is not None:
            dataset.add_new(0x00280103, "US", pixel_representation)
        return plain(dataset[element.tag].value)


def _plain_scalar(value: Any) -> Scalar:
    if value is None:
        return ""
    for kind in (int, float, str):
        if isinstance(value, kind):
            return str(value) if kind is str else kind(value)
    if hasattr(value, "original_string"):  # PersonName
        return str(value)
    raise TypeError(f"value of {type(value).__name__}")


def _ascii(raw: bytes) -> str:
    if any(code in raw for code in _SHIFT_CODES):
        raise ValueError("shift codes")
    return raw.decode("ascii")


def _code_text(raw: bytes) -> Value:
    text = _ascii(raw).rstrip(" \0")
    return tuple(text.split("\\")) if "\\" in text else text


def _free_text(raw: bytes) -> Value:
    text = _ascii(raw)
    if "\\" in text:
        return tuple([part.rstrip("\0 ") for part in text.split("\\")])
    return text.rstrip("\0 ")


def _person_name(raw: bytes) -> Value:
    if b"=" in raw or b"\\" in raw:
        raise ValueError("several component groups or values")
    return _ascii(raw).rstrip("\0 ")


def _decimal(raw: bytes) -> Value:
    if b"\\" in raw:
        return tuple([float(part) for part in raw.split(b"\\")])
    return float(raw)


def _integer(raw: bytes) -> Value:
    if b"\\" in raw:
        return tuple([int(part) for part in raw.split(b"\\")])
    return int(raw)


def _never(raw: bytes) -> Value:
    raise ValueError(f"{len(raw)} bytes of pixel data are no value")


def _unsigned(raw: bytes) -> Value:
    if len(raw) != 2:
        raise ValueError("not one value")
    return int.from_bytes(raw, "little")


_DECODERS: dict[str, Callable[[bytes], Value]] = {
    "AS": _code_text,
    "CS": _code_text,
    "DA": _code_text,
    "DS": _decimal,
    "IS": _integer,
    "LO": _free_text,
    "OW": _never,
    "PN": _person_name,
    "SH": _free_text,
    "TM": _code_text,
    "UI": _code_text,
    "US": _unsigned,
}

_KEYWORDS = {attribute.tag: attribute.keyword for attribute in ATTRIBUTES}

PIXEL_DATA = Wanted(0x7FE00010, "PixelData", "OW")
"""Marks the elements that end a header; its value is never decoded."""

WANTED: dict[int, Wanted] = {
    **{tag_number(a.tag): Wanted(a.tag, a.keyword, a.vr) for a in ATTRIBUTES},
    **dict.fromkeys(map(tag_number, PIXEL_DATA_TAGS), PIXEL_DATA),
}
"""By `tag_number`: how to read the element."""
