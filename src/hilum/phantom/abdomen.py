"""Organs of the abdomen: the solid ones, bowel, vessels and muscles, and the stations of its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.phantom.chest import domes
from hilum.phantom.shapes import Ellipsoid, Segment, tube
from hilum.phantom.sites import Station
from hilum.phantom.torso import FAT_HU, MUSCLE_HU

if TYPE_CHECKING:
    from hilum.phantom.canvas import Canvas
    from hilum.phantom.draws import Draws, Vector
    from hilum.phantom.sites import Course
    from hilum.phantom.torso import Torso

LIVER_HU, SPLEEN_HU, PANCREAS_HU, BILE_HU = 112.0, 122.0, 92.0, 8.0
CORTEX_HU, PELVIS_HU = 175.0, 20.0
"""Kidney: its cortex, and the urine in its pelvis."""
BOWEL_WALL_HU, FLUID_HU, ORAL_CONTRAST_HU, GAS_HU, STOOL_HU = 72.0, 22.0, 190.0, -850.0, -10.0

DIAPHRAGM_END_MM = -50.0
"""Height below which the domes have run into the wall."""


def stations(torso: Torso) -> list[Station]:
    """Retroperitoneal and mesenteric stations."""
    y = torso.spine_y_mm
    return [
        Station("left para-aortic", (26.0, y - 24, -118.0), 12.0),
        Station("left para-aortic, upper", (26.0, y - 26, -78.0), 10.0),
        Station("aortocaval", (-9.0, y - 26, -130.0), 10.0),
        Station("pre-aortic", (6.0, y - 50, -150.0), 12.0),
        Station("retrocaval", (-32.0, y - 12, -140.0), 9.0),
        Station("portocaval", (-26.0, y - 58, -52.0), 9.0),
        Station("coeliac", (8.0, y - 54, -42.0), 10.0),
        Station("mesenteric root", (10.0, -14.0, -120.0), 15.0),
        Station("mesenteric", (-28.0, -26.0, -160.0), 15.0),
        Station("ileocolic", (-48.0, -16.0, -185.0), 13.0),
        Station("lower para-aortic", (22.0, y - 26, -172.0), 12.0),
    ]


def paint_abdomen(canvas: Canvas, torso: Torso, draws: Draws) -> list[Vector]:
    """Paint the organs below the diaphragm; give points that look like nodes and are none."""
    _paint_upper_organs(canvas, torso, draws)
    _paint_kidneys(canvas, torso, draws)
    _paint_muscles(canvas, torso, draws)
    loops = _paint_bowel(canvas, torso, draws)
    vessels = _paint_vessels(canvas, torso, draws)
    return loops + vessels


def _paint_upper_organs(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    right, left = domes(torso)
    upper = np.asarray(np.clip((canvas.z - DIAPHRAGM_END_MM) / 20, 0, 1), dtype=np.float32)
    for dome in (right, left):
        cover = canvas.whole(dome) * canvas.whole(torso.cavity) * upper
        canvas.paint_cover(cover, MUSCLE_HU)
        inner = canvas.whole(dome.inset(3.5)) * canvas.whole(torso.cavity.inset(1.5)) * upper
        canvas.paint_cover(inner, FAT_HU)
    _paint_liver(canvas, torso, draws, right)
    canvas.paint(Ellipsoid(draws.near((88.0, 36.0, -36.0), 4.0), (26.0, 42.0, 44.0), (0.92, 0.39)), SPLEEN_HU)
    stomach = [(56.0, -2.0, 2.0), (66.0, -30.0, -36.0), (22.0, -46.0, -72.0)]
    stomach_hu = draws.choice((FLUID_HU, ORAL_CONTRAST_HU - 60))
    path = tube([draws.near(point, 4.0) for point in stomach], (27.0, 25.0, 15.0))
    canvas.paint_tube(path, stomach_hu, wall_hu=80.0, wall_mm=3.5)
    pancreas = [(54.0, 26.0, -46.0), (28.0, 4.0, -54.0), (4.0, -6.0, -62.0), (-26.0, 2.0, -78.0)]
    canvas.paint_tube(tube([draws.near(point, 3.0) for point in pancreas], (8.0, 8.5, 8.0, 12.0)), PANCREAS_HU)


def _paint_liver(canvas: Canvas, torso: Torso, draws: Draws, dome: Ellipsoid) -> None:
    inside = canvas.whole(torso.cavity.inset(2.5))
    lobes = [
        dome.inset(4.0),
        Ellipsoid(draws.near((18.0, -42.0, -24.0), 4.0), (52.0, 34.0, 30.0), (0.98, 0.2)),
    ]
    spared = canvas.whole(Ellipsoid((14.0, 34.0, -60.0), (52.0, 50.0, 200.0)))
    lowered = canvas.whole(Ellipsoid((-20.0, -30.0, -150.0), (64.0, 60.0, 62.0), (0.9, -0.44)))
    for lobe in lobes:
        canvas.paint_cover(canvas.whole(lobe) * inside * (1 - spared) * (1 - lowered), LIVER_HU)
    canvas.paint(Ellipsoid(draws.near((-46.0, -38.0, -82.0), 4.0), (14.0, 17.0, 24.0)), BILE_HU)
    for side in (-1.0, 1.0):
        branches = [(-34.0, -6.0, -40.0), (-58.0, 0.0 + side * 18, -34.0), (-84.0, side * 38.0, -26.0 + side * 14)]
        canvas.paint_tube(tube([draws.near(point, 4.0) for point in branches], (6.0, 4.5, 2.2)), torso.vein_hu)


def _paint_kidneys(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    y = torso.spine_y_mm
    for side, z in ((-1.0, -108.0), (1.0, -98.0)):
        turn = (0.8, side * 0.6)
        centre = draws.near((side * 62.0, y - 14, z), 4.0)
        canvas.paint(Ellipsoid(centre, (38.0, 36.0, 62.0), turn), FAT_HU)
        canvas.paint(Ellipsoid(centre, (29.0, 25.0, 50.0), turn), CORTEX_HU)
        x, back, middle = centre
        canvas.paint(Ellipsoid((x - side * 12, back - 4, middle), (19.0, 12.0, 27.0), turn), FAT_HU)
        canvas.paint(Ellipsoid((x - side * 10, back - 4, middle), (11.0, 6.0, 14.0), turn), PELVIS_HU)
        ureter = [
            (x - side * 18, back - 6, middle - 8),
            (side * 38.0, y - 30, middle - 50),
            (side * 36.0, y - 34, -300.0),
        ]
        canvas.paint_tube(tube(ureter, 2.6), PELVIS_HU + 25)
        adrenal = [(side * 30.0, y - 26, -52.0), (side * 40.0, y - 16, -50.0)]
        canvas.paint_tube(tube([draws.near(point, 2.0) for point in adrenal], 2.6), 75.0)


def _paint_muscles(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    y = torso.spine_y_mm
    for side in (-1.0, 1.0):
        psoas = [(side * 24.0, y + 6, -60.0), (side * 33.0, y - 2, -130.0), (side * 45.0, y - 12, -260.0)]
        canvas.paint_tube(tube([draws.near(point, 2.0) for point in psoas], (7.0, 16.0, 22.0)), MUSCLE_HU + 4)
        loin = [(side * 58.0, y + 20, -120.0), (side * 60.0, y + 18, -260.0)]
        canvas.paint_tube(tube(loin, (11.0, 16.0)), MUSCLE_HU)
        crus = [(side * 12.0, y - 18, 10.0), (side * 13.0, y - 16, -60.0), (side * 10.0, y - 14, -110.0)]
        canvas.paint_tube(tube([draws.near(point, 1.5) for point in crus], (4.5, 5.0, 2.5)), MUSCLE_HU)


def _paint_bowel(canvas: Canvas, torso: Torso, draws: Draws) -> list[Vector]:
    across = torso.cavity.levels[0][1]
    front = -torso.cavity.levels[0][2]
    frame: list[list[Vector]] = [
        [(-0.74 * across, 8.0, -240.0), (-0.78 * across, 14.0, -150.0), (-0.66 * across, -18.0, -108.0)],
        [(-0.6 * across, -34.0, -112.0), (0.0, 0.72 * front, -136.0), (0.62 * across, -26.0, -84.0)],
        [(0.74 * across, 16.0, -80.0), (0.80 * across, 26.0, -160.0), (0.70 * across, 22.0, -250.0)],
    ]
    lookalikes: list[Vector] = []
    for path in frame:
        colon = tube([draws.near(point, 5.0) for point in path], [draws.uniform(13, 19) for _ in path])
        filling = draws.choice((GAS_HU, STOOL_HU, STOOL_HU, ORAL_CONTRAST_HU))
        canvas.paint_tube(colon, filling, wall_hu=BOWEL_WALL_HU, wall_mm=2.4)
    for _ in range(draws.integer(11, 15)):
        lookalikes += _paint_loop(canvas, draws, across, front)
    duodenum = [(-34.0, -14.0, -74.0), (-38.0, 0.0, -120.0), (-6.0, 6.0, -138.0), (30.0, 2.0, -116.0)]
    canvas.paint_tube(tube([draws.near(point, 3.0) for point in duodenum], 8.5), FLUID_HU, wall_hu=85.0, wall_mm=2.2)
    return lookalikes


def _paint_loop(canvas: Canvas, draws: Draws, across: float, front: float) -> list[Vector]:
    """A meandering loop of small bowel in front of the great vessels."""
    start = (draws.uniform(-0.5, 0.55) * across, draws.uniform(0.62, 0.1) * front, draws.uniform(-230, -100))
    points = [start]
    for _ in range(draws.integer(3, 6)):
        x, y, z = points[-1]
        dx, dy, dz = draws.direction()
        nearer = (x + 34 * dx, y + 20 * dy, z + 22 * dz)
        points.append(_kept(nearer, across, front))
    loop = tube(points, draws.uniform(7.5, 10.5))
    filling = draws.choice((FLUID_HU, FLUID_HU, 60.0, ORAL_CONTRAST_HU, GAS_HU))
    canvas.paint_tube(loop, filling, wall_hu=BOWEL_WALL_HU + 12, wall_mm=2.2)
    return [loop[0].start, loop[-1].end]


def _kept(point: Vector, across: float, front: float) -> Vector:
    x, y, z = point
    return (
        max(-0.56 * across, min(x, 0.6 * across)),
        max(0.74 * front, min(y, 0.02 * front)),
        max(-260.0, min(z, -96.0)),
    )


def _paint_vessels(canvas: Canvas, torso: Torso, draws: Draws) -> list[Vector]:
    vessels = []
    for hu, courses in ((torso.blood_hu, _arteries(torso)), (torso.vein_hu, _veins(torso))):
        for points, radii in courses:
            vessel = tube([draws.near(point, 1.5) for point in points], radii)
            canvas.paint_tube(vessel, hu)
            vessels.append(vessel)
    _paint_arcades(canvas, torso, draws)
    return [piece.start for vessel in vessels for piece in vessel[2::5]]


def _arteries(torso: Torso) -> list[Course]:
    y = torso.spine_y_mm
    mesenteric = [(5.0, y - 30, -70.0), (6.0, y - 52, -92.0), (2.0, -2.0, -140.0), (-20.0, -8.0, -200.0)]
    splenic = [(6.0, y - 30, -50.0), (6.0, y - 48, -46.0), (26.0, y - 52, -44.0), (60.0, 20.0, -40.0)]
    left_renal = [(6.0, y - 29, -92.0), (30.0, y - 24, -96.0), (54.0, y - 16, -98.0)]
    right_renal = [(2.0, y - 26, -94.0), (-26.0, y - 14, -100.0), (-52.0, y - 16, -106.0)]
    left_iliac = [(4.0, y - 28, -200.0), (24.0, y - 30, -240.0)]
    right_iliac = [(4.0, y - 28, -200.0), (-18.0, y - 34, -240.0)]
    return [
        (mesenteric, (4.6, 4.2, 3.6, 2.4)),
        (splenic, (4.4, 4.0, 3.2, 2.6)),
        (left_renal, (3.4, 3.0, 2.6)),
        (right_renal, (3.4, 3.0, 2.6)),
        (left_iliac, (6.5, 5.5)),
        (right_iliac, (6.5, 5.5)),
    ]


def _veins(torso: Torso) -> list[Course]:
    y = torso.spine_y_mm
    mesenteric = [(-8.0, -2.0, -70.0), (-8.0, -4.0, -130.0), (-30.0, -10.0, -205.0)]
    portal = [(-8.0, 2.0, -66.0), (-20.0, 0.0, -48.0), (-34.0, -4.0, -40.0)]
    splenic = [(74.0, 24.0, -42.0), (30.0, 10.0, -58.0), (-8.0, 2.0, -66.0)]
    left_renal = [(-22.0, y - 30, -94.0), (8.0, y - 44, -94.0), (50.0, y - 18, -98.0)]
    lower_mesenteric = [(36.0, y - 40, -110.0), (30.0, y - 36, -200.0)]
    return [
        (mesenteric, (6.5, 5.6, 3.0)),
        (portal, (7.2, 7.4, 6.4)),
        (splenic, (4.0, 4.6, 5.2)),
        (left_renal, (5.2, 4.8, 4.4)),
        (lower_mesenteric, (2.4, 2.0)),
    ]


def _paint_arcades(canvas: Canvas, torso: Torso, draws: Draws) -> None:
    """Branches of the mesenteric vessels through its fat."""
    pieces: list[Segment] = []
    for _ in range(draws.integer(12, 18)):
        start = draws.near((-6.0, -6.0, -150.0), 22.0)
        dx, dy, dz = draws.direction()
        middle = (start[0] + 26 * dx, start[1] - 10 - 8 * abs(dy), start[2] + 18 * dz)
        end = draws.near((middle[0] + 24 * dx, middle[1] - 8, middle[2] + 16 * dz), 8.0)
        pieces += tube([start, middle, end], (2.6, 2.0, 1.4))
    canvas.paint_tube(pieces, torso.vein_hu)
