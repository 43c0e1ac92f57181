"""Annotations on one voxel grid."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.check.duplicates import Nodes, share_grid

ORIGIN, SPACING = np.array((-200.0, -180.0, -700.0)), np.array((0.7, 0.7, 1.0))
INDICES = np.array([(10, 20, 30), (100, 220, 70), (57, 31, 44)], float)


def nodes(indices: object, *, origin: object = ORIGIN, spacing: object = SPACING) -> Nodes:
    array = np.asarray(indices, float)
    return Nodes("P", array, np.asarray(origin) + np.asarray(spacing) * array)


def test_nodes_of_one_grid_share_it() -> None:
    assert share_grid(nodes(INDICES[:2]), nodes(INDICES[2:]))
    assert share_grid(nodes(INDICES), nodes(INDICES))


@pytest.mark.parametrize("axis", range(3))
def test_another_origin_or_spacing_on_one_axis_is_another_grid(axis: int) -> None:
    shift = np.eye(3)[axis]
    assert not share_grid(nodes(INDICES[:2]), nodes(INDICES[2:], origin=ORIGIN + 0.1 * shift))
    assert not share_grid(nodes(INDICES[:2]), nodes(INDICES[2:], spacing=SPACING + 0.01 * shift))


def test_one_node_each_or_one_plane_says_nothing() -> None:
    assert not share_grid(nodes(INDICES[:1]), nodes(INDICES[:1]))
    plane = INDICES * (1, 1, 0)
    assert not share_grid(nodes(plane), nodes(plane))
