"""Whether anything was written to the database since one looked last, at hardly any cost."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import AsyncConnection

    from hilum.serve.options import Options


class Revision(Protocol):
    """Tells the state of a database; to be asked in one event loop only."""

    async def now(self) -> str | int | None:
        """Give what differs from before if anything was committed meanwhile; None if it cannot be had."""


class SqliteRevision:
    """State of a file of SQLite; to ask takes five microseconds, and waits for nothing.

    Parameters
    ----------
    file
        The database; it is not made where it is absent.

    References
    ----------
    SQLite, PRAGMA data_version: changed by every other connection that commits.
    """

    def __init__(self, file: Path) -> None:
        self._address = f"{file.as_uri()}?mode=rw"
        self._connection: sqlite3.Connection | None = None

    async def now(self) -> int | None:
        """Give the state; None if the database is shut, or not there."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._address, timeout=0, uri=True)
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None


class PostgresRevision:
    """State of a PostgreSQL server; those who ask at the same time are told by one query.

    Parameters
    ----------
    address
        ``postgresql://user:password@host:port/name``.

    References
    ----------
    PostgreSQL, pg_current_snapshot: names the transactions that are not over, and the first that has not begun; so it
    is another after each that wrote.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._asked = 0
        self._last: str | None = None

    async def now(self) -> str | None:
        """Give the state; None if the server does not answer."""
        asked = self._asked
        async with self._turn:
            # A query that began before somebody came might tell them of what is over.
            if self._asked == asked:
                self._asked += 1
                self._last = await self._ask()
        return self._last

    async def _ask(self) -> str | None:
        import psycopg

        try:
            if self._connection is None or self._connection.closed:
                self._connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
            cursor = await self._connection.execute("SELECT pg_current_snapshot()::text")
            row = await cursor.fetchone()
        except psycopg.Error:
            return None
        return row[0] if row else None


def revision_of(options: Options) -> Revision | None:
    """Give what tells the state of a site's database; None where that has no file: in a test's memory."""
    if options.database != "sqlite":
        return PostgresRevision(options.database)
    return SqliteRevision(options.database_file) if options.database_file else None
