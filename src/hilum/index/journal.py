"""The journal of an indexing: batches that are read, kept on disk until the snapshot holds them.

One file a run, one line a batch, each with its checksum. Who takes an interrupted indexing up again reads the files of
runs that are gone (their lock is free) and goes on from there; a torn last line is as if its batch had not been read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

JOURNAL_VERSION = 1
KEY_DIGITS = 16
CHECKSUM_DIGITS = 8


class Journal:
    """Journal of this run, and what interrupted runs left.

    Attributes
    ----------
    left
        The batches of interrupted runs over the same folder and collection, oldest first.
    """

    def __init__(self, path: Path, descriptor: int, left_paths: list[tuple[Path, int]]) -> None:
        self._path = path
        self._descriptor = descriptor
        self._left_paths = left_paths
        self.left = [batch for left, _ in left_paths for batch in _read(left)]

    def append(self, batch: Mapping[str, Any]) -> None:
        """Keep a batch: plain values only.

        Raises
        ------
        ArchiveError
            It cannot be written: the disk is full.
        """
        text = json.dumps(batch, separators=(",", ":")).encode()
        line = f"{zlib.crc32(text):0{CHECKSUM_DIGITS}x} ".encode() + text + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError as error:
            raise ArchiveError(
                f"{self._path} cannot be written ({error.strerror}); make room and index again"
            ) from error

    def remove(self) -> None:
        """Remove the journal, and those it took up: the snapshot holds their batches."""
        for path, _ in [*self._left_paths, (self._path, self._descriptor)]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files; what was not removed stays for the next run."""
        for _, descriptor in [*self._left_paths, (self._path, self._descriptor)]:
            os.close(descriptor)


@contextmanager
def open_journal(folder: Path, collection_id: str, root: str) -> Iterator[Journal]:
    """Give the journal of a run that indexes `root` into a collection, in the folder of journals."""
    folder.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(json.dumps([JOURNAL_VERSION, collection_id, root]).encode()).hexdigest()[:KEY_DIGITS]
    left = [(path, lock) for path in sorted(folder.glob(f"{key}-*.jsonl")) if (lock := _lock(path)) is not None]
    path = folder / f"{key}-{time.time_ns():020d}-{os.getpid()}.jsonl"
    # Locked before it has its name: nobody may take it for the journal of a dead run.
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(path)
    journal = Journal(path, descriptor, left)
    try:
        yield journal
    finally:
        journal.close()


def _lock(path: Path) -> int | None:
    """Descriptor of the locked file; None if its run is alive, or has just removed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _read(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return
    for line in lines:
        checksum, text = line[:CHECKSUM_DIGITS], line[CHECKSUM_DIGITS + 1 :]
        if checksum == f"{zlib.crc32(text):0{CHECKSUM_DIGITS}x}".encode():
            yield json.loads(text)
