from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from hilum.findings.regions import Region, measure_regions
from hilum.model.geometry import Geometry

SPACING = (2.5, 0.75, 0.5)
GRID = Geometry((3, 5, 6), SPACING, (-10, 20, -30))


def lone(labels: NDArray[Any], geometry: Geometry) -> Region:
    (region,) = measure_regions(labels, geometry)
    return region


def test_one_voxel_has_the_axes_of_a_voxel() -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = 7
    region = lone(labels, GRID)
    assert (region.label, region.name, region.voxel_count) == (7, "7", 1)
    assert region.volume_mm3 == pytest.approx(2.5 * 0.75 * 0.5)
    assert region.centroid_mm == (-10 + 3 * 0.5, 20 + 2 * 0.75, -30 + 2.5)
    assert region.long_axis_mm == pytest.approx(0.75)
    assert region.short_axis_mm == pytest.approx(0.5)
    assert region.long_ends_mm == ((-8.5, 21.125, -27.5), (-8.5, 21.875, -27.5))


def test_bar_worked_by_hand() -> None:
    # 1 row of 4 pixels of 0.5 mm: 2 mm long, 0.75 mm across, in the lower of two equal slices.
    labels = np.zeros(GRID.shape, np.int16)
    labels[1:, 2, 1:5] = 1
    region = lone(labels, GRID)
    assert region.long_axis_mm == pytest.approx(2)
    assert region.short_axis_mm == pytest.approx(0.75)
    assert region.volume_mm3 == pytest.approx(8 * 2.5 * 0.75 * 0.5)
    assert sorted(end[0] for end in region.long_ends_mm) == [-9.75, -7.75]
    assert {end[2] for end in (*region.long_ends_mm, *region.short_ends_mm)} == {-27.5}


def test_block_worked_by_hand() -> None:
    # 3 x 4 pixels of 1 mm: the outline's farthest points are the middles of the left and right edges of opposite
    # corner pixels, 4 along and 2 across. The line at right angles to it is longest where the outline is widest.
    labels = np.zeros((1, 5, 6), np.uint8)
    labels[0, 1:4, 1:5] = 1
    region = lone(labels, Geometry(labels.shape, (1, 1, 1), (0, 0, 0)))
    assert region.long_axis_mm == pytest.approx(np.hypot(4, 2))
    ends = np.array(region.long_ends_mm), np.array(region.short_ends_mm)
    assert (ends[0][1] - ends[0][0]) @ (ends[1][1] - ends[1][0]) == pytest.approx(0)
    assert 3 < region.short_axis_mm < 4


def test_slice_of_the_longest_axis_is_not_that_of_the_largest_box() -> None:
    # A cross of 5 pixels each way has the larger box, a bar of 6 pixels the longer axis.
    labels = np.zeros((2, 7, 7), np.uint8)
    labels[0, 1:6, 3] = labels[0, 3, 1:6] = labels[1, 3, 1:7] = 1
    region = lone(labels, Geometry(labels.shape, (1, 1, 1), (0, 0, 0)))
    assert region.long_axis_mm == pytest.approx(6)
    assert region.short_axis_mm == pytest.approx(1)


def turned(a: float, b: float, c: float) -> NDArray[np.float64]:
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_x @ about_y @ about_z
    return rotation


@pytest.mark.parametrize("spacing", [(1.0, 0.7, 0.7), (2.5, 0.6, 0.9), (0.8, 0.8, 0.8)])
@pytest.mark.parametrize("semi_mm", [(12.0, 6.0, 9.0), (10.0, 10.0, 10.0), (15.0, 5.0, 8.0)])
@pytest.mark.parametrize("angles", [(0, 0, 0), (0, 0, 0.5), (0.4, 0, 1.1), (0.7, -0.5, 2.0), (1.5, 0.3, -0.8)])
def test_ellipsoid_is_measured_within_a_voxel(
    spacing: tuple[float, float, float], semi_mm: tuple[float, float, float], angles: tuple[float, float, float]
) -> None:
    """Parallel sections of an ellipsoid are alike, the widest is in the middle: the ellipse of the matrix A_xy."""
    counts = np.ceil(2 * (max(semi_mm) + 3) / np.asarray(spacing)).astype(int)
    grid = Geometry((int(counts[0]), int(counts[1]), int(counts[2])), spacing, (-7.3, 11.1, 5.7))
    centre = grid.to_mm((np.asarray(grid.shape) - 1) / 2) + np.array([0.13, -0.21, 0.07])
    axes = turned(*angles)
    matrix = axes @ np.diag(np.asarray(semi_mm) ** -2) @ axes.T
    offsets = grid.to_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)) - centre
    region = lone((np.einsum("...i,ij,...j", offsets, matrix, offsets) <= 1).astype(np.uint8), grid)

    short, long = np.sort(2 / np.sqrt(np.linalg.eigvalsh(matrix[:2, :2])))
    voxel = max(spacing[1:])
    assert region.long_axis_mm == pytest.approx(long, abs=voxel)
    assert region.short_axis_mm == pytest.approx(short, abs=voxel)
    assert region.volume_mm3 == pytest.approx(4 / 3 * np.pi * np.prod(semi_mm), rel=0.05)
    assert np.linalg.norm(np.asarray(region.centroid_mm) - centre) < voxel / 2


