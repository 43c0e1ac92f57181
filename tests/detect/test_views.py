from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hilum.detect.views import Views, ViewSettings, draw_views, sample_views, view_voxels
from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.patches import PLANES, extract_patches
from hilum.volume.windows import Window, apply_window

PIXELS, SIZE_MM = 4, 8.0
"""Pixels of 2 mm: their offsets from the centre are -3, -1, 1 and 3 mm."""
OFFSETS_MM = np.array([-3, -1, 1, 3])
GREY_IS_HU = ViewSettings(pixels=PIXELS, window_hu=(0.0, 255.0))

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix() @ np.array(
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
)
DIRECTIONS = {
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "flipped": ((0, 0, -1), (0, -1, 0), (-1, 0, 0)),
    "sagittal stack": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "oblique": tuple(tuple(row.tolist()) for row in OBLIQUE),
}
QUARTER_TURNS = {
    "none": np.eye(3),
    # Right-handed about the axis: LPS x goes to y about z, z to x about y, y to z about x.
    "about z": np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "about y": np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    "about x": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
}
# LPS direction of the rows and of the columns of each plane after the quarter turn, by hand.
TURNED = {
    "none": [((0, 1, 0), (1, 0, 0)), ((0, 0, -1), (1, 0, 0)), ((0, 0, -1), (0, 1, 0))],
    "about z": [((-1, 0, 0), (0, 1, 0)), ((0, 0, -1), (0, 1, 0)), ((0, 0, -1), (-1, 0, 0))],
    "about y": [((0, 1, 0), (0, 0, -1)), ((-1, 0, 0), (0, 0, -1)), ((-1, 0, 0), (0, 1, 0))],
    "about x": [((0, 0, 1), (1, 0, 0)), ((0, 1, 0), (1, 0, 0)), ((0, 1, 0), (0, 0, 1))],
}


def ramp(name: str) -> Volume:
    """HU of 100 + 2 x + 3 y + 5 z at every LPS place, on a grid of that direction round the origin."""
    shape, spacing = (30, 34, 38), (1.5, 1.1, 0.9)
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(DIRECTIONS[name]) * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    geometry = Geometry.from_affine(affine, shape)
    place = geometry.to_mm(np.moveaxis(np.indices(shape), 0, -1))
    return Volume((100 + place @ [2, 3, 5]).astype(np.float32), geometry)


def one_view(turn: np.ndarray, shift_mm: tuple[float, float, float] = (0, 0, 0)) -> Views:
    return Views(np.array([SIZE_MM]), np.array([shift_mm], float), turn[None].astype(float))


@pytest.mark.parametrize("grid", DIRECTIONS)
@pytest.mark.parametrize("turn", QUARTER_TURNS)
def test_a_ramp_gives_the_values_of_the_places_on_any_grid(grid: str, turn: str) -> None:
    place, shift = np.array([1.0, 2.0, -1.0]), (1.0, 0.0, -2.0)
    (view,) = sample_views(ramp(grid), place[None], one_view(QUARTER_TURNS[turn], shift), GREY_IS_HU)
    # The place (1, 2, -1) shifted to (2, 2, -3): 100 + 4 + 6 - 15 = 95 in the middle of every plane.
    for plane, (rows, columns) in zip(view, TURNED[turn], strict=True):
        down, right = np.dot([2, 3, 5], rows), np.dot([2, 3, 5], columns)
        assert plane.tolist() == (95 + down * OFFSETS_MM[:, None] + right * OFFSETS_MM).tolist()


def test_the_size_is_that_of_the_whole_picture() -> None:
    small = replace(one_view(np.eye(3)), size_mm=np.array([4.0]))
    # Voxels of 1 mm whose first lies at the origin: (slice, row, column) are z, y and x in mm.
    grid = Geometry((9, 9, 9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    axial, coronal, sagittal = view_voxels(grid, np.zeros((1, 3)), small, PIXELS)[0]
    steps = [-1.5, -0.5, 0.5, 1.5]
    assert axial[0].tolist() == [[0, -1.5, x] for x in steps]
    assert coronal[0].tolist() == [[1.5, 0, x] for x in steps]
    assert sagittal[:, 3].tolist() == [[-z, 1.5, 0] for z in steps]


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 5))
def test_any_view_is_three_patches_along_turned_axes(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    settings = ViewSettings(pixels=6)
    geometry = Geometry((12, 13, 14), (2.0, 1.5, 1.0), (-7.0, -8.0, -9.0), DIRECTIONS["oblique"])
    volume = Volume(generator.integers(-200, 300, geometry.shape).astype(np.int16), geometry)
    places, views = generator.uniform(-10, 10, (count, 3)), draw_views(count, settings, generator)
    pictures = sample_views(volume, places, views, settings)
    assert pictures.shape == (count, 3, 6, 6)
    for index, picture in enumerate(pictures):
        centre, spacing = places[index] + views.shift_mm[index], views.size_mm[index] / 6
        for plane, axes in zip(picture, PLANES.values(), strict=True):
            turned = (np.asarray(axes) @ views.turn[index].T).tolist()
            patch = extract_patches(volume, centre, shape=(6, 6), spacing_mm=spacing, axes=turned)
            difference = plane.astype(int) - apply_window(patch, Window(50, 300))
            assert np.abs(difference).max() <= 1


def test_views_are_taken_in_parts_that_bound_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, places = ramp("oblique"), np.random.default_rng(0).uniform(-9, 9, (7, 3))
    views = draw_views(7, GREY_IS_HU, np.random.default_rng(0))
    whole = sample_views(volume, places, views, GREY_IS_HU)
    monkeypatch.setattr("hilum.detect.views.VIEWS_AT_ONCE", 3)
    assert np.array_equal(sample_views(volume, places, views, GREY_IS_HU), whole)


def test_repeated_views_come_round_by_round() -> None:
    views = draw_views(2, GREY_IS_HU, np.random.default_rng(0))
    twice = views.repeated(2)
    assert len(twice) == 4
    for one, both in zip(vars(views).values(), vars(twice).values(), strict=True):
        assert np.array_equal(both, np.concatenate([one, one]))


def test_views_are_drawn_as_they_are_described() -> None:
    settings = ViewSettings()
    views = draw_views(500, settings, np.random.default_rng(1))
    assert set(views.size_mm.tolist()) == set(settings.sizes_mm)
    assert np.linalg.norm(views.shift_mm, axis=1).max() <= settings.shift_mm
    np.testing.assert_allclose(
        views.turn @ views.turn.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (500, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(views.turn), 1)
    assert np.array_equal(views.turn[0], np.eye(3))
    assert views.shift_mm[0].tolist() == [0, 0, 0]


def test_turns_and_shifts_favour_no_direction() -> None:
    views = draw_views(4000, ViewSettings(), np.random.default_rng(2))
    assert np.abs(views.shift_mm.mean(axis=0)).max() < 0.1
    turned = views.turn @ [0, 0, 1]
    assert np.abs(turned[:, :2].mean(axis=0)).max() < 0.05


def test_outside_the_volume_is_black() -> None:
    far = sample_views(ramp("oblique"), np.array([[500.0, 0, 0]]), one_view(np.eye(3)), GREY_IS_HU)
    assert not far.any()
