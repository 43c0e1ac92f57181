"""The body of an httpx answer, given up where too little of it comes.

Imported where a client is opened, for it needs httpx.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from hilum.acquire.trickle import Trickle

if TYPE_CHECKING:
    from collections.abc import Iterator


class WatchedStream(httpx.SyncByteStream):
    """The body of an answer, and how fast it comes.

    Parameters
    ----------
    stream
        The body as it comes.
    """

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces.

        Raises
        ------
        httpx.ReadTimeout
            Too little came for too long.
        """
        trickle, asked_at_s = Trickle(), time.monotonic()
        for piece in self._stream:
            try:
                trickle.note(time.monotonic() - asked_at_s, len(piece))
            except TimeoutError as error:
                raise httpx.ReadTimeout(str(error)) from error
            yield piece
            asked_at_s = time.monotonic()

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()
