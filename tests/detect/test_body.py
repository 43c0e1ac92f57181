from __future__ import annotations

import numpy as np
import pytest

from hilum.detect.body import FAR_MM, body_mask, bone_mask, bounding_box, distance_to, lung_mask

SPACING_MM = (3.0, 3.0, 3.0)


@pytest.fixture
def torso() -> np.ndarray:
    """A box of fat, 60 x 60 voxels, around a box of air of 30 x 20, above a table of one row and far from a phone."""
    hu = np.full((20, 80, 80), -1000, dtype=np.int16)
    hu[:, 10:70, 10:70] = -90
    hu[:, 20:50, 30:50] = -850
    hu[:, 73, :] = 200
    hu[5:8, 2:6, 2:6] = 1000
    return hu


def test_body_is_the_torso_with_its_cavities_and_without_table(torso: np.ndarray) -> None:
    expected = np.zeros(torso.shape, bool)
    expected[:, 10:70, 10:70] = True
    np.testing.assert_array_equal(body_mask(torso, SPACING_MM), expected)


def test_no_tissue_is_an_empty_body() -> None:
    assert not body_mask(np.full((3, 9, 9), -1000, np.int16), SPACING_MM).any()


def test_a_body_cut_by_the_field_of_view_reaches_the_edge() -> None:
    assert body_mask(np.zeros((4, 12, 12), np.int16), SPACING_MM).all()


def test_lung_is_a_large_piece_of_gas_and_a_gas_bubble_is_none(torso: np.ndarray) -> None:
    torso[10, 60, 15] = -900
    lung = lung_mask(torso, body_mask(torso, SPACING_MM), SPACING_MM)
    assert lung.sum() == 20 * 30 * 20
    assert lung[0, 20, 30]
    assert not lung[10, 60, 15]


def test_bone_outside_the_body_is_none(torso: np.ndarray) -> None:
    torso[3, 60, 60] = 700
    bone = bone_mask(torso, body_mask(torso, SPACING_MM))
    np.testing.assert_array_equal(np.argwhere(bone), [[3, 60, 60]])


def test_distance_counts_millimetres_and_is_capped() -> None:
    mask = np.zeros((1, 1, 60), bool)
    mask[0, 0, 0] = True
    distance = distance_to(mask, (1.0, 1.0, 3.0))
    np.testing.assert_allclose(distance[0, 0, :3], [0, 3, 6])
    assert distance[0, 0, 59] == FAR_MM
    assert (distance_to(~np.ones_like(mask), (1.0, 1.0, 3.0)) == FAR_MM).all()


def test_bounding_box() -> None:
    mask = np.zeros((4, 5, 6), bool)
    mask[1:3, 2, 3:5] = True
    assert bounding_box(mask) == (slice(1, 3), slice(2, 3), slice(3, 5))
    assert bounding_box(np.zeros((4, 5, 6), bool)) == (slice(0, 4), slice(0, 5), slice(0, 6))
