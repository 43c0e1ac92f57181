"""The coordinate maths: grids forth and back, and stacks worked by hand."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hilum.model.geometry import (
    LONE_SLICE_SPACING_MM,
    Geometry,
    slice_normal,
    stack_geometry,
    stack_slices,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)

angles = st.floats(-math.pi, math.pi)
lengths_mm = st.floats(0.1, 10)
places_mm = st.floats(-1000, 1000)
counts = st.integers(1, 600)


def rotation(a: float, b: float, c: float) -> Floats:
    """A rotation by Euler angles about z, y and x."""
    about_z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(c), -math.sin(c)], [0, math.sin(c), math.cos(c)]])
    turned: Floats = about_z @ about_y @ about_x
    return turned


rotations = st.builds(rotation, angles, angles, angles)


@st.composite
def grids(draw: st.DrawFn) -> Geometry:
    """Oblique grids, right and left handed, with a slice axis that may lean like a tilted gantry's."""
    axes = draw(rotations)
    axes[:, 0] *= draw(st.sampled_from([1, -1]))
    axes[:, 0] += draw(st.floats(-0.5, 0.5)) * axes[:, 1]
    axes /= np.linalg.norm(axes, axis=0)
    return Geometry(
        shape=draw(st.tuples(counts, counts, counts)),
        spacing_mm=draw(st.tuples(lengths_mm, lengths_mm, lengths_mm)),
        origin_mm=draw(st.tuples(places_mm, places_mm, places_mm)),
        direction=tuple(tuple(row) for row in axes.tolist()),
    )


def axial_positions(along: Sequence[float]) -> Floats:
    """Positions of axial slices at heights `along`, as a CT writes them."""
    return np.array([(-100.0, -120.0, z) for z in along])


class TestGrid:
    def test_is_the_sum_of_the_standard_for_an_axial_grid(self) -> None:
        geometry = Geometry((3, 4, 5), (2.5, 0.7, 0.8), (-100.0, -120.0, -300.0))
        # x = -100 + 0.8 * column, y = -120 + 0.7 * row, z = -300 + 2.5 * slice
        assert geometry.to_mm((2, 3, 4)).tolist() == pytest.approx([-96.8, -117.9, -295.0])
        assert geometry.to_voxels((-96.8, -117.9, -295.0)).tolist() == pytest.approx([2, 3, 4])

    def test_follows_its_axes_in_a_coronal_grid(self) -> None:
        # slices run to the front (-y), rows run down (-z), columns run to the left (+x)
        geometry = Geometry((9, 9, 9), (3.0, 2.0, 1.0), (0, 0, 0), ((0, 0, 1), (-1, 0, 0), (0, -1, 0)))
        assert geometry.to_mm((1, 0, 0)).tolist() == [0, -3, 0]
        assert geometry.to_mm((0, 1, 0)).tolist() == [0, 0, -2]
        assert geometry.to_mm((0, 0, 1)).tolist() == [1, 0, 0]

    def test_takes_many_points_of_any_arrangement(self) -> None:
        geometry = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0))
        assert geometry.to_mm(np.zeros((5, 4, 3))).shape == (5, 4, 3)
        assert geometry.to_voxels(np.zeros((0, 3))).shape == (0, 3)

    @given(grids(), st.lists(st.tuples(places_mm, places_mm, places_mm), min_size=1, max_size=5))
    def test_voxels_go_to_mm_and_back(self, geometry: Geometry, voxels: list[tuple[float, float, float]]) -> None:
        back = geometry.to_voxels(geometry.to_mm(voxels))
        np.testing.assert_allclose(back, voxels, atol=1e-7)

    @given(grids(), st.tuples(places_mm, places_mm, places_mm))
    def test_mm_go_to_voxels_and_back(self, geometry: Geometry, point: tuple[float, float, float]) -> None:
        np.testing.assert_allclose(geometry.to_mm(geometry.to_voxels(point)), point, atol=1e-7)

    @given(grids(), st.sampled_from([0, 1, 2]))
    def test_a_step_along_an_axis_is_its_spacing_long(self, geometry: Geometry, axis: int) -> None:
        step = geometry.to_mm(np.eye(3)[axis]) - geometry.to_mm((0, 0, 0))
        assert np.linalg.norm(step) == pytest.approx(geometry.spacing_mm[axis])

    @given(grids())
    def test_comes_back_from_its_matrix(self, geometry: Geometry) -> None:
        again = Geometry.from_affine(geometry.affine, geometry.shape)
        assert again.is_close(geometry, tolerance_mm=1e-6)
        np.testing.assert_allclose(again.spacing_mm, geometry.spacing_mm, rtol=1e-9)
        np.testing.assert_allclose(again.direction, geometry.direction, atol=1e-9)

    @given(grids(), st.tuples(*[st.floats(0, 1)] * 3))
    def test_contains_what_lies_between_its_outer_borders(
        self, geometry: Geometry, fraction: tuple[float, float, float]
    ) -> None:
        inside = np.asarray(fraction) * (np.asarray(geometry.shape) - 1e-6) - 0.5 + 5e-7
        assert geometry.contains(geometry.to_mm(inside))

    @given(grids(), st.sampled_from([0, 1, 2]), st.booleans())
    def test_does_not_contain_what_lies_beyond_a_border(self, geometry: Geometry, axis: int, is_before: bool) -> None:
        outside = (np.asarray(geometry.shape) - 1) / 2
        outside[axis] = -0.501 if is_before else geometry.shape[axis] - 0.499
        assert not geometry.contains(geometry.to_mm(outside))

    def test_contains_its_outer_borders(self) -> None:
        geometry = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0))
        assert geometry.contains([(-0.5, -0.5, -0.5), (1.5, 1.5, 1.5)]).all()

    def test_contains_no_point_that_is_not_a_number(self) -> None:
        geometry = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0))
        assert geometry.contains([(0, 0, 0), (math.nan, 0, 0)]).tolist() == [True, False]


