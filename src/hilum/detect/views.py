"""Views of a place (2.5D): its axial, coronal and sagittal plane as one picture of three channels, turned at random.

One candidate gives many views, each of another size, place and turn. They teach a network what does not depend on
them, and their scores are averaged.

References
----------
Roth, H. R. et al. (2014). A new 2.5D representation for lymph node detection using random sets of deep convolutional
neural network observations. MICCAI 2014, LNCS 8673, 520-527. doi:10.1007/978-3-319-10404-1_65
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.volume.patches import PLANES
from hilum.volume.sampling import AIR_HU, sample_voxels
from hilum.volume.windows import Window, apply_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry
    from hilum.volume.volume import Volume

    Floats = NDArray[np.float64]
    Pictures = NDArray[np.uint8]

VIEWS_AT_ONCE = 256
"""Views whose places are computed at once: 20 MB of coordinates."""


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How views are taken; sizes, shift, pixels and window are those of Roth 2014.

    Attributes
    ----------
    sizes_mm
        Sides of the pictures, each as likely as the others.
    shift_mm
        Farthest that a picture's centre lies from the candidate.
    pixels
        Rows and columns of a picture.
    window_hu
        HU shown as 0 and as 255.
    """

    sizes_mm: tuple[float, ...] = (30.0, 35.0, 40.0, 45.0)
    shift_mm: float = 3.0
    pixels: int = 32
    window_hu: tuple[float, float] = (-100.0, 200.0)


@dataclass(frozen=True, eq=False)
class Views:
    """How n views lie round their places.

    Attributes
    ----------
    size_mm
        ``(n,)`` side of the pictures.
    shift_mm
        ``(n, 3)`` LPS way from the place to the centre of the pictures.
    turn
        ``(n, 3, 3)`` rotations, by which the planes are turned about their centre.
    """

    size_mm: Floats
    shift_mm: Floats
    turn: Floats

    def __len__(self) -> int:
        return len(self.size_mm)

    def repeated(self, times: int) -> Views:
        """The views over and over: the first of each round comes before the second of any."""
        return Views(
            np.tile(self.size_mm, times), np.tile(self.shift_mm, (times, 1)), np.tile(self.turn, (times, 1, 1))
        )

    def part(self, chosen: slice) -> Views:
        """Some of the views."""
        return Views(self.size_mm[chosen], self.shift_mm[chosen], self.turn[chosen])


def draw_views(count: int, settings: ViewSettings, generator: np.random.Generator) -> Views:
    """Draw views: each of a random size, shifted in a random direction, turned by any angle about a random axis.

    The first is neither shifted nor turned.
    """
    from scipy.spatial.transform import Rotation

    size = generator.choice(np.asarray(settings.sizes_mm), count)
    shift = _directions(count, generator) * generator.uniform(0, settings.shift_mm, (count, 1))
    angle = _directions(count, generator) * generator.uniform(0, np.pi, (count, 1))
    shift[:1] = angle[:1] = 0
    return Views(size, shift, Rotation.from_rotvec(angle).as_matrix().reshape(count, 3, 3))


def sample_views(volume: Volume, points_mm: Floats, views: Views, settings: ViewSettings) -> Pictures:
    """Take one view of each place.

    Parameters
    ----------
    volume
        On any grid; what lies outside it is air.
    points_mm
        ``(n, 3)`` LPS.
    views
        As many.

    Returns
    -------
    ``(n, 3, pixels, pixels)``: axial, coronal and sagittal plane of each view, grey values in the window. A place
    without shift lies between the middle pixels of each plane where their number is even.
    """
    low, high = settings.window_hu
    window = Window((low + high) / 2, high - low)
    pictures = np.empty((len(points_mm), len(PLANES), settings.pixels, settings.pixels), np.uint8)
    for start in range(0, len(points_mm), VIEWS_AT_ONCE):
        some = slice(start, start + VIEWS_AT_ONCE)
        voxels = view_voxels(volume.geometry, points_mm[some], views.part(some), settings.pixels)
        pictures[some] = apply_window(sample_voxels(volume, voxels, "linear", AIR_HU), window)
    return pictures


def view_voxels(geometry: Geometry, points_mm: Floats, views: Views, pixels: int) -> Floats:
    """Where each pixel of one view of each place lies in a grid.

    The sides of the planes are turned into voxels, not each pixel: thousands of pixels share them.

    Parameters
    ----------
    points_mm
        ``(n, 3)`` LPS.
    views
        As many.

    Returns
    -------
    ``(n, 3, pixels, pixels, 3)``, (slice, row, column) of each pixel of the axial, coronal and sagittal plane.
    """
    axes = np.asarray(list(PLANES.values()), dtype=np.float64)
    sides_mm = np.einsum("pac,nbc->npab", axes, views.turn) * views.size_mm[:, None, None, None]
    sides = geometry.to_voxels(sides_mm) - geometry.to_voxels(np.zeros(3))
    centres = geometry.to_voxels(points_mm + views.shift_mm)[:, None, None]
    steps = ((np.arange(pixels) - (pixels - 1) / 2) / pixels)[:, None]
    rows = centres + steps * sides[:, :, None, 0]
    voxels: Floats = rows[:, :, :, None] + steps * sides[:, :, None, None, 1]
    return voxels


def _directions(count: int, generator: np.random.Generator) -> Floats:
    """Unit vectors ``(count, 3)``, every direction as likely."""
    vectors = generator.normal(size=(count, 3))
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
