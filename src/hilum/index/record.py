"""The record of a file: its attributes, where it lies, and where its pixel data lies in it."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.index.elements import tag_number
from hilum.index.frames import ENHANCED_CLASSES, read_frames
from hilum.index.header import ENCAPSULATED, NO_PIXEL_DATA, Header, read_header
from hilum.index.walk import DEFLATED_SYNTAX, UNDEFINED_LENGTH
from hilum.model.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record = dict[str, Any]
"""DICOM keyword or a name of `hilum.model.instances.FILE_COLUMNS` to value. Where they apply, also: ``frames`` (see
`hilum.index.frames.Frame`), ``unreadable`` (keywords whose value makes no sense), ``is_cut`` (the file ends inside
its encapsulated pixel data)."""

FRAGMENTS_LOOKED_AT = 4
"""Items of encapsulated pixel data whose end is compared with the file's: all of a single-frame image (offset table,
one to three fragments), and of a slide of thousands the first."""

_FRAGMENT = tag_number(0xFFFEE000)
_item = struct.Struct("<II").unpack


def read_record(
    root: str | Path, path: str, *, size_bytes: int | None = None, modified_ns: int | None = None
) -> Record:
    """Read the header of the file `path` below the folder `root`.

    Parameters
    ----------
    size_bytes, modified_ns
        Size and time of change if they are known already.

    Raises
    ------
    HeaderError
        As `hilum.index.header.read_header`.
    OSError
        The file cannot be opened or read.
    """
    return make_record(read_header(Path(root, path)), root, path, size_bytes=size_bytes, modified_ns=modified_ns)


def make_record(
    header: Header, root: str | Path, path: str, *, size_bytes: int | None = None, modified_ns: int | None = None
) -> Record:
    """Make the record of a file whose header is read: as `read_record`."""
    full_path = Path(root, path)
    if size_bytes is None or modified_ns is None:
        status = full_path.stat()
        size_bytes, modified_ns = status.st_size, status.st_mtime_ns
    record: Record = {
        **header.values,
        "root": str(root),
        "path": path,
        "size_bytes": size_bytes,
        "modified_ns": modified_ns,
        "pixel_offset": header.pixel_offset,
        "pixel_length": header.pixel_length,
    }
    if header.unreadable:
        record["unreadable"] = header.unreadable
    if header.values.get("SOPClassUID") in ENHANCED_CLASSES and (frames := read_frames(full_path)) is not None:
        record["frames"] = frames
    is_encapsulated = header.pixel_offset != NO_PIXEL_DATA and header.pixel_length == ENCAPSULATED
    if is_encapsulated and _is_cut(full_path, header.pixel_offset, size_bytes):
        record["is_cut"] = True
    return record


def pack_records(records: Sequence[Record]) -> bytes:
    """Give records in the packed form of `hilum.model.instances.Instances`, as they are kept and sent."""
    return Instances.from_rows(records).pack()


def unpack_records(packed: bytes) -> list[Record]:
    """Read what `pack_records` gave."""
    return [{name: value for name, value in row.items() if value is not None} for row in Instances.unpack(packed)]


def has_pixel_data(record: Mapping[str, Any]) -> bool:
    """Whether the object holds pixel data; of a deflated one it is taken for granted."""
    return record["pixel_offset"] != NO_PIXEL_DATA or record.get("TransferSyntaxUID") == DEFLATED_SYNTAX


def missing_pixel_bytes(record: Mapping[str, Any]) -> int:
    """Bytes of uncompressed pixel data that the image needs and the file does not hold; 0 if it is whole or unknown."""
    needed = _needed_bytes(record)
    if record["pixel_offset"] == NO_PIXEL_DATA or record["pixel_length"] == ENCAPSULATED or needed is None:
        return 0
    if str(record.get("PhotometricInterpretation")).endswith(("_422", "_420")):  # colours at half resolution
        return 0
    held: int = min(record["pixel_length"], record["size_bytes"] - record["pixel_offset"])
    return max(0, needed - held)


def _needed_bytes(record: Mapping[str, Any]) -> int | None:
    bits = 1
    for keyword, default in (
        ("Rows", None),
        ("Columns", None),
        ("BitsAllocated", None),
        ("SamplesPerPixel", 1),
        ("NumberOfFrames", 1),
    ):
        count = record.get(keyword, default)
        if not isinstance(count, int) or count < 0:
            return None
        bits *= count
    return (bits + 7) // 8


def _is_cut(path: Path, offset: int, size_bytes: int) -> bool:
    """Whether the file ends inside the first items of its encapsulated pixel data."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _ in range(FRAGMENTS_LOOKED_AT):
            head = os.pread(descriptor, 8, offset)
            if len(head) < 8:
                return True
            tag, length = _item(head)
            if tag != _FRAGMENT or length == UNDEFINED_LENGTH:
                return False
            offset += 8 + length
            if offset > size_bytes:
                return True
    finally:
        os.close(descriptor)
    return False
