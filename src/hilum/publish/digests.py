"""SHA-256 and SHA-512 of a file in one reading, and of a copy while it is made.

Descriptors, not file objects: of tiny files there are millions, and a file object takes longer than all the rest.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

CHUNK_BYTES = 1 << 20

_READ = os.O_RDONLY | os.O_NONBLOCK
"""Without O_NONBLOCK a pipe would be waited for."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Size, time of change and digests of a file, as it was when its bytes were read."""

    size_bytes: int
    modified_ns: int
    sha256: str
    sha512: str


def digest_file(path: str | PathLike[str]) -> Digests:
    """Read a file once; an error of the system names `path`."""
    with _opened(path, _READ) as source:
        return _digest(source, path, lambda _: None)


def copy_file(path: str | PathLike[str], copy: str | PathLike[str]) -> Digests:
    """Copy a file; the time of change given is the copy's. An error of the system names the file that it is about.

    Raises
    ------
    FileExistsError
        There is a file at `copy`: nothing is ever written into it, it could be a link to another.
    """
    with _opened(path, _READ) as source, _opened(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as target:
        digests = _digest(source, path, lambda piece: _write(target, piece, copy))
    # Once it is closed: over a network only then the server sets the time.
    modified_ns = os.stat(copy).st_mtime_ns  # noqa: PTH116 - of millions of files
    return Digests(digests.size_bytes, modified_ns, digests.sha256, digests.sha512)


@contextmanager
def _opened(path: str | PathLike[str], flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _digest(source: int, path: str | PathLike[str], take: Callable[[bytes], None]) -> Digests:
    sha256, sha512 = hashlib.sha256(), hashlib.sha512()
    size_bytes = 0
    before = os.fstat(source)
    if not S_ISREG(before.st_mode):
        raise OSError(errno.EINVAL, "it is no file, but a folder, pipe or device", os.fspath(path))
    wanted = min(before.st_size + 1, CHUNK_BYTES)
    while piece := _read(source, wanted, path):
        sha256.update(piece)
        sha512.update(piece)
        size_bytes += len(piece)
        take(piece)
    return Digests(size_bytes, os.fstat(source).st_mtime_ns, sha256.hexdigest(), sha512.hexdigest())


def _read(source: int, count: int, path: str | PathLike[str]) -> bytes:
    try:
        return os.read(source, count)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _write(target: int, piece: bytes, path: str | PathLike[str]) -> None:
    left = memoryview(piece)
    try:
        while left:
            left = left[os.write(target, left) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
