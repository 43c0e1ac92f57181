"""Solid shapes of the phantom: how far a point lies outside each.

Points are millimetres in the phantom's body frame: x to the left, y to the back, z to the head; x = y = 0 is the middle
of the body, z = 0 the lung bases. Distances are negative inside, in mm, and exact enough near the surface to give it
a soft edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.phantom.draws import Vector

_NO_GRADIENT = 1e-6


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned block from `low` to `high`, mm."""

    low: Vector
    high: Vector

    def grown(self, margin: float) -> Box:
        """Give the block with `margin` mm added all round."""
        x0, y0, z0 = self.low
        x1, y1, z1 = self.high
        return Box((x0 - margin, y0 - margin, z0 - margin), (x1 + margin, y1 + margin, z1 + margin))


class Shape(Protocol):
    """A solid that can be painted."""

    @property
    def box(self) -> Box:
        """The block that holds the solid."""

    def distance(self, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance from the surface, negative inside, at the points of three broadcastable coordinate arrays."""


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid, turned about the z axis.

    Attributes
    ----------
    centre, radii
        mm along x, y, z.
    turn
        Cosine and sine of the turn from x towards y.
    """

    centre: Vector
    radii: Vector
    turn: tuple[float, float] = (1.0, 0.0)

    @property
    def box(self) -> Box:
        """The block that holds the ellipsoid."""
        cx, cy, cz = self.centre
        across, height = max(self.radii[0], self.radii[1]), self.radii[2]
        return Box((cx - across, cy - across, cz - height), (cx + across, cy + across, cz + height))

    def distance(self, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance from the surface, first order in the distance."""
        cosine, sine = self.turn
        dx, dy, dz = x - self.centre[0], y - self.centre[1], z - self.centre[2]
        along = (cosine * dx + sine * dy) / self.radii[0]
        across = (cosine * dy - sine * dx) / self.radii[1]
        up = dz / self.radii[2]
        # At the centre level and slope are both 0; their quotient is a length between the shortest and longest radius.
        nothing = _NO_GRADIENT * min(self.radii)
        level = np.maximum(np.sqrt(along * along + across * across + up * up), nothing)
        slope = np.sqrt((along / self.radii[0]) ** 2 + (across / self.radii[1]) ** 2 + (up / self.radii[2]) ** 2)
        return np.asarray(level * (level - 1) / np.maximum(slope, _NO_GRADIENT))

    def inset(self, depth: float) -> Ellipsoid:
        """Give the ellipsoid with `depth` mm taken off its half-axes."""
        x, y, z = (radius - depth for radius in self.radii)
        return Ellipsoid(self.centre, (x, y, z), self.turn)


@dataclass(frozen=True)
class Column:
    """An upright solid whose cross-section is a rounded oval, of any half-axes at each height.

    Attributes
    ----------
    centre
        x, y of the axis.
    levels
        ``(z, half-axis along x, half-axis along y)`` at ascending heights, straight between them; the column ends at
        the first and the last.
    squareness
        0 an ellipse; 1 well rounded corners, as the trunk has.
    """

    centre: tuple[float, float]
    levels: Sequence[Vector]
    squareness: float = 0.0

    @property
    def box(self) -> Box:
        """The block that holds the column."""
        half_x, half_y = max(level[1] for level in self.levels), max(level[2] for level in self.levels)
        x, y = self.centre
        return Box((x - half_x, y - half_y, self.levels[0][0]), (x + half_x, y + half_y, self.levels[-1][0]))

    def distance(self, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance from the mantle or, beyond an end, from that end."""
        half_x, half_y = self._half_axes(z)
        u, v = (x - self.centre[0]) / half_x, (y - self.centre[1]) / half_y
        square = u * u + v * v
        level = np.sqrt(np.sqrt(np.maximum(square * square - self.squareness * (u * v) ** 2, 0)))
        slope = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2) / np.maximum(np.sqrt(square), _NO_GRADIENT)
        mantle = (level - 1) / np.maximum(slope, _NO_GRADIENT)
        ends = np.maximum(self.levels[0][0] - z, z - self.levels[-1][0])
        return np.asarray(np.maximum(mantle, ends))

    def inset(self, depth: float) -> Column:
        """Give the column with `depth` mm taken off its mantle."""
        levels = [(z, max(half_x - depth, 1.0), max(half_y - depth, 1.0)) for z, half_x, half_y in self.levels]
        return Column(self.centre, levels, self.squareness)

    def _half_axes(self, z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        heights = np.array([level[0] for level in self.levels], dtype=np.float32)
        upper = np.clip(np.searchsorted(heights, z), 1, len(heights) - 1)
        low, high = heights[upper - 1], heights[upper]
        share = np.clip((z - low) / (high - low), 0, 1)
        values = [np.array([level[axis] for level in self.levels], dtype=np.float32) for axis in (1, 2)]
        half_x, half_y = (value[upper - 1] + share * (value[upper] - value[upper - 1]) for value in values)
        return half_x, half_y


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight piece of tube, round at both ends, its radius changing evenly."""

    start: Vector
    end: Vector
    start_radius: float
    end_radius: float

    @property
    def box(self) -> Box:
        """The block that holds the piece."""
        radius = max(self.start_radius, self.end_radius)
        low = tuple(min(pair) for pair in zip(self.start, self.end, strict=True))
        high = tuple(max(pair) for pair in zip(self.start, self.end, strict=True))
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2])).grown(radius)

    def distance(self, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance from the surface."""
        dx, dy, dz = x - self.start[0], y - self.start[1], z - self.start[2]
        ax, ay, az = (end - start for start, end in zip(self.start, self.end, strict=True))
        length_squared = max(ax * ax + ay * ay + az * az, _NO_GRADIENT)
        share = np.clip((dx * ax + dy * ay + dz * az) / length_squared, 0, 1)
        off = np.sqrt((dx - share * ax) ** 2 + (dy - share * ay) ** 2 + (dz - share * az) ** 2)
        return np.asarray(off - (self.start_radius + share * (self.end_radius - self.start_radius)))


def tube(points: Sequence[Vector], radii: float | Sequence[float], *, rounds: int = 2) -> list[Segment]:
    """Lead a tube along points, its corners cut `rounds` times.

    Parameters
    ----------
    points
        At least two.
    radii
        One for all, or one a point.
    """
    each = [float(radii)] * len(points) if isinstance(radii, int | float) else [float(radius) for radius in radii]
    path = [(*point, radius) for point, radius in zip(points, each, strict=True)]
    for _ in range(rounds):
        path = _cut_corners(path)
    return [Segment(a[:3], b[:3], a[3], b[3]) for a, b in pairwise(path)]


def _cut_corners(path: list[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Chaikin's corner cutting, the end points kept."""
    cut = [path[0]]
    for a, b in pairwise(path):
        cut.append(_between(a, b, 0.25))
        cut.append(_between(a, b, 0.75))
    return [*cut, path[-1]]


def _between(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], share: float
) -> tuple[float, float, float, float]:
    x, y, z, radius = (first + share * (second - first) for first, second in zip(a, b, strict=True))
    return x, y, z, radius
