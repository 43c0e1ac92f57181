"""Colours of segments: sRGB, as CIELab in sixteen bits as DICOM writes it, and a palette for those that have none.

References
----------
DICOM PS3.3 C.10.7.1.1 (encoding of CIELab values); IEC 61966-2-1 (sRGB). The white point is D65, as in highdicom,
DCMTK and dcmjs (which OHIF uses), so that a colour is shown as it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Colour = tuple[int, int, int]
    Floats = NDArray[np.float64]

PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008), without black."""

WHITE = np.array([0.95047, 1.0, 1.08883])
"""XYZ of D65."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Linear sRGB to XYZ (IEC 61966-2-1)."""

LAB_OFFSET = np.array([0.0, 128.0, 128.0])
LAB_RANGE = np.array([100.0, 255.0, 255.0])
"""L* from 0 to 100, a* and b* from -128 to 127, each spread over 0 to 65535."""

CUBE_FROM = 6 / 29
"""Cube root of the share of white below which CIELab is linear."""


def palette_colour(number: int) -> Colour:
    """Colour of the segment of a number, counted from 1; the palette begins again at its end."""
    return PALETTE[(number - 1) % len(PALETTE)]


def to_cielab(colour: Colour) -> list[int]:
    """Recommended Display CIELab Value of an sRGB colour."""
    encoded = np.asarray(colour) / 255
    linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
    share = TO_XYZ @ linear / WHITE
    x, y, z = np.where(share > CUBE_FROM**3, np.cbrt(share), share / (3 * CUBE_FROM**2) + 4 / 29)
    lab = np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    return [int(value) for value in np.rint(np.clip((lab + LAB_OFFSET) / LAB_RANGE, 0, 1) * 65535)]


def from_cielab(value: Sequence[int]) -> Colour:
    """Give the sRGB colour nearest to a Recommended Display CIELab Value."""
    lightness, a, b = np.asarray(value) / 65535 * LAB_RANGE - LAB_OFFSET
    y = (lightness + 16) / 116
    root = np.array([y + a / 500, y, y - b / 200])
    share = np.where(root > CUBE_FROM, root**3, 3 * CUBE_FROM**2 * (root - 4 / 29))
    linear = np.clip(np.linalg.solve(TO_XYZ, share * WHITE), 0, 1)
    encoded = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    red, green, blue = np.rint(encoded * 255).astype(int).tolist()
    return red, green, blue
