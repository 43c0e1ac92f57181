"""What a compressed frame says of itself, read before a codec sees it.

Codecs trust their input: a damaged size makes them fill the memory, a cut end makes some give wrong voxels and others
never return. So the size must be the one expected, and the end must be there.

References
----------
ITU-T T.81 annex B (JPEG markers), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000), T.814 (HTJ2K).
"""

from __future__ import annotations

import struct

from hilum.errors import PixelError

JPEG_START = b"\xff\xd8"
JPEG_2000_START = b"\xff\x4f\xff\x51"
END = b"\xff\xd9"
"""End of image and end of codestream have the same marker."""

END_WITHIN = 16
"""Bytes before the end in which the end marker stands: it is followed by padding at most."""

FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers of the frame headers of JPEG (SOF0 to SOF15) and JPEG-LS (SOF55)."""

Size = tuple[int, int, int]
"""Rows, columns, components."""


def check_codestream(data: bytes, expected: tuple[int, int], *, needs_end: bool, components: int = 1) -> None:
    """Make sure that a frame of JPEG, JPEG-LS, JPEG 2000 or HTJ2K is what is expected.

    Parameters
    ----------
    data
        One frame.
    expected
        Rows and columns.
    needs_end
        Whether the end marker must be there.
    components
        Values of a pixel.

    Raises
    ------
    PixelError
        It is not.
    """
    size = _jpeg_size(data) if data.startswith(JPEG_START) else _jpeg_2000_size(data)
    if size is None:
        raise PixelError("no image header found")
    if size != (*expected, components):
        found = f"decodes to {size[0]} x {size[1]} values of {size[2]} components"
        raise PixelError(f"{found}, expected {expected[0]} x {expected[1]} of {components}")
    if needs_end and END not in data[-END_WITHIN:]:
        raise PixelError("ends before its end marker")


def _jpeg_size(data: bytes) -> Size | None:
    """Walk the markers up to the frame header."""
    position = len(JPEG_START)
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in FRAME_HEADERS:
            rows, columns, components = struct.unpack_from(">HHB", data, position + 5)
            return rows, columns, components
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return None


def _jpeg_2000_size(data: bytes) -> Size | None:
    """Read the SIZ marker segment, after the boxes of a JP2 file where an encoder has left them."""
    start = data.find(JPEG_2000_START)
    if start < 0 or len(data) < start + 42:
        return None
    columns, rows, left, top, *_ = struct.unpack_from(">4I", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    return rows - top, columns - left, components