class TestDistance:
    def test_is_the_shift_of_a_shifted_grid(self) -> None:
        one = Geometry((5, 5, 5), (1, 1, 1), (0, 0, 0))
        other = Geometry((5, 5, 5), (1, 1, 1), (3, 4, 0))
        assert one.distance_mm(other) == pytest.approx(5)

    def test_is_that_of_the_far_corner_for_another_spacing(self) -> None:
        one = Geometry((5, 5, 5), (1, 1, 1), (0, 0, 0))
        other = Geometry((5, 5, 5), (1.5, 1, 1), (0, 0, 0))
        assert one.distance_mm(other) == pytest.approx(4 * 0.5)

    def test_close_grids_have_one_shape_and_corners_within_the_tolerance(self) -> None:
        one = Geometry((5, 5, 5), (1, 1, 1), (0, 0, 0))
        assert one.is_close(Geometry((5, 5, 5), (1, 1, 1), (0.0009, 0, 0)))
        assert not one.is_close(Geometry((5, 5, 5), (1, 1, 1), (0.0011, 0, 0)))
        assert one.is_close(Geometry((5, 5, 5), (1, 1, 1), (0.4, 0, 0)), tolerance_mm=0.5)
        assert not one.is_close(Geometry((5, 5, 4), (1, 1, 1), (0, 0, 0)), tolerance_mm=10)

    @given(grids(), grids())
    def test_is_the_largest_over_the_eight_corners(self, one: Geometry, other: Geometry) -> None:
        distances = []
        for ends in product((False, True), repeat=3):
            mine, theirs = (
                grid.to_mm([(count - 1) * is_end for count, is_end in zip(grid.shape, ends, strict=True)])
                for grid in (one, other)
            )
            distances.append(math.dist(mine, theirs))
        assert one.distance_mm(other) == pytest.approx(max(distances))

    @given(grids(), grids())
    def test_is_the_same_from_both_sides(self, one: Geometry, other: Geometry) -> None:
        assert one.distance_mm(other) == pytest.approx(other.distance_mm(one))
        assert one.distance_mm(one) == 0


