"""A zip unpacked while it arrives: no seeking, no temporary file, memory bounded whatever the size.

Local headers and data descriptors are read as they pass; the directory at the end must then name the same files with
the same checksums. A zip that stops before its end, or whose end does not fit what came, is refused.

References
----------
PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE_BYTES = 1 << 18
"""Unpacked bytes given at once."""

SPARE_BYTES = 64 << 20
"""Of a zip beyond what it may unpack to: headers, and what does not deflate."""

LOCAL_HEADER, DIRECTORY_HEADER, DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"

_ENCRYPTED, _HAS_DESCRIPTOR, _IS_UTF8 = 1, 1 << 3, 1 << 11
_STORED, _DEFLATED = 0, 8
_IN_EXTRA = 0xFFFFFFFF
"""A size that stands in the extra field of zip64."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a zip may unpack to; more is refused as a bomb.

    Attributes
    ----------
    members
        Files in it.
    size_bytes
        Bytes of all files together.
    ratio, ratio_from_bytes
        Unpacked bytes a packed byte, looked at once so many are unpacked. A CT deflates to a third; the format ends at
        1,032.
    """

    members: int = 200_000
    size_bytes: int = 1 << 40
    ratio: float = 200.0
    ratio_from_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a zip: its name as it stands there, not yet trusted, and its bytes, to be read before the next."""

    name: str
    chunks: Iterator[bytes]


def unzip(chunks: Iterable[bytes], where: str, limits: Limits | None = None) -> Iterator[Member]:
    """Give the files of a zip as they arrive, without folders.

    Parameters
    ----------
    chunks
        Bytes of the zip.
    where
        What it is, for messages.

    Raises
    ------
    SourceError
        While a member is read or the next is asked for: the zip is cut, damaged, encrypted, or a bomb.
    """
    return _Unzipping(_Arriving(chunks, where), limits or Limits()).members()


