"""What is decided without Django's chain: frames, and whether a body is read at all.

A viewer asks for hundreds of frames at once, and the chain costs more than the frame. Only what is plainly to be had is
answered here: a frame as it is stored, for somebody whom `identify` knows and to whom `decisions` shows the series.
Everything else, and every error, is Django's, which looks at the request from the start.

`look_up` asks the database, `give` reads the file; both wait, and belong in a thread that may keep its connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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
from hilum.serve.published.prepare import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hilum.serve.dicomweb.found import FoundSeries
    from hilum.serve.dicomweb.media import MediaRange
    from hilum.serve.dicomweb.pieces import AskedFrames

    Headers = list[tuple[bytes, bytes]]

METHOD, STATUS = "GET", 200
READ = (b"host", b"authorization", b"cookie", b"accept")
"""Headers that are looked at."""

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
_PATH = re.compile(f"{ROOT}/studies/({_UID})/series/({_UID})/instances/({_UID})/frames/({_NUMBERS})")


class Question(NamedTuple):
    """All of a request that `look_up` goes by: under it the wish is remembered."""

    study_uid: str
    series_uid: str
    scheme: str
    host: str
    authorization: str
    cookie: str
    accept: str


class Asked(NamedTuple):
    """A request for frames of an object; `numbers` with commas between."""

    question: Question
    sop_uid: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A series that may be seen, and how frames of it are wanted.

    Attributes
    ----------
    series
        Its instances are looked up.
    ranges
        Media types that are accepted.
    root
        Address of the service.
    headers
        What every answer has.
    """

    series: FoundSeries
    ranges: tuple[MediaRange, ...]
    root: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Direct:
    """An answer with status 200."""

    headers: Headers
    body: bytes | bytearray


def asked_of(scope: Mapping[str, Any]) -> Asked | None:
    """Frames that a request is for, if it may be answered here."""
    is_plain = scope["method"] == METHOD and not scope["query_string"] and not scope.get("root_path")
    found = _PATH.fullmatch(scope["path"]) if is_plain else None
    if found is None:
        return None
    study_uid, series_uid, sop_uid, numbers = found.groups()
    return Asked(Question(study_uid, series_uid, scope["scheme"], *_told(scope["headers"])), sop_uid, numbers)


def look_up(question: Question) -> Wish | None:
    """Say what a request may have; None: Django answers."""
    common = common_headers(question.scheme)
    if common is None or not _is_allowed(question.host):
        return None
    try:
        close_old_connections()
        principal = identify.of_headers(question.authorization, question.cookie)
        if principal is None:
            return None
        series = find_series(principal, question.study_uid, question.series_uid)
        _ = series.instances  # so that nobody asks the database for them later
        return Wish(series, media_ranges(question.accept), f"{question.scheme}://{question.host}{ROOT}", common)
    except (ProblemError, HilumError, DatabaseError):
        return None


def give(wish: Wish, asked: Asked) -> Direct | None:
    """Answer a request; None: Django does."""
    # Frames that must be decoded take long beside what else is done here.
    return _answer(wish, asked, lambda frames: None if frames.must_decode else frames.give(wish.root))


def give_at_once(wish: Wish, asked: Asked) -> Direct | None:
    """Answer a request where nothing is to be waited for; None: `give` does."""
    return _answer(wish, asked, lambda frames: frames.give_at_once(wish.root))


def may_send(scope: Mapping[str, Any]) -> bool:
    """Whether who sends a request may send objects, by its headers alone; in a thread, as `look_up`."""
    _, authorization, cookie, _ = _told(scope["headers"])
    close_old_connections()
    principal = identify.of_headers(authorization, cookie)
    return principal is not None and store.may_send(principal)


def _answer(
    wish: Wish, asked: Asked, give: Callable[[AskedFrames], tuple[str, bytes | bytearray] | None]
) -> Direct | None:
    try:
        found = give(ask_for_frames(wish.series.instance(asked.sop_uid), asked.numbers, wish.ranges))
    except (ProblemError, HilumError):
        return None
    if found is None:
        return None
    content_type, body = found
    own = [(b"Content-Type", content_type.encode("latin-1")), (b"Content-Length", str(len(body)).encode())]
    return Direct(own + wish.headers, body)


def _told(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Values of the headers `READ`, empty where there is none; of several a list (RFC 9110, 5.3)."""
    found: dict[bytes, str] = {}
    for raw_name, raw in headers:
        name = raw_name.lower()
        if name in READ:
            value = raw.decode("latin-1")
            found[name] = f"{found[name]}{'; ' if name == b'cookie' else ','}{value}" if name in found else value
    return tuple(found.get(name, "") for name in READ)


@lru_cache(maxsize=REMEMBERED_HOSTS)
def _is_allowed(host: str) -> bool:
    """Whether the site answers to a name, as Django decides it."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


@cache
def common_headers(scheme: str) -> Headers | None:
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
