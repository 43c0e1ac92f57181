"""What is decided without Django's chain: frames, and whether a body is read at all.

A viewer asks for hundreds of frames at once, and the chain costs more than the frame. Only what is plainly to be had is
answered here: a frame as it is stored, for somebody whom `identify` knows and to whom `decisions` shows the series.
Everything else, and every error, is Django's, which looks at the request from the start.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.module_loading import import_string

from hilum.errors import HilumError
from hilum.serve.access import identify
from hilum.serve.dicomweb import store
from hilum.serve.dicomweb.found import find_series
from hilum.serve.dicomweb.media import media_ranges
from hilum.serve.dicomweb.pieces import ask_for_frames
from hilum.serve.dicomweb.problem import NEVER_KEPT, VARY, ProblemError
from hilum.serve.dicomweb.urls import FRAMES, FramesConverter, UidConverter
from hilum.serve.operations import metrics
from hilum.serve.published.prepare import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hilum.serve.access.principal import Principal

    Headers = list[tuple[bytes, bytes]]

METHOD, STATUS = "GET", 200
ROUTE = f"{ROOT[1:]}/{FRAMES}"
"""As Django's chain names it in counts and log."""

REMEMBERED_HOSTS = 100
HEADER_MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "hilum.serve.operations.observe.strict_headers",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
"""What sets headers that do not depend on the request."""

_UID, _NUMBERS = UidConverter.regex, FramesConverter.regex
_PATH = re.compile(
    f"{ROOT}/studies/(?P<study>{_UID})/series/(?P<series>{_UID})/instances/(?P<sop>{_UID})/frames/(?P<numbers>{_NUMBERS})"
)


@dataclass(frozen=True, slots=True)
class Direct:
    """An answer with status 200."""

    headers: Headers
    body: bytes


def is_frames(scope: Mapping[str, Any]) -> bool:
    """Whether a request is one for frames that may be answered here."""
    is_plain = scope["method"] == METHOD and not scope["query_string"] and not scope.get("root_path")
    return is_plain and _PATH.fullmatch(scope["path"]) is not None


def answer(scope: Mapping[str, Any]) -> Direct | None:
    """Answer a request of `is_frames`, in a thread that may keep its connection to the database; None: Django does."""
    started = time.perf_counter()
    headers = by_name(scope["headers"])
    common = _common_headers(scope["scheme"])
    host = headers.get("host", "")
    if common is None or not _is_allowed(host):
        return None
    try:
        close_old_connections()
        principal = identify.of_headers(headers.get("authorization", ""), headers.get("cookie", ""))
        found = None if principal is None else _frames(principal, scope["path"], headers, f"{scope['scheme']}://{host}")
    except (ProblemError, HilumError, DatabaseError):
        return None
    if found is None:
        return None
    metrics.count(ROUTE, METHOD, STATUS, time.perf_counter() - started)
    content_type, body = found
    own = [(b"Content-Type", content_type.encode("latin-1")), (b"Content-Length", str(len(body)).encode())]
    return Direct(own + common, body)


def may_send(scope: Mapping[str, Any]) -> bool:
    """Whether who sends a request may send objects, by its headers alone; in a thread, as `answer`."""
    headers = by_name(scope["headers"])
    close_old_connections()
    principal = identify.of_headers(headers.get("authorization", ""), headers.get("cookie", ""))
    return principal is not None and store.may_send(principal)


def _frames(principal: Principal, path: str, headers: Mapping[str, str], site: str) -> tuple[str, bytes] | None:
    """Content type and body; None where the frames must be decoded, which takes long beside what else is done here."""
    place = _PATH.fullmatch(path)
    if place is None:
        return None
    found = find_series(principal, place["study"], place["series"]).instance(place["sop"])
    asked = ask_for_frames(found, place["numbers"], media_ranges(headers.get("accept", "")))
    return None if asked.must_decode else asked.give(site + ROOT)


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; one that comes several times as a list (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw in headers:
        name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        found[name] = f"{found[name]}{'; ' if name == 'cookie' else ','}{value}" if name in found else value
    return found


@lru_cache(maxsize=REMEMBERED_HOSTS)
def _is_allowed(host: str) -> bool:
    """Whether the site answers to a name, as Django decides it."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


@cache
def _common_headers(scheme: str) -> Headers | None:
    """What every answer has, from the same middleware; None where it answers itself: over HTTP, on a site with TLS."""
    chain: Any = _empty_answer
    for name in reversed(HEADER_MIDDLEWARE):
        chain = import_string(name)(chain)
    request = HttpRequest()
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "443"}
    request.path = ROOT
    request._get_scheme = lambda: scheme  # type: ignore[attr-defined]  # noqa: SLF001 (what ASGIRequest overrides)
    response = chain(request)
    if response.status_code != STATUS:
        return None
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]


def _empty_answer(_: HttpRequest) -> HttpResponse:
    response = HttpResponse(headers={"Vary": VARY, "Cache-Control": NEVER_KEPT})
    del response["Content-Type"]
    return response
