"""Snapshots held by who reads them, so that a pruning passes them over.

Whoever reads has a shared lock on the manifest; whoever removes takes it alone first. A process that dies lets go.
Where a file system has no locks, or does not tell other machines of them, nobody is seen: there the age protects
(`hilum.catalog.prune.MIN_AGE`).
"""

from __future__ import annotations

import fcntl
import os
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.catalog.layout import Layout

ATTEMPTS = 3
"""Times that the pointer is read: a commit and a pruning may come between it and the manifest."""


class Hold:
    """A snapshot held as long as this object is there; a copy of it in another process holds nothing.

    Attributes
    ----------
    snapshot_id
        The snapshot. If it is no longer there, who reads its manifest next is told.
    """

    def __init__(self, layout: Layout, snapshot_id: str) -> None:
        self.snapshot_id = snapshot_id
        try:
            descriptor = os.open(layout.manifest(snapshot_id), os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError):  # the latter for a name that no file can have
            return
        weakref.finalize(self, os.close, descriptor)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def hold_current(layout: Layout) -> Hold:
    """Hold the current snapshot.

    Raises
    ------
    ArchiveError
        The pointer is missing or damaged.
    """
    for _ in range(ATTEMPTS - 1):
        hold = Hold(layout, layout.pointed_id())
        if layout.manifest(hold.snapshot_id).exists():
            return hold
    return Hold(layout, layout.current_id())


@contextmanager
def claimed(manifest: Path) -> Iterator[bool]:
    """Whether nobody holds a snapshot; if so, nobody can before this ends."""
    # Over NFS, who locks alone must be able to write.
    mode = os.O_RDWR if os.access(manifest, os.W_OK) else os.O_RDONLY
    descriptor = os.open(manifest, mode | os.O_CLOEXEC)
    try:
        yield _is_free(descriptor)
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True
