"""One phantom scan: a body drawn from a seed, imaged in one field of view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hilum.model.geometry import Geometry
from hilum.phantom import abdomen, chest
from hilum.phantom.canvas import Canvas
from hilum.phantom.decoys import paint_decoys
from hilum.phantom.draws import Draws
from hilum.phantom.nodes import Node, label_map, place_nodes
from hilum.phantom.torso import Torso, aorta, lower_cava, paint_skeleton, paint_wall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.phantom.draws import Vector

Region = Literal["MED", "ABD"]
"""Mediastinum or abdomen, as the collection's identifiers say it."""

MATRIX = 192
"""Rows and columns. The real scans have 512; a quarter of the area of a pixel is enough for nodes of 5 mm."""

NOISE_HU = (15.0, 25.0)
CHEST_TOP_MM, ABDOMEN_BOTTOM_MM, BOTH_BOTTOM_MM = 262.0, -226.0, -168.0
"""Ends of the fields of view in the body frame."""
STORED_RANGE_HU = (-1024, 3071)
LARGE_COUNTS = (1, 2, 2, 3, 3, 4, 5, 7)
"""Nodes of 10 mm and more in a region; the real collection has a median of 3 (MED) and 5 (ABD) nodes."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What is to be imaged.

    Attributes
    ----------
    seed, number
        The phantom collection's seed, and the scan's number in it: together they fix the body.
    regions
        One region, or both for a scan of chest and abdomen.
    has_large_nodes
        False for a body without a node of 10 mm or more.
    """

    seed: int
    number: int
    regions: tuple[Region, ...]
    has_large_nodes: bool = True


@dataclass(frozen=True, eq=False)
class Scan:
    """A phantom scan and what is known of it.

    Attributes
    ----------
    hu
        int16 (slice, row, column), slices from the feet to the head.
    geometry
        LPS grid of `hu`.
    nodes
        By region, in annotation order.
    labels
        uint8 mask by region, on the grid of `hu`; the labels are in no relation to the order of the nodes.
    lookalikes_mm
        LPS points of what seems a node and is none: vessels, bowel, oesophagus.
    """

    hu: NDArray[np.int16]
    geometry: Geometry
    nodes: dict[Region, list[Node]]
    labels: dict[Region, NDArray[np.uint8]]
    lookalikes_mm: list[Vector]

    def centre_mm(self, node: Node) -> Vector:
        """LPS position of a node."""
        # Not Geometry.to_mm: a matrix product may be rounded differently by another processor.
        level, row, column = node.index
        x, y, z = self.geometry.origin_mm
        down, along, across = self.geometry.spacing_mm
        return x + across * column, y + along * row, z + down * level


def make_scan(plan: ScanPlan) -> Scan:
    """Image one body.

    The same plan gives the same voxels on every machine (see `hilum.phantom.draws`).
    """
    draws = Draws(plan.seed, plan.number)
    torso = Torso.drawn(draws)
    canvas = _field_of_view(plan, torso, draws)
    lookalikes = _paint_body(canvas, torso, draws, plan.regions)
    nodes = {}
    for region in plan.regions:
        nodes[region], decoys = _place(canvas, torso, draws, plan, region)
        lookalikes += decoys
    labels = {
        region: label_map(canvas, found, draws.shuffled(range(1, len(found) + 1))) for region, found in nodes.items()
    }
    origin = _table_origin(canvas, draws)
    geometry = Geometry(canvas.hu.shape, canvas.spacing_mm, origin, ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    return Scan(_imaged(canvas, draws), geometry, nodes, labels, _in_view(canvas, lookalikes, origin))


def _field_of_view(plan: ScanPlan, torso: Torso, draws: Draws) -> Canvas:
    width = float(int(2.1 * torso.half_width_mm) + draws.integer(12, 24))
    pixel = round(width / MATRIX, 6)
    if len(plan.regions) == 2:
        count, step, bottom = 140, 2.5, BOTH_BOTTOM_MM
    else:
        count, step = draws.integer(114, 136), 2.0
        bottom = CHEST_TOP_MM - count * step if plan.regions == ("MED",) else ABDOMEN_BOTTOM_MM
    corner = round(-width / 2 + draws.uniform(-4, 4), 1), round(-width / 2 + draws.uniform(-2, 8), 1)
    return Canvas((count, MATRIX, MATRIX), (step, pixel, pixel), (*corner, bottom))


def _paint_body(canvas: Canvas, torso: Torso, draws: Draws, regions: tuple[Region, ...]) -> list[Vector]:
    paint_wall(canvas, torso, draws)
    chest.paint_lungs(canvas, torso, draws)
    lookalikes = {"ABD": abdomen.paint_abdomen(canvas, torso, draws)}
    paint_skeleton(canvas, torso)
    canvas.paint_tube(lower_cava(torso, draws), torso.vein_hu)
    canvas.paint_tube(aorta(torso, draws), torso.blood_hu)
    lookalikes["MED"] = chest.paint_mediastinum(canvas, torso, draws)
    return [point for region in regions for point in lookalikes[region]]


def _place(
    canvas: Canvas, torso: Torso, draws: Draws, plan: ScanPlan, region: Region
) -> tuple[list[Node], list[Vector]]:
    """Paint decoys and nodes of a region; give the nodes in annotation order, and the middles of the decoys."""
    stations = chest.stations(torso) if region == "MED" else abdomen.stations(torso)
    decoys = paint_decoys(canvas, stations, draws)
    large = draws.choice(LARGE_COUNTS) if plan.has_large_nodes else 0
    hidden = 1 if draws.chance(0.25) else 0
    nodes = place_nodes(canvas, stations, draws, large=large, small=draws.integer(0, 3), hidden=hidden)
    annotated, others = [n for n in nodes if n.is_annotated], [n for n in nodes if not n.is_annotated]
    return draws.shuffled(annotated) + others, decoys


def _table_origin(canvas: Canvas, draws: Draws) -> Vector:
    """Where the scanner put voxel (0, 0, 0): the table's height and place are arbitrary."""
    x, y, _ = canvas.origin_mm
    return round(x, 1), round(y + draws.integer(-60, 60), 1), round(draws.uniform(-900, 300), 1)


def _imaged(canvas: Canvas, draws: Draws) -> NDArray[np.int16]:
    """Anatomy with the scanner's noise, more in the middle of the body than at its edge."""
    sigma = draws.uniform(*NOISE_HU)
    half = canvas.spacing_mm[1] * MATRIX / 2
    centre_share = np.maximum(1 - (canvas.x * canvas.x + canvas.y * canvas.y) / np.float32(half * half), 0)
    noisy = canvas.hu + draws.noise(canvas.hu.shape, sigma) * (np.float32(0.6) + np.float32(0.5) * centre_share)
    return np.clip(np.rint(noisy), *STORED_RANGE_HU).astype(np.int16)


def _in_view(canvas: Canvas, points: list[Vector], origin: Vector) -> list[Vector]:
    """Points of the body frame that the scan shows, in LPS."""
    inner = canvas.box.grown(-5.0)
    shown = [p for p in points if all(inner.low[axis] <= p[axis] <= inner.high[axis] for axis in range(3))]
    shift = [lps - body for lps, body in zip(origin, canvas.origin_mm, strict=True)]
    return [(p[0] + shift[0], p[1] + shift[1], p[2] + shift[2]) for p in shown]
