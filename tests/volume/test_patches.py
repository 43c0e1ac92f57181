import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.patches import AXIAL, CORONAL, CUBE, SAGITTAL, extract_patches, oblique_axes, orthogonal_patches

SHAPE = (5, 6, 7)
GRID = Geometry(SHAPE, (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
HU = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
VOLUME = Volume(HU, GRID)


def test_block_on_the_grid_is_the_block_of_voxels() -> None:
    grid = Geometry(SHAPE, (1.0, 1.0, 1.0), (-10.0, -20.0, -30.0))
    patch = extract_patches(Volume(HU, grid), grid.to_mm((2, 3, 4)), shape=(3, 3, 5), spacing_mm=1, axes=CUBE)
    assert np.array_equal(patch, HU[1:4, 2:5, 2:7])


def test_even_sides_have_their_centre_between_voxels() -> None:
    patch = extract_patches(VOLUME, (2.5, 2.5, 4), shape=(2, 2), spacing_mm=1, axes=AXIAL)
    assert np.array_equal(patch, HU[2, 2:4, 2:4])


def test_planes_lie_as_images_are_read() -> None:
    centre = GRID.to_mm((2, 3, 3))
    patches = orthogonal_patches(VOLUME, centre, size=3, spacing_mm=1)
    assert np.array_equal(patches["axial"], HU[2, 2:5, 2:5])
    # 1 mm steps up and down at 2 mm slice spacing: half way between slices 2 and 3, 2 and 1.
    above, here, below = (HU[3] + HU[2]) / 2, HU[2], (HU[1] + HU[2]) / 2
    assert np.array_equal(patches["coronal"], [above[3, 2:5], here[3, 2:5], below[3, 2:5]])
    assert np.array_equal(patches["sagittal"], [above[2:5, 3], here[2:5, 3], below[2:5, 3]])


def test_outside_has_the_value_named() -> None:
    patch = extract_patches(VOLUME, (0, 0, 0), shape=(3, 3), spacing_mm=1, axes=AXIAL, outside_hu=-5)
    assert patch.tolist() == [[-5, -5, -5], [-5, 0, 1], [-5, 7, 8]]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_many_points_give_the_patches_of_each(count: int) -> None:
    centres = np.array([[2, 2, 4], [3, 1, 2], [1, 4, 6]], float)[:count]
    patches = extract_patches(VOLUME, centres, shape=(2, 3, 3), spacing_mm=0.7)
    assert patches.shape == (count, 2, 3, 3)
    for centre, patch in zip(centres, patches, strict=True):
        assert np.array_equal(patch, extract_patches(VOLUME, centre, shape=(2, 3, 3), spacing_mm=0.7))


def test_points_are_taken_in_parts_that_bound_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    centres = np.array([[2, 2, 4], [3, 1, 2], [1, 4, 6]], float)
    whole = extract_patches(VOLUME, centres, shape=(3, 3), spacing_mm=1, axes=SAGITTAL)
    monkeypatch.setattr("hilum.volume.patches.POINTS_AT_ONCE", 10)
    assert np.array_equal(extract_patches(VOLUME, centres, shape=(3, 3), spacing_mm=1, axes=SAGITTAL), whole)


def test_axes_of_known_normals() -> None:
    assert np.allclose(oblique_axes((0, 0, 2)), [(0, 1, 0), (1, 0, 0)])
    assert np.allclose(oblique_axes((0, 1, 0)), [(0, 0, -1), (1, 0, 0)])
    assert np.allclose(oblique_axes((1, 0, 0)), [(0, 0, 1), (0, 1, 0)])
    assert np.allclose(oblique_axes((0, 1, 0)), CORONAL)


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-3)


@given(directions, st.floats(-360, 360))
def test_oblique_axes_are_unit_vectors_across_the_normal(normal: tuple[float, ...], angle: float) -> None:
    row, column = np.array(oblique_axes(normal, angle_deg=angle))
    unit = np.array(normal) / np.linalg.norm(normal)
    assert np.allclose([row @ row, column @ column, row @ column, row @ unit, column @ unit], [1, 1, 0, 0, 0])
    assert np.allclose(np.cross(column, row), unit)


@given(directions, st.floats(-360, 360))
def test_oblique_patch_of_a_linear_field_is_the_field_on_its_plane(normal: tuple[float, ...], angle: float) -> None:
    grid = Geometry((9, 9, 9), (1.0, 1.0, 1.0), (-4.0, -4.0, -4.0))
    points = grid.to_mm(np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1))
    field = np.array([3.0, -2.0, 5.0])
    axes = np.array(oblique_axes(normal, angle_deg=angle))
    patch = extract_patches(
        Volume((points @ field).astype(np.float32), grid), (0, 0, 0), shape=(3, 3), spacing_mm=1, axes=axes.tolist()
    )
    steps = np.arange(-1, 2)
    assert np.allclose(patch, (axes[0] @ field) * steps[:, None] + (axes[1] @ field) * steps, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "spacing", "axes"),
    [
        ((3,), 1, AXIAL),
        ((3, 3, 3), 1, AXIAL),
        ((3, 0), 1, AXIAL),
        ((3, 3), 0, AXIAL),
        ((3, 3), 1, ((0, 0, 2), (1, 0, 0))),
    ],
)
def test_impossible_patches_are_refused(shape: tuple[int, ...], spacing: float, axes: tuple[tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="expected"):
        extract_patches(VOLUME, (0, 0, 0), shape=shape, spacing_mm=spacing, axes=axes)


def test_normal_without_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="not all 0"):
        oblique_axes((0, 0, 0))
