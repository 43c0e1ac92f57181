from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from hilum.detect.grid import COARSE_STEP, WORK_SPACING_MM, work_grid
from hilum.model.geometry import Geometry
from hilum.volume import Volume

if TYPE_CHECKING:
    from hilum.detect.grid import WorkGrid

AXIAL = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
FEET_FIRST = ((0, 0, -1), (0, 1, 0), (-1, 0, 0))
SAGITTAL = ((1, 0, 0), (0, 0, 1), (0, 1, 0))
CENTRE_MM = np.array([10.0, -20.0, 35.0])


def ball_volume(spacing_mm: tuple[float, float, float], direction: tuple[tuple[int, ...], ...]) -> Volume:
    """A bright ball of 10 mm radius at `CENTRE_MM` in a body 60 mm wide, in a field of 100 mm."""
    shape = tuple(int(100 / step) for step in spacing_mm)
    axes = np.array(direction, float)
    origin = CENTRE_MM + 7 - axes @ ((np.array(shape) - 1) / 2 * spacing_mm)
    geometry = Geometry(shape, spacing_mm, tuple(origin.tolist()), direction)  # type: ignore[arg-type]
    place = geometry.to_mm(np.moveaxis(np.indices(shape), 0, -1))
    hu = np.where(np.abs(place - CENTRE_MM).max(axis=-1) < 30, -100, -1000)
    hu[np.linalg.norm(place - CENTRE_MM, axis=-1) < 10] = 100
    return Volume(hu.astype(np.int16), geometry)


def ball_centre(work: WorkGrid) -> np.ndarray:
    return work.geometry.to_mm(ndimage.center_of_mass(work.hu > 0))


@pytest.mark.parametrize("direction", [AXIAL, FEET_FIRST, SAGITTAL])
@pytest.mark.parametrize("spacing_mm", [(2.5, 0.7, 0.7), (1.0, 0.9, 0.9), (3.0, 1.5, 2.0)])
def test_places_keep_their_millimetres(
    spacing_mm: tuple[float, float, float], direction: tuple[tuple[int, ...], ...]
) -> None:
    work = work_grid(ball_volume(spacing_mm, direction))
    assert work.geometry.spacing_mm == pytest.approx((WORK_SPACING_MM,) * 3)
    assert work.hu.dtype == np.float32
    np.testing.assert_allclose(ball_centre(work), CENTRE_MM, atol=0.5)
    np.testing.assert_allclose(np.asarray(work.geometry.direction), AXIAL, atol=1e-9)


@pytest.mark.parametrize("direction", [AXIAL, SAGITTAL])
def test_body_mask_lies_on_the_body(direction: tuple[tuple[int, ...], ...]) -> None:
    work = work_grid(ball_volume((2.5, 0.7, 0.7), direction))
    voxels = np.argwhere(np.ones_like(work.body)) * COARSE_STEP
    distance = np.abs(work.geometry.to_mm(voxels) - CENTRE_MM).max(axis=-1)
    assert work.body.ravel()[distance < 25].all()
    assert not work.body.ravel()[distance > 35].any()


def test_the_air_around_is_cut_away() -> None:
    work = work_grid(ball_volume((2.5, 0.7, 0.7), AXIAL))
    assert max(work.hu.shape) * WORK_SPACING_MM < 80


def test_fine_pixels_are_averaged_not_skipped() -> None:
    hu = np.random.default_rng(0).normal(0, 100, (20, 200, 200)).astype(np.float32)
    work = work_grid(Volume(hu, Geometry(hu.shape, (1.5, 0.5, 0.5), (0, 0, 0))))
    # 3 by 3 pixels a work voxel: a ninth of the variance.
    assert work.hu[2:-2, 4:-4, 4:-4].std() == pytest.approx(100 / 3, rel=0.1)


def test_air_alone_is_kept_whole_with_an_empty_mask() -> None:
    hu = np.full((6, 30, 30), -1000, dtype=np.int16)
    work = work_grid(Volume(hu, Geometry(hu.shape, (1.5, 1.5, 1.5), (0, 0, 0))))
    assert work.hu.shape == hu.shape
    assert not work.body.any()


@pytest.mark.parametrize("shape", [(1, 40, 40), (2, 3, 200), (1, 1, 1)])
def test_odd_shapes_are_no_error(shape: tuple[int, int, int]) -> None:
    work = work_grid(Volume(np.zeros(shape, np.int16), Geometry(shape, (5.0, 0.7, 0.7), (0, 0, 0))))
    assert work.body.shape == tuple(-(-size // COARSE_STEP) for size in work.hu.shape)
