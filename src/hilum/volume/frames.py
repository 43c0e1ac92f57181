"""The frames of a series: where the stored values of each lie, how they are encoded, and how they become HU."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from hilum.errors import PixelError
from hilum.model.instances import FILE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFLATED = "1.2.840.10008.1.2.1.99"
"""Deflated explicit VR little endian: nothing has a place in the file."""

UNCOMPRESSED = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
"""Implicit and explicit VR little endian: stored values lie in the file as they are."""

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})


@dataclass(frozen=True, slots=True)
class PixelForm:
    """How the stored values of a frame are encoded.

    Attributes
    ----------
    transfer_syntax_uid
        TransferSyntaxUID; empty if the file does not say.
    rows, columns
        Size of the frame.
    bits_allocated, bits_stored
        Size of a value's word, and how many of its low bits are used.
    is_signed
        Whether the bits used are two's complement.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool

    @property
    def size_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def stored_range(self) -> tuple[int, int]:
        """Smallest and largest stored value that fits in the bits used."""
        if self.is_signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of one file.

    Attributes
    ----------
    path
        File.
    index
        Number of the frame in its file, 0-based.
    frame_count
        Frames in the file.
    size_bytes, modified_ns
        Size and time of change of the file when its header was read.
    offset, length
        Byte range of the value of the file's pixel data; length -1: encapsulated.
    form
        How stored values are encoded.
    slope, intercept
        HU = slope * stored + intercept.
    padding
        Stored value outside the image, None if not given.
    """

    path: str
    index: int
    frame_count: int
    size_bytes: int
    modified_ns: int
    offset: int
    length: int
    form: PixelForm
    slope: float
    intercept: float
    padding: int | None

    @property
    def name(self) -> str:
        """What to call the frame in a message."""
        return self.path if self.frame_count == 1 else f"{self.path} frame {self.index + 1}"


def pixel_form(values: Mapping[str, Any], name: str) -> PixelForm:
    """Encoding of the stored values after an instance's attributes; `name` is for the message.

    Raises
    ------
    PixelError
        The image is in colour, or an attribute is missing or contradicts another.
    """
    _refuse_colour(values, name)
    needed = ("Rows", "Columns", "BitsAllocated", "PixelRepresentation")
    if absent := [keyword for keyword in needed if not isinstance(values.get(keyword), int)]:
        raise PixelError(f"{name}: no {', '.join(absent)}; without it the pixel data cannot be read")
    allocated = values["BitsAllocated"]
    stored = values.get("BitsStored") or allocated
    high_bit = values.get("HighBit")
    form = PixelForm(
        transfer_syntax_uid=values.get("TransferSyntaxUID") or "",
        rows=values["Rows"],
        columns=values["Columns"],
        bits_allocated=allocated,
        bits_stored=stored,
        is_signed=values["PixelRepresentation"] == 1,
    )
    if form.rows < 1 or form.columns < 1:
        raise PixelError(f"{name}: {form.rows} rows x {form.columns} columns; expected at least one of each")
    if high_bit not in (stored - 1, None) or not 1 <= stored <= allocated:
        raise PixelError(
            f"{name}: {stored} bits stored of {allocated} allocated, highest bit {high_bit}; expected HighBit = "
            "BitsStored - 1 < BitsAllocated (PS3.5 section 8.1.1): it is not clear which bits are meant"
        )
    return form


_FORM_KEYWORDS = (
    "TransferSyntaxUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)


FRAME_COLUMNS = (
    *_FORM_KEYWORDS,
    *FILE_COLUMNS,
    "NumberOfFrames",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelPaddingValue",
    "unreadable",
)
"""What `make_frame` asks of an instance."""


def make_frame(
    values: Mapping[str, Any], forms: dict[tuple[Any, ...], PixelForm], *, index: int = 0, frame_count: int = 1
) -> Frame:
    """Put together a frame from the attributes and the place of its instance.

    Parameters
    ----------
    values
        DICOM keyword or name of `hilum.model.instances.FILE_COLUMNS` to value.
    forms
        Forms made so far, which frames share; grows.
    index, frame_count
        Number of the frame in its file, 0-based, and frames in the file.

    Raises
    ------
    PixelError
        There is no pixel data, the image is in colour, or an attribute is missing without which it cannot be read.
    """
    path = f"{values['root']}/{values['path']}"
    key = tuple(map(values.get, _FORM_KEYWORDS))
    if key not in forms:
        forms[key] = pixel_form(values, path)
    offset = values.get("pixel_offset")
    if (offset is None or offset < 0) and forms[key].transfer_syntax_uid != DEFLATED:
        raise PixelError(f"{path}: no pixel data; it is no image, or its pixels were removed")
    padding = values.get("PixelPaddingValue")
    return Frame(
        path=path,
        index=index,
        frame_count=frame_count,
        size_bytes=values["size_bytes"],
        modified_ns=values["modified_ns"],
        offset=-1 if offset is None else offset,
        length=values.get("pixel_length", -1),
        form=forms[key],
        slope=_number(values, "RescaleSlope", 1.0, path),
        intercept=_number(values, "RescaleIntercept", 0.0, path),
        padding=padding if isinstance(padding, int) else None,
    )


def _number(values: Mapping[str, Any], keyword: str, default: float, name: str) -> float:
    """Value of an attribute; the default where there is none, an error where it is no number."""
    value = default if values.get(keyword) is None else values[keyword]
    if keyword in values.get("unreadable", ()) or not isinstance(value, int | float) or not isfinite(value):
        raise PixelError(f"{name}: {keyword} is {value!r}, expected a finite number; HU cannot be told")
    return float(value)


def _refuse_colour(values: Mapping[str, Any], name: str) -> None:
    samples = values.get("SamplesPerPixel")
    meaning = values.get("PhotometricInterpretation")
    if (samples not in (1, None)) or (meaning is not None and meaning not in GREY):
        raise PixelError(
            f"{name}: colour image ({samples or 1} samples a pixel, {meaning}); expected one grey value a pixel: "
            "a secondary capture or a slide is no CT"
        )
