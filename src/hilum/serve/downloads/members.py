"""What a ZIP holds: files of the archive as they were indexed, and short texts beside them."""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.acquire.layouts import safe_part
from hilum.errors import ArchiveError
from hilum.serve.streaming import PIECE_BYTES, read_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hilum.model.instances import Instances


@dataclass(frozen=True, slots=True)
class Digest:
    """CRC-32 of some bytes, and a hash of them in hexadecimal."""

    crc: int
    hash: str


@dataclass(frozen=True, slots=True)
class TextMember:
    """A text that is made for the ZIP."""

    name: str
    content: bytes

    @property
    def size_bytes(self) -> int:
        """Length of the text."""
        return len(self.content)

    def pieces(self) -> Iterator[bytes]:
        """The text."""
        yield self.content


@dataclass(frozen=True, slots=True)
class FileMember:
    """A file of the archive.

    Attributes
    ----------
    name
        Path in the ZIP.
    path
        Absolute path where it was indexed.
    size_bytes
        Its size as indexed; a file of another size is another file.
    """

    name: str
    path: str
    size_bytes: int

    def changed_at(self) -> int | None:
        """Time of its last change in nanoseconds; None if it is not there as it was indexed."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 (a hundred thousand times; a Path costs as much as the call)
        except OSError:
            return None
        return found.st_mtime_ns if found.st_size == self.size_bytes else None

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Its bytes from `start` up to `stop`; without it, to the end.

        Raises
        ------
        ArchiveError
            It is not there any more, or not as long as it was: what was promised cannot be sent.
        """
        length = (self.size_bytes if stop is None else stop) - start
        descriptor = self._open()
        try:
            for piece in read_pieces(descriptor, start, length):
                length -= len(piece)
                yield piece
        finally:
            os.close(descriptor)
        if length:
            raise ArchiveError("a file became shorter while it was sent; download again")

    def _open(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise ArchiveError("a file is not where it was indexed; tell the steward") from None
        if os.fstat(descriptor).st_size != self.size_bytes:
            os.close(descriptor)
            raise ArchiveError("a file is not as it was indexed; tell the steward")
        return descriptor


Member = FileMember | TextMember


def digest_of(member: Member, algorithm: str) -> Digest:
    """Read a member once, for its checksum and a hash."""
    crc, found = 0, hashlib.new(algorithm, usedforsecurity=False)
    for piece in member.pieces():
        crc = zlib.crc32(piece, crc)
        found.update(piece)
    return Digest(crc, found.hexdigest())


def by_uid(index: int, sop_uid: str, count: int) -> str:  # noqa: ARG001 (one form for both ways of naming)
    """Name a file after its SOPInstanceUID."""
    return f"{safe_part(sop_uid)}.dcm"


def by_place(index: int, sop_uid: str, count: int) -> str:  # noqa: ARG001
    """Name a file after its place in the series, as NBIA's ``NewFileNames`` do: sorted by name they lie in order."""
    return f"1-{index + 1:0{max(3, len(str(count)))}}.dcm"


def files_of(
    instances: Instances, folder: str = "", naming: Callable[[int, str, int], str] = by_uid
) -> Iterator[FileMember]:
    """Give the files of a series, in its order; no name twice.

    Parameters
    ----------
    folder
        Path of its folder in the ZIP, ending with ``/``, or empty.
    naming
        `by_uid` or `by_place`.
    """
    count, taken = len(instances), set()
    columns = (instances.column(name) for name in ("SOPInstanceUID", "root", "path", "size_bytes"))
    for index, (sop_uid, root, path, size_bytes) in enumerate(zip(*columns, strict=True)):
        name = naming(index, sop_uid or "", count)
        if name in taken:
            name = f"{name.removesuffix('.dcm')}~{index + 1}.dcm"
        taken.add(name)
        yield FileMember(f"{folder}{name}", f"{root}/{path}", size_bytes)


def in_large_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: each is handed over by a thread, which costs as much as copying many bytes."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= PIECE_BYTES:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)
