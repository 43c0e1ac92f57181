"""What was looked up in the database, remembered for as long as that has not changed."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from pathlib import Path

Value = TypeVar("Value")

REMEMBERED_S = 1
"""What ends by the clock alone (a session, a grant, a token that expires) ends so much later at most."""

REMEMBERED = 128
"""Values kept at once; what a thousandth reader asks for is looked up again."""


class _Kept(NamedTuple, Generic[Value]):
    value: Value
    revision: int
    since: float


class Remembered(Generic[Value]):
    """Values by key, each until anything at all is written to the database, and for a second at most.

    To be asked in one thread only.

    Parameters
    ----------
    database
        File of SQLite; None: another database, which cannot say at so little cost whether it has changed. Then nothing
        is remembered.
    """

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._kept: dict[Hashable, _Kept[Value]] = {}

    async def get(self, key: Hashable, look_up: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """Give a value that still holds, or look it up; None, which is not remembered, if there is none."""
        # What is written while it is looked up may not be in it: the revision is that of before.
        revision, now = self._revision(), time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and kept.revision == revision and now - kept.since < REMEMBERED_S:
            return kept.value
        value = await look_up()
        if value is not None and revision is not None:
            if len(self._kept) >= REMEMBERED:
                self._kept.clear()
            self._kept[key] = _Kept(value, revision, now)
        return value

    def _revision(self) -> int | None:
        """Number that changes when another connection has written; None if it cannot be had at once.

        References
        ----------
        SQLite, PRAGMA data_version: 4 microseconds, and no wait.
        """
        if self._database is None:
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._database.as_uri()}?mode=rw", timeout=0, uri=True)
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None
