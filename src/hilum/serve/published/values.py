"""The bytes of one element to its value in the DICOM JSON model.

Texts are decoded after the character sets of the data set, so that all JSON is UTF-8. A value that its VR does not
allow raises ``ValueError``: the attribute is left out and counted, the rest of the data set is kept.

References
----------
DICOM PS3.18 annex F.2 (JSON model), PS3.5 section 6.2 (value representations), 6.1.2.5 (code extension).
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import warnings
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BULK_BYTES = 1024
"""Binary values and arrays of numbers above this are given by address, not in the JSON."""

DEFAULT_ENCODINGS = ("iso8859",)
"""Python's name of the default repertoire, ISO IR 6, widened as pydicom does: what lies above ASCII stays readable."""

NUMBER_FORMATS = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
BULK_VRS = BINARY_VRS | NUMBER_FORMATS.keys()
_ONE_TEXT = frozenset({"LT", "ST", "UR", "UT"})
"""VRs in which a backslash is a character, and leading spaces count."""

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PERSON_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_MULTI_BYTE = frozenset({"GB18030", "GBK", "gb18030", "gbk"})
"""Encodings whose second bytes may be a backslash: decoded before they are split."""

_DELIMITERS = b"\\\n\f\r\t^="
"""After these a text begins anew in its first character set (PS3.5 section 6.1.2.5.3)."""

_quoted = partial(json.dumps, ensure_ascii=False)


def json_values(raw: bytes, vr: str, encodings: Sequence[str] = DEFAULT_ENCODINGS) -> str:
    """Text of the ``Value`` array (without its brackets) of an element that is neither binary nor a sequence.

    Parameters
    ----------
    raw
        Bytes of the value, little endian.
    encodings
        Python's names of the character sets (`encodings_of`).

    Returns
    -------
    Empty if there is no value.

    Raises
    ------
    ValueError
        The value is none that the VR allows.
    """
    if vr in NUMBER_FORMATS:
        return _numbers(raw, NUMBER_FORMATS[vr])
    if vr == "AT":
        return _tags(raw)
    texts = _texts(raw, vr, encodings)
    if not any(texts):
        return ""
    write = _TEXT_WRITERS.get(vr, _quoted)
    return ",".join([write(text) if text else "null" for text in texts])


def inline(raw: bytes) -> str:
    """Text of the ``InlineBinary`` of a value."""
    return base64.b64encode(raw).decode("ascii")


def encodings_of(character_sets: Sequence[str]) -> tuple[str, ...]:
    """Python's names of the character sets of a data set; those of an unknown term are left to the default."""
    from pydicom.charset import convert_encodings

    if not character_sets:
        return DEFAULT_ENCODINGS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return tuple(convert_encodings(list(character_sets)))
        except LookupError:
            return DEFAULT_ENCODINGS


def _texts(raw: bytes, vr: str, encodings: Sequence[str]) -> list[str]:
    if vr in _ONE_TEXT:
        return [_decoded(raw, encodings).rstrip(" \0")]
    if _MULTI_BYTE.intersection(encodings):
        return [part.strip(" \0") for part in _decoded(raw, encodings).split("\\")]
    return [_decoded(part, encodings).strip(" \0") for part in raw.split(b"\\")]


def _decoded(raw: bytes, encodings: Sequence[str]) -> str:
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    from pydicom.charset import decode_bytes

    with warnings.catch_warnings():
        # pydicom tells of bytes that are no text of the character set; they become U+FFFD.
        warnings.simplefilter("ignore")
        return decode_bytes(raw, list(encodings), set(_DELIMITERS))


def _numbers(raw: bytes, code: str) -> str:
    size = struct.calcsize(code)
    if len(raw) % size:
        raise ValueError(f"{len(raw)} bytes, expected a multiple of {size}")
    values = struct.unpack(f"<{len(raw) // size}{code}", raw)
    if code in "fd":
        return ",".join([repr(value) if math.isfinite(value) else f'"{_not_finite(value)}"' for value in values])
    return ",".join(map(str, values))


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _tags(raw: bytes) -> str:
    if len(raw) % 4:
        raise ValueError(f"{len(raw)} bytes, expected a multiple of 4")
    words = struct.unpack(f"<{len(raw) // 2}H", raw)
    return ",".join(f'"{group:04X}{element:04X}"' for group, element in zip(words[::2], words[1::2], strict=True))


def _person_name(text: str) -> str:
    groups = zip(_PERSON_NAME_GROUPS, text.split("="), strict=False)
    return _quoted({name: group.strip() for name, group in groups if group.strip()})


def _decimal(text: str) -> str:
    if _JSON_NUMBER.fullmatch(text):
        return text
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{text!r}, expected a number")
    return repr(value)


def _integer(text: str) -> str:
    if "_" in text:
        raise ValueError(f"{text!r}, expected a whole number")
    try:
        return str(int(text))
    except ValueError:
        value = float(text)
        if not value.is_integer():
            raise ValueError(f"{text!r}, expected a whole number") from None
        return str(int(value))


_TEXT_WRITERS: dict[str, Callable[[str], str]] = {"DS": _decimal, "IS": _integer, "PN": _person_name}
