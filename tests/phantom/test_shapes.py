from __future__ import annotations

from itertools import pairwise
from math import pi

import numpy as np
import pytest

from hilum.phantom.canvas import AIR_HU, Canvas
from hilum.phantom.shapes import Column, Ellipsoid, Segment, Shape, tube


def distance(shape: Shape, x: float, y: float, z: float) -> float:
    arrays = (np.full((1, 1, 1), value, dtype=np.float32) for value in (x, y, z))
    return float(shape.distance(*arrays)[0, 0, 0])


def test_distance_from_a_sphere_is_exact() -> None:
    sphere = Ellipsoid((1.0, 2.0, 3.0), (10.0, 10.0, 10.0))
    assert distance(sphere, 1, 2, 18) == pytest.approx(5, abs=1e-4)
    assert distance(sphere, 7, 2, 3) == pytest.approx(-4, abs=1e-4)
    assert distance(sphere, 1, 2, 3) == pytest.approx(-10, abs=1e-3)


def test_a_turned_ellipsoid_has_its_long_axis_where_it_was_turned_to() -> None:
    upright = Ellipsoid((0.0, 0.0, 0.0), (10.0, 5.0, 5.0), (0.0, 1.0))
    assert distance(upright, 0, 10, 0) == pytest.approx(0, abs=1e-4)
    assert distance(upright, 5, 0, 0) == pytest.approx(0, abs=1e-4)
    assert distance(upright, 10, 0, 0) > 2


def test_a_segment_is_round_at_its_ends_and_tapers() -> None:
    segment = Segment((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), 4.0, 2.0)
    assert distance(segment, -7, 0, 0) == pytest.approx(3)
    assert distance(segment, 5, 3, 0) == pytest.approx(0)
    assert distance(segment, 10, 0, 6) == pytest.approx(4)


def test_a_column_ends_at_its_levels_and_widens_between_them() -> None:
    column = Column((0.0, 0.0), [(0.0, 10.0, 10.0), (10.0, 20.0, 20.0)])
    assert distance(column, 15, 0, 5) == pytest.approx(0, abs=1e-4)
    assert distance(column, 0, 0, 13) == pytest.approx(3)
    assert distance(column.inset(5.0), 10, 0, 5) == pytest.approx(0, abs=1e-4)


def test_a_tube_keeps_its_ends_and_grows_smoother() -> None:
    corner = [(0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (10.0, 10.0, 0.0)]
    path = tube(corner, (3.0, 3.0, 1.0))
    assert (path[0].start, path[-1].end) == (corner[0], corner[-1])
    assert (path[0].start_radius, path[-1].end_radius) == (3.0, 1.0)
    assert all(piece.end == following.start for piece, following in pairwise(path))
    assert all(piece.start != corner[1] for piece in path)


def test_painting_fills_the_volume_of_the_shape_with_soft_edges() -> None:
    canvas = Canvas((40, 40, 40), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))
    canvas.paint(Ellipsoid((0.0, 0.0, 0.0), (12.0, 8.0, 6.0)), 100.0)
    share = (canvas.hu - AIR_HU) / (100.0 - AIR_HU)
    assert float(share.sum()) == pytest.approx(4 / 3 * pi * 12 * 8 * 6, rel=0.03)
    assert canvas.hu[20, 20, 20] == 100
    assert np.any((share > 0.05) & (share < 0.95))


def test_a_shape_beyond_the_field_of_view_changes_nothing() -> None:
    canvas = Canvas((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    canvas.paint(Ellipsoid((100.0, 0.0, 0.0), (5.0, 5.0, 5.0)), 100.0)
    canvas.paint_tube(tube([(0.0, 50.0, 0.0), (0.0, 60.0, 0.0)], 3.0), 100.0, wall_hu=50.0, wall_mm=1.0)
    assert np.all(canvas.hu == AIR_HU)


def test_a_tube_with_a_wall_has_the_wall_round_its_lumen() -> None:
    canvas = Canvas((3, 41, 41), (1.0, 1.0, 1.0), (-20.0, -20.0, -1.0))
    canvas.paint_tube(tube([(0.0, 0.0, -50.0), (0.0, 0.0, 50.0)], 8.0), -500.0, wall_hu=60.0, wall_mm=4.0)
    row = canvas.hu[1, 20]
    assert row[20] == -500
    assert row[30] == pytest.approx(60, abs=1)
    assert row[40] == AIR_HU
