"""SHA-256 of many files: in parallel, taken up where a killed run stopped, kept for files that do not change.

What was worked out is kept in a SQLite file by path, size and time of change. It saves time and proves nothing: a
flipped bit changes neither size nor time. Whoever wants to know reads the bytes again (`hilum.publish.verify`).
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING

from hilum.errors import Refusal
from hilum.publish.notes import open_notes
from hilum.work import map_batches

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

FILES_PER_TASK = 128
"""About 64 MB of CT slices, 40 ms of work; 3 ms where files are tiny. A task costs 50 µs, and its results a commit."""

FEW_FILES = 2 * FILES_PER_TASK
"""Files that are read in this process: to start others takes longer."""

READ_BYTES = 1 << 20
"""Bytes read at once: a slice of a CT whole, and no more than a processor's cache holds of larger files."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hashes (
    path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, sha256 BLOB NOT NULL
) WITHOUT ROWID
"""
_FIND = """
SELECT hashes.path, size_bytes, modified_ns, sha256 FROM json_each(?) JOIN hashes ON hashes.path = json_each.value
"""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file, as it was when its bytes were read.

    Attributes
    ----------
    path
        Absolute path.
    size_bytes, modified_ns
        Size, and time of change since the epoch.
    sha256
        Of its content, hexadecimal.
    """

    path: str
    size_bytes: int
    modified_ns: int
    sha256: str


class KnownHashes:
    """What was worked out before; `open_hashes` gives one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, paths: Sequence[str]) -> dict[str, Hashed]:
        """Give what is known of files, whether or not it still holds."""
        found = self._connection.execute(_FIND, [json.dumps(list(paths))])
        return {path: Hashed(path, size, modified_ns, digest.hex()) for path, size, modified_ns, digest in found}

    def keep(self, hashed: Sequence[Hashed]) -> None:
        """Keep what was worked out; it outlives the death of this process."""
        rows = [(one.path, one.size_bytes, one.modified_ns, bytes.fromhex(one.sha256)) for one in hashed]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", rows)


@contextmanager
def open_hashes(path: Path) -> Iterator[KnownHashes]:
    """Open the SQLite file of what was worked out before; make it if there is none.

    Raises
    ------
    ArchiveError
        The file is damaged, or cannot be written.
    """
    with open_notes(path, _SCHEMA) as connection:
        yield KnownHashes(connection)


def hash_files(
    paths: Sequence[str],
    known: KnownHashes,
    *,
    executor: Executor,
    workers: int,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Hashed | Refusal]:
    """Give the SHA-256 of files by path; only those are read that changed since it was last worked out.

    Parameters
    ----------
    executor, workers
        What runs the work, and how many at once.
    on_progress
        Told how many more files are done.

    Returns
    -------
    A `Refusal` (``missing-file``, ``unreadable-file``, ``changing-file``) for each file without a digest.
    """
    tell = on_progress or (lambda _: None)
    kept = {path: one for path, one in known.find(paths).items() if _still_holds(one)}
    tell(len(kept))
    results: dict[str, Hashed | Refusal] = dict(kept)
    unknown = (path for path in paths if path not in kept)
    batches = map_batches(
        _hash_each, unknown, executor=executor, batch_size=FILES_PER_TASK, workers=workers, few=FEW_FILES
    )
    for batch in batches:
        known.keep([one for one in batch.values() if isinstance(one, Hashed)])
        results.update(batch)
        tell(len(batch))
    return results


def _still_holds(known: Hashed) -> bool:
    try:
        now = os.stat(known.path)  # noqa: PTH116 - of millions of files; a Path takes longer than the question
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (known.size_bytes, known.modified_ns)


def _hash_each(paths: Sequence[str]) -> dict[str, Hashed | Refusal]:
    return {path: hash_file(path) for path in paths}


def hash_file(path: str) -> Hashed | Refusal:
    """Give the SHA-256 of a file, or say why there is none."""
    try:
        # Without O_NONBLOCK a pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            before = os.fstat(descriptor)
            if not S_ISREG(before.st_mode):
                return Refusal(path, "unreadable-file", "it is no file, but a folder, pipe or device; remove it")
            digest = _digest_of(descriptor, before.st_size)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return Refusal(path, "missing-file", "it is not there; is a drive not mounted?")
    except OSError as error:
        return Refusal(path, "unreadable-file", f"{error.strerror}; look at its permissions and at the disk")
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Refusal(path, "changing-file", "somebody wrote to it while it was read; run again when that has ended")
    return Hashed(path, after.st_size, after.st_mtime_ns, digest)


def _digest_of(descriptor: int, size_bytes: int) -> str:
    """SHA-256 of an open file, hexadecimal; a small one is read in one piece."""
    wanted = min(size_bytes + 1, READ_BYTES)
    piece = os.read(descriptor, wanted)
    digest = hashlib.sha256(piece)
    while len(piece) == wanted:
        piece = os.read(descriptor, wanted)
        digest.update(piece)
    return digest.hexdigest()
