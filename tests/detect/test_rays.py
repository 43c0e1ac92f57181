from __future__ import annotations

import numpy as np
import pytest

from hilum.detect.grid import WORK_SPACING_MM
from hilum.detect.rays import EDGE_STEP_HU, HALF_DIRECTIONS, RADII_MM, cast_rays, directions

SHAPE = (50, 50, 50)
OFFSET_MM = (np.moveaxis(np.indices(SHAPE), 0, -1) - 24.0) * WORK_SPACING_MM
CENTRE = np.array([[24.0, 24.0, 24.0]])


def test_directions_are_unit_pairs_evenly_spread() -> None:
    found = directions()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    np.testing.assert_array_equal(found[:HALF_DIRECTIONS], -found[HALF_DIRECTIONS:])
    cosines = found @ found.T - 2 * np.eye(len(found))
    # 64 points on a sphere are 25 degrees apart at best; where the halves meet, some are nearer.
    assert np.all(cosines.max(axis=1) < np.cos(np.radians(12)))
    assert np.all(cosines.max(axis=1) > np.cos(np.radians(30)))


@pytest.mark.parametrize("radius", [4.5, 9.0, 15.0])
def test_edge_of_a_ball_is_its_radius(radius: float) -> None:
    hu = np.where(np.linalg.norm(OFFSET_MM, axis=-1) < radius, 70.0, -90.0).astype(np.float32)
    rays = cast_rays(hu, CENTRE)
    assert rays.core_hu[0] == 70
    np.testing.assert_allclose(rays.edge_mm, radius, atol=1.5)


def test_a_vessel_is_open_at_both_ends() -> None:
    hu = np.where(np.linalg.norm(OFFSET_MM[..., 1:], axis=-1) < 4, 150.0, -90.0).astype(np.float32)
    edge = cast_rays(hu, CENTRE).edge_mm[0]
    along = np.abs(directions()[:, 0])
    assert np.all(edge[along > 0.985] > RADII_MM[-1])
    assert np.all(edge[along < 0.5] < 8)


def test_a_brighter_neighbour_is_an_edge_too() -> None:
    hu = np.where(OFFSET_MM[..., 2] > 6, 70 + 2 * EDGE_STEP_HU, 70.0).astype(np.float32)
    edge = cast_rays(hu, CENTRE).edge_mm[0]
    toward = directions()[:, 2]
    assert np.all(edge[toward < 0] > RADII_MM[-1])
    np.testing.assert_allclose(edge[toward > 0.9] * toward[toward > 0.9], 6, atol=1.5)


def test_no_candidates_give_no_rays() -> None:
    rays = cast_rays(np.zeros(SHAPE, np.float32), np.empty((0, 3)))
    assert rays.hu.shape == (0, 2 * HALF_DIRECTIONS, len(RADII_MM))
    assert rays.edge_mm.shape == (0, 2 * HALF_DIRECTIONS)
