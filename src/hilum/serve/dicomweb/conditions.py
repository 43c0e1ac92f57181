"""What a client asks for on a condition: a part of an answer, or nothing if it has it already.

References
----------
RFC 9110, sections 13 (conditional requests) and 14 (range requests).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.utils.http import parse_etags

from hilum.serve.dicomweb.problem import RANGE_NOT_SATISFIABLE, ProblemError

if TYPE_CHECKING:
    from django.http import HttpRequest

NOT_MODIFIED, PARTIAL = 304, 206

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` up to `stop` of `length`."""

    start: int
    stop: int
    length: int

    @property
    def content_range(self) -> str:
        """Value of the header ``Content-Range``."""
        return f"bytes {self.start}-{self.stop - 1}/{self.length}"


def part_of(request: HttpRequest, length: int, entity_tag: str) -> Part | None:
    """Give the part that a request asks for; None for the whole.

    Only GET has parts. A range that cannot be read, several of them, and one that is meant for another state of the
    answer (``If-Range``) all give the whole.

    Parameters
    ----------
    length
        Bytes of the whole.
    entity_tag
        Its strong entity tag, in quotes; empty if it has none: then nobody can know its state.

    Raises
    ------
    ProblemError
        416: it begins behind the end.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if request.method != "GET" or found is None or not (found[1] or found[2]):
        return None
    state = request.headers.get("If-Range")
    if state is not None and (not entity_tag or state.strip() != entity_tag):
        return None
    first, last = found[1], found[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, length - int(last))
    stop = min(length, int(last) + 1) if first and last else length
    if start >= stop:
        message = f"a range behind the end; expected one within {length} bytes"
        raise ProblemError(RANGE_NOT_SATISFIABLE, message, {"Content-Range": f"bytes */{length}"})
    return Part(start, stop, length)


def not_modified(request: HttpRequest, entity_tag: str) -> HttpResponse | None:
    """304 where the client has what it would get; compared weakly, as caches do."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if entity_tag in known or f"W/{entity_tag}" in known or "*" in known:
        return HttpResponse(status=NOT_MODIFIED, headers={"ETag": entity_tag})
    return None
