from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.resample import resample_to_grid, resample_to_spacing, spaced_geometry

TILTED = ((0.0, 0.0, 1.0), (0.6, 0.8, 0.0), (0.8, -0.6, 0.0))


def as_itk(volume: Volume) -> Any:
    """The volume in SimpleITK, whose axes are (column, row, slice)."""
    image = SimpleITK.GetImageFromArray(volume.hu)
    grid = volume.geometry
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.asarray(grid.direction)[:, ::-1].ravel().tolist())
    return image


def by_itk(volume: Volume, grid: Geometry, interpolator: int) -> NDArray[np.float32]:
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetReferenceImage(as_itk(Volume(np.zeros(grid.shape, np.float32), grid)))
    resampler.SetInterpolator(interpolator)
    resampler.SetDefaultPixelValue(-1000)
    resampler.SetOutputPixelType(SimpleITK.sitkFloat32)
    resampled: NDArray[np.float32] = SimpleITK.GetArrayFromImage(resampler.Execute(as_itk(volume)))
    return resampled


def noise(shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1000, 1000, shape).astype(np.float32)


def test_twice_the_spacing_worked_by_hand() -> None:
    volume = Volume(np.array([[[0, 10, 20, 30]]], np.int16), Geometry((1, 1, 4), (1, 1, 1), (5, 6, 7)))
    coarse = resample_to_spacing(volume, (1, 1, 2))
    assert coarse.hu.tolist() == [[[5, 25]]]
    assert coarse.geometry.origin_mm == (5.5, 6, 7)
    assert coarse.spacing_mm == (1, 1, 2)


def test_half_the_spacing_worked_by_hand() -> None:
    volume = Volume(np.array([[[0, 10]]], np.int16), Geometry((1, 1, 2), (1, 1, 1), (5, 6, 7)))
    fine = resample_to_spacing(volume, 0.5)
    assert fine.hu.shape == (2, 2, 4)
    # The outer new voxels lie a quarter outside the old centres, where the nearest face counts.
    assert np.array_equal(fine.hu, np.broadcast_to([0, 2, 8, 10], (2, 2, 4)))


def test_int16_is_rounded_and_float32_is_not() -> None:
    grid = Geometry((1, 1, 2), (1, 1, 1), (0, 0, 0))
    middle = Geometry((1, 1, 1), (1, 1, 1), (0.7, 0, 0))
    assert resample_to_grid(Volume(np.array([[[0, 1]]], np.int16), grid), middle).hu.tolist() == [[[1]]]
    float_hu = resample_to_grid(Volume(np.array([[[0, 1]]], np.float32), grid), middle).hu
    assert float_hu[0, 0, 0] == pytest.approx(0.7)


def test_same_grid_gives_the_same_volume() -> None:
    grid = Geometry((4, 5, 6), (2, 0.7, 0.7), (-3, 4, 5), TILTED)
    volume = Volume(noise(grid.shape), grid)
    assert np.allclose(resample_to_grid(volume, grid).hu, volume.hu, atol=1e-2)
    assert np.array_equal(resample_to_grid(volume, grid, interpolation="nearest").hu, volume.hu)


def test_outside_has_the_value_named() -> None:
    volume = Volume(np.zeros((1, 1, 1), np.int16), Geometry((1, 1, 1), (1, 1, 1), (0, 0, 0)))
    wide = Geometry((1, 1, 3), (1, 1, 1), (-1, 0, 0))
    assert resample_to_grid(volume, wide, outside_hu=-9).hu.tolist() == [[[-9, 0, -9]]]
    assert resample_to_grid(volume, wide).hu.tolist() == [[[-1000, 0, -1000]]]


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
@pytest.mark.parametrize(
    "turn", [np.eye(3), np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]], ids=["parallel", "turned"]
)
def test_equals_simpleitk(interpolation: Any, turn: NDArray[Any]) -> None:
    volume = Volume(noise((7, 9, 11)), Geometry((7, 9, 11), (2.5, 0.7, 0.8), (-30, 20, 10), TILTED))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.asarray(TILTED) * (1.13, 1.07, 0.61)
    shape = (19, 9, 21)  # larger than the volume on some sides
    affine[:3, 3] = volume.geometry.to_mm((3.1, 4.2, 5.3)) - affine[:3, :3] @ (np.array(shape) / 2)
    grid = Geometry.from_affine(affine, shape)
    expected = by_itk(
        volume, grid, SimpleITK.sitkLinear if interpolation == "linear" else SimpleITK.sitkNearestNeighbor
    )
    found = resample_to_grid(volume, grid, interpolation=interpolation).hu
    assert 0.1 < np.mean(expected != -1000) < 0.9
    assert np.allclose(found, expected, atol=0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.tuples(*[st.floats(0.3, 4)] * 3),
    st.tuples(*[st.floats(0.3, 4)] * 3),
    st.tuples(*[st.floats(-3, 3)] * 3),
)
def test_one_axis_after_the_other_equals_simpleitk(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    other: tuple[float, float, float],
    shift: tuple[float, float, float],
) -> None:
    volume = Volume(noise(shape), Geometry(shape, spacing, (0, 0, 0)))
    grid = Geometry((5, 4, 3), other, shift)
    places = volume.geometry.to_voxels(
        grid.to_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))
    )
    edge = np.min(np.abs(np.stack([places + 0.5, places - np.asarray(shape) + 0.5])))
    found, expected = resample_to_grid(volume, grid).hu, by_itk(volume, grid, SimpleITK.sitkLinear)
    if edge > 1e-5:  # on the border itself rounding decides between inside and outside
        assert np.allclose(found, expected, atol=0.05)


@given(st.tuples(*[st.integers(1, 40)] * 3), st.tuples(*[st.floats(0.2, 5)] * 3), st.floats(0.2, 5))
def test_new_grid_has_the_same_middle_and_lies_within_the_volume(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], new: float
) -> None:
    grid = Geometry(shape, spacing, (-10, 20, -30), TILTED)
    spaced = spaced_geometry(grid, new)
    assert spaced.spacing_mm == pytest.approx((new, new, new))
    middle = grid.to_mm((np.asarray(grid.shape) - 1) / 2)
    assert np.allclose(spaced.to_mm((np.asarray(spaced.shape) - 1) / 2), middle, atol=1e-6)
    extent = np.asarray(grid.shape) * grid.spacing_mm
    assert np.all(np.abs(np.asarray(spaced.shape) * new - extent) <= np.maximum(new / 2 + 1e-9, new - extent))


@pytest.mark.parametrize("spacing", [0, -1, float("nan"), (1, 1), (1, 1, float("inf"))])
def test_impossible_spacings_are_refused(spacing: Any) -> None:
    volume = Volume(np.zeros((1, 1, 1), np.int16), Geometry((1, 1, 1), (1, 1, 1), (0, 0, 0)))
    with pytest.raises(ValueError, match="positive distances"):
        resample_to_spacing(volume, spacing)
