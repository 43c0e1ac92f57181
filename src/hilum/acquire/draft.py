"""A file being received: written under a hidden name, its digests computed on the way, named when it is on disk."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hilum.disk import UNFINISHED, sync_filesystem, sync_folder
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection

    from hilum.acquire.joint_md5 import Held, JointMd5
    from hilum.acquire.wanted import WantedFile

READ_BYTES = 1 << 20

HEAD_BYTES = 1 << 16
"""Of a file, kept in the system's cache: indexing reads it next."""

FEW_FILES = 4
"""To sync more, one by one, takes longer than to sync all that waits to be written to the file system."""


class Draft:
    """The unfinished file of one wanted file; what an earlier run left of it is taken up.

    Parameters
    ----------
    joint
        Works out the MD5 of files that come whole, together with those of others; None to do without.

    Attributes
    ----------
    path
        Name it will have.
    file
        What it is to become, as the source last described it.
    size_bytes
        Bytes it holds so far.
    """

    def __init__(self, path: Path, file: WantedFile, joint: JointMd5 | None = None) -> None:
        self.path = path
        self.size_bytes = 0
        self.file = file
        self._joint = joint
        self._held: Held | None = None
        self._descriptor = _open(draft_of(path))
        self._is_written_directly = False
        self._begin_digests()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()
        if not self._is_written_directly:
            _begin_to_bring_to_disk(self._descriptor)
        os.close(self._descriptor)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of what it holds."""
        return self._sha256.digest()

    def take_up(self) -> None:
        """Compute the digests of what an earlier run left, and go on behind it; start afresh if it is too much."""
        left = os.fstat(self._descriptor).st_size
        if self.file.size_bytes is not None and left > self.file.size_bytes:
            self.restart()
            return
        while self.size_bytes < left and (chunk := os.pread(self._descriptor, READ_BYTES, self.size_bytes)):
            self._digest(chunk)

    def restart(self) -> None:
        """Forget what it holds."""
        os.ftruncate(self._descriptor, 0)
        self.size_bytes = 0
        self._let_go()
        self._begin_digests()

    def write(self, chunk: bytes | memoryview) -> None:
        """Write the next bytes.

        Raises
        ------
        SourceError
            There are more than the file may have.
        """
        expected = self.file.size_bytes
        if expected is not None and self.size_bytes + len(chunk) > expected:
            raise SourceError(
                f"{self.file.name}: more than the {expected:,} bytes came that the source had named",
                check="wrong-size",
                may_pass=True,
            )
        if not self.size_bytes and self._held is None and self._md5 is not None and self._joint is not None:
            self._held = self._joint.hold(expected)
        self._write(memoryview(chunk))
        self._digest(chunk)

    def verify(self) -> None:
        """Compare size and hash with what the source said; not an MD5 that is still to be worked out.

        Raises
        ------
        SourceError
            They differ; either may be right the next time.
        """
        expected = self.file.size_bytes
        if expected is not None and self.size_bytes != expected:
            raise SourceError(
                f"{self.file.name}: {self.size_bytes:,} of {expected:,} bytes came",
                check="cut-connection",
                may_pass=True,
            )
        if self._held is None:
            require_hash(self.file, self._hash())

    def hand_over(self) -> Held | None:
        """Give what the MD5 is still to be worked out of, to be handed in by whoever takes it; None when it is done."""
        held, self._held = self._held, None
        return held

    def holds(self, sha256: bytes | None) -> bool:
        """Whether it is whole beyond doubt: of the hash the source gives, or the digest that was noted."""
        if self.file.size_bytes not in {None, self.size_bytes}:
            return False
        return self.sha256 == sha256 or (self.file.hash is not None and self._hash() == self.file.hash)

    def _write(self, view: memoryview) -> None:
        """Write a piece; of one that lies in whole pages, what is behind the file's head goes right to the disk.

        Pixels by the terabyte would push out of memory what other programs work with; and a copy less is made of them.
        """
        place = self.size_bytes
        # After a loss of power the head may be missing where what is behind it is not: a hash must be there to tell.
        if self.file.hash is not None and isinstance(view.obj, mmap.mmap) and not place % mmap.PAGESIZE:
            start, end = max(0, HEAD_BYTES - place), len(view) // mmap.PAGESIZE * mmap.PAGESIZE
            if start < end:
                _write_all(self._descriptor, view[:start], place)
                written = _write_directly(self._descriptor, view[start:end], place + start)
                self._is_written_directly |= written > 0
                view, place = view[start + written :], place + start + written
        _write_all(self._descriptor, view, place)

    def _begin_digests(self) -> None:
        self._sha256 = hashlib.sha256()
        # Not for safety: it is the hash that S3 and NBIA publish of their files.
        is_md5 = (self.file.hash or "").startswith("md5:")
        self._md5 = hashlib.md5(usedforsecurity=False) if is_md5 else None

    def _digest(self, chunk: bytes | memoryview) -> None:
        self._sha256.update(chunk)
        if self._held is not None:
            self._held.add(chunk)
        elif self._md5 is not None:
            self._md5.update(chunk)
        self.size_bytes += len(chunk)

    def _let_go(self) -> None:
        if self._held is not None and self._joint is not None:
            self._joint.release(self._held)
        self._held = None

    def _hash(self) -> str:
        return f"md5:{self._md5.hexdigest()}" if self._md5 is not None else f"sha256:{self._sha256.hexdigest()}"


def require_hash(file: WantedFile, found: str) -> None:
    """Compare the hash of what came with the one that the source gave, if it gave one.

    Raises
    ------
    SourceError
        They differ; either may be right the next time.
    """
    if file.hash not in {None, found}:
        raise SourceError(
            f"{file.name}: expected {file.hash}, what came has {found}", check="wrong-hash", may_pass=True
        )


def sha256_if_same(path: Path, file: WantedFile) -> bytes | None:
    """SHA-256 of a finished file if size and hash prove it to be the wanted one; else None."""
    if file.hash is None or not path.is_file() or path.stat().st_size != file.size_bytes:
        return None
    algorithm, _, expected = file.hash.partition(":")
    with path.open("rb") as content:
        sha256, other = hashlib.sha256(), hashlib.new(algorithm, usedforsecurity=False)
        while chunk := content.read(READ_BYTES):
            sha256.update(chunk)
            other.update(chunk)
    return sha256.digest() if other.hexdigest() == expected else None


def draft_of(path: Path | str) -> str:
    """Where the unfinished file of `path` lies."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}{UNFINISHED}")  # noqa: PTH118 - a path object costs as much as the opening


