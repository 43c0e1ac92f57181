"""Frames and bulk data of an object.

References
----------
DICOM PS3.18 section 10.4.1.1.5 and 10.4.1.1.6 (frames, bulk data), 8.7.3 (media types and transfer syntaxes).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.utils.http import quote_etag

from hilum.serve.dicomweb.bulk import read_element
from hilum.serve.dicomweb.conditions import PARTIAL, Part, not_modified, part_of
from hilum.serve.dicomweb.found import find_series
from hilum.serve.dicomweb.frames import EXPLICIT, NATIVE, frame_count, read_at_once, read_frames
from hilum.serve.dicomweb.media import ANY, OCTETS, RELATED, accepted
from hilum.serve.dicomweb.multipart import Writer
from hilum.serve.dicomweb.pixels import decoded_bytes
from hilum.serve.dicomweb.problem import (
    BAD_REQUEST,
    NOT_ACCEPTABLE,
    READ,
    ProblemError,
    not_found,
    service,
)
from hilum.serve.published.prepare import ROOT
from hilum.serve.streaming import OpenFile, Streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal
    from hilum.serve.dicomweb.found import FoundInstance
    from hilum.serve.dicomweb.media import MediaRange

MAX_FRAMES = 1000
"""Frames of one request; a slide has thousands of tiles, and nobody looks at all at once."""

MAX_BYTES = 1 << 29
"""Of the frames of one request, which are all held in memory; one frame may be longer."""

PIXEL_DATA = frozenset({"7FE00008", "7FE00009", "7FE00010"})
_PLACE = re.compile(r"(?:[0-9A-F]{8}/\d{1,9}/)*[0-9A-F]{8}")

MEDIA_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
"""Media type of a compressed frame, by transfer syntax (PS3.18 table 8.7.3-5)."""


@service(*READ)
def frames(
    request: HttpRequest, principal: Principal, *, study_uid: str, series_uid: str, sop_uid: str, numbers: str
) -> HttpResponseBase:
    """Frames of an object, 1-based, as stored unless they are asked for without compression."""
    found = find_series(principal, study_uid, series_uid).instance(sop_uid)
    asked = ask_for_frames(found, numbers, accepted(request))
    content_type, body = asked.give(request.build_absolute_uri(ROOT))
    return HttpResponse(body, content_type=content_type)


@dataclass(frozen=True, slots=True)
class AskedFrames:
    """Frames of an object, and the form they are wanted in.

    Attributes
    ----------
    found
        The object.
    numbers
        1-based.
    media_type, syntax
        Of each frame.
    is_single
        Whether the one frame is wanted as it is, not as a part.
    """

    found: FoundInstance
    numbers: tuple[int, ...]
    media_type: str
    syntax: str
    is_single: bool

    @property
    def must_decode(self) -> bool:
        """Whether they are not given as they are stored."""
        return self.syntax == EXPLICIT and self.found.transfer_syntax not in NATIVE

    def give(self, root: str) -> tuple[str, bytes]:
        """Content type and body; `root` is the address of the service."""
        if self.must_decode:
            data = [decoded_bytes(self.found, number) for number in self.numbers]
        else:
            data = read_frames(self.found, self.numbers)
        if self.is_single:
            return self._part_type, data[0]
        return _as_parts(self.media_type, self._part_type, data, self._location(root), self.numbers)

    def give_at_once(self, root: str) -> tuple[str, bytearray] | None:
        """As `give`, of one frame that nothing need be waited for; None: something must."""
        if len(self.numbers) > 1 or self.must_decode:
            return None
        number = self.numbers[0]
        if self.is_single:
            body, content_type = read_at_once(self.found, number, lambda _: (b"", b"")), self._part_type
        else:
            writer = Writer(self.media_type)
            around = partial(writer.around, self._part_type, f"{self._location(root)}/{number}")
            body, content_type = read_at_once(self.found, number, around), writer.content_type
        return None if body is None else (content_type, body)

    @property
    def _part_type(self) -> str:
        return f"{self.media_type}; transfer-syntax={self.syntax}"

    def _location(self, root: str) -> str:
        return f"{self.found.address(root)}/frames"


def ask_for_frames(found: FoundInstance, numbers: str, ranges: Sequence[MediaRange]) -> AskedFrames:
    """Frames by their numbers, with commas between, as a client accepts them.

    Raises
    ------
    ProblemError
        400: too many; 406: they cannot be given in such a form.
    """
    wanted = tuple(int(number) for number in numbers.split(","))
    if len(wanted) > MAX_FRAMES:
        raise ProblemError(BAD_REQUEST, f"{len(wanted)} frames; expected at most {MAX_FRAMES} in one request")
    if len(wanted) > 1 and len(wanted) * _frame_bytes(found) > MAX_BYTES:
        raise ProblemError(BAD_REQUEST, f"{len(wanted)} frames; expected at most {MAX_BYTES} bytes in one request")
    return AskedFrames(found, wanted, *_form(ranges, found, len(wanted)))


@service(*READ)
def bulk_data(
    request: HttpRequest, principal: Principal, *, study_uid: str, series_uid: str, sop_uid: str, place: str
) -> HttpResponseBase:
    """One value of an object: a tag, or the tags and item numbers that lead to it."""
    found = find_series(principal, study_uid, series_uid).instance(sop_uid)
    if not _PLACE.fullmatch(place):
        raise not_found()
    if place in PIXEL_DATA and found.transfer_syntax not in NATIVE:
        return _compressed_pixels(request, found)
    # Parts are divided by something drawn by lot: only what stands alone is the same each time.
    is_single = _is_single(accepted(request))
    tag = quote_etag(f"{found.series.digest}-{found.index}-{place}") if is_single else ""
    if is_single and (known := not_modified(request, tag)) is not None:
        return known
    if place in PIXEL_DATA and found.values.get("pixel_length", -1) >= 0:
        return _pixels_of_file(request, found, tag)
    return _value(request, read_element(found, place), tag)


def native_syntax(found: FoundInstance) -> str:
    """Transfer syntax that uncompressed frames are given in: as stored, or little endian where that is unusual."""
    return EXPLICIT if found.transfer_syntax in NATIVE else found.transfer_syntax


def _frame_bytes(found: FoundInstance) -> int:
    """Bytes of one frame without compression; 0 where the size of the image is not known."""
    sizes = (found.values.get(name) for name in ("Rows", "Columns", "BitsAllocated"))
    return int(math.prod(size or 0 for size in sizes) * (found.values.get("SamplesPerPixel") or 1) // 8)


def _form(ranges: Sequence[MediaRange], found: FoundInstance, count: int) -> tuple[str, str, bool]:
    """Media type and transfer syntax of the frames, and whether one is given without parts.

    Raises
    ------
    ProblemError
        406: the frames cannot be given as is asked.
    """
    for each in ranges:
        is_multipart = each.covers(RELATED)
        part = each.part if is_multipart else each.name
        form = _part_form(part, each.transfer_syntax, found)
        if form is not None and (is_multipart or count == 1):
            return *form, not is_multipart
    offers = f'multipart/related; type="{OCTETS}"; transfer-syntax=*, or {EXPLICIT}'
    raise ProblemError(NOT_ACCEPTABLE, f"frames are given as {offers}")


def _part_form(part: str, syntax: str, found: FoundInstance) -> tuple[str, str] | None:
    """Media type and transfer syntax for a media type that is asked for; None if it cannot be had."""
    stored = native_syntax(found)
    own_type = MEDIA_TYPES.get(stored, OCTETS)
    is_stored = syntax in {"*", stored}
    if part == OCTETS:
        # Without a transfer syntax octets are uncompressed (PS3.18, 8.7.3.2).
        return (OCTETS, stored) if is_stored else (OCTETS, EXPLICIT) if syntax in {"", EXPLICIT} else None
    if part in {ANY, "*/*"}:
        return (own_type, stored) if is_stored or not syntax else (OCTETS, EXPLICIT) if syntax == EXPLICIT else None
    is_own = part == own_type or (part == "image/*" and own_type.startswith("image/"))
    return (own_type, stored) if is_own and (is_stored or not syntax) else None


def _as_parts(
    media_type: str, part_type: str, data: Sequence[bytes], location: str, numbers: Sequence[int]
) -> tuple[str, bytes]:
    writer = Writer(media_type)
    body: list[bytes] = []
    for number, each in zip(numbers, data, strict=True):
        body += writer.head(part_type, f"{location}/{number}", len(each)), each, b"\r\n"
    return writer.content_type, b"".join([*body, writer.end()])


def _is_single(ranges: Sequence[MediaRange]) -> bool:
    """Whether a value is wanted as it is, not as a part.

    Raises
    ------
    ProblemError
        406: neither is accepted.
    """
    for each in ranges:
        if each.covers_part(OCTETS):
            return False
        if each.covers(OCTETS):
            return True
    raise ProblemError(NOT_ACCEPTABLE, f'values are given as {OCTETS} or multipart/related; type="{OCTETS}"')


def _compressed_pixels(request: HttpRequest, found: FoundInstance) -> HttpResponse:
    """Every frame as a part."""
    count = frame_count(found)
    if count > MAX_FRAMES:
        raise ProblemError(NOT_ACCEPTABLE, f"{count} frames; ask for them by number, at most {MAX_FRAMES} at once")
    syntax = found.transfer_syntax
    media_type = MEDIA_TYPES.get(syntax, OCTETS)
    numbers = range(1, count + 1)
    location = f"{found.address(request.build_absolute_uri(ROOT))}/frames"
    content_type, body = _as_parts(
        media_type, f"{media_type}; transfer-syntax={syntax}", read_frames(found, numbers), location, numbers
    )
    return HttpResponse(body, content_type=content_type)


def _pixels_of_file(request: HttpRequest, found: FoundInstance, tag: str) -> HttpResponseBase:
    """Uncompressed pixel data, sent from the file."""
    length = found.values["pixel_length"]
    asked = part_of(request, length, tag)
    part = asked or Part(0, length, length)
    pieces = OpenFile(found.open()).pieces(found.values["pixel_offset"] + part.start, part.stop - part.start)
    return _sent(request, pieces, part, tag, is_partial=asked is not None)


def _value(request: HttpRequest, value: bytes, tag: str) -> HttpResponseBase:
    asked = part_of(request, len(value), tag)
    part = asked or Part(0, len(value), len(value))
    return _sent(request, iter([value[part.start : part.stop]]), part, tag, is_partial=asked is not None)


def _sent(request: HttpRequest, pieces: Iterator[bytes], part: Part, tag: str, *, is_partial: bool) -> HttpResponseBase:
    """Give a value or a part of it: by itself if it has an entity tag, else as the one part of a message."""
    headers = {"Accept-Ranges": "bytes"} | ({"Content-Range": part.content_range} if is_partial else {})
    status, length = PARTIAL if is_partial else 200, part.stop - part.start
    if tag:
        headers |= {"ETag": tag, "Content-Length": str(length)}
        return Streamed(pieces, status=status, content_type=OCTETS, headers=headers)
    writer = Writer(OCTETS)
    framed = _framed(writer, pieces, request.build_absolute_uri(request.path), length)
    return Streamed(framed, status=status, content_type=writer.content_type, headers=headers)


def _framed(writer: Writer, pieces: Iterator[bytes], location: str, length: int) -> Iterator[bytes]:
    yield writer.head(OCTETS, location, length)
    yield from pieces
    yield b"\r\n" + writer.end()