EDGES = np.array([(0, -0.5, 0), (0, 0.5, 0), (0, 0, -0.5), (0, 0, 0.5)])


def longest_mm(voxels: NDArray[Any], geometry: Geometry) -> float:
    """Longest distance between edge middles of pixels of one slice, each pair tried."""
    best = 0.0
    for index in np.unique(voxels[:, 0]):
        points = geometry.to_mm((voxels[voxels[:, 0] == index][:, None] + EDGES).reshape(-1, 3))
        best = max(best, float(np.max(np.linalg.norm(points[:, None] - points, axis=-1))))
    return best


SHEARED = Geometry(
    GRID.shape, SPACING, (1, 2, 3), ((0.0, 0.2, 1.0), (np.sin(0.2), np.sqrt(0.96), 0.0), (np.cos(0.2), 0.0, 0.0))
)


@settings(max_examples=60)
@given(arrays(np.uint8, GRID.shape, elements=st.integers(0, 2)), st.sampled_from([GRID, SHEARED]))
def test_every_mask_is_measured_as_by_trying_all_pairs(labels: NDArray[np.uint8], geometry: Geometry) -> None:
    regions = measure_regions(labels, geometry)
    assert [region.label for region in regions] == sorted(set(np.unique(labels).tolist()) - {0})
    for region in regions:
        voxels = np.argwhere(labels == region.label)
        assert region.voxel_count == len(voxels)
        assert np.allclose(region.centroid_mm, geometry.to_mm(voxels).mean(axis=0))
        assert region.long_axis_mm == pytest.approx(longest_mm(voxels, geometry))
        assert region.short_axis_mm <= region.long_axis_mm + 1e-9
        long, short = np.diff(region.long_ends_mm, axis=0)[0], np.diff(region.short_ends_mm, axis=0)[0]
        assert np.linalg.norm(long) == pytest.approx(region.long_axis_mm)
        assert np.linalg.norm(short) == pytest.approx(region.short_axis_mm)
        assert long @ short == pytest.approx(0, abs=1e-9)


@settings(max_examples=60)
@given(arrays(np.uint8, (3, 4, 4), elements=st.sampled_from([0, 0, 0, 1, 2])))
def test_components_are_what_26_neighbours_join(labels: NDArray[np.uint8]) -> None:
    geometry = Geometry(labels.shape, (1, 1, 1), (0, 0, 0))
    expected = sorted(
        (int(label), sorted(map(tuple, part)))
        for label in set(np.unique(labels).tolist()) - {0}
        for part in joined(labels == label)
    )
    regions = measure_regions(labels, geometry, by="component")
    assert sorted((region.label, region.voxel_count) for region in regions) == sorted(
        (label, len(part)) for label, part in expected
    )
    centroids = sorted(tuple(np.mean(part, axis=0)[::-1].round(6)) for _, part in expected)
    assert np.allclose(sorted(tuple(np.round(region.centroid_mm, 6)) for region in regions), centroids or [])
    names = [region.name for region in regions]
    assert len(set(names)) == len(names)


def joined(mask: NDArray[np.bool_]) -> list[list[tuple[int, ...]]]:
    """Connected parts, by walking from voxel to voxel."""
    left = set(map(tuple, np.argwhere(mask).tolist()))
    parts = []
    while left:
        part, border = [], [left.pop()]
        while border:
            voxel = border.pop()
            part.append(voxel)
            near = {tuple(np.add(voxel, step).tolist()) for step in product((-1, 0, 1), repeat=3)} & left
            left -= near
            border += near
        parts.append(part)
    return parts


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64"])
def test_labels_of_any_integer_type_and_large_numbers(dtype: str) -> None:
    labels = np.zeros(GRID.shape, dtype)
    labels[0, 0, 0], labels[2, 4, 5] = 1, np.iinfo(dtype).max // 2
    assert [region.label for region in measure_regions(labels, GRID)] == [1, np.iinfo(dtype).max // 2]


def test_run_does_not_go_on_in_the_next_row() -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[0, 0, 5] = labels[0, 1, 0] = 1
    assert len(measure_regions(labels, GRID, by="component")) == 2
    assert lone(labels, GRID).voxel_count == 2


@pytest.mark.parametrize("by", ["label", "component"])
def test_empty_mask_has_no_regions(by: Any) -> None:
    assert measure_regions(np.zeros(GRID.shape, np.uint8), GRID, by=by) == ()
