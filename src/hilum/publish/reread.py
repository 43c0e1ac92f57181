"""Files read again, batch by batch, and held against the SHA-256 they are to have.

Of a batch that is whole its *state* is noted: a digest of the names, sizes and times of change of its files, and of the
SHA-256 they have. A run that was interrupted passes over the batches whose state is what was noted. A note a batch,
not a file, so that reading a tiny file again costs little more than the reading.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import Refusal
from hilum.publish.hashing import hash_file
from hilum.publish.notes import open_notes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from hilum.publish.hashing import Hashed

FILES_A_BATCH = 512
"""8 ms of work where files are tiny; to hand a batch to another process and back costs 0.2 ms."""

BYTES_A_BATCH = 64_000_000
"""40 ms of work, 128 slices of a CT: so much is read again at most when a run was interrupted."""

_SCHEMA = "CREATE TABLE IF NOT EXISTS whole (batch INTEGER PRIMARY KEY, state BLOB NOT NULL)"


@dataclass(frozen=True, slots=True)
class Batch:
    """Files to read again.

    Attributes
    ----------
    number
        Of the batch among those of its release.
    places, sha256
        Path of each file, and the SHA-256 it is to have.
    noted
        State of the batch when it was last found whole; empty if it never was.
    """

    number: int
    places: Sequence[str]
    sha256: Sequence[str]
    noted: bytes


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of a batch.

    Attributes
    ----------
    number
        Of the batch.
    state
        Its state if all of it is whole; empty otherwise.
    wrong
        Files that have another SHA-256, or none, by their index in the batch.
    """

    number: int
    state: bytes
    wrong: tuple[tuple[int, Hashed | Refusal], ...]


class WholeBatches:
    """Batches that were found whole; `open_whole` gives them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def state(self, number: int) -> bytes:
        """Give the state in which a batch was found whole; empty if it was not."""
        row = self._connection.execute("SELECT state FROM whole WHERE batch = ?", [number]).fetchone()
        return row[0] if row else b""

    def keep(self, number: int, state: bytes) -> None:
        """Note that a batch is whole; the note outlives the death of this process."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO whole VALUES (?, ?)", [number, state])


@contextmanager
def open_whole(path: Path) -> Iterator[WholeBatches]:
    """Open the file in which batches are noted; errors are those of `hilum.publish.notes.open_notes`."""
    with open_notes(path, _SCHEMA) as connection:
        yield WholeBatches(connection)


def reread_each(batches: Iterable[Batch]) -> list[Reread]:
    """Read batches again."""
    return [_reread(batch) for batch in batches]


def _reread(batch: Batch) -> Reread:
    if batch.noted and batch.noted == _state(batch, (_now(place) for place in batch.places)):
        return Reread(batch.number, batch.noted, ())
    results = [hash_file(place) for place in batch.places]
    wrong = tuple(
        (index, result)
        for index, (result, sha256) in enumerate(zip(results, batch.sha256, strict=True))
        if isinstance(result, Refusal) or result.sha256 != sha256
    )
    times = ((one.size_bytes, one.modified_ns) for one in results if not isinstance(one, Refusal))
    return Reread(batch.number, b"" if wrong else _state(batch, times), wrong)


def _now(place: str) -> tuple[int, int] | None:
    try:
        now = os.stat(place)  # noqa: PTH116 - of millions of files; a Path takes longer than the question
    except OSError:
        return None
    return now.st_size, now.st_mtime_ns


def _state(batch: Batch, times: Iterable[tuple[int, int] | None]) -> bytes:
    return hashlib.sha256(repr((batch.places, batch.sha256, list(times))).encode("utf-8", "surrogateescape")).digest()
