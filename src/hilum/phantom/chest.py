"""Organs of the chest: lungs with their vessels and airways, heart, great vessels, and the stations of its nodes."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from hilum.phantom.shapes import Column, Ellipsoid, Segment, tube
from hilum.phantom.sites import Station

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.phantom.canvas import Canvas
    from hilum.phantom.draws import Draws, Vector
    from hilum.phantom.shapes import Shape
    from hilum.phantom.sites import Course
    from hilum.phantom.torso import Torso

LUNG_HU, AIRWAY_HU, AIRWAY_WALL_HU = -868.0, -995.0, 20.0
LUNG_GRADIENT_HU_PER_MM = 0.45
"""Lungs of a participant on the back are denser behind."""
MYOCARDIUM_HU = 105.0


def stations(torso: Torso) -> list[Station]:
    """Mediastinal stations, with the numbers of the IASLC map."""
    y = torso.spine_y_mm
    return [
        Station("right upper paratracheal (2R)", (-20.0, -2.0, 212.0), 9.0),
        Station("right lower paratracheal (4R)", (-16.0, 4.0, 170.0), 10.0),
        Station("left lower paratracheal (4L)", (20.0, 16.0, 158.0), 9.0),
        Station("prevascular (3A)", (8.0, -48.0, 182.0), 13.0),
        Station("aortopulmonary (5)", (32.0, -6.0, 160.0), 10.0),
        Station("para-aortic (6)", (32.0, -34.0, 168.0), 10.0),
        Station("subcarinal (7)", (0.0, 20.0, 122.0), 10.0),
        Station("paraoesophageal (8)", (-8.0, y - 26, 80.0), 11.0),
        Station("right hilar (10R)", (-44.0, 2.0, 126.0), 9.0),
        Station("left hilar (10L)", (44.0, 6.0, 132.0), 9.0),
        Station("cardiophrenic", (-40.0, -62.0, 52.0), 10.0),
    ]


def paint_lungs(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    """Paint both lungs round the mediastinum, over the domes of the diaphragm, with vessels and airways in them."""
    cover = _lung_cover(canvas, torso)
    gradient = np.asarray(LUNG_HU + LUNG_GRADIENT_HU_PER_MM * canvas.y, dtype=np.float32)
    canvas.paint_cover(cover, np.broadcast_to(gradient, cover.shape))
    for side in (-1.0, 1.0):
        vessels: list[Segment] = []
        for root, direction in _lobes(side):
            start, length = draws.near(root, 4.0), draws.uniform(18, 27)
            vessels += _tree(draws, start, direction, length=length, radius=4.4, generations=8)
        canvas.paint_cover(cover * canvas.whole_of_segments(vessels), torso.vein_hu)


def paint_mediastinum(canvas: Canvas, torso: Torso, draws: Draws) -> list[Vector]:
    """Paint heart, vessels, airways and oesophagus; give points that look like nodes and are none."""
    _paint_heart(canvas, torso, draws)
    vessels = [(path, torso.blood_hu) for path in _arteries(torso, draws)]
    vessels += [(path, torso.vein_hu) for path in _veins(torso, draws)]
    for path, hu in vessels:
        canvas.paint_tube(path, hu)
    gullet = _oesophagus(torso, draws)
    canvas.paint_tube(gullet, 48.0)
    if draws.chance(0.6):
        canvas.paint_tube([_shrunk(piece, 0.35) for piece in gullet[3:9]], -500.0)
    _paint_airways(canvas, draws)
    small = [path for path, _ in vessels[2:]]
    return [piece.start for path in (*small, gullet) for piece in path[1::4]]


def domes(torso: Torso) -> tuple[Ellipsoid, Ellipsoid]:
    """Right and left dome of the diaphragm."""
    across = torso.cavity.levels[0][1]
    deep = torso.cavity.levels[0][2]
    right = Ellipsoid((-0.42 * across, 2.0, -42.0), (0.66 * across, 1.06 * deep, 96.0))
    left = Ellipsoid((0.48 * across, 4.0, -48.0), (0.60 * across, 1.02 * deep, 88.0))
    return right, left


def _lung_cover(canvas: Canvas, torso: Torso) -> NDArray[np.float32]:
    levels = [level for level in torso.cavity.levels if level[0] < 262]
    outer = Column(torso.cavity.centre, [*levels, (258.0, 8.0, 8.0)], torso.cavity.squareness).inset(2.0)
    cover = canvas.whole(outer) * _rising(canvas.z)
    deep = torso.cavity.levels[0][2]
    middle = [(-60.0, 36.0, 1.1 * deep), (60.0, 36.0, 1.05 * deep), (120.0, 37.0, 1.0 * deep)]
    upper = [(175.0, 34.0, 0.98 * deep), (225.0, 32.0, 0.9 * deep), (300.0, 30.0, 0.9 * deep)]
    solids: list[Shape] = [Column((3.0, 0.0), [*middle, *upper]), *domes(torso), _heart(torso)]
    solids.append(Ellipsoid((-6.0, 4.0, 128.0), (58.0, 26.0, 34.0)))  # both lung roots
    for solid in solids:
        cover *= 1 - canvas.whole(solid)
    return cover


def _rising(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 above the lung bases, 0 below them."""
    return np.asarray(np.clip((z + 22) / 4, 0, 1), dtype=np.float32)


