"""The ledger of a folder of downloads: every file that was asked for, and what became of it.

One SQLite file beside the downloads. Only one pull at a time holds it. After a kill it says what is whole; after a loss
of power it never says more than is on the disk, because a file is noted as whole after its bytes and name were synced.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.acquire.fingerprints import Fingerprints
    from hilum.acquire.wanted import WantedFile, WantedSeries

LEDGER_NAME = ".hilum-ledger.sqlite"
"""Hidden, so that indexing the folder passes it over."""

LEDGER_VERSION = 1

ASKED, RECEIVED, WHOLE, REFUSED, GONE = "asked", "received", "whole", "refused", "gone"
"""States: asked for; received and verified, not yet named; whole on disk; refused; no longer listed by the source."""

_TABLES = """
CREATE TABLE IF NOT EXISTS series (
    series_id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE, source TEXT NOT NULL, location TEXT NOT NULL, folder TEXT NOT NULL UNIQUE,
    instance_count INTEGER, size_bytes INTEGER, collection_id TEXT NOT NULL, state TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS files (
    series_id INTEGER NOT NULL REFERENCES series, name TEXT NOT NULL,
    size_bytes INTEGER, hash TEXT, version TEXT NOT NULL,
    received_bytes INTEGER NOT NULL DEFAULT 0, sha256 BLOB, modified_ns INTEGER,
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (series_id, name)
) WITHOUT ROWID;
"""

_RECEIVE_SQL = """
UPDATE files SET received_bytes = ?, sha256 = ?, state = ?, attempts = attempts + 1, reason = ''
WHERE series_id = ? AND name = ?
"""


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """A series as the ledger knows it; `is_unchanged` tells whether it is asked for in the same words as before."""

    series_id: int
    state: str
    is_unchanged: bool


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file as the ledger knows it.

    Attributes
    ----------
    name, size_bytes, hash, version
        As of the wanted file.
    received_bytes, sha256, modified_ns
        What came of it: bytes, their digest, and the time of change of the finished file.
    state, attempts
        What became of it, after how many requests.
    """

    name: str
    size_bytes: int | None
    hash: str | None
    version: str
    received_bytes: int
    sha256: bytes | None
    modified_ns: int | None
    state: str
    attempts: int

    def is_of(self, file: WantedFile) -> bool:
        """Whether it tells of what the source lists now; a version the listing leaves out is no difference."""
        return (
            file.size_bytes in {None, self.size_bytes}
            and file.hash in {None, self.hash}
            and file.version in {"", self.version}
        )


class Ledger:
    """The ledger of a folder; `open_ledger` gives one. Its methods are called by several threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._provable: list[tuple[object, ...]] = []

    def begin(self, series: WantedSeries, source: str, folder: str) -> SeriesEntry:
        """Note that a series is asked for; give what is known of it.

        Raises
        ------
        SourceError
            Another series has that folder.
        """
        with self._lock, self._connection:
            row = self._connection.execute(
                "SELECT series_id, state, source, location, folder, instance_count, size_bytes FROM series"
                " WHERE key = ?",
                (series.key,),
            ).fetchone()
            words = (source, series.location, folder, series.instance_count, series.size_bytes)
            if row is not None and tuple(row[2:]) == words:
                return SeriesEntry(row[0], row[1], is_unchanged=True)
            return SeriesEntry(self._note(series, words), row[1] if row else ASKED, is_unchanged=False)

    def _note(self, series: WantedSeries, words: tuple[object, ...]) -> int:
        try:
            found = self._connection.execute(
                "INSERT INTO series (key, source, location, folder, instance_count, size_bytes, collection_id, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " source = excluded.source, location = excluded.location, folder = excluded.folder,"
                " instance_count = excluded.instance_count, size_bytes = excluded.size_bytes, state = excluded.state"
                " RETURNING series_id",
                (series.key, *words, series.collection_id, ASKED),
            ).fetchone()
        except sqlite3.IntegrityError as error:
            raise SourceError(
                f"{series.key}: another series was downloaded into {words[2]!r}; take a layout that gives each series a"
                " folder of its own, such as one with %SeriesInstanceUID, or another target folder",
                check="folder-taken",
            ) from error
        return int(found[0])

    def files(self, series_id: int) -> dict[str, FileEntry]:
        """Files of a series that are still listed, by name."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT name, size_bytes, hash, version, received_bytes, sha256, modified_ns, state, attempts"
                " FROM files WHERE series_id = ? AND state != ? ORDER BY name",
                (series_id, GONE),
            ).fetchall()
        return {row[0]: FileEntry(*row) for row in rows}

    def ask(self, series_id: int, files: Sequence[WantedFile], known: Mapping[str, FileEntry]) -> None:
        """Note the files that a source lists; those it listed before and does not now are gone."""
        changed = [file for file in files if file.name not in known or not known[file.name].is_of(file)]
        gone = known.keys() - {file.name for file in files}
        with self._lock, self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO files (series_id, name, size_bytes, hash, version, state)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(series_id, file.name, file.size_bytes, file.hash, file.version, ASKED) for file in changed],
            )
            self._connection.executemany(
                "UPDATE files SET state = ? WHERE series_id = ? AND name = ?",
                [(GONE, series_id, name) for name in gone],
            )

    def note_version(self, series_id: int, file: WantedFile) -> None:
        """Note what the source said of a file's size and version when it began to send it."""
        self._execute(
            "UPDATE files SET version = ?, size_bytes = ? WHERE series_id = ? AND name = ?",
            (file.version, file.size_bytes, series_id, file.name),
        )

    def note_attempts(self, series_id: int, name: str, attempts: int, received_bytes: int, reason: str) -> None:
        """Note requests that failed, and how many bytes came before they did."""
        self._execute(
            "UPDATE files SET attempts = attempts + ?, received_bytes = ?, reason = ? WHERE series_id = ? AND name = ?",
            (attempts, received_bytes, reason, series_id, name),
        )

    def receive(self, series_id: int, name: str, received_bytes: int, sha256: bytes, *, is_provable: bool) -> None:
        """Note that a file was received and verified.

        Parameters
        ----------
        is_provable
            Whether the source's hash proves the draft right after a kill; then the note waits for the next `settle`,
            for a transaction a file costs as much as all else.
        """
        values = (received_bytes, sha256, RECEIVED, series_id, name)
        if is_provable:
            with self._lock:
                self._provable.append(values)
        else:
            self._execute(_RECEIVE_SQL, values)

    def refuse(self, series_id: int, name: str, reason: str) -> None:
        """Note that a file was not to be had."""
        self._execute(
            "UPDATE files SET state = ?, reason = ? WHERE series_id = ? AND name = ?",
            (REFUSED, reason, series_id, name),
        )

    def settle(self, series_id: int, modified_ns: Mapping[str, int]) -> None:
        """Note that files have their names and are on disk, with their times of change."""
        with self._lock, self._connection:
            self._connection.executemany(_RECEIVE_SQL, self._provable)
            self._provable.clear()
            self._connection.executemany(
                "UPDATE files SET state = ?, modified_ns = ? WHERE series_id = ? AND name = ?",
                [(WHOLE, at_ns, series_id, name) for name, at_ns in modified_ns.items()],
            )

    def end(self, series_id: int, state: str) -> None:
        """Note what became of a series."""
        self._execute("UPDATE series SET state = ? WHERE series_id = ?", (state, series_id))

    def whole_bytes(self, keys: Fingerprints) -> int:
        """Bytes that are whole of the series with these keys."""
        with self._lock:
            found = self._connection.execute(
                "SELECT key, sum(received_bytes) FROM files JOIN series USING (series_id)"
                " WHERE files.state = ? GROUP BY series_id",
                (WHOLE,),
            )
            return sum(size_bytes for key, size_bytes in found if key in keys)

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        with self._lock, self._connection:
            self._connection.execute(statement, values)


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Open the ledger of a folder of downloads, or make one; the folder is made too.

    Raises
    ------
    ArchiveError
        Another pull holds it, a newer hilum made it, it is damaged, or it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LEDGER_NAME
    try:
        with closing(sqlite3.connect(path, timeout=0, check_same_thread=False)) as connection:
            _prepare(connection, path)
            yield Ledger(connection)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ArchiveError(f"another hilum pull works in {folder}; let it end, or name another folder") from error
        raise ArchiveError(
            f"{path} cannot be written ({error}); is the disk full, or read-only? Pull again when it can be: it goes on"
        ) from error
    except sqlite3.DatabaseError as error:
        raise ArchiveError(
            f"{path} is damaged ({error}); remove it and pull again: files whose hash the source gives are kept"
        ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # Exclusive: the first lock is kept until the process ends, however it ends; no second pull can enter.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in {0, LEDGER_VERSION}:
        raise ArchiveError(f"{path} has version {version}, this hilum knows {LEDGER_VERSION}; install a newer hilum")
    connection.executescript(_TABLES)
    with connection:
        connection.execute(f"PRAGMA user_version = {LEDGER_VERSION}")
