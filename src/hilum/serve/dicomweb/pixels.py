"""Frames decoded: stored values, grey or in colour.

References
----------
DICOM PS3.3 C.7.6.3 (image pixel), C.7.6.3.1.2 (photometric interpretation); PS3.5 section 8.2 (codecs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError
from hilum.serve.dicomweb.frames import NATIVE, frame_count, read_frames
from hilum.volume.codecs import CODECS, NEEDS_END, decode
from hilum.volume.codestream import check_codestream
from hilum.volume.frames import make_frame
from hilum.volume.rescale import clean_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.serve.dicomweb.found import FoundInstance

MAX_PIXELS = 1 << 28
"""Pixels of a frame that is decoded: more than any detector or tile has."""

_ADOBE = b"Adobe"
_ADOBE_WITHIN = 1024
"""Bytes in which an Adobe marker stands, which says whether colours are RGB."""


def decode_frame(instance: FoundInstance, number: int) -> NDArray[Any]:
    """Stored values of a frame, 1-based: (row, column), or (row, column, 3) in colour.

    Colours of JPEG are RGB; without compression they are as PhotometricInterpretation says.

    Raises
    ------
    ProblemError
        404: there is no such frame.
    PixelError
        It cannot be decoded.
    """
    values = instance.values
    rows, columns = values.get("Rows") or 0, values.get("Columns") or 0
    if not 0 < rows * columns <= MAX_PIXELS:
        raise PixelError(f"{rows} x {columns} pixels; expected 1 to {MAX_PIXELS}")
    data = read_frames(instance, [number])[0]
    samples = values.get("SamplesPerPixel") or 1
    if instance.transfer_syntax not in NATIVE:
        return _decompressed(data, instance, number, samples)
    if values.get("BitsAllocated") == 1:
        return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: rows * columns].reshape(rows, columns)
    words = np.frombuffer(data, f"<u{(values.get('BitsAllocated') or 8) // 8}")
    if samples > 1:
        return (
            words.reshape(rows, columns, samples)
            if len(words) == rows * columns * samples
            else _halved(words, rows, columns)
        )
    form = make_frame(_grey(values), {}).form
    return clean_bits(words.reshape(rows, columns).copy(), form)


def decoded_bytes(instance: FoundInstance, number: int) -> bytes:
    """Bytes of a frame as explicit VR little endian has them.

    Raises
    ------
    ProblemError, PixelError
        As `decode_frame`.
    """
    if instance.transfer_syntax in NATIVE:
        return read_frames(instance, [number])[0]
    words = decode_frame(instance, number)
    return np.ascontiguousarray(words.astype(words.dtype.newbyteorder("<"), copy=False)).tobytes()


def _decompressed(data: bytes, instance: FoundInstance, number: int, samples: int) -> NDArray[Any]:
    values = instance.values
    codec = CODECS.get(instance.transfer_syntax)
    if codec is None:
        raise PixelError(f"no codec for transfer syntax {instance.transfer_syntax}")
    if samples == 1:
        frame = make_frame(_grey(values), {}, index=number - 1, frame_count=frame_count(instance))
        return clean_bits(decode(data, frame), frame.form)
    if codec == "rle":
        raise PixelError("run-length coded colour images are not decoded")
    check_codestream(data, (values["Rows"], values["Columns"]), needs_end=codec in NEEDS_END, components=samples)
    return _decode_colour(data, codec, str(values.get("PhotometricInterpretation")))


def _decode_colour(data: bytes, codec: str, photometric: str) -> NDArray[Any]:
    import imagecodecs

    decoders = {
        "jpegls": imagecodecs.jpegls_decode,
        "jpeg2k": imagecodecs.jpeg2k_decode,
        "htj2k": imagecodecs.htj2k_decode,
    }
    try:
        if codec != "jpeg":
            return np.asarray(decoders[codec](data))
        # Without Adobe's marker a JPEG of three components is taken for YCbCr.
        if photometric == "RGB" and _ADOBE not in data[:_ADOBE_WITHIN]:
            return np.asarray(imagecodecs.jpeg_decode(data, colorspace="RGB", outcolorspace="RGB"))
        return np.asarray(imagecodecs.jpeg_decode(data))
    except Exception as error:  # every codec has errors of its own, and damaged data raise any
        raise PixelError(f"cannot decode {codec}: {error}") from error


def _halved(words: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """YBR_FULL_422: two pixels share their colours (PS3.3 C.7.6.3.1.2), as Y Y B R."""
    if len(words) != rows * columns * 2:
        raise PixelError(f"{len(words)} values of a colour image of {rows} x {columns} pixels")
    pairs = words.reshape(-1, 4)
    both = np.stack([pairs[:, [0, 2, 3]], pairs[:, [1, 2, 3]]], axis=1)
    return both.reshape(rows, columns, 3)


def _grey(values: Any) -> dict[str, Any]:
    """An instance's values, read as grey: an index into a palette is one, too."""
    known = dict(values)
    known["PhotometricInterpretation"] = "MONOCHROME2"
    return {name: value for name, value in known.items() if name not in {"RescaleSlope", "RescaleIntercept"}}