class TestRefusedGrid:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"shape": (0, 2, 2)}, "positive counts"),
            ({"shape": (2, 2)}, "positive counts"),
            ({"spacing_mm": (1, 0, 1)}, "positive distances"),
            ({"spacing_mm": (1, -1, 1)}, "positive distances"),
            ({"spacing_mm": (math.nan, 1, 1)}, "all finite"),
            ({"origin_mm": (math.inf, 0, 0)}, "all finite"),
            ({"origin_mm": (0, 0)}, "3 origin values"),
            ({"direction": ((0, 0, 2), (0, 1, 0), (1, 0, 0))}, "length 1"),
            ({"direction": ((1, 1, 0), (0, 0, 0), (0, 0, 1))}, "in a plane"),
        ],
    )
    def test_says_what_was_found(self, change: dict[str, object], message: str) -> None:
        values = {"shape": (2, 2, 2), "spacing_mm": (1, 1, 1), "origin_mm": (0, 0, 0)} | change
        with pytest.raises(ValueError, match=message):
            Geometry(**values)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "affine",
        [np.eye(3), np.diag([1.0, 0, 1, 1]), np.full((4, 4), math.nan)],
        ids=["not-4x4", "flat", "not-a-number"],
    )
    def test_matrix_of_no_grid(self, affine: Floats) -> None:
        with pytest.raises(ValueError, match="expected"):
            Geometry.from_affine(affine, (2, 2, 2))

    def test_shape_of_four_counts(self) -> None:
        with pytest.raises(ValueError, match="too many values"):
            Geometry.from_affine(np.eye(4), (2, 2, 2, 2))


class TestNormal:
    @pytest.mark.parametrize(
        ("orientation", "normal"),
        [(AXIAL, (0, 0, 1)), (CORONAL, (0, 1, 0)), (SAGITTAL, (-1, 0, 0)), ((-1, 0, 0, 0, 1, 0), (0, 0, -1))],
    )
    def test_is_row_cross_column(self, orientation: Sequence[float], normal: Sequence[float]) -> None:
        assert slice_normal(orientation) == pytest.approx(normal)

    @given(rotations)
    def test_is_a_unit_vector_across_both(self, axes: Floats) -> None:
        normal = np.asarray(slice_normal([*axes[:, 0], *axes[:, 1]]))
        np.testing.assert_allclose(normal, axes[:, 2], atol=1e-12)

    def test_bears_cosines_of_few_digits(self) -> None:
        assert np.linalg.norm(slice_normal((0.866, 0.5, 0, -0.5, 0.866, 0))) == pytest.approx(1)

    @pytest.mark.parametrize(
        "orientation",
        [(1, 0, 0), (1, 0, 0, 1, 0, 0), (2, 0, 0, 0, 1, 0), (0,) * 6, (1, 0, 0, 0, math.nan, 0), (1, 0, 0, 0.1, 1, 0)],
        ids=["too-few", "parallel", "too-long", "zero", "not-a-number", "askew"],
    )
    def test_refuses_what_spans_no_slice(self, orientation: Sequence[float]) -> None:
        with pytest.raises(ValueError, match="expected"):
            slice_normal(orientation)


