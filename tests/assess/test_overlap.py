"""Hits by overlap of boxes and of spheres."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.assess import Overlap, assess
from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.criteria import Pairs
from hilum.assess.overlap import box_iou, sphere_iou
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from hilum.assess.criteria import Border
    from hilum.assess.overlap import Shape
    from hilum.model.findings import Point

ORIGIN = (0.0, 0.0, 0.0)


def pair(mark: Mark, lesion: Lesion) -> Pairs:
    row = np.zeros(1, dtype=np.intp)
    return Pairs(MarkColumns.of([mark], ["e"]), LesionColumns.of([lesion], ["e"]), row, row)


def boxes(mark_at: Point, mark_box: Point, lesion_box: Point) -> Pairs:
    return pair(Mark("e", mark_at, 0.5, box_mm=mark_box), Lesion("e", "1", ORIGIN, box_mm=lesion_box))


def spheres(distance: float, mark: float, lesion: float) -> Pairs:
    return pair(Mark("e", (0.0, distance, 0.0), 0.5, diameter_mm=mark), Lesion("e", "1", ORIGIN, diameter_mm=lesion))


@pytest.mark.parametrize(
    ("at", "mark", "lesion", "iou"),
    [
        ((0, 0, 0), (2, 4, 6), (2, 4, 6), 1.0),
        ((1, 0, 0), (2, 2, 2), (2, 2, 2), 1 / 3),  # 4 of 8 + 8 - 4
        ((1, 1, 1), (2, 2, 2), (2, 2, 2), 1 / 15),  # 1 of 8 + 8 - 1
        ((0.5, 0, 0), (1, 2, 2), (2, 2, 2), 0.5),  # half of the lesion
        ((0, 0, 0), (1, 1, 1), (2, 2, 2), 1 / 8),  # inside
        ((2, 0, 0), (2, 2, 2), (2, 2, 2), 0.0),  # touching
        ((0, 0, 500), (2, 2, 2), (2, 2, 2), 0.0),  # 500 away along one axis, equal along the others
        ((0, 3, 0), (2, 2, 2), (2, 6, 2), 1 / 7),  # 2 * 1 * 2 of 8 + 24 - 4
    ],
)
def test_boxes_worked_by_hand(at: Point, mark: Point, lesion: Point, iou: float) -> None:
    assert box_iou(boxes(at, mark, lesion)).tolist() == pytest.approx([iou], abs=1e-15)


even = st.integers(1, 3).map(lambda half: 2.0 * half)
sides = st.tuples(even, even, even)


@given(st.tuples(*[st.integers(-4, 4).map(float)] * 3), sides, sides)
def test_boxes_by_counting_unit_cubes(at: Point, mark: Point, lesion: Point) -> None:
    def cubes(centre: Point, box: Point) -> set[tuple[int, ...]]:
        ranges = [range(int(c - s / 2), int(c + s / 2)) for c, s in zip(centre, box, strict=True)]
        return set(itertools.product(*ranges))

    one, two = cubes(at, mark), cubes(ORIGIN, lesion)
    assert box_iou(boxes(at, mark, lesion))[0] == pytest.approx(len(one & two) / len(one | two), abs=1e-15)


@pytest.mark.parametrize(
    ("distance", "mark", "lesion", "iou"),
    [
        (0.0, 6.0, 6.0, 1.0),
        (3.0, 6.0, 6.0, 5 / 27),  # lens of 5/12 pi r³ of two spheres of 4/3 pi r³ one radius apart
        (0.5, 2.0, 4.0, 1 / 8),  # inside
        (1.0, 2.0, 4.0, 1 / 8),  # inside, touching from within
        (3.0, 2.0, 4.0, 0.0),  # touching from without
        (100.0, 2.0, 4.0, 0.0),
        (0.0, 2.0, 0.0, 0.0),  # a lesion of size 0 shares nothing
    ],
)
def test_spheres_worked_by_hand(distance: float, mark: float, lesion: float, iou: float) -> None:
    assert sphere_iou(spheres(distance, mark, lesion)).tolist() == pytest.approx([iou], abs=1e-12)


@given(st.floats(0, 20), st.floats(1, 20), st.floats(1, 20))
def test_spheres_by_adding_discs(distance: float, mark: float, lesion: float) -> None:
    along = np.linspace(-10.0, 10.0, 20_001)  # the lesion's centre is at 0, the mark's at the distance
    lesion_disc = np.maximum((lesion / 2) ** 2 - along**2, 0.0)
    mark_disc = np.maximum((mark / 2) ** 2 - (along - distance) ** 2, 0.0)
    common = math.pi * float(np.sum(np.minimum(lesion_disc, mark_disc))) * 0.001
    union = math.pi / 6 * (mark**3 + lesion**3) - common
    assert sphere_iou(spheres(distance, mark, lesion))[0] == pytest.approx(common / union, abs=2e-3)


def test_a_diameter_stands_for_the_box_that_is_not_given() -> None:
    cube = pair(Mark("e", ORIGIN, 0.5, diameter_mm=2.0), Lesion("e", "1", ORIGIN, long_axis_mm=4.0))
    assert box_iou(cube).tolist() == [1 / 8]
    box = pair(
        Mark("e", ORIGIN, 0.5, diameter_mm=9.0, box_mm=(2.0, 2.0, 2.0)), Lesion("e", "1", ORIGIN, box_mm=(4,) * 3)
    )
    assert box_iou(box).tolist() == [1 / 8]


@pytest.mark.parametrize(("border", "is_hit"), [("open", False), ("closed", True)])
def test_an_overlap_at_the_border(border: Border, is_hit: bool) -> None:
    half = boxes((0.5, 0, 0), (1, 2, 2), (2, 2, 2))
    assert Overlap(0.5, "box", border).hits(half).tolist() == [is_hit]
    assert Overlap(0.49, "box", border).hits(half).tolist() == [True]
    assert Overlap(0.51, "box", border).hits(half).tolist() == [False]
    inside = spheres(1.0, 2.0, 4.0)
    assert Overlap(0.125, "sphere", border).hits(inside).tolist() == [is_hit]


def test_any_overlap_is_the_open_zero() -> None:
    assert Overlap(0.0, border="open").hits(boxes((1.9, 0, 0), (2, 2, 2), (2, 2, 2))).tolist() == [True]
    assert Overlap(0.0, border="open").hits(boxes((2.0, 0, 0), (2, 2, 2), (2, 2, 2))).tolist() == [False]


@pytest.mark.parametrize(
    ("iou", "shape", "border"),
    [
        (0.0, "box", "closed"),
        (1.0, "box", "open"),
        (-0.1, "box", "open"),
        (1.1, "box", "closed"),
        (math.nan, "box", "open"),
        (0.5, "cube", "open"),
        (0.5, "box", "ajar"),
    ],
)
def test_what_is_no_overlap_is_a_mistake_of_the_caller(iou: float, shape: Shape, border: Border) -> None:
    with pytest.raises(ValueError, match="expected"):
        Overlap(iou, shape, border)


@pytest.mark.parametrize(
    ("shape", "mark", "lesion", "message"),
    [
        ("box", Mark("e", ORIGIN, 0.5), Lesion("e", "1", ORIGIN, diameter_mm=5.0), "the mark has neither"),
        ("box", Mark("e", ORIGIN, 0.5, diameter_mm=5.0), Lesion("e", "1", ORIGIN), "the lesion has neither"),
        ("sphere", Mark("e", ORIGIN, 0.5, box_mm=(1, 1, 1)), Lesion("e", "1", ORIGIN, diameter_mm=5.0), "no diameter"),
        ("sphere", Mark("e", ORIGIN, 0.5, diameter_mm=5.0), Lesion("e", "1", ORIGIN, diameter_mm=-1.0), "no diameter"),
    ],
)
def test_an_absent_extent_is_an_error_that_names_the_exam(
    shape: Shape, mark: Mark, lesion: Lesion, message: str
) -> None:
    with pytest.raises(AssessmentError, match=f"exam 'e': the .*{message.removeprefix('the ')}"):
        assess([lesion], [mark], ["e"], hit=Overlap(0.1, shape), bootstraps=0)


@pytest.mark.parametrize("extent", [{"diameter_mm": 0.0}, {"diameter_mm": -1.0}, {"box_mm": (1.0, math.inf, 1.0)}])
def test_a_mark_of_no_size_is_a_mistake_of_the_caller(extent: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive, finite lengths"):
        Mark("e", ORIGIN, 0.5, **extent)  # type: ignore[arg-type]


def test_columns_with_an_extent_that_is_none_are_an_error() -> None:
    marks = MarkColumns.of([Mark("e", ORIGIN, 0.5, box_mm=(1.0, 1.0, 1.0))], ["e"])
    assert marks.box_mm is not None
    marks.box_mm[0, 2] = -1.0
    with pytest.raises(AssessmentError, match=r"mark 1, exam 'e'.*positive lengths"):
        assess([], marks, ["e"], hit=Overlap(0.1))


def test_the_name_states_shape_value_and_border() -> None:
    assert Overlap(0.1).name == "intersection over union of upright boxes at least 0.1"
    assert Overlap(0.3, "sphere", "open").name == "intersection over union of spheres above 0.3"


def test_a_mark_counts_where_it_overlaps_and_not_where_it_is_only_near() -> None:
    lesions = [Lesion("e", "long", ORIGIN, box_mm=(2.0, 20.0, 2.0)), Lesion("e", "far", (30.0, 0, 0), diameter_mm=4.0)]
    marks = [
        Mark("e", (0.0, 3.0, 0.0), 0.9, box_mm=(2.0, 12.0, 2.0)),
        Mark("e", (2.5, 0.0, 0.0), 0.8, box_mm=(2.0, 2.0, 2.0)),
    ]
    result = assess(lesions, marks, ["e"], hit=Overlap(0.3), bootstraps=0)
    assert [row["state"] for row in result.mark_rows()] == ["true positive", "false positive"]
    assert [row["state"] for row in result.lesion_rows()] == ["hit", "missed"]
