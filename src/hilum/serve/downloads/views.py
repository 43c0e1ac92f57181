"""Downloads: cohorts and collections as ZIP and as manifests, series as ZIP that can be had in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.utils.http import content_disposition_header

from hilum.acquire.layouts import layout_of, safe_part
from hilum.errors import ConfigError
from hilum.model.instances import Instances
from hilum.serve.access import audit
from hilum.serve.access.decisions import visible_series
from hilum.serve.dicomweb.conditions import PARTIAL, not_modified, part_of
from hilum.serve.dicomweb.problem import BAD_REQUEST, NOT_FOUND, READ, ProblemError, not_found, service
from hilum.serve.downloads.bag import Bag
from hilum.serve.downloads.chosen import batch_size, find_chosen, list_series
from hilum.serve.downloads.licences import licence_of
from hilum.serve.downloads.manifests import DIALECTS, MEDIA_TYPES, manifest_of
from hilum.serve.downloads.members import by_place, by_uid, files_of, in_large_pieces
from hilum.serve.downloads.offers import offer
from hilum.serve.downloads.series_zip import SeriesZip
from hilum.serve.streaming import Streamed

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase, QueryDict

    from hilum.acquire.layouts import Layout
    from hilum.publish.release import Kind
    from hilum.serve.access.principal import Principal
    from hilum.serve.published.models import Series

ZIP = "application/zip"
LAYOUTS = ("idc", "classic", "descriptive")
LONGEST_LAYOUT = 500
"""Characters: a path in a ZIP has 65,535 bytes at most, and each part of a template may become 120."""

SERIES, NOT_HERE, CLOSED = "X-Series", "X-Series-Not-Included", "X-Series-Closed"
"""Headers: series in the answer, series that are not, and series of the cohort that whoever asks may not see."""


@service(*READ)
def show_offer(request: HttpRequest, principal: Principal, *, kind: Kind, name: str) -> HttpResponseBase:
    """Tell what can be downloaded of a cohort or collection, and where."""
    chosen = find_chosen(principal, kind, name, request.GET)
    return JsonResponse(offer(chosen, batch_size(request.GET)))


@service(*READ)
def bag(request: HttpRequest, principal: Principal, *, kind: Kind, name: str) -> HttpResponseBase:
    """A cohort or collection as one ZIP."""
    layout = _layout(request.GET)
    chosen = find_chosen(principal, kind, name, request.GET)
    planned = Bag.plan(chosen, list_series(chosen), layout)
    left_out = len({uid for uid, _, _ in planned.left_out})
    headers = _headers(f"{chosen.file_name}.zip", planned.series_count, left_out, chosen.closed_count)
    if (size_bytes := planned.size_bytes()) is not None:
        headers["Content-Length"] = str(size_bytes)
    if request.method == "HEAD":
        planned.close()
        return HttpResponse(content_type=ZIP, headers=headers)
    counts = {"series": planned.series_count, "not_included": left_out}
    audit.downloaded(principal, chosen.name, form="zip", kind=kind, part=chosen.file_name, **counts)
    return Streamed(planned, content_type=ZIP, headers=headers)


@service(*READ)
def manifest(request: HttpRequest, principal: Principal, *, kind: Kind, name: str, file_name: str) -> HttpResponseBase:
    """A cohort or collection as a manifest."""
    dialect = DIALECTS.get(file_name)
    if dialect is None:
        raise not_found()
    chosen = find_chosen(principal, kind, name, request.GET)
    made = manifest_of(chosen, dialect)
    headers = _headers(made.file_name, made.series_count, made.left_out_count, chosen.closed_count)
    media_type = f"{MEDIA_TYPES.get(dialect, 'text/plain')}; charset=utf-8"
    if request.method == "GET":
        counts = {"series": made.series_count, "not_included": made.left_out_count}
        audit.downloaded(principal, chosen.name, form=dialect.value, kind=kind, part=chosen.file_name, **counts)
    return HttpResponse(made.text.encode(), content_type=media_type, headers=headers)


@service(*READ)
def series(request: HttpRequest, principal: Principal, series_uid: str) -> HttpResponseBase:
    """A series as ZIP, with the hashes of its files."""
    return send_series(request, principal, series_uid, with_hashes=True)


def send_series(
    request: HttpRequest, principal: Principal, series_uid: str, *, with_hashes: bool, is_renamed: bool = False
) -> HttpResponseBase:
    """Send a series, or the part of it that is asked for.

    Parameters
    ----------
    with_hashes
        Whether a list of MD5 hashes is in it.
    is_renamed
        Whether files are named after their place in the series, not after their UID.

    Raises
    ------
    ProblemError
        404: there is none that may be seen, or its files are not here, or not as they were indexed.
    """
    found = find_here(principal, series_uid)
    zipped = _zip_of(found, with_hashes=with_hashes, is_renamed=is_renamed)
    tag = f'"{zipped.entity_tag}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", **_attachment(f"{found.series_uid}.zip")}
    if (known := not_modified(request, tag)) is not None:
        return known
    part = part_of(request, zipped.size_bytes, tag)
    start, stop = (part.start, part.stop) if part else (0, zipped.size_bytes)
    headers |= {"Content-Length": str(stop - start)} | ({"Content-Range": part.content_range} if part else {})
    if request.method == "HEAD":
        return HttpResponse(content_type=ZIP, headers=headers)
    audit.downloaded(principal, found.series_uid, form="series", start=start, stop=stop)
    pieces = in_large_pieces(zipped.pieces(start, stop))
    return Streamed(pieces, status=PARTIAL if part else 200, content_type=ZIP, headers=headers)


def find_here(principal: Principal, series_uid: str) -> Series:
    """Give a series whose files are here; of two collections, the first.

    Raises
    ------
    ProblemError
        404: there is none that may be seen, or its files are not here.
    """
    rows = visible_series(principal).filter(series_uid=series_uid).select_related("study")
    found = rows.filter(instances__isnull=False).order_by("collection_id").first()
    if found is None and rows.exists():
        raise ProblemError(NOT_FOUND, "the files of this series are not in this archive, which only knows of it")
    if found is None:
        raise not_found()
    return found


def _zip_of(found: Series, *, with_hashes: bool, is_renamed: bool) -> SeriesZip:
    instances = Instances.unpack(bytes(found.instances or b""))
    files = list(files_of(instances, naming=by_place if is_renamed else by_uid))
    changed_ns = [file.changed_at() for file in files]
    present = [changed for changed in changed_ns if changed is not None]
    if missing := len(files) - len(present):
        what = f"{missing} of {len(files)} files of this series are not as they were indexed; tell the steward"
        raise ProblemError(NOT_FOUND, what)
    return SeriesZip(files, present, licence=licence_of(found.collection_id), with_hashes=with_hashes)


def _layout(parameters: QueryDict) -> Layout:
    name = parameters.get("layout", LAYOUTS[0])
    if len(name) > LONGEST_LAYOUT:
        raise ProblemError(BAD_REQUEST, f"layout: {len(name)} characters; expected at most {LONGEST_LAYOUT}")
    try:
        return layout_of(name)
    except ConfigError as error:
        raise ProblemError(BAD_REQUEST, f"layout: expected {', '.join(LAYOUTS)}, or a template with %") from error


def _headers(file_name: str, series_count: int, left_out: int, closed: int) -> dict[str, str]:
    counts = {SERIES: series_count, NOT_HERE: left_out, CLOSED: closed}
    return _attachment(file_name) | {name: str(number) for name, number in counts.items()}


def _attachment(file_name: str) -> dict[str, str]:
    return {"Content-Disposition": content_disposition_header(True, safe_part(file_name)) or "attachment"}
