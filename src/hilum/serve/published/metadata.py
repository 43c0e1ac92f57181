"""The prepared metadata of a series: one file that is sent as it is, and from which one instance can be cut out.

The file is a gzip stream of the JSON array of the series' instances, then a directory of it, then the length of that.
The stream is flushed whole every `BLOCK` instances, so that an instance is read by inflating its block alone.

::

    gzip stream | directory (zlib, JSON) | length of the directory (4 bytes) | MAGIC
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "metadata"
"""Below the folder that serving keeps in the archive."""

SUFFIX = ".hilum"
BLOCK = 16
"""Instances inflated to read one; a window of 32 kB holds about five, so little is lost at the flushes."""

LEVEL = 6
MAGIC = b"HLM1"
_GZIP_WINDOW, _RAW_WINDOW = 31, -15
_FOOTER = struct.Struct("<I4s")
_FOOTER_READ = 64 * 1024
"""Bytes read from the end at once: directories of some thousand instances fit."""


@dataclass(frozen=True, slots=True)
class SeriesMetadata:
    """Prepared metadata of a series.

    Attributes
    ----------
    path
        The file.
    gzip_bytes
        Length of the gzip stream at its beginning.
    blocks
        Offset of each block in the gzip stream; the first one's includes the header of gzip.
    starts, stops
        Where each instance begins and ends in its inflated block.
    study, series
        Attributes of the study and of the series, as DICOM JSON.
    refused_files, refused_attributes
        How many files were described from the catalog because they could not be read, and how many attributes were
        left out because their value is none their VR allows.
    """

    path: Path
    gzip_bytes: int
    blocks: tuple[int, ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    study: dict[str, Any]
    series: dict[str, Any]
    refused_files: int = 0
    refused_attributes: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def open(cls, path: Path) -> SeriesMetadata:
        """Read the directory of a file.

        Raises
        ------
        FileNotFoundError
            There is no such file: the series was published anew.
        ArchiveError
            The file is damaged.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            directory: Any = {name: _frozen(value) for name, value in _directory(descriptor).items()}
        except (struct.error, zlib.error, ValueError, TypeError) as error:
            raise ArchiveError(f"{path} is damaged ({error}); remove it and publish again") from error
        finally:
            os.close(descriptor)
        return cls(path, **directory)

    def gzip(self) -> bytes:
        """The JSON array of all instances, as a gzip stream."""
        return _read(self.path, 0, self.gzip_bytes)

    def text(self) -> bytes:
        """The JSON array of all instances, in UTF-8."""
        return zlib.decompress(self.gzip(), _GZIP_WINDOW)

    def instances(self) -> bytes:
        """The objects of all instances with commas between, for arrays of several series."""
        return self.text()[1:-1]

    def instance(self, index: int) -> bytes:
        """The JSON object of one instance, 0-based in the order of the series."""
        block = self._block(index // BLOCK)
        return block[self.starts[index] : self.stops[index]]

    def _block(self, number: int) -> bytes:
        start = self.blocks[number]
        stop = self.blocks[number + 1] if number + 1 < len(self.blocks) else self.gzip_bytes
        inflate = zlib.decompressobj(_RAW_WINDOW if number else _GZIP_WINDOW)
        return inflate.decompress(_read(self.path, start, stop - start))


def write_metadata(
    path: Path,
    texts: Sequence[str],
    *,
    study: dict[str, Any],
    series: dict[str, Any],
    refused_files: int,
    refused_attributes: int,
) -> None:
    """Write the metadata of a series.

    Parameters
    ----------
    path
        A draft, that gets its name once it is on disk.
    texts
        JSON object of each instance, in the order of the series.
    """
    deflate = zlib.compressobj(LEVEL, wbits=_GZIP_WINDOW)
    stream = bytearray()
    blocks: list[int] = []
    starts: list[int] = []
    stops: list[int] = []
    for first in range(0, len(texts), BLOCK):
        blocks.append(len(stream))
        content = bytearray()
        for text in texts[first : first + BLOCK]:
            content += b"," if starts else b"["
            starts.append(len(content))
            content += text.encode()
            stops.append(len(content))
        stream += deflate.compress(bytes(content)) + deflate.flush(zlib.Z_FULL_FLUSH)
    stream += deflate.compress(b"]" if texts else b"[]") + deflate.flush()
    directory = {
        "gzip_bytes": len(stream),
        "blocks": blocks,
        "starts": starts,
        "stops": stops,
        "study": study,
        "series": series,
        "refused_files": refused_files,
        "refused_attributes": refused_attributes,
    }
    packed = zlib.compress(json.dumps(directory, separators=(",", ":")).encode())
    path.write_bytes(bytes(stream) + packed + _FOOTER.pack(len(packed), MAGIC))


def metadata_path(folder: Path, collection_id: str, digest: str) -> Path:
    """Where the metadata of a series lie, below `folder`; the name tells nothing of whom it is about."""
    return folder / collection_id / digest[:2] / f"{digest}{SUFFIX}"


def _directory(descriptor: int) -> dict[str, Any]:
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, _FOOTER_READ, max(0, size - _FOOTER_READ))
    length, magic = _FOOTER.unpack(end[-_FOOTER.size :])
    if magic != MAGIC or length + _FOOTER.size > size:
        raise ValueError("it does not end as such a file does")
    start = size - _FOOTER.size - length
    packed = end[-_FOOTER.size - length : -_FOOTER.size] if length + _FOOTER.size <= len(end) else None
    directory: dict[str, Any] = json.loads(zlib.decompress(packed or os.pread(descriptor, length, start)))
    return directory


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read(path: Path, start: int, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, length, start)
    finally:
        os.close(descriptor)
