"""What of a bag is done, kept in a SQLite file: packing and receiving go on from it after a kill.

A file counts as done if its size and time of change are still those noted down when its digests were worked out.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError
from hilum.publish.digests import Digests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS done (
    path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, sha512 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS purpose (text TEXT NOT NULL);
"""
_FIND = """
SELECT done.path, size_bytes, modified_ns, sha256, sha512 FROM json_each(?) JOIN done ON done.path = json_each.value
"""


class Done:
    """Files of a bag that are done; `open_done` gives one.

    Attributes
    ----------
    is_new
        Whether nothing had been noted down when the notes were opened.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.is_new = connection.execute("SELECT 1 FROM done LIMIT 1").fetchone() is None

    def find(self, paths: Sequence[str], folder: Path) -> dict[str, Digests]:
        """Give the digests of those files below a folder that are done and unchanged since."""
        done = self._connection.execute(_FIND, [json.dumps(paths)])
        found = {path: Digests(*values) for path, *values in done}
        return {path: one for path, one in found.items() if _still_holds(one, f"{folder}/{path}")}

    def keep(self, files: Mapping[str, Digests]) -> None:
        """Note down files by path; the note is on disk when this returns."""
        rows = [(path, one.size_bytes, one.modified_ns, one.sha256, one.sha512) for path, one in files.items()]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", rows)


def _still_holds(done: Digests, place: str) -> bool:
    try:
        now = os.lstat(place)
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (done.size_bytes, done.modified_ns)


@contextmanager
def open_done(path: Path, *, purpose: str, renew: bool = False) -> Iterator[Done]:
    """Open the notes in a SQLite file; make it if there is none.

    Parameters
    ----------
    purpose
        What the work is for; notes of other work are refused.
    renew
        Forget notes of other work instead.

    Raises
    ------
    ArchiveError
        The file is damaged, was begun for something else, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path)) as connection:
            # No WAL: a drive may have a file system without shared memory.
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            if renew:
                _forget_other(connection, purpose)
            _require_purpose(connection, path, purpose)
            yield Done(connection)
    except sqlite3.Error as error:
        raise ArchiveError(
            f"{path} cannot be written ({error}): is the disk full, or read-only? If the file is damaged, remove it to "
            "begin this drive anew"
        ) from error


def _forget_other(connection: sqlite3.Connection, purpose: str) -> None:
    with connection:
        if connection.execute("DELETE FROM purpose WHERE text != ?", [purpose]).rowcount:
            connection.execute("DELETE FROM done")


def _require_purpose(connection: sqlite3.Connection, path: Path, purpose: str) -> None:
    found = connection.execute("SELECT text FROM purpose").fetchone()
    if found is None:
        with connection:
            connection.execute("INSERT INTO purpose VALUES (?)", [purpose])
    elif found[0] != purpose:
        raise ArchiveError(
            f"{path.parent} was begun for another release or another split; remove it, or ask for the same again"
        )


def forget(path: Path) -> None:
    """Remove the notes: nothing is left to go on with."""
    for name in (path.name, f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)