def settle_together(paths: Collection[Path]) -> None:
    """Bring the drafts of files to disk, give them their names, and bring those to disk: one wait for all of them."""
    folders = {path.parent for path in paths}
    if len(paths) > FEW_FILES and sys.platform == "linux":
        for folder in {os.stat(folder).st_dev: folder for folder in folders}.values():  # noqa: PTH116
            sync_filesystem(folder)
    else:
        for path in paths:
            with Path(draft_of(path)).open("rb") as draft:
                os.fsync(draft.fileno())
    for path in paths:
        os.replace(draft_of(path), path)  # noqa: PTH105
    for folder in folders:
        sync_folder(folder)


def _write_all(descriptor: int, view: memoryview, place: int) -> None:
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written


def _write_directly(descriptor: int, view: memoryview, place: int) -> int:
    """Write past the system's cache, and give how much was; nothing where system or disk do not know of it."""
    if sys.platform != "linux":
        return 0
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_DIRECT)
        return os.pwrite(descriptor, view, place)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return 0
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, 0)


def _begin_to_bring_to_disk(descriptor: int) -> None:
    """Have the disk write while the next files come: the sync when a series ends then has little left to wait for."""
    if sys.platform == "linux":
        # The advice for pages that nobody needs any more starts their writing, and does not wait for it.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _open(place: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(place, flags, 0o644)
    except FileNotFoundError:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        return os.open(place, flags, 0o644)
