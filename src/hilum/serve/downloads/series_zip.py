"""The ZIP of one series: the same bytes each time, so that a download that broke off goes on where it ended.

::

    LICENSE | images in the order of the series | md5hashes.csv | directory

Names and sizes are known before any file is read, and with them the place of every byte. Checksums are worked out when
a part that holds them is sent, once for a file as it is now.

References
----------
NBIA Search REST API Guide, ``getImage`` and ``getImageWithMD5Hash``; RFC 9110, section 14 (range requests).
"""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from hilum.serve.downloads.members import Digest, FileMember, Member, TextMember, digest_of
from hilum.serve.downloads.zip_format import (
    directory_header,
    directory_header_bytes,
    end_records,
    local_header,
    local_header_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LICENCE, HASHES = "LICENSE", "md5hashes.csv"
HASH_COLUMNS = ("Filename", "MD5Hash")
ALGORITHM = "md5"
"""What NBIA's clients expect; against chance, not against forgery."""

FORM = b"series zip 1"
"""Raised when the bytes of a ZIP change while its files do not."""

REMEMBERED_FILES = 50_000
"""Files whose checksums a worker keeps: about 20 MB."""

_UNKNOWN = "0" * 32


class _Part(NamedTuple):
    """A stretch of the ZIP: its length, and what gives its bytes from one place in it up to another."""

    size_bytes: int
    cut: Callable[[int, int], Iterator[bytes]]


class SeriesZip:
    """A series as a ZIP, any part of which can be had.

    Parameters
    ----------
    files
        Its images.
    changed_ns
        Time of the last change of each; see `FileMember.changed_at`.
    licence
        Text of the file ``LICENSE``.
    with_hashes
        Whether ``md5hashes.csv`` ends it.
    """

    def __init__(
        self, files: Sequence[FileMember], changed_ns: Sequence[int], *, licence: str, with_hashes: bool
    ) -> None:
        self._files = dict(zip(files, changed_ns, strict=True))
        self._members: list[Member] = [TextMember(LICENCE, licence.encode()), *files]
        self._has_hashes = with_hashes
        if with_hashes:
            # Its length is known before its content.
            self._members.append(TextMember(HASHES, _hash_table([(file.name, _UNKNOWN) for file in files])))
        self._offsets = [0]
        for member in self._members:
            header_bytes = local_header_bytes(member.name, member.size_bytes)
            self._offsets.append(self._offsets[-1] + header_bytes + member.size_bytes)

    @cached_property
    def size_bytes(self) -> int:
        """Length of the whole."""
        return self._directory_offset + self._directory_bytes + len(self._end())

    @cached_property
    def entity_tag(self) -> str:
        """Changes whenever a byte of the ZIP may change; without quotes."""
        digest = hashlib.blake2b(FORM, digest_size=16)
        for member in self._members:
            content = member.content if isinstance(member, TextMember) else f"{member.path} {self._files[member]}"
            digest.update(f"{member.name} {member.size_bytes} {content!r}\n".encode(errors="surrogatepass"))
        return digest.hexdigest()

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`; without it, to the end.

        Raises
        ------
        ArchiveError
            While it is read: a file is not there any more as it was.
        """
        stop = self.size_bytes if stop is None else stop
        offset = 0
        for part in self._parts():
            if offset >= stop:
                return
            if offset + part.size_bytes > start:
                yield from part.cut(max(0, start - offset), min(part.size_bytes, stop - offset))
            offset += part.size_bytes

    @property
    def _directory_offset(self) -> int:
        return self._offsets[-1]

    @cached_property
    def _directory_bytes(self) -> int:
        placed = zip(self._members, self._offsets, strict=False)
        return sum(directory_header_bytes(member.name, member.size_bytes, offset) for member, offset in placed)

    def _parts(self) -> Iterator[_Part]:
        for member in self._members:
            header_bytes = local_header_bytes(member.name, member.size_bytes)
            yield _Part(header_bytes, partial(_cut, partial(self._header, member)))
            if isinstance(member, FileMember):
                yield _Part(member.size_bytes, member.pieces)
            else:
                yield _Part(member.size_bytes, partial(_cut, partial(self._text, member)))
        yield _Part(self._directory_bytes, partial(_cut, self._directory))
        yield _Part(len(self._end()), partial(_cut, self._end))

    def _header(self, member: Member) -> bytes:
        return local_header(member.name, member.size_bytes, self._crc(member))

    def _directory(self) -> bytes:
        placed = zip(self._members, self._offsets, strict=False)
        lines = (directory_header(one.name, one.size_bytes, self._crc(one), offset) for one, offset in placed)
        return b"".join(lines)

    def _end(self) -> bytes:
        return end_records(len(self._members), self._directory_offset, self._directory_bytes)

    def _text(self, member: TextMember) -> bytes:
        """A text; the list of hashes with its hashes."""
        if not (self._has_hashes and member is self._members[-1]):
            return member.content
        return _hash_table([(file.name, self._digest(file).hash) for file in self._files])

    def _crc(self, member: Member) -> int:
        return zlib.crc32(self._text(member)) if isinstance(member, TextMember) else self._digest(member).crc

    def _digest(self, file: FileMember) -> Digest:
        return _remembered(file.path, file.size_bytes, self._files[file])


@lru_cache(maxsize=REMEMBERED_FILES)
def _remembered(path: str, size_bytes: int, changed_ns: int) -> Digest:  # noqa: ARG001 (a changed file is another)
    return digest_of(FileMember("", path, size_bytes), ALGORITHM)


def _hash_table(rows: Sequence[tuple[str, str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([HASH_COLUMNS, *rows])
    return file.getvalue().encode()


def _cut(content: Callable[[], bytes], start: int, stop: int) -> Iterator[bytes]:
    yield content()[start:stop]
