"""What chest and abdomen share: the build of one body, its wall, its skeleton and its great vessels.

Lengths are mm and HU are those of a portal-venous contrast CT; both are round textbook values, varied a little from
body to body.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from hilum.phantom.shapes import Column, Ellipsoid, Segment, tube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.phantom.canvas import Canvas
    from hilum.phantom.draws import Draws, Vector

FAT_HU, MUSCLE_HU, SKIN_HU = -102.0, 58.0, 10.0
MARROW_HU, CORTEX_HU, DISC_HU, CORD_HU = 170.0, 620.0, 85.0, 30.0
COUCH_HU = -700.0

VERTEBRA_MM = 27.0
"""Height of a vertebral body and its disc."""
RIB_PAIRS = 12


@dataclass(frozen=True)
class Torso:
    """The build of one body.

    Attributes
    ----------
    half_width_mm, half_depth_mm
        Half-axes of the trunk at the lung bases, skin included.
    fat_mm, wall_mm
        Thickness of the fat under the skin and of the muscular wall.
    blood_hu, vein_hu
        Arteries and veins after contrast.
    """

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    wall_mm: float
    blood_hu: float
    vein_hu: float

    @classmethod
    def drawn(cls, draws: Draws) -> Torso:
        """Give a body of ordinary build."""
        blood = draws.uniform(135, 195)
        return cls(
            half_width_mm=draws.uniform(150, 166),
            half_depth_mm=draws.uniform(104, 116),
            fat_mm=draws.uniform(9, 20),
            wall_mm=draws.uniform(14, 18),
            blood_hu=blood,
            vein_hu=blood - draws.uniform(5, 25),
        )

    @property
    def trunk(self) -> Column:
        """The body with its skin."""
        shares = ((-400, 1.02, 0.97), (-120, 1.0, 0.98), (0, 1.0, 1.0), (120, 1.02, 1.02), (210, 1.04, 0.94))
        above = ((255, 0.98, 0.82), (330, 0.72, 0.66))
        levels = [(z, across * self.half_width_mm, deep * self.half_depth_mm) for z, across, deep in (*shares, *above)]
        return Column((0.0, 0.0), levels, squareness=0.7)

    @property
    def cavity(self) -> Column:
        """What the wall encloses: organs in fat."""
        inset = self.fat_mm + self.wall_mm
        across, deep = self.half_width_mm - inset, self.half_depth_mm - inset
        levels = [
            (-400, across, deep),
            (0, across, deep),
            (110, 0.97 * across, deep),
            (180, 0.82 * across, 0.92 * deep),
        ]
        top = [(225, 0.62 * across, 0.72 * deep), (262, 0.40 * across, 0.50 * deep), (330, 0.3 * across, 0.4 * deep)]
        return Column((0.0, -2.0), [*levels, *top], squareness=0.35)

    @property
    def spine_y_mm(self) -> float:
        """Depth of the middle of the vertebral bodies."""
        return self.half_depth_mm - self.fat_mm - self.wall_mm - 28


def paint_wall(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    """Paint couch, skin, fat, the muscles of the wall, and the fat-filled cavity."""
    _paint_couch(canvas, torso)
    canvas.paint(torso.trunk, SKIN_HU)
    canvas.paint(torso.trunk.inset(2.5), FAT_HU)
    canvas.paint(torso.trunk.inset(torso.fat_mm), MUSCLE_HU)
    _paint_seams(canvas, torso, draws)
    canvas.paint(torso.cavity, FAT_HU)


def paint_skeleton(canvas: Canvas, torso: Torso) -> None:
    """Paint back muscles, vertebrae with their canal, ribs and breastbone."""
    y = torso.spine_y_mm
    for side in (-1.0, 1.0):
        levels = [(-400.0, 27.0, 21.0), (0.0, 24.0, 17.0), (330.0, 19.0, 14.0)]
        canvas.paint(Column((side * 32.0, y + 26), levels, squareness=0.8), FAT_HU)
        canvas.paint(Column((side * 32.0, y + 26), levels, squareness=0.8).inset(2.0), MUSCLE_HU)
    for number in range(-12, 11):
        _paint_vertebra(canvas, number * VERTEBRA_MM, y)
    canal = Column((0.0, y + 24), [(-400.0, 9.0, 7.5), (330.0, 8.0, 7.0)])
    canvas.paint(canal, CORD_HU)
    for pair in range(RIB_PAIRS):
        _paint_rib_pair(canvas, torso, pair)
    _paint_breastbone(canvas, torso)
    for side in (-1.0, 1.0):
        _paint_shoulder(canvas, torso, side)


def aorta(torso: Torso, draws: Draws) -> list[Segment]:
    """Lead the aorta from the heart over its arch down to its fork."""
    y = torso.spine_y_mm
    arch = [(2.0, -22.0, 92.0), (-12.0, -28.0, 128.0), (-4.0, -20.0, 168.0), (12.0, 2.0, 180.0), (24.0, y - 16, 165.0)]
    down = [
        (25.0, y - 14, 130.0),
        (22.0, y - 16, 60.0),
        (12.0, y - 26, 0.0),
        (6.0, y - 28, -80.0),
        (4.0, y - 28, -205.0),
    ]
    radii = (15.5, 15.0, 13.5, 12.5, 12.0, 11.5, 11.0, 10.0, 9.0, 8.0)
    return tube([draws.near(point, 2.5) for point in (*arch, *down)], radii)


def lower_cava(torso: Torso, draws: Draws) -> list[Segment]:
    """Lead the lower caval vein from its fork up to the right atrium."""
    y = torso.spine_y_mm
    points = ((-22.0, y - 26, -210.0), (-24.0, y - 27, -100.0), (-25.0, y - 34, -20.0), (-24.0, -6.0, 62.0))
    return tube([draws.near(point, 2.5) for point in points], (10.5, 11.0, 12.0, 12.5))


def _paint_couch(canvas: Canvas, torso: Torso) -> None:
    """A carbon shell under the back."""
    top = torso.half_depth_mm * 1.02
    for depth, hu in ((0.0, COUCH_HU), (3.0, -960.0)):
        levels = [(-400.0, 230.0 - depth, 120.0 - depth), (330.0, 230.0 - depth, 120.0 - depth)]
        shell = Column((0.0, top + 124.0), levels, squareness=1.0)
        canvas.paint(shell, hu)


def _paint_seams(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    """Fat between the layers of the muscular wall."""
    depth = torso.fat_mm + torso.wall_mm * draws.uniform(0.35, 0.5)
    outer, inner = canvas.whole(torso.trunk.inset(depth)), canvas.whole(torso.trunk.inset(depth + 2.2))
    canvas.paint_cover(0.75 * (outer - inner), FAT_HU)


def _paint_vertebra(canvas: Canvas, bottom: float, y: float) -> None:
    height = VERTEBRA_MM - 6
    disc = Column((0.0, y), [(bottom - 6, 17.0, 13.5), (bottom, 17.0, 13.5)], squareness=0.5)
    canvas.paint(disc, DISC_HU)
    levels = [(bottom, 19.0, 15.0), (bottom + height / 2, 16.5, 13.5), (bottom + height, 19.0, 15.0)]
    body = Column((0.0, y), levels, squareness=0.5)
    canvas.paint(body, CORTEX_HU)
    inner = [(bottom + 1.8, 17.3, 13.3), (bottom + height / 2, 14.8, 11.8), (bottom + height - 1.8, 17.3, 13.3)]
    canvas.paint(Column((0.0, y), inner, squareness=0.5), MARROW_HU)
    middle = bottom + height / 2
    spine = tube([(0.0, y + 34, middle + 4), (0.0, y + 45, middle - 6)], 3.4, rounds=0)
    sides = [tube([(side * 9.0, y + 24, middle), (side * 33.0, y + 30, middle)], 3.8, rounds=0) for side in (-1, 1)]
    lamina = [tube([(side * 12.0, y + 22, middle), (0.0, y + 36, middle)], 3.2, rounds=0) for side in (-1, 1)]
    canvas.paint_tube([piece for pieces in (spine, *sides, *lamina) for piece in pieces], 420.0)


def _paint_rib_pair(canvas: Canvas, torso: Torso, pair: int) -> None:
    """A rib runs from the spine round the cavity and sinks towards the front; the lower two end at the side."""
    top = 236.0 - pair * 22.5
    reach = 1.0 if pair < 10 else 0.55
    for side in (-1.0, 1.0):
        points = _rib_points(torso, top, side, reach)
        canvas.paint_tube(tube(points, 3.8, rounds=1), MARROW_HU + 60, wall_hu=CORTEX_HU, wall_mm=1.3)


def _rib_points(torso: Torso, top: float, side: float, reach: float) -> list[Vector]:
    points: list[Vector] = []
    for step in range(15):
        share = reach * step / 14
        z = top - 62.0 * share
        half_x, half_y = _half_axes_at(torso.cavity.levels, z)
        cosine, sine = _turn(0.06 + 0.86 * share)
        points.append((side * (half_x + 5.0) * sine, -2.0 + (half_y + 4.5) * cosine, z))
    return points


def _turn(share: float) -> tuple[float, float]:
    """Cosine and sine of `share` of a half turn, by the rational points of the circle."""
    if share < 0.5:
        t = share / (1 - share)
        return _unit(1 - t * t, 2 * t)
    t = (1 - share) / share
    cosine, sine = _unit(1 - t * t, 2 * t)
    return -cosine, sine


def _unit(x: float, y: float) -> tuple[float, float]:
    length = sqrt(x * x + y * y)
    return x / length, y / length


def _half_axes_at(levels: Sequence[Vector], z: float) -> tuple[float, float]:
    for low, high in pairwise(levels):
        if z <= high[0]:
            share = max(0.0, (z - low[0]) / (high[0] - low[0]))
            return low[1] + share * (high[1] - low[1]), low[2] + share * (high[2] - low[2])
    return levels[-1][1], levels[-1][2]


def _paint_shoulder(canvas: Canvas, torso: Torso, side: float) -> None:
    """Fat of the armpit with its vessels, and the shoulder blade behind it."""
    across = torso.half_width_mm - torso.fat_mm
    canvas.paint(Ellipsoid((side * 0.74 * across, -4.0, 218.0), (26.0, 36.0, 52.0), _unit(1.0, side * 0.35)), FAT_HU)
    canvas.paint(Ellipsoid((side * 0.45 * across, -56.0, 226.0), (36.0, 5.0, 30.0), _unit(1.0, -side * 0.3)), FAT_HU)
    for offset, hu, radius in ((-8.0, torso.blood_hu, 3.6), (4.0, torso.vein_hu, 4.6)):
        points = ((side * 40.0, -24.0 + offset, 262.0), (side * 84.0, -18.0 + offset, 236.0))
        canvas.paint_tube(tube([*points, (side * across, -6.0 + offset, 205.0)], radius), hu)
    blade = [((side * 62.0, 66.0, z), (side * 0.84 * across, 34.0, z + 12.0)) for z in range(140, 262, 5)]
    pieces = [piece for ends in blade for piece in tube(ends, (1.8, 3.6), rounds=0)]
    canvas.paint_tube(pieces, 330.0)


def _paint_breastbone(canvas: Canvas, torso: Torso) -> None:
    for z in range(70, 215, 12):
        _, half_y = _half_axes_at(torso.cavity.levels, float(z))
        centre = (0.0, -half_y - 9.0, float(z))
        canvas.paint(Ellipsoid(centre, (19.0, 7.5, 11.0)), CORTEX_HU - 200)
        canvas.paint(Ellipsoid(centre, (17.0, 5.5, 11.0)), MARROW_HU)
