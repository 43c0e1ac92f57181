"""Contours filled by the even-odd rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.findings.contours import fill_contours

SQUARE = np.array([(0.5, 0.5), (0.5, 5.5), (5.5, 5.5), (5.5, 0.5)])
INNER = np.array([(1.5, 1.5), (1.5, 3.5), (3.5, 3.5), (3.5, 1.5)])


def text(inside: np.ndarray) -> str:
    return "\n".join("".join(".#"[int(value)] for value in row) for row in inside)


def test_a_square_holds_the_centres_in_it() -> None:
    assert text(fill_contours([INNER], 5, 5)) == ".....\n.....\n..##.\n..##.\n....."


def test_a_contour_within_another_is_a_hole_and_a_third_an_island() -> None:
    island = np.array([(1.9, 1.9), (1.9, 2.1), (2.1, 2.1), (2.1, 1.9)])
    assert text(fill_contours([SQUARE, INNER, island], 6, 6)) == "......\n.#####\n.##.##\n.#..##\n.#####\n.#####"


def test_a_keyhole_is_a_hole_whatever_the_slope_of_its_channel() -> None:
    channel = [(0.5, 0.5), (1.5, 1.4999)]
    keyhole = np.array([*channel, (1.5, 3.5), (3.5, 3.5), (3.5, 1.5), channel[1], channel[0], *SQUARE[1:].tolist()])
    assert np.array_equal(fill_contours([keyhole], 7, 7), fill_contours([SQUARE, INNER], 7, 7))


def test_neighbours_share_no_pixel_and_leave_none_out() -> None:
    left = np.array([(0, 0), (0, 3), (4, 3), (4, 0)], float)
    right = np.array([(0, 3), (0, 6), (4, 6), (4, 3)], float)
    parts = [fill_contours([part], 6, 8) for part in (left, right)]
    assert not np.any(parts[0] & parts[1])
    assert np.array_equal(parts[0] | parts[1], fill_contours([np.array([(0, 0), (0, 6), (4, 6), (4, 0)], float)], 6, 8))


def test_what_reaches_beyond_the_slice_is_cut() -> None:
    assert fill_contours([np.array([(-9.0, -9.0), (-9.0, 9.0), (9.0, 9.0), (9.0, -9.0)])], 3, 4).all()
    assert not fill_contours([SQUARE + 100], 4, 4).any()


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 1.0), (3.0, 3.0)]])
def test_what_has_no_inside_has_no_pixels(points: list[tuple[float, float]]) -> None:
    assert not fill_contours([np.array(points).reshape(-1, 2)], 5, 5).any()


corners = st.lists(st.tuples(st.floats(-2, 9), st.floats(-2, 9)), min_size=3, max_size=9)


@given(corners, st.integers(0, 8))
def test_begin_and_direction_of_a_contour_mean_nothing(points: list[tuple[float, float]], shift: int) -> None:
    contour = np.array(points)
    expected = fill_contours([contour], 8, 8)
    assert np.array_equal(fill_contours([np.roll(contour, shift, axis=0)], 8, 8), expected)
    assert np.array_equal(fill_contours([contour[::-1]], 8, 8), expected)


@given(corners)
def test_twice_the_same_contour_is_nothing(points: list[tuple[float, float]]) -> None:
    assert not fill_contours([np.array(points)] * 2, 8, 8).any()


@given(corners, st.tuples(st.integers(0, 7), st.integers(0, 7)))
def test_a_pixel_is_inside_where_a_ray_crosses_an_odd_number_of_edges(
    points: list[tuple[float, float]], pixel: tuple[int, int]
) -> None:
    contour = np.array(points)
    row, column = pixel
    crossings = 0
    for begin, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
        upper, lower = (begin, end) if begin[0] <= end[0] else (end, begin)
        if upper[0] <= row < lower[0]:
            at = upper[1] + (row - upper[0]) / (lower[0] - upper[0]) * (lower[1] - upper[1])
            crossings += at <= column
    assert fill_contours([contour], 8, 8)[pixel] == bool(crossings % 2)