def _lobes(side: float) -> list[tuple[Vector, Vector]]:
    root = (side * 48.0, 4.0, 128.0)
    directions = [
        (0.55, 0.15, 0.8),
        (0.6, -0.6, 0.35),
        (0.95, 0.25, 0.0),
        (0.5, 0.45, -0.7),
        (0.7, -0.25, -0.65),
        (0.3, 0.7, 0.35),
        (0.25, -0.8, -0.2),
    ]
    return [(root, (side * x, y, z)) for x, y, z in directions]


def _tree(
    draws: Draws, start: Vector, direction: Vector, *, length: float, radius: float, generations: int
) -> list[Segment]:
    """A vessel that forks, each branch shorter and thinner."""
    end = _along(start, direction, length)
    pieces = [Segment(start, end, radius, 0.85 * radius)]
    if generations <= 1:
        return pieces
    for _ in range(2):
        turned = _bent(direction, draws.direction(), 0.62)
        thinner = radius * draws.uniform(0.7, 0.84)
        shorter = length * draws.uniform(0.75, 0.98)
        pieces += _tree(draws, end, turned, length=shorter, radius=thinner, generations=generations - 1)
    return pieces


def _along(start: Vector, direction: Vector, length: float) -> Vector:
    x, y, z = (value + length * step for value, step in zip(start, direction, strict=True))
    return x, y, z


def _bent(direction: Vector, towards: Vector, share: float) -> Vector:
    x, y, z = (a + share * b for a, b in zip(direction, towards, strict=True))
    length = max(sqrt(x * x + y * y + z * z), 0.1)
    return x / length, y / length, z / length


def _heart(torso: Torso) -> Ellipsoid:
    front = torso.cavity.levels[0][2]
    return Ellipsoid((16.0, -0.42 * front, 74.0), (64.0, 0.56 * front, 52.0), (0.8, 0.6))


