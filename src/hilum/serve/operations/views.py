"""Is the site alive, is it ready, what has it done; and the static files of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from hilum.catalog import Archive
from hilum.errors import ArchiveError
from hilum.serve.access.identify import principal_of
from hilum.serve.access.principal import Scope
from hilum.serve.operations import metrics
from hilum.serve.operations.static_files import find

if TYPE_CHECKING:
    from django.http import HttpRequest

YEAR_S = 365 * 24 * 3600
HOUR_S = 3600


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Say whether database and catalog answer; 503 if one does not."""
    parts = {"database": _database_answers(), "catalog": _catalog_answers()}
    status = 200 if all(parts.values()) else 503
    words = {name: "ok" if answers else "failed" for name, answers in parts.items()}
    return JsonResponse(words, status=status, headers={"Cache-Control": "no-store"})


@require_safe
def counts(request: HttpRequest) -> HttpResponse:
    """Give the metrics to stewards, and to programs with a steward's token; for others there is no such page."""
    principal = principal_of(request)
    if principal.scope < Scope.STEWARD or principal.cohort_id:
        raise Http404
    return HttpResponse(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


@require_safe
def static_file(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """Give a file of the pages; for good under its own digest, for an hour under that of the file that refers to it."""
    found = find(name)
    if found is None:
        raise Http404
    is_packed = found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{found.digest}{"-gzip" if is_packed else ""}"'
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(found.packed if is_packed else found.content, content_type=found.media_type)
        if is_packed:
            response["Content-Encoding"] = "gzip"
    lasting = f"max-age={YEAR_S}, immutable" if digest == found.digest else f"max-age={HOUR_S}"
    response["Cache-Control"] = f"public, {lasting}"
    response["ETag"] = etag
    response["Vary"] = "Accept-Encoding"
    return response


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _catalog_answers() -> bool:
    try:
        Archive.open(settings.OPTIONS.archive).snapshot()
    except ArchiveError:
        return False
    return True
