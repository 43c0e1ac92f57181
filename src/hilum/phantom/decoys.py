"""What a node is easily mistaken for: short pieces of vessel and strands that cross the fat of a station."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.phantom.nodes import FAT_RANGE_HU
from hilum.phantom.shapes import tube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.phantom.canvas import Canvas
    from hilum.phantom.draws import Draws, Vector
    from hilum.phantom.shapes import Segment
    from hilum.phantom.sites import Station

COUNTS = (8, 14)
DECOY_HU = (30.0, 150.0)
RADIUS_MM = (2.2, 6.5)
HALF_LENGTH = (2.2, 4.5)
"""Half of a decoy's length in radii: cut across it is round like a node, seen whole it is not."""


def paint_decoys(canvas: Canvas, stations: Sequence[Station], draws: Draws) -> list[Vector]:
    """Paint decoys into the fat around random stations, and give their middles in the body frame."""
    middles = []
    for _ in range(draws.integer(*COUNTS)):
        station = draws.choice(stations)
        middle = draws.near(station.centre, 1.6 * station.spread_mm)
        canvas.paint_tube(_strand(middle, draws), draws.uniform(*DECOY_HU), only_in=FAT_RANGE_HU)
        middles.append(middle)
    return middles


def _strand(middle: Vector, draws: Draws) -> list[Segment]:
    """A bent piece of tube that thins out towards one end."""
    radius = draws.uniform(*RADIUS_MM)
    x, y, z = middle
    dx, dy, dz = draws.direction()
    half = radius * draws.uniform(*HALF_LENGTH)
    start = draws.near((x - half * dx, y - half * dy, z - half * dz), 0.8 * radius)
    end = draws.near((x + half * dx, y + half * dy, z + half * dz), 0.8 * radius)
    return tube([start, middle, end], (radius, radius, 0.6 * radius))
