"""RECIST's two diameters of an outline in a plane.

References
----------
Eisenhauer et al. 2009, doi 10.1016/j.ejca.2008.10.026 (RECIST 1.1): the longest diameter in the plane of measurement,
and for lymph nodes the short axis, the longest diameter perpendicular to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Diameters(NamedTuple):
    """Long and short axis, each by its two ends, ``(2, 2)`` in mm."""

    long_mm: Floats
    short_mm: Floats

    @property
    def long_axis_mm(self) -> float:
        """Length of the long axis."""
        return float(np.linalg.norm(self.long_mm[1] - self.long_mm[0]))

    @property
    def short_axis_mm(self) -> float:
        """Length of the short axis."""
        return float(np.linalg.norm(self.short_mm[1] - self.short_mm[0]))


def measure_diameters(points_mm: Floats) -> Diameters:
    """Long and short axis of the convex outline of points.

    The long axis joins the two points farthest apart; the short axis is the longest chord of the convex outline at
    right angles to it. A hollow in the outline is bridged by both.

    Parameters
    ----------
    points_mm
        ``(n, 2)``, not all on one line.
    """
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist, squareform

    outline: Floats = points_mm[ConvexHull(points_mm).vertices]
    distances = squareform(pdist(outline))
    first, last = divmod(int(np.argmax(distances)), len(outline))
    outline, last = np.roll(outline, -first, axis=0), last - first
    long_mm = outline[[0, last]]
    along = (long_mm[1] - long_mm[0]) / np.linalg.norm(long_mm[1] - long_mm[0])
    frame = np.stack([along, (-along[1], along[0])], axis=1)
    return Diameters(long_mm, _longest_chord(outline @ frame, last) @ frame.T)


def _longest_chord(outline: Floats, last: int) -> Floats:
    """Ends of the longest chord across the first axis of a convex outline that runs from its lowest point to `last`.

    The length of a chord is a concave function between the corners of the outline, so it is greatest at a corner.
    """
    one_side, other_side = outline[: last + 1], np.vstack([outline[last:], outline[:1]])[::-1]
    along = outline[:, 0]
    ends = np.stack([np.interp(along, *side.T) for side in (one_side, other_side)], axis=1)
    longest = int(np.argmax(np.abs(ends[:, 1] - ends[:, 0])))
    return np.stack([np.repeat(along[longest], 2), ends[longest]], axis=1)
