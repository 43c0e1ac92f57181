"""Where the frames of an enhanced CT lie: its functional groups, read with pydicom.

The header walk stops at top-level elements; only the few objects of an enhanced class need this second look.

References
----------
DICOM PS3.3 C.7.6.16 (Multi-frame Functional Groups).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

ENHANCED_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
"""Enhanced CT Image Storage, Legacy Converted Enhanced CT Image Storage."""

_SHARED = 0x52009229
_PER_FRAME = 0x52009230
_GROUPS = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing"),
)

Frame = tuple[tuple[float, ...] | None, ...]
"""ImagePositionPatient, ImageOrientationPatient and PixelSpacing of a frame; None where its groups have none."""


def read_frames(path: str | Path) -> tuple[Frame, ...] | None:
    """Position, orientation and pixel spacing of each frame; None if the functional groups cannot be read."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[_SHARED, _PER_FRAME])
            shared = dataset[_SHARED].value[0] if _SHARED in dataset else None
            own = dataset[_PER_FRAME].value if _PER_FRAME in dataset else []
            return tuple(_frame(shared, group) for group in own) or None
        except Exception:  # noqa: BLE001 - pydicom raises whatever a damaged sequence makes it stumble on
            return None


def _frame(shared: Dataset | None, own: Dataset) -> Frame:
    return tuple(
        _numbers(own, sequence, keyword) or _numbers(shared, sequence, keyword) for sequence, keyword in _GROUPS
    )


def _numbers(group: Dataset | None, sequence: str, keyword: str) -> tuple[float, ...] | None:
    items: Any = group.get(sequence) if group is not None else None
    value = items[0].get(keyword) if items else None
    return tuple(float(number) for number in value) if value is not None else None
