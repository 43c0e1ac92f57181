"""Compressed frames decoded with imagecodecs.

References
----------
DICOM PS3.5 section 8.2 and annexes A.4 and G (JPEG, JPEG-LS, JPEG 2000, HTJ2K and RLE transfer syntaxes).
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError
from hilum.volume.codestream import check_codestream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.volume.frames import Frame, PixelForm

CODECS = {
    "1.2.840.10008.1.2.4.50": "jpeg",  # baseline, 8 bit
    "1.2.840.10008.1.2.4.51": "jpeg",  # extended, 12 bit
    "1.2.840.10008.1.2.4.57": "jpeg",  # lossless
    "1.2.840.10008.1.2.4.70": "jpeg",  # lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "jpegls",  # lossless
    "1.2.840.10008.1.2.4.81": "jpegls",  # near-lossless
    "1.2.840.10008.1.2.4.90": "jpeg2k",  # lossless only
    "1.2.840.10008.1.2.4.91": "jpeg2k",
    "1.2.840.10008.1.2.4.201": "htj2k",  # lossless only
    "1.2.840.10008.1.2.4.202": "htj2k",  # lossless, progressive by resolution
    "1.2.840.10008.1.2.4.203": "htj2k",
    "1.2.840.10008.1.2.5": "rle",
}
"""Transfer syntax to the codec that decodes it."""


NEEDS_END = frozenset({"jpeg", "jpegls", "htj2k"})
"""Codecs that do not notice a cut end themselves; files of JPEG 2000 without an end marker are about."""

RLE_HEADER = struct.Struct("<16I")
"""Number of segments, and the offset of each."""


def decode(data: bytes, frame: Frame) -> NDArray[Any]:
    """Words of a frame, (row, column), of the bits allocated; unused bits are still to be cleaned.

    Raises
    ------
    PixelError
        The data cannot be decoded, or hold another number or size of values than the header says.
    """
    form = frame.form
    codec = CODECS[form.transfer_syntax_uid]
    try:
        words = _decode_rle(data, form) if codec == "rle" else _decode_image(data, codec, form)
    except Exception as error:  # every codec has errors of its own, and damaged data raise any
        raise PixelError(f"{frame.name}: cannot decode its {codec} pixel data: {error}; get the file again") from error
    if words.shape != (form.rows, form.columns) or words.dtype.kind not in "iu":
        found = f"{words.shape} values of {words.dtype}"
        raise PixelError(f"{frame.name}: decodes to {found}, expected {form.rows} x {form.columns} integers")
    return np.require(words.astype(f"u{form.bits_allocated // 8}", copy=False), requirements=["C", "W"])


def _decode_image(data: bytes, codec: str, form: PixelForm) -> NDArray[Any]:
    import imagecodecs

    check_codestream(data, (form.rows, form.columns), needs_end=codec in NEEDS_END)
    decoders = {
        "jpeg": imagecodecs.jpeg_decode,
        "jpegls": imagecodecs.jpegls_decode,
        "jpeg2k": imagecodecs.jpeg2k_decode,
        "htj2k": imagecodecs.htj2k_decode,
    }
    return np.asarray(decoders[codec](data))


def _decode_rle(data: bytes, form: PixelForm) -> NDArray[Any]:
    """Decode each byte plane, the most significant first (PS3.5 annex G)."""
    import imagecodecs

    width = form.bits_allocated // 8
    count, *offsets = RLE_HEADER.unpack_from(data)
    if count != width:
        raise PixelError(f"{count} RLE segments, expected {width} for {form.bits_allocated} bits")
    bounds = [*offsets[:count], len(data)]
    if bounds[0] < RLE_HEADER.size or any(start >= stop for start, stop in pairwise(bounds)):
        raise PixelError(f"RLE segments at {bounds[:-1]} of {len(data)} bytes; expected ascending offsets")
    planes = np.empty((form.rows * form.columns, width), np.uint8)
    for index, (start, stop) in enumerate(pairwise(bounds)):
        plane = imagecodecs.packbits_decode(data[start:stop], out=bytearray(len(planes)))
        if len(plane) != len(planes):
            raise PixelError(f"RLE segment {index + 1} holds {len(plane)} values, expected {len(planes)}")
        planes[:, width - 1 - index] = np.frombuffer(plane, np.uint8)
    return planes.view(f"<u{width}").reshape(form.rows, form.columns)
