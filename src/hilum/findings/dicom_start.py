"""What kind of object a DICOM file holds, by its first bytes.

References
----------
DICOM PS3.5 section 7.1 (data element structure), PS3.10 section 7.1 (file meta information).
"""

from __future__ import annotations

SOP_CLASS_TAG = b"\x08\x00\x16\x00"
MEDIA_STORAGE_CLASS_TAG = b"\x02\x00\x02\x00"
"""The second says the same before the data set, which may be deflated."""

VALUE_OFFSET = 8
"""A value begins eight bytes after its tag: after a VR and two bytes of length, or four bytes of length."""

UID_LENGTH = 64


def sop_class_of(start: bytes) -> str:
    """Give SOPClassUID, with or without preamble, of any little endian syntax; empty where it does not stand there."""
    return _uid_after(SOP_CLASS_TAG, start) or _uid_after(MEDIA_STORAGE_CLASS_TAG, start)


def _uid_after(tag: bytes, start: bytes) -> str:
    place = start.find(tag)
    value = start[place + VALUE_OFFSET : place + VALUE_OFFSET + UID_LENGTH] if place >= 0 else b""
    digits = len(value) - len(value.lstrip(b"0123456789."))
    return value[:digits].decode("ascii")
