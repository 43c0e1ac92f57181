import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.sampling import AIR_HU, sample

GRID = Geometry((2, 2, 3), (2.0, 1.0, 1.0), (10.0, 20.0, 30.0))
HU = np.array([[[0, 10, 20], [30, 40, 50]], [[100, 110, 120], [130, 140, 150]]], np.int16)
VOLUME = Volume(HU, GRID)


@pytest.mark.parametrize(
    ("point", "linear", "nearest"),
    [
        ((10, 20, 30), 0, 0),
        ((12, 21, 32), 150, 150),
        ((10.5, 20, 30), 5, 10),  # half way: up
        ((10, 20, 31), 50, 100),  # half way between the slices, 2 mm apart
        ((11.25, 20.5, 30.5), 12.5 + 15 + 25, 10 + 30),
        ((9.6, 20, 30), 0, 0),  # within half a voxel of the outer centre: its value
        ((12.5, 21.5, 33), 150, 150),  # the last corner of the volume
        ((9.4, 20, 30), AIR_HU, AIR_HU),
        ((10, 20, 28.9), AIR_HU, AIR_HU),
        ((10, 20, 29.1), 0, 0),
    ],
)
def test_values_worked_by_hand(point: tuple[float, ...], linear: float, nearest: float) -> None:
    assert sample(VOLUME, np.array(point)) == pytest.approx(linear, abs=1e-4)
    assert sample(VOLUME, np.array(point), interpolation="nearest") == nearest


def test_shape_of_the_points_is_kept_and_outside_has_the_value_named() -> None:
    points = np.full((4, 5, 3), 1000.0)
    hu = sample(VOLUME, points, outside_hu=-7)
    assert hu.shape == (4, 5)
    assert hu.dtype == np.float32
    assert np.all(hu == -7)
    assert sample(VOLUME, np.empty((0, 3))).shape == (0,)


def test_unknown_interpolation_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'linear' or 'nearest'"):
        sample(VOLUME, np.zeros(3), interpolation="cubic")  # type: ignore[arg-type]


coordinates = st.tuples(st.floats(0, 5), st.floats(0, 6), st.floats(0, 7))


@given(coordinates, st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)))
def test_linear_interpolation_of_a_linear_field_is_exact(voxel: tuple[float, ...], slope: tuple[float, ...]) -> None:
    grid = Geometry((6, 7, 8), (1.5, 0.7, 0.9), (-3, 4, 5), ((0, 0, 1), (0.6, 0.8, 0), (0.8, -0.6, 0)))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    volume = Volume((index @ np.array(slope)).astype(np.float32), grid)
    assert sample(volume, grid.to_mm(voxel)) == pytest.approx(np.dot(voxel, slope), abs=1e-4)
