"""WADO-RS: objects, their metadata, frames, bulk data and pictures.

References
----------
DICOM PS3.18 section 10.4 (retrieve transaction), 8.7 (media types).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.utils.http import quote_etag

from hilum.errors import PixelError
from hilum.serve.dicomweb.conditions import not_modified
from hilum.serve.dicomweb.exchange import as_transfer_syntax, can_be_given_as
from hilum.serve.dicomweb.found import find_series, find_study
from hilum.serve.dicomweb.frames import EXPLICIT, frame_count
from hilum.serve.dicomweb.media import DICOM, DICOM_JSON, JSON, accepted, choose
from hilum.serve.dicomweb.multipart import Writer
from hilum.serve.dicomweb.problem import BAD_REQUEST, NOT_ACCEPTABLE, READ, ProblemError, not_found, service
from hilum.serve.dicomweb.rendered import read_rendering, render
from hilum.serve.dicomweb.search import takes_gzip
from hilum.serve.published.prepare import ROOT
from hilum.serve.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal
    from hilum.serve.dicomweb.found import FoundInstance, FoundSeries
    from hilum.serve.dicomweb.media import MediaRange

PICTURES = ("image/jpeg", "image/png")
GZIP_LEVEL = 1


@service(*READ)
def study(request: HttpRequest, principal: Principal, study_uid: str) -> HttpResponseBase:
    """Every object of a study."""
    return _objects(request, find_study(principal, study_uid))


@service(*READ)
def series(request: HttpRequest, principal: Principal, study_uid: str, series_uid: str) -> HttpResponseBase:
    """Every object of a series."""
    return _objects(request, [find_series(principal, study_uid, series_uid)])


@service(*READ)
def instance(
    request: HttpRequest, principal: Principal, study_uid: str, series_uid: str, sop_uid: str
) -> HttpResponseBase:
    """One object, whole."""
    found = find_series(principal, study_uid, series_uid).instance(sop_uid)
    ranges = accepted(request)
    for each in ranges:
        if each.covers_part(DICOM):
            break
        if each.covers(DICOM) and can_be_given_as(found, each.transfer_syntax):
            return _one_object(request, found, each.transfer_syntax)
    return _objects(request, [found.series], only=found)


@service(*READ)
def study_metadata(request: HttpRequest, principal: Principal, study_uid: str) -> HttpResponseBase:
    """Metadata of every object of a study, one series at a time in memory."""
    media_type = choose(accepted(request), (DICOM_JSON, JSON))
    found = find_study(principal, study_uid)
    tag = quote_etag("-".join(dict.fromkeys(each.digest for each in found)))
    if (known := not_modified(request, tag)) is not None:
        return known
    pieces = _joined_metadata(found)
    is_gzip = takes_gzip(request)
    response = Streamed(_gzipped(pieces) if is_gzip else pieces, content_type=media_type, headers={"ETag": tag})
    if is_gzip:
        response["Content-Encoding"] = "gzip"
    return response


@service(*READ)
def series_metadata(request: HttpRequest, principal: Principal, study_uid: str, series_uid: str) -> HttpResponseBase:
    """Metadata of every object of a series: the prepared file, as it is where gzip is taken."""
    media_type = choose(accepted(request), (DICOM_JSON, JSON))
    found = find_series(principal, study_uid, series_uid)
    is_gzip = takes_gzip(request)
    tag = quote_etag(f"{found.digest}{'-gzip' if is_gzip else ''}")
    if (known := not_modified(request, tag)) is not None:
        return known
    prepared = found.metadata()
    response = HttpResponse(
        prepared.gzip() if is_gzip else prepared.text(), content_type=media_type, headers={"ETag": tag}
    )
    if is_gzip:
        response["Content-Encoding"] = "gzip"
    return response


@service(*READ)
def instance_metadata(
    request: HttpRequest, principal: Principal, study_uid: str, series_uid: str, sop_uid: str
) -> HttpResponseBase:
    """Metadata of one object."""
    media_type = choose(accepted(request), (DICOM_JSON, JSON))
    found = find_series(principal, study_uid, series_uid)
    index = found.index_of(sop_uid)
    tag = quote_etag(f"{found.digest}-{index}")
    if (known := not_modified(request, tag)) is not None:
        return known
    body = b"[" + found.metadata().instance(index) + b"]"
    return HttpResponse(body, content_type=media_type, headers={"ETag": tag})


@service(*READ)
def rendered(
    request: HttpRequest,
    principal: Principal,
    *,
    study_uid: str,
    series_uid: str | None = None,
    sop_uid: str | None = None,
    numbers: str | None = None,
    is_thumbnail: bool = False,
) -> HttpResponseBase:
    """Picture of a frame, or of what stands for an object, series or study: the middle of it."""
    media_type = choose(accepted(request), PICTURES)
    wanted = read_rendering(request.GET, is_thumbnail=is_thumbnail)
    shown = _representative(principal, study_uid, series_uid, sop_uid)
    if numbers and "," in numbers:
        raise ProblemError(BAD_REQUEST, "a picture shows one frame")
    number = int(numbers) if numbers else frame_count(shown) // 2 + 1
    tag = quote_etag(f"{shown.series.digest}-{shown.index}-{number}")
    if not request.GET and (known := not_modified(request, tag)) is not None:
        return known
    try:
        picture = render(shown, number, wanted, media_type)
    except PixelError as error:
        raise ProblemError(NOT_ACCEPTABLE, "the object cannot be shown as a picture") from error
    response = HttpResponse(picture, content_type=media_type)
    if not request.GET:
        response["ETag"] = tag
    return response


def _representative(principal: Principal, study_uid: str, series_uid: str | None, sop_uid: str | None) -> FoundInstance:
    if series_uid is None:
        found = max(find_study(principal, study_uid), key=lambda each: each.instance_count)
    else:
        found = find_series(principal, study_uid, series_uid)
    if sop_uid is not None:
        return found.instance(sop_uid)
    if not len(found.instances):
        raise not_found()
    return found.at(len(found.instances) // 2)


def _objects(request: HttpRequest, found: Sequence[FoundSeries], only: FoundInstance | None = None) -> HttpResponseBase:
    """Objects as parts of one answer, each read when its turn comes."""
    # All are looked up now: what is sent piece by piece has no connection to the database.
    objects = [only] if only else [each.at(index) for each in found for index in range(len(each.instances))]
    syntax = _transfer_syntax(accepted(request), objects)
    writer = Writer(DICOM)
    pieces = _parts(writer, objects, syntax, request.build_absolute_uri(ROOT))
    return Streamed(pieces, content_type=writer.content_type)


def _transfer_syntax(ranges: Sequence[MediaRange], objects: Sequence[FoundInstance]) -> str:
    """Transfer syntax of the most wanted media range that every object can be given in.

    Raises
    ------
    ProblemError
        406: there is none.
    """
    for each in ranges:
        if each.covers_part(DICOM) and all(can_be_given_as(one, each.transfer_syntax) for one in objects):
            return each.transfer_syntax
    offer = f'multipart/related; type="{DICOM}", as stored or with transfer-syntax={EXPLICIT}'
    raise ProblemError(NOT_ACCEPTABLE, f"objects are given as {offer}")


def _parts(writer: Writer, objects: Sequence[FoundInstance], syntax: str, root: str) -> Iterator[bytes]:
    for one in objects:
        given, length, pieces = as_transfer_syntax(one, syntax)
        yield writer.head(f"{DICOM}; transfer-syntax={given}", one.address(root), length)
        yield from pieces
        yield b"\r\n"
    yield writer.end()


def _one_object(request: HttpRequest, found: FoundInstance, syntax: str) -> HttpResponseBase:
    tag = quote_etag(f"{found.series.digest}-{found.index}-{syntax}")
    if (known := not_modified(request, tag)) is not None:
        return known
    given, length, pieces = as_transfer_syntax(found, syntax)
    headers = {"ETag": tag, "Content-Length": str(length)}
    return Streamed(pieces, content_type=f"{DICOM}; transfer-syntax={given}", headers=headers)


def _joined_metadata(found: Sequence[FoundSeries]) -> Iterator[bytes]:
    for number, each in enumerate(found):
        yield b"," if number else b"["
        yield each.metadata().instances()
    yield b"]"


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(GZIP_LEVEL, wbits=31)
    for piece in pieces:
        if packed := deflate.compress(piece):
            yield packed
    yield deflate.flush()
