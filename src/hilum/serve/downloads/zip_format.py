"""The bytes between the files of a ZIP whose files are stored as they are, of any size.

Size and checksum stand before each file, so that the ZIP can be unpacked while it arrives, and the same files always
give the same bytes.

References
----------
PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct

STORED = 0
IS_UTF8 = 1 << 11
VERSION, VERSION_64 = 20, 45
"""Version of the format that is needed, in tenths: folders; ZIP64."""

MADE_BY_UNIX = 3 << 8
PERMISSIONS = 0o100644 << 16
"""A regular file that everybody may read."""

FIRST_DAY = (0, (1 << 5) | 1)
"""Time and date of every file, 1 January 1980: when a file was copied to this archive is nobody's concern."""

MAX_32, MAX_16 = 0xFFFFFFFF, 0xFFFF
"""Stand where a number does not fit and is given in ZIP64's own place."""

_LOCAL = struct.Struct("<4s5H3I2H")
_DIRECTORY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_EXTRA = struct.Struct("<2H")
_EXTRA_64 = 1


def local_header(name: str, size_bytes: int, crc: int) -> bytes:
    """What stands before a file."""
    encoded = name.encode()
    size, extra = _size_and_extra(size_bytes)
    needed = VERSION_64 if extra else VERSION
    head = (b"PK\x03\x04", needed, IS_UTF8, STORED, *FIRST_DAY, crc, size, size, len(encoded), len(extra))
    return _LOCAL.pack(*head) + encoded + extra


def local_header_bytes(name: str, size_bytes: int) -> int:
    """Length of that, which does not depend on the file's content."""
    return len(local_header(name, size_bytes, 0))


def directory_header(name: str, size_bytes: int, crc: int, offset: int) -> bytes:
    """Line of the directory at the end, for a file whose local header begins at `offset`."""
    encoded = name.encode()
    large = [number for number in (size_bytes, size_bytes) if size_bytes >= MAX_32]
    large += [offset] if offset >= MAX_32 else []
    extra = _extra_64(large)
    needed = VERSION_64 if extra else VERSION
    size = min(size_bytes, MAX_32)
    head = (b"PK\x01\x02", MADE_BY_UNIX | needed, needed, IS_UTF8, STORED, *FIRST_DAY, crc, size, size)
    rest = (len(encoded), len(extra), 0, 0, 0, PERMISSIONS, min(offset, MAX_32))
    return _DIRECTORY.pack(*head, *rest) + encoded + extra


def directory_header_bytes(name: str, size_bytes: int, offset: int) -> int:
    """Length of that."""
    return len(directory_header(name, size_bytes, 0, offset))


def end_records(count: int, directory_offset: int, directory_bytes: int) -> bytes:
    """What ends a ZIP of `count` files."""
    records = b""
    if count >= MAX_16 or directory_offset >= MAX_32 or directory_bytes >= MAX_32:
        version = (MADE_BY_UNIX | VERSION_64, VERSION_64)
        sizes = (count, count, directory_bytes, directory_offset)
        records += _END_64.pack(b"PK\x06\x06", _END_64.size - 12, *version, 0, 0, *sizes)
        records += _LOCATOR_64.pack(b"PK\x06\x07", 0, directory_offset + directory_bytes, 1)
    short = (min(count, MAX_16), min(count, MAX_16), min(directory_bytes, MAX_32), min(directory_offset, MAX_32))
    return records + _END.pack(b"PK\x05\x06", 0, 0, *short, 0)


def _size_and_extra(size_bytes: int) -> tuple[int, bytes]:
    return (size_bytes, b"") if size_bytes < MAX_32 else (MAX_32, _extra_64([size_bytes, size_bytes]))


def _extra_64(numbers: list[int]) -> bytes:
    """ZIP64's extra field; nothing where every number fits in its own place."""
    values = struct.pack(f"<{len(numbers)}Q", *numbers)
    return _EXTRA.pack(_EXTRA_64, len(values)) + values if numbers else b""