class TestStack:
    def test_of_even_slices(self) -> None:
        stack = stack_slices(axial_positions([-10, -7.5, -5, -2.5]), AXIAL)
        assert stack.order == (0, 1, 2, 3)
        assert stack.normal == (0, 0, 1)
        assert stack.spacing_mm == 2.5
        assert (stack.max_deviation_mm, stack.max_displacement_mm, stack.tilt_deg) == (0, 0, 0)
        assert (stack.missing_count, stack.duplicate_count) == (0, 0)
        assert stack.is_uniform
        assert not stack.is_tilted

    def test_of_slices_from_the_head_down(self) -> None:
        assert stack_slices(axial_positions([5, 4, 3]), AXIAL).order == (2, 1, 0)

    def test_of_a_feet_first_orientation_runs_along_its_own_normal(self) -> None:
        stack = stack_slices(axial_positions([3, 4, 5]), (-1, 0, 0, 0, 1, 0))
        assert stack.normal == (0, 0, -1)
        assert stack.order == (2, 1, 0)

    def test_with_one_slice_missing(self) -> None:
        stack = stack_slices(axial_positions([0, 1, 2, 4, 5]), AXIAL)
        assert stack.spacing_mm == 1
        assert stack.max_deviation_mm == 1
        assert stack.missing_count == 1
        # places on the grid 0, 1.25, 2.5, 3.75, 5: the third is half a millimetre off
        assert stack.max_displacement_mm == 0.5
        assert not stack.is_uniform

    def test_with_two_gaps_of_unequal_length(self) -> None:
        assert stack_slices(axial_positions([0, 2, 4, 8, 10, 18]), AXIAL).missing_count == 1 + 3

    def test_of_three_slices_with_one_missing(self) -> None:
        stack = stack_slices(axial_positions([0, 1, 3]), AXIAL)
        assert (stack.spacing_mm, stack.missing_count, stack.is_uniform) == (1, 1, False)

    def test_with_a_position_taken_twice(self) -> None:
        stack = stack_slices(axial_positions([0, 1, 1.004, 2, 3]), AXIAL)
        assert stack.duplicate_count == 1
        assert stack.spacing_mm == 1
        assert stack.is_uniform

    def test_whose_slices_all_share_one_position(self) -> None:
        stack = stack_slices(axial_positions([7, 7, 7]), AXIAL)
        assert (stack.duplicate_count, stack.spacing_mm, stack.tilt_deg) == (2, 0, 0)
        assert stack.order == (0, 1, 2)

    def test_of_one_slice(self) -> None:
        stack = stack_slices(axial_positions([7]), AXIAL)
        assert (stack.order, stack.missing_count, stack.is_uniform) == ((0,), 0, True)
        assert (stack.spacing_mm, stack.max_deviation_mm, stack.max_displacement_mm) == (0, 0, 0)
        assert not stack.is_tilted

    def test_of_a_gantry_tilted_by_atan_of_one_in_four(self) -> None:
        positions = np.array([(0.0, 0.25 * z, z) for z in (0.0, 1.0, 2.0, 3.0)])
        stack = stack_slices(positions, AXIAL)
        assert stack.tilt_deg == pytest.approx(14.036243, abs=1e-6)
        assert stack.is_tilted
        assert stack.is_uniform
        assert stack.spacing_mm == 1

    def test_with_a_slice_off_its_place_is_uniform_to_a_tenth_of_a_millimetre(self) -> None:
        assert stack_slices(axial_positions([0, 2.1, 4]), AXIAL).is_uniform
        assert not stack_slices(axial_positions([0, 2.11, 4]), AXIAL).is_uniform

    def test_is_tilted_from_a_tenth_of_a_degree(self) -> None:
        # tan(0.1 degree) = 0.001745
        straight, tilted = (np.array([(0.0, shift, 0.0), (0.0, 0.0, 100.0)]) for shift in (0.17, 0.18))
        assert not stack_slices(straight, AXIAL).is_tilted
        assert stack_slices(tilted, AXIAL).is_tilted

    def test_with_a_sideways_step_between_even_heights(self) -> None:
        positions = axial_positions([0, 1, 2, 3, 4])
        positions[2, 0] += 5
        stack = stack_slices(positions, AXIAL)
        assert (stack.max_deviation_mm, stack.tilt_deg) == (0, 0)
        assert stack.max_displacement_mm == 5
        assert not stack.is_uniform

    def test_whose_steps_grow_too_slowly_to_be_seen_one_by_one(self) -> None:
        steps = np.linspace(0.97, 1.03, 200)
        stack = stack_slices(axial_positions([0, *np.cumsum(steps)]), AXIAL)
        assert stack.max_deviation_mm < 0.05
        assert not stack.is_uniform

    @given(st.floats(0.3, 10), st.integers(2, 400), places_mm)
    def test_written_to_a_tenth_of_a_millimetre_is_uniform(self, step: float, count: int, start: float) -> None:
        heights = [round(start + step * index, 1) for index in range(count)]
        assert stack_slices(axial_positions(heights), AXIAL).is_uniform

    @given(st.lists(places_mm, min_size=1, max_size=30), st.randoms(use_true_random=False))
    def test_orders_by_height_whatever_the_order_given(self, heights: list[float], random: Random) -> None:
        shuffled = list(heights)
        random.shuffle(shuffled)
        stack = stack_slices(axial_positions(shuffled), AXIAL)
        assert [shuffled[index] for index in stack.order] == sorted(heights)
        again = stack_slices(axial_positions(sorted(heights)), AXIAL)
        assert (stack.spacing_mm, stack.duplicate_count) == (again.spacing_mm, again.duplicate_count)

    @given(st.lists(st.integers(2, 7), max_size=8), st.integers(1, 20), lengths_mm, st.randoms(use_true_random=False))
    def test_counts_the_slices_that_fill_the_gaps(
        self, gaps: list[int], more: int, step: float, random: Random
    ) -> None:
        steps = [*gaps, *[1] * (len(gaps) + more)]
        random.shuffle(steps)
        stack = stack_slices(axial_positions([0, *(step * np.cumsum(steps))]), AXIAL)
        assert stack.missing_count == sum(gap - 1 for gap in gaps)
        assert stack.spacing_mm == pytest.approx(step)
        assert stack.is_uniform == (not gaps)

    @pytest.mark.parametrize(
        "positions",
        [[], np.zeros((0, 3)), np.zeros((2, 2)), [(0, 0, math.nan)], [(0, 0, 0), (0, 0, math.inf)]],
        ids=["empty", "no-slice", "two-numbers", "not-a-number", "endless"],
    )
    def test_refuses_positions_of_no_slices(self, positions: object) -> None:
        with pytest.raises(ValueError, match="expected"):
            stack_slices(positions, AXIAL)  # type: ignore[arg-type]


