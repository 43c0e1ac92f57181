"""Media types: what a client accepts, and which of our offers suits it best.

References
----------
RFC 9110 section 12.5.1 (Accept); DICOM PS3.18 section 8.7 (media types), 8.3.3 (the ``accept`` query parameter).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from hilum.serve.dicomweb.problem import BAD_REQUEST, NOT_ACCEPTABLE, ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.http import HttpRequest

RELATED = "multipart/related"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
OCTETS = "application/octet-stream"
ANY = "*"

_PIECE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z/-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,\s"]*))?\s*')
_MOST_RANGES = 50
"""More media ranges than any client sends."""

_MOST_CHARACTERS = 2000
"""Longest list that is read: the time to divide it grows with the square of its length."""

_REMEMBERED_LISTS = 256
"""Accept headers that a worker keeps read: a client sends the same with every frame."""


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One media type that a client accepts.

    Attributes
    ----------
    name
        ``type/subtype``, lower case; either may be ``*``.
    parameters
        The others, by lower-case name, without quotes.
    quality
        0 to 1.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def part(self) -> str:
        """Media type of the parts of a multipart answer; any where it is not said."""
        return self.parameters.get("type", ANY).lower()

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax that is asked for; empty if none is."""
        return self.parameters.get("transfer-syntax", "")

    def covers(self, media_type: str) -> bool:
        """Whether a media type is accepted."""
        return covers(self.name, media_type)

    def covers_part(self, media_type: str) -> bool:
        """Whether a multipart answer with parts of a media type is accepted."""
        return self.covers(RELATED) and (self.part == ANY or covers(self.part, media_type))


def covers(pattern: str, media_type: str) -> bool:
    """Whether a media type is that of a pattern such as ``image/*``."""
    if pattern in {ANY, "*/*", media_type}:
        return True
    kind, _, subtype = pattern.partition("/")
    return subtype == ANY and media_type.startswith(f"{kind}/")


def accepted(request: HttpRequest) -> tuple[MediaRange, ...]:
    """What a client accepts, the most wanted first; everything where it does not say.

    Raises
    ------
    ProblemError
        400: the header or the ``accept`` parameter is no list of media types.
    """
    return media_ranges(request.GET.get("accept") or request.headers.get("Accept") or "")


@lru_cache(maxsize=_REMEMBERED_LISTS)
def media_ranges(text: str) -> tuple[MediaRange, ...]:
    """Read a list of media types, the most wanted first; an empty one is everything.

    Raises
    ------
    ProblemError
        400: it is none.
    """
    ranges = [_range(part) for part in _split(text or "*/*")]
    return tuple(sorted((each for each in ranges if each.quality > 0), key=lambda each: -each.quality))


def choose(ranges: Iterable[MediaRange], offers: Sequence[str]) -> str:
    """The offer that a client wants most; of equal ones the first.

    Raises
    ------
    ProblemError
        406: it accepts none.
    """
    for each in ranges:
        for offer in offers:
            if each.covers(offer):
                return offer
    raise ProblemError(NOT_ACCEPTABLE, f"this resource is given as {' or '.join(offers)}")


def content_type(text: str) -> MediaRange:
    """Read a Content-Type.

    Raises
    ------
    ProblemError
        400: it is none.
    """
    return _range(text)


def _split(text: str) -> Iterator[str]:
    """Media ranges of a list; commas within quotes do not divide."""
    if len(text) > _MOST_CHARACTERS:
        found = f"{len(text)} characters of accepted media types"
        raise ProblemError(BAD_REQUEST, f"{found}; expected at most {_MOST_CHARACTERS}")
    parts = re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', text)
    if len(parts) > _MOST_RANGES:
        raise ProblemError(BAD_REQUEST, f"{len(parts)} accepted media types; expected at most {_MOST_RANGES}")
    return (part for part in parts if part.strip())


def _range(text: str) -> MediaRange:
    name, parameters = "", {}
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None or (not name and ("/" not in found[1] or found[2] is not None)):
            raise ProblemError(BAD_REQUEST, "a media type was expected, such as application/dicom+json")
        if name:
            parameters[found[1].lower()] = (found[2] or "").strip('"')
        else:
            name = found[1].lower()
        position = found.end()
        if position < len(text) and text[position] != ";":
            raise ProblemError(BAD_REQUEST, "a media type was expected, such as application/dicom+json")
        position += 1
    return MediaRange(name or "*/*", parameters, _quality(parameters.pop("q", "1")))


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.\d{0,3})?", text) else 1.0
