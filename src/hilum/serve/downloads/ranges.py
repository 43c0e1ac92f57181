"""Which part of an answer is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class UnsatisfiableError(ValueError):
    """The part lies behind the end."""


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

    A range that cannot be read, several of them, and one that is meant for another state of the answer (``If-Range``)
    all give the whole.

    Parameters
    ----------
    length
        Bytes of the whole.
    entity_tag
        Its strong entity tag, in quotes.

    Raises
    ------
    UnsatisfiableError
        It begins behind the end.

    References
    ----------
    RFC 9110, sections 13.1.5 and 14.1.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if request.headers.get("If-Range", entity_tag).strip() != entity_tag:
        return None
    first, last = found[1], found[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, length - int(last))
    stop = min(length, int(last) + 1) if first and last else length
    if start >= stop:
        raise UnsatisfiableError(f"expected a range within {length} bytes")
    return Part(start, stop, length)