def geometry_of(
    positions: Floats, orientation: Sequence[float] = AXIAL, *, spacing: Sequence[float] = (0.7, 0.8)
) -> Geometry:
    """Grid of slices of 4 rows and 5 columns."""
    stack = stack_slices(positions, orientation)
    return stack_geometry(stack, positions, orientation, pixel_spacing_mm=spacing, rows=4, columns=5)


class TestGridOfAStack:
    def test_starts_at_the_lowest_slice(self) -> None:
        geometry = geometry_of(axial_positions([5, 2.5, 0]))
        assert geometry.shape == (3, 4, 5)
        assert geometry.origin_mm == (-100, -120, 0)
        assert geometry.spacing_mm == (2.5, 0.7, 0.8)
        assert geometry.to_mm((1, 2, 3)).tolist() == pytest.approx([-100 + 3 * 0.8, -120 + 2 * 0.7, 2.5])

    def test_takes_the_first_pixel_spacing_between_rows(self) -> None:
        geometry = geometry_of(axial_positions([0, 1]), spacing=(2.0, 3.0))
        assert geometry.to_mm((0, 1, 0))[1] - geometry.origin_mm[1] == 2.0
        assert geometry.to_mm((0, 0, 1))[0] - geometry.origin_mm[0] == 3.0

    def test_of_one_slice_has_the_spacing_of_a_lone_slice(self) -> None:
        geometry = geometry_of(axial_positions([7]), SAGITTAL)
        assert geometry.shape == (1, 4, 5)
        assert geometry.spacing_mm[0] == LONE_SLICE_SPACING_MM == 1
        assert [row[0] for row in geometry.direction] == [-1, 0, 0]

    def test_leans_with_a_tilted_gantry(self) -> None:
        positions = np.array([(0.0, 3.0 * k, 4.0 * k) for k in range(3)])
        geometry = geometry_of(positions)
        assert geometry.spacing_mm[0] == 5
        np.testing.assert_allclose(geometry.to_mm([(k, 0, 0) for k in range(3)]), positions)

    def test_spreads_positions_written_to_a_tenth_evenly(self) -> None:
        assert geometry_of(axial_positions([0.0, 0.6, 1.2, 1.9, 2.5])).spacing_mm[0] == pytest.approx(0.625)

    def test_has_unit_axes_from_cosines_of_few_digits(self) -> None:
        geometry = geometry_of(axial_positions([0, 1]), (0.866, 0.5, 0, -0.5, 0.866, 0))
        np.testing.assert_allclose(np.linalg.norm(geometry.direction, axis=0), 1, atol=1e-12)

    def test_refuses_two_slices_at_one_position(self) -> None:
        with pytest.raises(ValueError, match="1 slices share"):
            geometry_of(axial_positions([0, 1, 1]))

    @given(grids(), st.randoms(use_true_random=False))
    def test_is_the_grid_the_slices_were_cut_from(self, grid: Geometry, random: Random) -> None:
        """Slices of any grid, shuffled, give the grid back: the same, or with its slice axis turned round."""
        count = min(grid.shape[0], 12)
        assume(count > 1)
        axes = np.asarray(grid.direction)
        orientation = [*axes[:, 2], *axes[:, 1]]
        indices = list(range(count))
        random.shuffle(indices)
        positions = grid.to_mm([(index, 0, 0) for index in indices])
        stack = stack_slices(positions, orientation)
        geometry = stack_geometry(
            stack,
            positions,
            orientation,
            pixel_spacing_mm=grid.spacing_mm[1:],
            rows=grid.shape[1],
            columns=grid.shape[2],
        )
        assert stack.is_uniform
        for place, given_place in enumerate(stack.order):
            voxels = np.array([(0, 0), (grid.shape[1] - 1, 0), (grid.shape[1] - 1, grid.shape[2] - 1)])
            mine = geometry.to_mm(np.insert(voxels, 0, place, axis=1))
            cut = grid.to_mm(np.insert(voxels, 0, indices[given_place], axis=1))
            np.testing.assert_allclose(mine, cut, atol=1e-6)
