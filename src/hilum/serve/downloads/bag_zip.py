"""A cohort or collection as one ZIP, made while it is sent: a BagIt bag, whatever its size, in little memory.

::

    bagit.txt, bag-info.txt, LICENCES.md ... | data/... | NOT-INCLUDED.csv | manifest-sha256.txt | directory

What must be kept until the end, the lines of the manifest and of the directory, is kept in files of its own.

References
----------
RFC 8493, "The BagIt File Packaging Format (V1.0)".
"""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from hilum.errors import ArchiveError
from hilum.publish.bag import manifest_line, manifest_name
from hilum.serve.downloads.members import TextMember, digest_of
from hilum.serve.downloads.zip_format import (
    directory_header,
    directory_header_bytes,
    end_records,
    local_header,
    local_header_bytes,
)
from hilum.serve.streaming import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    from hilum.serve.downloads.members import FileMember, Member

ALGORITHM = "sha256"
MANIFEST = manifest_name(ALGORITHM)
HELD_BYTES = 1 << 20
"""Of each list that grows while a ZIP is sent, held in memory; more lies on the disk."""

_UNKNOWN = "0" * 64


@dataclass
class _Growing:
    """A text that grows while the ZIP is sent."""

    size_bytes: int = 0
    crc: int = 0
    _file: IO[bytes] = field(default_factory=lambda: tempfile.SpooledTemporaryFile(HELD_BYTES))  # noqa: SIM115 (closed at the end)

    def add(self, content: bytes) -> None:
        self._file.write(content)
        self.size_bytes += len(content)
        self.crc = zlib.crc32(content, self.crc)

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def close(self) -> None:
        self._file.close()


def zip_bytes(texts: Iterable[TextMember], files: Iterable[FileMember], closing: Iterable[TextMember] = ()) -> int:
    """Give the length that `zip_pieces` will have, if every file stays as it is."""
    offset = count = directory_bytes = manifest_bytes = 0

    def place(name: str, size_bytes: int) -> None:
        nonlocal offset, count, directory_bytes
        directory_bytes += directory_header_bytes(name, size_bytes, offset)
        offset += local_header_bytes(name, size_bytes) + size_bytes
        count += 1

    for text in texts:
        place(text.name, text.size_bytes)
    for file in files:
        place(file.name, file.size_bytes)
        manifest_bytes += len(manifest_line(_UNKNOWN, file.name).encode())
    for text in closing:
        place(text.name, text.size_bytes)
    place(MANIFEST, manifest_bytes)
    return offset + directory_bytes + len(end_records(count, offset, directory_bytes))


def zip_pieces(
    texts: Iterable[TextMember], files: Iterable[FileMember], closing: Callable[[], Iterable[TextMember]] = tuple
) -> Iterator[bytes]:
    """Give the ZIP.

    Parameters
    ----------
    texts
        What stands before the files.
    files
        The files, taken one after the other; their names begin with ``data/``.
    closing
        Asked when every file is sent: texts that stand behind them.

    Raises
    ------
    ArchiveError
        A file is not there any more as it was: the ZIP ends in its middle, and nobody takes it for whole.
    """
    with _Sending() as sending:
        for text in texts:
            yield from sending.send(text)
        for file in files:
            yield from sending.send(file)
        for text in closing():
            yield from sending.send(text)
        yield from sending.end()


class _Sending:
    """A ZIP on its way."""

    def __init__(self) -> None:
        self._offset = 0
        self._count = 0
        self._directory = _Growing()
        self._manifest = _Growing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.close()
        self._manifest.close()

    def send(self, member: Member) -> Iterator[bytes]:
        digest = digest_of(member, ALGORITHM)
        yield self._begin(member.name, member.size_bytes, digest.crc)
        crc = 0
        for piece in member.pieces():
            crc = zlib.crc32(piece, crc)
            yield piece
        if crc != digest.crc:
            raise ArchiveError("a file changed while it was sent; download again")
        if not isinstance(member, TextMember):
            self._manifest.add(manifest_line(digest.hash, member.name).encode())

    def end(self) -> Iterator[bytes]:
        yield self._begin(MANIFEST, self._manifest.size_bytes, self._manifest.crc)
        yield from self._manifest.pieces()
        yield from self._directory.pieces()
        yield end_records(self._count, self._offset, self._directory.size_bytes)

    def _begin(self, name: str, size_bytes: int, crc: int) -> bytes:
        header = local_header(name, size_bytes, crc)
        self._directory.add(directory_header(name, size_bytes, crc, self._offset))
        self._offset += len(header) + size_bytes
        self._count += 1
        return header
