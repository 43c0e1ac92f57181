"""Around every request: counted, logged, its headers made strict."""

from __future__ import annotations

import logging
import os
import secrets
import time
from typing import TYPE_CHECKING

from django.conf import settings

from hilum.serve.operations import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    Answer = Callable[[HttpRequest], HttpResponse]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
"""Route of a path that no view has, and method that HTTP does not name: neither may make new rows of counts."""

_log = logging.getLogger(__name__)


def observe(get_response: Answer) -> Answer:
    """Count and log each answer by the name of its route; the path itself holds identifiers and is not kept."""

    def answer(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        seconds = time.perf_counter() - started
        request_id = secrets.token_hex(8)
        method = request.method if request.method in METHODS else UNKNOWN
        route = route_of(request)
        metrics.count(route, method, response.status_code, seconds)
        fields = {
            "id": request_id,
            "worker": os.getpid(),
            "route": route,
            "method": method,
            "status": response.status_code,
        }
        _log.info("answered", extra={"fields": fields | {"ms": round(seconds * 1000, 1)}})
        response["X-Request-ID"] = request_id
        return response

    return answer


class Tally:
    """Answers of one kind, counted, and told together: a viewer asks for hundreds of frames a second.

    Parameters
    ----------
    route, method, status
        What they have in common.
    """

    def __init__(self, route: str, method: str, status: int) -> None:
        self._kind = (route, method, status)
        self._fields = {"worker": os.getpid(), "route": route, "method": method, "status": status}
        self._seconds: list[float] = []

    def add(self, seconds: float) -> bool:
        """Count an answer; say whether it is the first since they were told."""
        metrics.count(*self._kind, seconds)
        self._seconds.append(seconds)
        return len(self._seconds) == 1

    def tell(self) -> None:
        """Write the line, with the number of answers and the longest time."""
        seconds, self._seconds = self._seconds, []
        if seconds:
            told = {"answers": len(seconds), "ms": round(max(seconds) * 1000, 1)}
            _log.info("answered", extra={"fields": self._fields | told})


def strict_headers(get_response: Answer) -> Answer:
    """Say to browsers what a page may do, where the view has not said so itself."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response

    return answer


def route_of(request: HttpRequest) -> str:
    """Name of the view's route, or its pattern where it has no name."""
    match = request.resolver_match
    return (match.view_name if match.url_name else match.route) if match else UNKNOWN
