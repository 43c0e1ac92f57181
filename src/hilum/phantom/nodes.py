"""Lymph nodes of the phantom: ellipsoids of known axes in the fat beside vessels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from hilum.phantom.shapes import Ellipsoid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.phantom.canvas import Canvas
    from hilum.phantom.draws import Draws, Vector
    from hilum.phantom.sites import Station

SMALL_MM = (5.0, 9.8)
LARGE_MM = (10.0, 30.0)
"""Short axes of nodes below and from 10 mm, the size from which RECIST 1.1 calls a node pathological."""
NODE_HU = (25.0, 130.0)
TRIES = 400
"""Places tried for one node before it is given up."""
FAT_RANGE_HU = (-140.0, -60.0)
TOUCHING_SHARE = 0.5
"""Share of the nodes that may press against a vessel or organ."""
FREE_FAT, TOUCHING_FAT = 0.93, 0.65
"""Share of a node's place that must be fat before it is painted, for a free and a touching node."""
NEIGHBOUR_MM = 7.0
"""How near something denser than fat must be: nodes accompany vessels."""
GAP_MM = 3.0
"""Least distance between two nodes."""


@dataclass(frozen=True, slots=True)
class Node:
    """One lymph node.

    Attributes
    ----------
    station
        Where it lies, in words.
    index
        Voxel (slice, row, column) its centre is the centre of, 0-based.
    body
        Its ellipsoid in the body frame.
    hu
        Its enhancement.
    is_annotated
        False for a node that the masks show and the annotations lack, as there are in the real collection.
    """

    station: str
    index: tuple[int, int, int]
    body: Ellipsoid
    hu: float
    is_annotated: bool = True

    @property
    def short_axis_mm(self) -> float:
        """Shortest diameter in the axial plane."""
        return round(2 * min(self.body.radii[:2]), 2)

    @property
    def long_axis_mm(self) -> float:
        """Longest diameter in the axial plane."""
        return round(2 * max(self.body.radii[:2]), 2)


def place_nodes(
    canvas: Canvas, stations: Sequence[Station], draws: Draws, *, large: int, small: int, hidden: int = 0
) -> list[Node]:
    """Paint nodes into fat at random stations; give those that found a place.

    Parameters
    ----------
    canvas
        Anatomy without noise.
    large, small
        How many of 10 mm short axis and more, and how many below.
    hidden
        How many small ones of no annotation.
    """
    sizes = [
        LARGE_MM[0] + (LARGE_MM[1] - LARGE_MM[0]) * draws.uniform(0, 1) * draws.uniform(0, 1) for _ in range(large)
    ]
    sizes += [draws.uniform(*SMALL_MM) for _ in range(small + hidden)]
    nodes: list[Node] = []
    for number, size in enumerate(sizes):
        node = _placed(canvas, stations, draws, round(size, 1), nodes)
        if node is not None:
            nodes.append(replace(node, is_annotated=number < large + small))
            _paint(canvas, nodes[-1], draws)
    return nodes


def label_map(canvas: Canvas, nodes: Sequence[Node], labels: Sequence[int]) -> NDArray[np.uint8]:
    """Voxels of each node under its label; 0 elsewhere."""
    marked = np.zeros(canvas.hu.shape, dtype=np.uint8)
    for node, label in zip(nodes, labels, strict=True):
        block = canvas.block(node.body.box)
        slices, rows, columns = block
        inside = node.body.distance(canvas.x[:, :, columns], canvas.y[:, rows], canvas.z[slices]) < 0
        marked[block][inside] = label
    return marked


def _placed(
    canvas: Canvas, stations: Sequence[Station], draws: Draws, short_mm: float, others: Sequence[Node]
) -> Node | None:
    must_be_fat = TOUCHING_FAT if draws.chance(TOUCHING_SHARE) else FREE_FAT
    hu = draws.uniform(*NODE_HU)
    for _ in range(TRIES):
        station = draws.choice(stations)
        index = _nearest_voxel(canvas, draws.near(station.centre, station.spread_mm))
        body = _ellipsoid(canvas, index, short_mm, draws)
        if _fits(canvas, body, must_be_fat) and all(_are_apart(body, other.body) for other in others):
            return Node(station.name, index, body, hu)
    return None


def _ellipsoid(canvas: Canvas, index: tuple[int, int, int], short_mm: float, draws: Draws) -> Ellipsoid:
    long_mm = round(short_mm * draws.uniform(1.0, 1.55), 1)
    height_mm = draws.uniform(short_mm, long_mm * 1.15)
    centre = tuple(origin + step * i for origin, step, i in zip(*_axes(canvas), reversed(index), strict=True))
    turned = draws.direction()
    length = sqrt(turned[0] * turned[0] + turned[1] * turned[1])
    turn = (turned[0] / length, turned[1] / length) if length > 0.1 else (1.0, 0.0)
    return Ellipsoid((centre[0], centre[1], centre[2]), (long_mm / 2, short_mm / 2, height_mm / 2), turn)


def _axes(canvas: Canvas) -> tuple[Vector, Vector]:
    """Origin and spacing along x, y, z."""
    across, down, along = canvas.spacing_mm[2], canvas.spacing_mm[1], canvas.spacing_mm[0]
    return canvas.origin_mm, (across, down, along)


def _nearest_voxel(canvas: Canvas, point: Vector) -> tuple[int, int, int]:
    origin, step = _axes(canvas)
    column, row, level = (round((p - o) / s) for p, o, s in zip(point, origin, step, strict=True))
    return level, row, column


def _fits(canvas: Canvas, body: Ellipsoid, must_be_fat: float) -> bool:
    if not _holds(canvas, body):
        return False
    block = canvas.block(body.box.grown(NEIGHBOUR_MM))
    slices, rows, columns = block
    distance = body.distance(canvas.x[:, :, columns], canvas.y[:, rows], canvas.z[slices])
    hu = canvas.hu[block]
    inside = distance < 0.5
    is_fat = (hu > FAT_RANGE_HU[0]) & (hu < FAT_RANGE_HU[1])
    if np.count_nonzero(inside & is_fat) < must_be_fat * np.count_nonzero(inside):
        return False
    return bool(np.any((distance > 0) & (distance < NEIGHBOUR_MM) & (hu > FAT_RANGE_HU[1])))


def _holds(canvas: Canvas, body: Ellipsoid) -> bool:
    """Whether the field of view holds the node and a margin."""
    low, high = body.box.grown(6.0).low, body.box.grown(6.0).high
    inner = canvas.box
    return all(inner.low[axis] <= low[axis] and high[axis] <= inner.high[axis] for axis in range(3))


def _are_apart(one: Ellipsoid, other: Ellipsoid) -> bool:
    distance = sqrt(sum((a - b) * (a - b) for a, b in zip(one.centre, other.centre, strict=True)))
    return distance > max(one.radii) + max(other.radii) + GAP_MM


def _paint(canvas: Canvas, node: Node, draws: Draws) -> None:
    """Fill the node; one large one in four has a fatty hilum."""
    canvas.paint(node.body, node.hu)
    if node.short_axis_mm >= 12 and draws.chance(0.25):
        x, y, z = node.body.centre
        long, short, height = node.body.radii
        canvas.paint(Ellipsoid((x + 0.3 * short, y, z), (0.25 * long, 0.25 * short, 0.3 * height)), node.hu - 70)
