"""Answers that come so slowly that their server is taken for gone: a byte now and then keeps a connection for ever."""

from __future__ import annotations

PATIENCE_S = 120.0
"""So long a server is waited for, in all, before it is looked at how much it sent."""

LEAST_BYTES = 1 << 16
"""Of an answer in that time: a tenth of what a modem brings."""


class Trickle:
    """What comes of one answer, and how long it is waited for; time that the reader takes does not count."""

    def __init__(self) -> None:
        self._waited_s = 0.0
        self._came_bytes = 0

    def note(self, waited_s: float, came_bytes: int) -> None:
        """Note a piece; the last ones of an answer may be few.

        Raises
        ------
        TimeoutError
            Too little came for too long.
        """
        self._waited_s += waited_s
        self._came_bytes += came_bytes
        if self._waited_s <= PATIENCE_S:
            return
        if self._came_bytes < LEAST_BYTES:
            raise TimeoutError(f"only {self._came_bytes:,} bytes came in {self._waited_s:.0f} s")
        self._waited_s, self._came_bytes = 0.0, 0
