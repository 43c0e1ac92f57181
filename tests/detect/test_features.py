from __future__ import annotations

import numpy as np
import pytest

from detect.phantoms import make_phantom
from hilum.detect.candidates import Candidates, find_candidates
from hilum.detect.features import _entropy, _fraction, _intensities, as_matrix, candidate_features
from hilum.detect.grid import work_grid
from hilum.model.geometry import Geometry
from hilum.volume import Volume

NAN = np.nan


def test_a_row_of_finite_numbers_for_each_candidate() -> None:
    work = work_grid(make_phantom(1).volume)
    candidates = find_candidates(work)
    radius, columns = candidate_features(work, candidates)
    matrix = as_matrix(columns)
    assert matrix.shape == (len(candidates), len(columns))
    assert matrix.dtype == np.float32
    assert radius.shape == (len(candidates),)
    is_known = np.isfinite(matrix) | np.array([name.startswith(("rim_", "inside_")) for name in columns])
    assert is_known.all()


def test_no_candidates_have_the_same_columns() -> None:
    air = Volume(np.full((6, 40, 40), -1000, np.int16), Geometry((6, 40, 40), (3.0, 2.0, 2.0), (0, 0, 0)))
    work = work_grid(air)
    _, none = candidate_features(work, find_candidates(work))
    full = work_grid(make_phantom(1).volume)
    _, some = candidate_features(full, find_candidates(full))
    assert list(none) == list(some)
    assert as_matrix(none).shape == (0, len(some))


def ball_features(spacing_mm: tuple[float, float, float], direction: tuple[tuple[int, ...], ...]) -> dict[str, float]:
    """Features at the centre of a node of 14 mm in fat, 20 mm before a bone, in a body of 90 mm."""
    shape = tuple(round(110 / step) for step in spacing_mm)
    axes = np.array(direction, float)
    origin = -axes @ ((np.array(shape) - 1) / 2 * spacing_mm)
    geometry = Geometry(shape, spacing_mm, tuple(origin.tolist()), direction)  # type: ignore[arg-type]
    place = geometry.to_mm(np.moveaxis(np.indices(shape), 0, -1))
    hu = np.where(np.abs(place).max(axis=-1) < 45, -90.0, -1000.0)
    hu[np.linalg.norm(place, axis=-1) < 7] = 70
    hu[place[..., 1] > 27] = np.where(np.abs(place[place[..., 1] > 27]).max(axis=-1) < 45, 600, -1000)
    work = work_grid(Volume(hu.astype(np.float32), geometry))
    found = find_candidates(work)
    nearest = np.linalg.norm(work.geometry.to_mm(found.voxels), axis=1).argmin()
    one = Candidates(*(getattr(found, name)[[nearest]] for name in ("voxels", "sigma_mm", "curvature", "responses")))
    radius, columns = candidate_features(work, one)
    return {name: float(column[0]) for name, column in columns.items()} | {"radius": float(radius[0])}


@pytest.mark.parametrize("spacing_mm", [(1.0, 0.75, 0.75), (2.5, 0.9, 0.9)])
@pytest.mark.parametrize("direction", [((0, 0, 1), (0, 1, 0), (1, 0, 0)), ((1, 0, 0), (0, 0, -1), (0, 1, 0))])
def test_features_are_those_of_the_patient_not_of_the_grid(
    spacing_mm: tuple[float, float, float], direction: tuple[tuple[int, ...], ...]
) -> None:
    found = ball_features(spacing_mm, direction)
    assert found["radius"] == pytest.approx(7, abs=0.8)
    assert found["core_hu"] == pytest.approx(70, abs=3)
    assert found["inside_mean_hu"] == pytest.approx(70, abs=12)
    assert found["rim_p10_hu"] == pytest.approx(-90, abs=5)
    assert found["rim_fat_fraction"] == pytest.approx(1, abs=0.1)
    assert found["axes_least_to_most"] > 0.85
    assert found["edge_open_fraction"] == 0
    assert found["bone_mm"] == pytest.approx(27, abs=3)
    assert found["skin_mm"] == pytest.approx(45, abs=4)
    assert found["from_midline"] == pytest.approx(0, abs=0.03)
    assert found["front_to_back"] == pytest.approx(0.5, abs=0.03)
    assert found["from_top_mm"] == pytest.approx(47, abs=3)


def test_intensities_of_a_row_by_hand() -> None:
    rows = np.array([[1, 2, 3, 4, NAN], [NAN] * 5, [7, NAN, NAN, NAN, NAN]], np.float32)
    found = _intensities("x", rows)
    np.testing.assert_allclose(found["x_mean_hu"], [2.5, NAN, 7])
    np.testing.assert_allclose(found["x_std_hu"], [np.sqrt(1.25), NAN, 0])
    np.testing.assert_allclose(found["x_p10_hu"], [1, NAN, 7])
    np.testing.assert_allclose(found["x_p90_hu"], [4, NAN, 7])


def test_entropy_by_hand() -> None:
    rows = np.array([[0, 0, 0, 0], [0, 0, 400, 400], [-300, 0, 200, 500], [NAN] * 4, [0, 400, NAN, NAN]], np.float32)
    np.testing.assert_allclose(_entropy(rows), [0, 1, 2, 0, 1], atol=1e-6)


def test_fraction_by_hand() -> None:
    rows = np.array([[-100, -30, 0, NAN], [NAN] * 4], np.float32)
    np.testing.assert_allclose(_fraction(rows, -250, -30), [1 / 3, 0], rtol=1e-6)
