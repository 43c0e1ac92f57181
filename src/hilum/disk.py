"""Writing files so that a crash, a kill or a full disk never leaves half of one under its name."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNFINISHED = ".unfinished"
"""Suffix of a file that is being written; it gets its name when it is whole and on disk."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for whoever holds it; a process that dies lets go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Give the path to write a file to before it gets the name `path`; remove it if the writing fails.

    Raises
    ------
    ArchiveError
        There is no room left on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with room_for(path):
            yield draft
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Tell that the disk is full, where writing to `path` finds that it is.

    Raises
    ------
    ArchiveError
        There is no room left on the disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise ArchiveError(
                f"no room left to write {path}: what was there before is unchanged; free some space and run again"
            ) from error
        raise


def settle(draft: Path, path: Path) -> None:
    """Bring a written file to disk, then give it its name in one step."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file: after a crash `path` holds the old content or the new, never a part.

    Raises
    ------
    ArchiveError
        There is no room left on the disk.
    """
    with unfinished(path) as draft:
        draft.write_bytes(content)
        settle(draft, path)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(folder: Path) -> None:
    """Bring everything written to the file system of a folder to disk: one wait for many files.

    References
    ----------
    Linux ``syncfs(2)``; other systems sync all file systems.
    """
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)


def size_text(size_bytes: float) -> str:
    """Bytes in the decimal unit that fits: 58.4 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.2f} TB"