def _paint_heart(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    heart = _heart(torso)
    cx, cy, cz = heart.centre
    canvas.paint(heart.inset(5.0), MYOCARDIUM_HU)
    chambers = (
        ((26.0, 4.0, -6.0), (30.0, 19.0, 27.0), torso.blood_hu),  # left ventricle
        ((-12.0, -16.0, -8.0), (30.0, 13.0, 26.0), torso.vein_hu),  # right ventricle
        ((-32.0, 14.0, 10.0), (20.0, 20.0, 24.0), torso.vein_hu),  # right atrium
        ((-4.0, 30.0, 22.0), (30.0, 15.0, 19.0), torso.blood_hu),  # left atrium
    )
    for (dx, dy, dz), radii, hu in chambers:
        centre = draws.near((cx + dx, cy + dy, cz + dz), 2.0)
        canvas.paint(Ellipsoid(centre, radii, (0.8, 0.6)), hu)


def _arteries(torso: Torso, draws: Draws) -> list[list[Segment]]:
    pulmonary_trunk = [(14.0, -44.0, 100.0), (20.0, -30.0, 132.0), (28.0, -10.0, 138.0)]
    right_pulmonary = [(20.0, -28.0, 136.0), (-8.0, -6.0, 132.0), (-34.0, 0.0, 130.0), (-52.0, 4.0, 128.0)]
    left_pulmonary = [(28.0, -10.0, 138.0), (44.0, 4.0, 138.0), (54.0, 8.0, 130.0)]
    brachiocephalic = [(-10.0, -22.0, 178.0), (-18.0, -18.0, 210.0), (-24.0, -14.0, 280.0)]
    left_carotid = [(4.0, -10.0, 184.0), (6.0, -8.0, 215.0), (20.0, -6.0, 280.0)]
    left_subclavian = [(16.0, 6.0, 184.0), (24.0, 12.0, 220.0), (44.0, -4.0, 268.0)]
    courses: list[Course] = [
        (pulmonary_trunk, (14.0, 14.0, 12.5)),
        (right_pulmonary, (12.0, 11.0, 9.5, 6.5)),
        (left_pulmonary, (11.5, 9.0, 6.0)),
        (brachiocephalic, (6.5, 6.0, 4.5)),
        (left_carotid, (4.0, 3.6, 3.4)),
        (left_subclavian, (5.0, 4.6, 4.2)),
    ]
    front = -0.9 * torso.cavity.levels[0][2]
    for side in (-1.0, 1.0):
        mammary = [(side * 24.0, front + 8, 60.0), (side * 24.0, front + 10, 190.0)]
        courses.append((mammary, (1.8, 1.8)))
    return [tube([draws.near(point, 1.5) for point in points], radii) for points, radii in courses]


def _veins(torso: Torso, draws: Draws) -> list[list[Segment]]:
    y = torso.spine_y_mm
    upper_cava = [(-26.0, -24.0, 86.0), (-28.0, -22.0, 140.0), (-28.0, -26.0, 196.0)]
    right_brachiocephalic = [(-28.0, -26.0, 194.0), (-32.0, -22.0, 235.0), (-46.0, -18.0, 272.0)]
    left_brachiocephalic = [(-26.0, -28.0, 192.0), (6.0, -36.0, 200.0), (34.0, -26.0, 226.0), (46.0, -16.0, 272.0)]
    azygos = [(-9.0, y - 16, -20.0), (-9.0, y - 18, 90.0), (-11.0, y - 18, 156.0)]
    azygos_arch = [(-11.0, y - 18, 156.0), (-24.0, 8.0, 168.0), (-27.0, -16.0, 160.0)]
    hemiazygos = [(14.0, y - 10, -20.0), (14.0, y - 11, 100.0)]
    right_pulmonary = [(-8.0, -4.0, 92.0), (-34.0, 6.0, 100.0), (-56.0, 10.0, 104.0)]
    left_pulmonary = [(10.0, -2.0, 94.0), (36.0, 10.0, 100.0), (58.0, 14.0, 106.0)]
    courses: list[Course] = [
        (upper_cava, (11.0, 10.0, 9.0)),
        (right_brachiocephalic, (8.0, 7.5, 7.0)),
        (left_brachiocephalic, (8.0, 7.0, 7.0, 7.0)),
        (azygos, (3.6, 4.4, 5.0)),
        (azygos_arch, (5.0, 5.0, 5.0)),
        (hemiazygos, (3.0, 3.2)),
        (right_pulmonary, (8.0, 7.0, 4.5)),
        (left_pulmonary, (8.0, 7.0, 4.5)),
    ]
    return [tube([draws.near(point, 1.5) for point in points], radii) for points, radii in courses]


def _oesophagus(torso: Torso, draws: Draws) -> list[Segment]:
    y = torso.spine_y_mm
    points = ((2.0, y - 26, 290.0), (4.0, y - 24, 180.0), (4.0, y - 26, 120.0), (8.0, y - 34, 50.0), (26.0, 2.0, 12.0))
    return tube([draws.near(point, 2.0) for point in points], (7.0, 7.0, 7.5, 8.5, 9.0))


def _paint_airways(canvas: Canvas, draws: Draws) -> None:
    carina = draws.near((0.0, 6.0, 152.0), 2.0)
    paths: list[tuple[list[Vector], list[float]]] = [
        ([(0.0, 2.0, 300.0), (-1.0, 4.0, 210.0), carina], [8.5, 8.5, 8.0]),
        ([carina, (-22.0, 12.0, 132.0), (-46.0, 10.0, 120.0)], [7.0, 6.4, 4.6]),
        ([carina, (24.0, 14.0, 128.0), (50.0, 14.0, 116.0)], [6.6, 6.0, 4.4]),
        ([(-30.0, 12.0, 128.0), (-44.0, 6.0, 146.0), (-58.0, 4.0, 158.0)], [4.0, 3.4, 2.4]),
        ([(-44.0, 11.0, 120.0), (-54.0, 26.0, 96.0), (-64.0, 36.0, 72.0)], [4.2, 3.4, 2.2]),
        ([(48.0, 14.0, 117.0), (56.0, 28.0, 94.0), (66.0, 38.0, 72.0)], [4.0, 3.2, 2.2]),
        ([(48.0, 14.0, 117.0), (60.0, 0.0, 130.0), (70.0, -12.0, 142.0)], [3.8, 3.0, 2.0]),
    ]
    pieces = [piece for points, radii in paths for piece in tube(points, radii)]
    canvas.paint_tube(pieces, AIRWAY_HU, wall_hu=AIRWAY_WALL_HU, wall_mm=1.8)


def _shrunk(piece: Segment, share: float) -> Segment:
    return Segment(piece.start, piece.end, share * piece.start_radius, share * piece.end_radius)
