"""The checks of the pixels of a series, on the slices that are read."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.check.burned_in import letters_in_lines
from hilum.errors import PixelError
from hilum.index.record import has_pixel_data
from hilum.index.slices import frame_count
from hilum.model.kinds import ImageKind
from hilum.volume.multiframe import frames_of
from hilum.volume.pixels import read_frames
from hilum.volume.stacking import records_of
from hilum.volume.windows import Window, to_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.check.options import Options
    from hilum.index.record import Record
    from hilum.model.series import Series
    from hilum.volume.frames import Frame

    Floats = NDArray[np.float32]

LEAST_HU = -1024.0
"""Air as the usual intercept stores it: what lies below is no tissue."""

PADDING_SHARE = 0.01
"""Share of a slice from which one value below `LEAST_HU` is taken for padding."""

PLATEAU_SHARE = 0.01
"""Share of a slice at its end value from which the range is taken for cut."""

SATURATED_SHARE = 0.001
"""Share of a slice at the greatest value its bits hold."""

CUT_ABOVE_HU, CUT_BELOW_HU = 2000.0, -900.0
"""A plateau above is metal, one below is the air about the body; between them it is a window."""

LETTERS_SHOWN = 8
"""Letters in lines from which an image is said to show text."""

THUMBNAIL_SIZE = 160
"""Pixels of the longer side."""

SLICE_KINDS = frozenset({ImageKind.AXIAL, ImageKind.REFORMAT})
TEXT_KINDS = frozenset({ImageKind.SECONDARY, ImageKind.LOCALIZER})


@dataclass(slots=True)
class PixelFacts:
    """What the slices read show.

    Attributes
    ----------
    found
        Check to what was found, each with the number of slices it was found in.
    read_count
        Slices read.
    digest
        Digest of size and values of the slices; empty if none was read, or all are of one value each.
    thumbnail
        PNG of the middle one of the slices read; None if it is not wanted.
    """

    found: dict[str, Counter[str]] = field(default_factory=dict)
    read_count: int = 0
    digest: str = ""
    thumbnail: bytes | None = None

    def add(self, check: str, what: str) -> None:
        """Note that a slice failed a check."""
        self.found.setdefault(check, Counter())[what] += 1


def examine_pixels(series: Series, options: Options) -> PixelFacts:
    """Read slices of a series and check them; slices of CT as HU, captures and localizers as pictures.

    Objects of other kinds are not read.
    """
    facts = PixelFacts()
    records = [record for record in records_of(series) if has_pixel_data(record)]
    kind = series["image_kind"]
    if kind in SLICE_KINDS and series["Modality"] == "CT":
        _examine_slices(records, facts, options)
    elif kind in TEXT_KINDS:
        _examine_pictures(records, facts, options)
    return facts


def checks_of_slice(hu: Floats, *, top_hu: float, padding_hu: float | None) -> list[str]:
    """Give the checks that one slice fails.

    Parameters
    ----------
    hu
        ``(row, column)``.
    top_hu
        HU of the greatest value its bits hold.
    padding_hu
        HU of the declared padding; None if there is none.
    """
    low, high = float(hu.min()), float(hu.max())
    if low == high:
        return ["constant-slice"]
    failed = []
    if low < LEAST_HU and np.mean(hu == low) >= PADDING_SHARE:
        failed.append("padding" if padding_hu == low else "undeclared-padding")
    if high == top_hu and np.mean(hu == high) >= SATURATED_SHARE:
        failed.append("saturated")
    is_cut_above = high < min(CUT_ABOVE_HU, top_hu) and np.mean(hu == high) >= PLATEAU_SHARE
    is_cut_below = low > CUT_BELOW_HU and np.mean(hu == low) >= PLATEAU_SHARE
    return [*failed, "clipped-range"] if is_cut_above or is_cut_below else failed


def _examine_slices(records: Sequence[Record], facts: PixelFacts, options: Options) -> None:
    places = [(index, frame) for index, record in enumerate(records) for frame in range(frame_count(record))]
    chosen = options.chosen(len(places))
    digest = hashlib.blake2b(repr(len(places)).encode(), digest_size=16)
    ends: list[tuple[float, float]] = []
    for number, at in enumerate(chosen):
        try:
            (frame,) = frames_of(records, [places[at]])
            hu = read_frames([frame], "float32", threads=1)[0]
        except (PixelError, OSError) as error:
            facts.add("unreadable-pixels", str(error))
            continue
        facts.read_count += 1
        for check in checks_of_slice(hu, top_hu=_hu(frame, frame.form.stored_range[1]), padding_hu=_padding_hu(frame)):
            facts.add(check, "")
        digest.update(repr(hu.shape).encode() + hu.tobytes())
        ends.append((float(hu.min()), float(hu.max())))
        if options.with_thumbnails and number == len(chosen) // 2:
            facts.thumbnail = thumbnail(hu, Window(40, 400))
    varied = [(low, high) for low, high in ends if low != high]
    if varied:
        facts.digest = digest.hexdigest()
        _check_rescale(varied, facts)


def _check_rescale(ends: Sequence[tuple[float, float]], facts: PixelFacts) -> None:
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if low >= 0 or high <= 0:
        facts.add("wrong-rescale", f"values from {low:g} to {high:g} HU")


def _hu(frame: Frame, stored: int) -> float:
    return float(np.float32(frame.slope * stored + frame.intercept))


def _padding_hu(frame: Frame) -> float | None:
    if frame.padding is None:
        return None
    # Padding is often written with the wrong sign: compare modulo the bits stored, as in reading.
    low, high = frame.form.stored_range
    stored = frame.padding % (high - low + 1)
    return _hu(frame, stored - (high - low + 1) if stored > high else stored)


def _examine_pictures(records: Sequence[Record], facts: PixelFacts, options: Options) -> None:
    chosen = options.chosen(len(records))
    for number, at in enumerate(chosen):
        path = f"{records[at]['root']}/{records[at]['path']}"
        try:
            grey = _picture(path)
        except PixelError as error:
            facts.add("unreadable-pixels", str(error))
            continue
        facts.read_count += 1
        if (letters := letters_in_lines(grey)) >= LETTERS_SHOWN:
            facts.add("burned-in-text", f"{records[at]['path']} ({letters} letters)")
        if options.with_thumbnails and number == len(chosen) // 2:
            low, high = float(grey.min()), float(grey.max())
            facts.thumbnail = thumbnail(grey, Window((low + high) / 2, max(high - low, 1.0)))


def _picture(path: str) -> Floats:
    """Grey values of the first frame of a file, colours by their luminance."""
    import pydicom

    try:
        values: NDArray[Any] = np.asarray(pydicom.dcmread(path, force=True).pixel_array, np.float32)
    except Exception as error:  # pydicom and its plugins raise whatever their decoders do
        raise PixelError(f"{path}: pixel data cannot be decoded ({error})") from error
    if values.ndim in {3, 4} and values.shape[-1] == 3:
        values = values @ np.asarray((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
    return values[0] if values.ndim == 3 else values


def thumbnail(values: Floats, window: Window) -> bytes:
    """PNG of an image at `THUMBNAIL_SIZE` or below, by leaving out rows and columns."""
    step = max(1, -(-max(values.shape) // THUMBNAIL_SIZE))
    return to_png(values[::step, ::step], window)
