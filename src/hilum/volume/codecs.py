"""Compressed frames decoded with imagecodecs.

References
----------
DICOM PS3.5 section 8.2 and annex A.4 (JPEG, JPEG-LS, JPEG 2000, HTJ2K and RLE transfer syntaxes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.volume.frames import Frame

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
        words = _decode_rle(data, frame) if codec == "rle" else _decode_image(data, codec)
    except Exception as error:  # every codec has errors of its own, and truncated data raise any
        raise PixelError(f"{frame.name}: {codec} pixel data cannot be decoded ({error}); get the file again") from error
    if words.shape != (form.rows, form.columns):
        raise PixelError(f"{frame.name}: decodes to {words.shape} values, expected {form.rows} x {form.columns}")
    if words.dtype.kind not in "iu":
        raise PixelError(f"{frame.name}: decodes to {words.dtype} values, expected integers")
    return np.require(words.astype(f"u{form.bits_allocated // 8}", copy=False), requirements=["C", "W"])


def _decode_image(data: bytes, codec: str) -> NDArray[Any]:
    import imagecodecs

    decoders = {
        "jpeg": imagecodecs.jpeg_decode,
        "jpegls": imagecodecs.jpegls_decode,
        "jpeg2k": imagecodecs.jpeg2k_decode,
        "htj2k": imagecodecs.htj2k_decode,
    }
    return np.asarray(decoders[codec](data))


def _decode_rle(data: bytes, frame: Frame) -> NDArray[Any]:
    import imagecodecs

    form = frame.form
    decoded = imagecodecs.dicomrle_decode(data, f"<u{form.bits_allocated // 8}")
    words = np.frombuffer(decoded, f"<u{form.bits_allocated // 8}")
    return words[: form.rows * form.columns].reshape(form.rows, form.columns)
