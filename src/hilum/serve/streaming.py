"""Answers that are too long for the memory, made piece by piece."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PIECE_BYTES = 1 << 20
"""Read from a file and sent at once."""


class Streamed(StreamingHttpResponse):
    """An answer whose pieces a plain iterator gives, each taken in a thread.

    Django would make a list of them all. The iterator must not ask the database: the thread has no connection to it.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


class OpenFile:
    """A file that is closed when nobody holds it any more: an answer may be dropped before its first piece.

    Attributes
    ----------
    descriptor
        Of the file, which is this object's from now on.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Bytes of the file; fewer where it ends before."""
        yield from read_pieces(self.descriptor, start, length)


def read_pieces(descriptor: int, start: int, length: int) -> Iterator[bytes]:
    """Bytes of an open file; fewer where it ends before."""
    while length > 0:
        piece = os.pread(descriptor, min(PIECE_BYTES, length), start)
        if not piece:
            return
        yield piece
        start += len(piece)
        length -= len(piece)
