"""MD5 of received files, worked out for several at once.

Where a source gives MD5s, as S3 does, they cost more processor time than the rest of a fast download, for one digest
leaves most of a processor idle. A module in C works sixteen out side by side; it is built when hilum is installed where
a C compiler is. Without it nothing is held, and every file is hashed on its own as it comes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

try:
    from hilum.acquire import _md5
except ImportError:
    LANES = 0
else:
    LANES = _md5.LANES

if TYPE_CHECKING:
    from collections.abc import Callable

HELD_BYTES = 1 << 20
"""Files up to this size are held: CT slices of 512 x 512, with room to spare."""

BATCHES = 2
"""While one batch of files is worked out, another gathers."""


class Held:
    """The bytes of one file, until its MD5 is worked out."""

    def __init__(self) -> None:
        self._room = memoryview(bytearray(HELD_BYTES))
        self._size_bytes = 0

    @property
    def content(self) -> memoryview:
        """What was added."""
        return self._room[: self._size_bytes]

    def add(self, chunk: bytes | memoryview) -> None:
        """Copy the next bytes."""
        end = self._size_bytes + len(chunk)
        self._room[self._size_bytes : end] = chunk
        self._size_bytes = end

    def clear(self) -> None:
        """Forget them."""
        self._size_bytes = 0


class JointMd5:
    """Files of a pull whose MD5 is not worked out yet; used by several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0
        self._free: list[Held] = []
        self._waiting: list[tuple[Held, Callable[[bytes], None]]] = []

    def hold(self, size_bytes: int | None) -> Held | None:
        """Give room for a file; None where it is too large, or all room is taken: then it is hashed on its own."""
        if size_bytes is None or size_bytes > HELD_BYTES:
            return None
        with self._lock:
            if self._free:
                return self._free.pop()
            if self._made == BATCHES * LANES:
                return None
            self._made += 1
        return Held()

    def release(self, held: Held) -> None:
        """Take room back."""
        held.clear()
        with self._lock:
            self._free.append(held)

    def hand_in(self, held: Held, then: Callable[[bytes], None]) -> None:
        """Have the MD5 of a whole file worked out, at once or with others that are still to come.

        Parameters
        ----------
        then
            Told the digest, 16 bytes; called by this or another thread. What it raises comes out of the `hand_in` or
            `finish` that calls it, and those of the same batch that were to be called behind it never are.
        """
        with self._lock:
            self._waiting.append((held, then))
            if len(self._waiting) < LANES:
                return
            due, self._waiting = self._waiting, []
        self._work_out(due)

    def finish(self) -> None:
        """Work out what waits for company; each thread that has no more files to receive says so."""
        with self._lock:
            due, self._waiting = self._waiting, []
        if due:
            self._work_out(due)

    def _work_out(self, due: list[tuple[Held, Callable[[bytes], None]]]) -> None:
        digests = _md5.md5_of([held.content for held, _ in due])
        for held, _ in due:
            self.release(held)
        for (_, then), digest in zip(due, digests, strict=True):
            then(digest)
