"""Answers that come so slowly that their server is taken for gone: a byte now and then keeps a connection for ever.

Imported where a client is opened, for it needs httpx.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 120.0
"""So long a server is waited for, in all, before it is looked at how much it sent."""

LEAST_BYTES = 1 << 16
"""Of an answer in that time: a tenth of what a modem brings."""


class WatchedStream(httpx.SyncByteStream):
    """The body of an answer, given up where too little of it comes.

    Time that the reader takes does not count. The last bytes of an answer may be few.

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
        waited_s, came_bytes, asked_at_s = 0.0, 0, time.monotonic()
        for piece in self._stream:
            waited_s += time.monotonic() - asked_at_s
            came_bytes += len(piece)
            if waited_s > PATIENCE_S:
                if came_bytes < LEAST_BYTES:
                    raise httpx.ReadTimeout(f"only {came_bytes:,} bytes came in {waited_s:.0f} s")
                waited_s, came_bytes = 0.0, 0
            yield piece
            asked_at_s = time.monotonic()

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()
