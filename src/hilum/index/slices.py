"""The slices of a series, as its headers tell them: one an image, or one a frame of an enhanced object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.index.record import has_pixel_data
from hilum.model.geometry import ORIENTATION_TOLERANCE, SAME_POSITION_MM, slice_normal, stack_slices
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.model.geometry import Stack

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one image lies; None where the header does not say, or says no finite numbers.

    Attributes
    ----------
    record
        Index of the record it belongs to.
    position_mm
        ImagePositionPatient, LPS.
    orientation
        Direction cosines of a row and a column.
    pixel_spacing_mm
        Distance of rows, distance of columns.
    size
        Rows, Columns.
    """

    record: int
    position_mm: Numbers | None
    orientation: Numbers | None
    pixel_spacing_mm: Numbers | None
    size: tuple[int, int] | None


def slices_of(records: Sequence[Mapping[str, Any]]) -> list[Slice]:
    """Slices of the records that hold pixel data, in order of the records and of the frames in each."""
    images = ((index, record) for index, record in enumerate(records) if has_pixel_data(record))
    return [found for index, record in images for found in _slices_of_one(index, record)]


def may_be_stack(kind: ImageKind, slices: Sequence[Slice]) -> bool:
    """Whether images of a kind are slices at all; those of another modality are, where they have positions."""
    if kind in {ImageKind.AXIAL, ImageKind.REFORMAT}:
        return bool(slices)
    return kind is ImageKind.OTHER and any(found.position_mm is not None for found in slices)


def is_one_orientation(slices: Sequence[Slice]) -> bool:
    """Whether all slices have the same orientation, within `ORIENTATION_TOLERANCE`."""
    return _are_close([found.orientation for found in slices], ORIENTATION_TOLERANCE)


def is_one_pixel_spacing(slices: Sequence[Slice]) -> bool:
    """Whether all slices have the same pixel spacing, within `SAME_POSITION_MM`."""
    return _are_close([found.pixel_spacing_mm for found in slices], SAME_POSITION_MM)


def is_one_size(slices: Sequence[Slice]) -> bool:
    """Whether all slices have the same Rows and Columns."""
    return len({found.size for found in slices}) <= 1


def measure(slices: Sequence[Slice]) -> Stack | None:
    """Measure the stack the slices form; None if they have no positions or several orientations."""
    positions = [found.position_mm for found in slices if found.position_mm is not None]
    orientation = slices[0].orientation if slices else None
    if orientation is None or len(positions) < len(slices) or not is_one_orientation(slices):
        return None
    return stack_slices(positions, orientation)


def finite(value: Any, count: int) -> Numbers | None:
    """Give `value` if it is a sequence of `count` finite numbers, else None."""
    if not isinstance(value, tuple | list) or len(value) != count:
        return None
    try:
        return tuple(map(float, value)) if isfinite(sum(value)) else None
    except (TypeError, OverflowError):  # a text among them, or an integer beyond all floats
        return None


def _slices_of_one(index: int, record: Mapping[str, Any]) -> list[Slice]:
    rows, columns = record.get("Rows"), record.get("Columns")
    size = (rows, columns) if isinstance(rows, int) and isinstance(columns, int) and rows > 0 < columns else None
    frames = record.get("frames")
    if frames is None:
        # Several frames without functional groups have one position at most: none of them is known.
        position = record.get("ImagePositionPatient") if frame_count(record) == 1 else None
        frames = [(position, record.get("ImageOrientationPatient"), record.get("PixelSpacing"))]
    return [
        Slice(index, finite(position, 3), _cosines(orientation), finite(spacing, 2), size)
        for position, orientation, spacing in frames
    ]


def frame_count(record: Mapping[str, Any]) -> int:
    """NumberOfFrames, 1 where it is absent or senseless."""
    count = record.get("NumberOfFrames")
    return count if isinstance(count, int) and count > 0 else 1


def _cosines(value: Any) -> Numbers | None:
    cosines = finite(value, 6)
    return cosines if cosines is not None and _is_right_angle(cosines) else None


@lru_cache(maxsize=64)
def _is_right_angle(cosines: Numbers) -> bool:
    """Whether the cosines have a normal; slices by the hundred share theirs."""
    try:
        slice_normal(cosines)
    except ValueError:
        return False
    return True


def _are_close(values: Sequence[Numbers | None], tolerance: float) -> bool:
    if None in values:
        return len(set(values)) <= 1
    table = np.asarray(values)
    return len(table) == 0 or bool(np.max(np.abs(table - table[0])) <= tolerance)
