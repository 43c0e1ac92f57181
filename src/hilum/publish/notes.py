"""A SQLite file of notes: what was worked out so far, for the next run to go on from."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_WAIT_S = 60
"""Seconds to wait while another process writes what it worked out."""

_MAGIC = b"SQLite format 3\x00"
"""First bytes of a SQLite file."""


def forget_notes(path: Path) -> None:
    """Remove a file of notes, and what SQLite keeps beside it; nothing else, whatever its name.

    Raises
    ------
    ConfigError
        The file is none of notes.
    """
    if path.exists():
        with path.open("rb") as file:
            found = file.read(len(_MAGIC))
        if found not in {b"", _MAGIC}:
            raise ConfigError(f"{path} is a file of something else, which stays; name another for the notes")
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


@contextmanager
def open_notes(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """Open a file of notes; make it if there is none.

    What is committed outlives the death of this process; of a loss of power, the last seconds may be lost.

    Parameters
    ----------
    schema
        Statement that makes its table if there is none.

    Raises
    ------
    ArchiveError
        The file is damaged, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(schema)
            yield connection
    except sqlite3.Error as error:
        raise ArchiveError(
            f"{path} cannot be written ({error}): is the disk full, or read-only (hilum verify takes another file with "
            "--notes)? If the file is damaged, remove it with its -wal and -shm: all is then read again"
        ) from error
