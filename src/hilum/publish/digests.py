"""SHA-256 and SHA-512 of a file in one reading, and of a copy while it is made."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """Size, time of change and digests of a file, as it was when its bytes were read."""

    size_bytes: int
    modified_ns: int
    sha256: str
    sha512: str


def digest_file(path: Path) -> Digests:
    """Read a file once."""
    with path.open("rb") as file:
        return _digest(file, None)


def copy_file(source: Path, target: Path) -> Digests:
    """Copy a file; the time of change given is the copy's."""
    with source.open("rb") as file, target.open("wb") as copy:
        digests = _digest(file, copy)
    return Digests(digests.size_bytes, target.stat().st_mtime_ns, digests.sha256, digests.sha512)


def _digest(file: BinaryIO, copy: BinaryIO | None) -> Digests:
    sha256, sha512 = hashlib.sha256(), hashlib.sha512()
    size_bytes = 0
    while chunk := file.read(CHUNK_BYTES):
        sha256.update(chunk)
        sha512.update(chunk)
        size_bytes += len(chunk)
        if copy is not None:
            copy.write(chunk)
    return Digests(size_bytes, os.fstat(file.fileno()).st_mtime_ns, sha256.hexdigest(), sha512.hexdigest())
