from __future__ import annotations

import numpy as np
import pytest

from hilum.detect.candidates import SCALES_MM, CandidateSettings, blobness, find_candidates
from hilum.detect.grid import WORK_SPACING_MM, WorkGrid, work_grid
from hilum.model.geometry import Geometry
from hilum.volume import Volume

SHAPE = (80, 80, 80)
GEOMETRY = Geometry(SHAPE, (WORK_SPACING_MM,) * 3, (-60.0, -60.0, -60.0))
PLACE = GEOMETRY.to_mm(np.moveaxis(np.indices(SHAPE), 0, -1))


def tissue(hu: np.ndarray) -> WorkGrid:
    return work_grid(Volume(hu.astype(np.float32), GEOMETRY))


def ball(centre: tuple[float, float, float], diameter: float) -> np.ndarray:
    """Share of each voxel within a ball, about: soft over one voxel."""
    distance = np.linalg.norm(PLACE - centre, axis=-1)
    share: np.ndarray = np.clip((diameter / 2 - distance) / WORK_SPACING_MM + 0.5, 0, 1)
    return share


@pytest.mark.parametrize("diameter", [6, 8, 10, 15, 20, 30])
def test_a_node_in_fat_is_the_first_candidate_at_its_centre_and_size(diameter: float) -> None:
    centre = (4.2, -7.3, 11.1)
    work = tissue(-90 + 160 * ball(centre, diameter))
    found = find_candidates(work)
    np.testing.assert_allclose(work.geometry.to_mm(found.voxels[0]), centre, atol=1.0)
    best = diameter / 2 / 3**0.5
    nearest = min(SCALES_MM, key=lambda sigma: abs(np.log(sigma / best)))
    assert abs(SCALES_MM.index(round(float(found.sigma_mm[0]), 2)) - SCALES_MM.index(nearest)) <= 2


def test_a_node_is_more_blob_like_than_a_vessel() -> None:
    tube = np.linalg.norm(PLACE[..., :2] - (25, 25), axis=-1) < 5
    hu = -90 + 160 * ball((-20, -20, 0), 10) + 240 * tube
    work = tissue(hu)
    found = find_candidates(work)
    np.testing.assert_allclose(work.geometry.to_mm(found.voxels[0]), (-20, -20, 0), atol=1.0)


def test_a_node_next_to_lung_is_found() -> None:
    hu = np.where(PLACE[..., 0] > 6, -850.0, -90.0)
    part = ball((0, 0, 0), 12)
    work = tissue(hu * (1 - part) + 70 * part)
    found = find_candidates(work)
    distance = np.linalg.norm(work.geometry.to_mm(found.voxels), axis=1)
    assert distance.min() < 2.5


def test_bone_air_and_flat_tissue_give_none() -> None:
    assert len(find_candidates(tissue(np.full(SHAPE, 40.0)))) == 0
    assert len(find_candidates(tissue(np.full(SHAPE, -1000.0)))) == 0
    assert len(find_candidates(tissue(-90 + 800 * ball((0, 0, 0), 12)))) == 0


def test_the_cap_keeps_the_most_blob_like_and_order_is_by_blobness() -> None:
    work = tissue(-90 + 60 * ball((-40, 0, 0), 10) + 160 * ball((0, 0, 0), 10) + 110 * ball((40, 0, 0), 10))
    every = find_candidates(work)
    strength = blobness(every.curvature)
    assert np.all(np.diff(strength) <= 0)
    capped = find_candidates(work, CandidateSettings(maximum_count=2))
    np.testing.assert_array_equal(capped.voxels, every.voxels[:2])
    np.testing.assert_allclose(work.geometry.to_mm(capped.voxels)[:, 0], [0, 40], atol=1)
    assert capped.responses.shape == (2, len(SCALES_MM))


def test_candidates_are_apart() -> None:
    noise = np.random.default_rng(3).normal(40, 60, SHAPE)
    found = find_candidates(tissue(noise), CandidateSettings(minimum_response_hu=1))
    distance = np.linalg.norm((found.voxels[:, None] - found.voxels) * WORK_SPACING_MM, axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert len(found) > 20
    assert distance.min() > 3**0.5 * SCALES_MM[0] / 2


def test_blobness_is_the_geometric_mean() -> None:
    np.testing.assert_allclose(blobness(np.array([[-8, -4, -2], [-9, -9, 0]], np.float32)), [4, 0])