class _Arriving:
    """Bytes that arrive, read forward only."""

    def __init__(self, chunks: Iterable[bytes], where: str) -> None:
        self.where = where
        self.read_bytes = 0
        self._chunks = iter(chunks)
        self._held = b""

    def take(self, count: int) -> bytes:
        """Give exactly `count` bytes."""
        while len(self._held) < count:
            piece = next(self._chunks, None)
            if piece is None:
                raise self.damage(f"ends after {self.read_bytes + len(self._held):,} bytes", "cut-zip")
            self._held += piece
        taken, self._held = self._held[:count], self._held[count:]
        self.read_bytes += count
        return taken

    def peek(self, count: int) -> bytes:
        """Give the next `count` bytes, or fewer at the end, without passing them."""
        while len(self._held) < count and (piece := next(self._chunks, None)) is not None:
            self._held += piece
        return self._held[:count]

    def take_some(self) -> bytes:
        """Give what is there, at least a byte."""
        self.peek(1)
        return self.take(max(1, min(len(self._held), PIECE_BYTES)))

    def put_back(self, rest: bytes) -> None:
        """Take back the end of what was given."""
        self._held = rest + self._held
        self.read_bytes -= len(rest)

    def damage(self, what: str, check: str = "bad-zip") -> SourceError:
        return SourceError(f"{self.where}: the zip {what}", check=check, may_pass=True)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A local header."""

    name: str
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int

    @property
    def has_descriptor(self) -> bool:
        return bool(self.flags & _HAS_DESCRIPTOR)


class _Unzipping:
    """One pass over a zip."""

    def __init__(self, arriving: _Arriving, limits: Limits) -> None:
        self._arriving = arriving
        self._limits = limits
        self._size_bytes = 0
        self._seen: list[tuple[str, int]] = []

    def members(self) -> Iterator[Member]:
        while (signature := self._arriving.peek(4)) == LOCAL_HEADER:
            entry = self._entry()
            chunks = self._content(entry)
            if not entry.name.endswith("/"):
                yield Member(entry.name, chunks)
            for _ in chunks:
                pass
        if signature not in (DIRECTORY_HEADER, _END) and not self._seen:
            begin = bytes(self._arriving.peek(40))
            raise SourceError(
                f"{self._arriving.where}: expected a zip, found {begin!r}: perhaps an error page",
                check="no-zip",
                may_pass=True,
            )
        self._check_directory()

    def _entry(self) -> _Entry:
        header = struct.unpack("<4s5H3I2H", self._arriving.take(30))
        _, _, flags, method, _, _, crc, packed_bytes, size_bytes, name_length, extra_length = header
        name = _text(self._arriving.take(name_length), flags)
        extra = self._arriving.take(extra_length)
        if _IN_EXTRA in (packed_bytes, size_bytes):
            size_bytes, packed_bytes = self._sizes_64(extra)
        entry = _Entry(name, flags, method, crc, packed_bytes, size_bytes)
        self._require_readable(entry)
        return entry

    def _require_readable(self, entry: _Entry) -> None:
        if len(self._seen) >= self._limits.members:
            raise self._bomb(f"more than {self._limits.members:,} files")
        if entry.flags & _ENCRYPTED:
            raise SourceError(
                f"{self._arriving.where}: {entry.name!r} is encrypted; expected a zip without a password",
                check="encrypted-zip",
            )
        is_known = entry.method == _DEFLATED or (entry.method == _STORED and not entry.has_descriptor)
        if not is_known and not entry.name.endswith("/"):
            raise SourceError(
                f"{self._arriving.where}: {entry.name!r} is packed by method {entry.method}, which cannot be read as "
                "it arrives; expected deflated files, or stored ones whose size is known",
                check="zip-method",
            )

    def _content(self, entry: _Entry) -> Iterator[bytes]:
        begin, crc, size_bytes = self._arriving.read_bytes, 0, 0
        pieces = self._inflated() if entry.method == _DEFLATED else self._stored(entry.packed_bytes)
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            size_bytes += len(piece)
            self._size_bytes += len(piece)
            self._check_limits()
            yield piece
        packed_bytes = self._arriving.read_bytes - begin
        said = (entry.crc, entry.packed_bytes, entry.size_bytes)
        if entry.has_descriptor:
            said = self._descriptor(packed_bytes, size_bytes)
        if said != (crc, packed_bytes, size_bytes):
            raise self._arriving.damage(f"has {entry.name!r} with other bytes than its checksum and size say")
        self._seen.append((entry.name, crc))

    def _stored(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self._arriving.take(min(count, PIECE_BYTES))
            count -= len(piece)
            yield piece

    def _inflated(self) -> Iterator[bytes]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflate.eof:
            packed = inflate.unconsumed_tail or self._arriving.take_some()
            try:
                piece = inflate.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                raise self._arriving.damage(f"cannot be inflated ({error})") from error
            if piece:
                yield piece
            else:
                self._check_limits()
        self._arriving.put_back(inflate.unused_data)

    def _descriptor(self, packed_bytes: int, size_bytes: int) -> tuple[int, int, int]:
        """Checksum and sizes behind a file; the signature is optional, the sizes have 4 or, in zip64, 8 bytes."""
        if self._arriving.peek(4) == DESCRIPTOR:
            self._arriving.take(4)
        (crc,) = struct.unpack("<I", self._arriving.take(4))
        form = "<QQ" if self._arriving.peek(16) == struct.pack("<QQ", packed_bytes, size_bytes) else "<II"
        packed, size = struct.unpack(form, self._arriving.take(struct.calcsize(form)))
        return crc, packed, size

    def _check_limits(self) -> None:
        limits, size_bytes = self._limits, self._size_bytes
        # Deflated nothing, again and again, is a bomb for those who wait.
        if max(size_bytes, self._arriving.read_bytes - SPARE_BYTES) > limits.size_bytes:
            raise self._bomb(f"more than {limits.size_bytes:,} bytes")
        if size_bytes > limits.ratio_from_bytes and size_bytes > limits.ratio * self._arriving.read_bytes:
            raise self._bomb(f"{size_bytes:,} bytes from {self._arriving.read_bytes:,}")

    def _bomb(self, what: str) -> SourceError:
        return SourceError(
            f"{self._arriving.where}: the zip unpacks to {what}; it is taken for a bomb and nothing of it is kept",
            check="zip-bomb",
        )

    def _check_directory(self) -> None:
        """Compare the directory with what came: a file that was left out of either is a loss."""
        listed: list[tuple[str, int]] = []
        while len(listed) <= len(self._seen) and self._arriving.peek(4) == DIRECTORY_HEADER:
            header = struct.unpack("<4s6H3I5H2I", self._arriving.take(46))
            name = _text(self._arriving.take(header[10]), header[3])
            self._arriving.take(header[11] + header[12])
            listed.append((name, header[7]))
        if sorted(listed) != sorted(self._seen):
            raise self._arriving.damage(f"lists {len(listed)} files at its end, {len(self._seen)} others came")
        if self._arriving.peek(4) == _END_64:
            (length,) = struct.unpack("<4xQ", self._arriving.take(12))
            self._arriving.take(min(length, PIECE_BYTES))
        if self._arriving.peek(4) == _LOCATOR_64:
            self._arriving.take(20)
        if self._arriving.peek(4) != _END:
            raise self._arriving.damage(f"has no end after {self._arriving.read_bytes:,} bytes", "cut-zip")
        self._arriving.take(22)

    def _sizes_64(self, extra: bytes) -> tuple[int, int]:
        place = 0
        while place + 4 <= len(extra):
            kind, length = struct.unpack_from("<HH", extra, place)
            if kind == 1 and length >= 16 and place + 20 <= len(extra):
                size_bytes, packed_bytes = struct.unpack_from("<QQ", extra, place + 4)
                return size_bytes, packed_bytes
            place += 4 + length
        raise self._arriving.damage("has no sizes in a zip64 header")


def _text(name: bytes, flags: int) -> str:
    return name.decode("utf-8" if flags & _IS_UTF8 else "cp437", errors="replace")
