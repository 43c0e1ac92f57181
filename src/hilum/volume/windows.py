"""HU windows: what part of the scale is shown in grey.

References
----------
DICOM PS3.3 C.11.2.1.3.2 (VOI LUT function LINEAR_EXACT).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WHITE = 255
"""Largest grey value."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the HU scale.

    Attributes
    ----------
    centre_hu
        HU shown as middle grey.
    width_hu
        Distance between the HU shown as black and as white.
    """

    centre_hu: float
    width_hu: float

    def __post_init__(self) -> None:
        if not self.width_hu > 0:
            raise ValueError(f"window of width {self.width_hu} HU: expected a positive width")


SOFT_TISSUE = Window(40, 400)
"""Mediastinum and abdomen, where lymph nodes are read."""

LUNG = Window(-600, 1500)
BONE = Window(400, 1800)


def apply_window(hu: ArrayLike, window: Window = SOFT_TISSUE) -> NDArray[np.uint8]:
    """Grey values of HU: 0 at the lower end of the window and below, 255 at the upper end and above.

    Parameters
    ----------
    hu
        Any shape; NaN becomes 0.

    Returns
    -------
    Same shape, rounded to the nearest grey value.
    """
    share = (np.asarray(hu, dtype=np.float32) - np.float32(window.centre_hu)) / np.float32(window.width_hu) + 0.5
    grey: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(share, nan=0.0), 0, 1) * WHITE).astype(np.uint8)
    return grey


def to_png(hu: ArrayLike, window: Window = SOFT_TISSUE) -> bytes:
    """PNG file of a ``(row, column)`` slice of HU."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(apply_window(hu, window)).save(buffer, "PNG")
    return buffer.getvalue()
