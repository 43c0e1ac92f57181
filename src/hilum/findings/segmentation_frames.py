"""Stored values of the frames of a DICOM segmentation, one frame at a time.

References
----------
DICOM PS3.5 section 8.1.1 (pixel cells of one bit, the first pixel in the lowest bit, frames without padding between
them), section 8.2.16 (deflated image frame compression) and annex A.4 (encapsulation).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from hilum.errors import FormatError, PixelError
from hilum.findings.segmentation_header import Kind
from hilum.volume.codecs import CODECS, decode
from hilum.volume.frames import DEFLATED, UNCOMPRESSED, Frame, PixelForm

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.findings.segmentation_header import SegmentationHeader

    Stored = NDArray[np.uint8] | NDArray[np.uint16]

NATIVE = UNCOMPRESSED | {DEFLATED}
"""Transfer syntaxes whose pixel data pydicom gives as they are, one frame after the other."""

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression: each frame is a raw deflate stream."""

WORD_BITS = (8, 16)
"""BitsAllocated of label maps and fractional segmentations."""


class Run(NamedTuple):
    """Part of a frame outside which all stored values are 0: its first pixel, row by row, and the values from there."""

    start: int
    values: Stored


class FramePixels(Protocol):
    """Gives the stored values of a frame by its index."""

    def __call__(self, index: int) -> Run:
        """Give the values of a frame.

        Raises
        ------
        FormatError
            They cannot be decoded.
        """


def frame_pixels(dataset: Dataset, header: SegmentationHeader) -> FramePixels:
    """Give what reads the frames of a segmentation.

    Raises
    ------
    FormatError
        Pixel data is absent or short, or in a transfer syntax that is not read.
    """
    syntax, bits, data = _values(dataset, header)
    if bits not in ((1,) if header.kind is Kind.BINARY else WORD_BITS) or not isinstance(data, bytes):
        found = "no pixel data" if not isinstance(data, bytes) else f"{bits} bits a value"
        raise FormatError(f"{header.name}: {found}; expected those of a {header.kind} segmentation: get the file again")
    if syntax in NATIVE:
        return _native(data, header, bits)
    if syntax not in CODECS and syntax != DEFLATED_FRAMES:
        raise FormatError(
            f"{header.name}: pixel data in transfer syntax {syntax or 'not stated'}, which is not read; convert it to "
            "explicit VR little endian (dcmtk's dcmdjpeg or gdcmconv --raw)"
        )
    return _Encapsulated(_fragments(data, header), header, syntax, bits)


def _values(dataset: Dataset, header: SegmentationHeader) -> tuple[str, int, object]:
    """Transfer syntax, BitsAllocated and pixel data; empty, 0 and None where they are absent."""
    try:
        syntax = str(dataset.file_meta.get("TransferSyntaxUID") or "")
        return syntax, int(dataset.get("BitsAllocated") or 0), dataset.get("PixelData")
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise FormatError(f"{header.name}: its pixel data cannot be read ({error}); get the file again") from error


def _native(data: bytes, header: SegmentationHeader, bits: int) -> FramePixels:
    expected = (len(header.frames) * header.rows * header.columns * bits + 7) // 8
    if len(data) < expected:
        raise FormatError(
            f"{header.name}: {len(data)} bytes of pixel data, expected {expected} for {len(header.frames)} frames of "
            f"{header.rows} x {header.columns}; get the file again"
        )
    size = header.rows * header.columns
    return (
        _Bits(np.frombuffer(data, np.uint8), size) if bits == 1 else _Words(np.frombuffer(data, f"<u{bits // 8}"), size)
    )


class _Bits:
    """Frames of one bit a pixel, one after the other; bytes without a bit set are passed over."""

    def __init__(self, packed: NDArray[np.uint8], size: int) -> None:
        self._packed, self._size = packed, size

    def __call__(self, index: int) -> Run:
        first, last = index * self._size, (index + 1) * self._size
        packed = self._packed[first // 8 : (last + 7) // 8]
        is_filled = packed != 0
        low, high = int(is_filled.argmax()), len(packed) - int(is_filled[::-1].argmax())
        if not is_filled[low]:
            return Run(0, np.empty(0, np.uint8))
        bits = np.unpackbits(packed[low:high], bitorder="little")
        start = first // 8 * 8 + 8 * low  # a frame need not begin with a byte
        return Run(max(start - first, 0), bits[max(first - start, 0) : last - start])


class _Words:
    """Frames of whole bytes, one after the other."""

    def __init__(self, values: Stored, size: int) -> None:
        self._values, self._size = values, size

    def __call__(self, index: int) -> Run:
        return Run(0, self._values[index * self._size : (index + 1) * self._size])


class _Encapsulated:
    """Compressed frames."""

    def __init__(self, fragments: list[bytes], header: SegmentationHeader, syntax: str, bits: int) -> None:
        self._fragments, self._header, self._syntax, self._bits = fragments, header, syntax, bits
        # Codecs give a byte for each pixel at least, one of one bit included.
        self._form = PixelForm(syntax, header.rows, header.columns, max(bits, 8), max(bits, 8), is_signed=False)

    def __call__(self, index: int) -> Run:
        name = f"{self._header.name} frame {index + 1}"
        if self._syntax == DEFLATED_FRAMES:
            return self._inflated(index, name)
        data = self._fragments[index]
        frame = Frame(name, 0, 1, len(data), 0, 0, len(data), self._form, 1.0, 0.0, None)
        try:
            return Run(0, decode(data, frame).ravel())
        except PixelError as error:
            raise FormatError(str(error)) from error

    def _inflated(self, index: int, name: str) -> Run:
        size = self._form.rows * self._form.columns
        needed = (size * self._bits + 7) // 8
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(self._fragments[index], needed)
        except zlib.error as error:
            raise FormatError(f"{name}: cannot inflate its pixel data: {error}; get the file again") from error
        if len(data) < needed:
            raise FormatError(f"{name}: inflates to {len(data)} bytes, expected {needed}; get the file again")
        values: Any = np.frombuffer(data, np.uint8 if self._bits == 1 else f"<u{self._bits // 8}")
        return _Bits(values, size)(0) if self._bits == 1 else Run(0, values[:size])


def _fragments(data: bytes, header: SegmentationHeader) -> list[bytes]:
    """Encoded bytes of each frame."""
    from pydicom.encaps import generate_frames

    try:
        found = list(generate_frames(data, number_of_frames=len(header.frames)))
    except Exception as error:  # pydicom raises whatever damaged items make it stumble on
        raise FormatError(f"{header.name}: its compressed frames cannot be told apart ({error})") from error
    if len(found) != len(header.frames):
        raise FormatError(
            f"{header.name}: {len(found)} compressed frames, NumberOfFrames {len(header.frames)}; expected as many: "
            "get the file again"
        )
    return found
