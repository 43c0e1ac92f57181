"""Three orthogonal pictures of a place, for reports."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from hilum.volume.patches import orthogonal_patches
from hilum.volume.windows import SOFT_TISSUE, Window, apply_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from hilum.volume.volume import Volume

PIXEL_MM = 0.5
"""Distance of a crop's pixels: finer than any CT in the plane, so that nothing seen is lost."""

MARK_COLOUR = (255, 200, 0)
MARK_GAP = 0.06
"""Half of the opening in the middle of the cross, as a share of the picture: what is marked stays to be seen."""

MARK_LENGTH = 0.08
"""Length of each arm of the cross, as a share of the picture."""

MARK_WIDTH_DIVISOR = 120
"""The arms are a pixel wide in so many pixels of the picture: 2 pixels in one of 60 mm, seen on a page of paper too."""


def orthogonal_crops(
    volume: Volume,
    position_mm: Sequence[float],
    size_mm: float = 40,
    window: Window = SOFT_TISSUE,
) -> dict[str, NDArray[np.uint8]]:
    """Axial, coronal and sagittal picture around an LPS position, by name.

    Parameters
    ----------
    position_mm
        (x, y, z); it lies in the middle pixel.
    size_mm
        Side of each picture.
    window
        HU shown.

    Returns
    -------
    Grey values, ``(row, column)`` of `PIXEL_MM`, an odd number of each; black outside the volume. The patient's left
    is on the right of axial and coronal pictures, the head is up, the face is to the left of sagittal ones.
    """
    size = 2 * round(size_mm / PIXEL_MM / 2) + 1
    patches = orthogonal_patches(
        volume, position_mm, size=size, spacing_mm=PIXEL_MM, outside_hu=window.centre_hu - window.width_hu
    )
    return {name: apply_window(patch, window) for name, patch in patches.items()}


def png_bytes(grey: NDArray[np.uint8], *, scale: int = 2, is_marked: bool = True) -> bytes:
    """PNG file of a crop.

    Parameters
    ----------
    grey
        ``(row, column)``.
    scale
        Pixels of the picture a pixel of the crop.
    is_marked
        Draw a cross, open in the middle, around the centre.
    """
    from PIL import Image

    picture = Image.fromarray(np.kron(grey, np.ones((scale, scale), np.uint8)))
    if is_marked:
        picture = picture.convert("RGB")
        _draw_cross(picture)
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _draw_cross(picture: Image.Image) -> None:
    """Draw four arms around the centre."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    x, y = (picture.width - 1) / 2, (picture.height - 1) / 2
    near = MARK_GAP * picture.width
    far = near + MARK_LENGTH * picture.width
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        arm = (x + right * near, y + down * near, x + right * far, y + down * far)
        draw.line(arm, MARK_COLOUR, width=max(1, picture.width // MARK_WIDTH_DIVISOR))
