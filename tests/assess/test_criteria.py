"""When a mark hits a lesion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.assess import InsideMask, Overlap, WithinDistance, WithinLesionRadius, parse_criterion
from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.criteria import Pairs
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.assess.criteria import Border


def pair(lesion: Lesion, *position: float) -> Pairs:
    marks = MarkColumns.of([Mark("e", (position[0], position[1], position[2]), 0.5)], ["e"])
    row = np.zeros(1, dtype=np.intp)
    return Pairs(marks, LesionColumns.of([lesion], ["e"]), row, row)


def at_origin(**sizes: float | None) -> Lesion:
    return Lesion("e", "1", (0.0, 0.0, 0.0), **sizes)  # type: ignore[arg-type]


def test_squared_distance_is_over_all_three_axes() -> None:
    assert pair(at_origin(), 2.0, 3.0, 6.0).squared_distance_mm2.tolist() == [49.0]


@pytest.mark.parametrize(
    ("sizes", "distance", "is_hit"),
    [
        ({"diameter_mm": 8.0}, 3.999, True),
        ({"diameter_mm": 8.0}, 4.0, False),  # strictly inside
        ({"diameter_mm": -1.0}, 4.999, True),  # LUNA16: unknown is 10 mm
        ({"diameter_mm": -1.0}, 5.0, False),
        ({}, 4.999, True),
        ({}, 5.0, False),
        ({"diameter_mm": 0.0}, 0.0, False),
        ({"short_axis_mm": 6.0, "long_axis_mm": 12.0}, 5.9, True),  # the long axis stands for the diameter
        ({"short_axis_mm": 6.0}, 3.1, False),
        ({"short_axis_mm": 30.0, "diameter_mm": 4.0}, 2.1, False),  # a diameter that is given wins
    ],
)
def test_within_lesion_radius(sizes: dict[str, float], distance: float, is_hit: bool) -> None:
    assert WithinLesionRadius().hits(pair(at_origin(**sizes), 0.0, 0.0, distance)).tolist() == [is_hit]


@pytest.mark.parametrize(("distance", "is_hit"), [(14.95, True), (15.0, False), (15.03, False)])
def test_within_distance_is_strict_and_blind_to_size(distance: float, is_hit: bool) -> None:
    assert WithinDistance(15).hits(pair(at_origin(diameter_mm=200.0), distance, 0.0, 0.0)).tolist() == [is_hit]


@pytest.mark.parametrize(("border", "is_hit"), [("open", False), ("closed", True)])
def test_the_border_belongs_to_a_closed_criterion_only(border: Border, is_hit: bool) -> None:
    assert WithinDistance(15, border).hits(pair(at_origin(), 9.0, 12.0, 0.0)).tolist() == [is_hit]
    assert WithinLesionRadius(border).hits(pair(at_origin(diameter_mm=30.0), 9.0, 12.0, 0.0)).tolist() == [is_hit]
    assert WithinLesionRadius(border).hits(pair(at_origin(diameter_mm=0.0), 0.0, 0.0, 0.0)).tolist() == [is_hit]


@pytest.mark.parametrize("criterion", [WithinLesionRadius, lambda border: WithinDistance(15, border)])
def test_a_border_is_open_or_closed(criterion: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="expected open or closed"):
        criterion("ajar")


@pytest.mark.parametrize("mm", [0.0, -1.0, math.nan, math.inf])
def test_a_distance_must_be_a_length(mm: float) -> None:
    with pytest.raises(ValueError, match="positive, finite length"):
        WithinDistance(mm)


def test_names_state_rule_and_parameter() -> None:
    assert WithinDistance(15).name == "within 15 mm of the lesion's position (strictly)"
    assert WithinDistance(15, "closed").name == "within 15 mm of the lesion's position (at most)"
    assert "(strictly; unknown size counts as 10 mm)" in WithinLesionRadius().name
    assert "(at most; " in WithinLesionRadius("closed").name


def test_criteria_are_found_by_their_words() -> None:
    assert parse_criterion("within-lesion-radius") == WithinLesionRadius()
    assert parse_criterion("within-lesion-radius:closed") == WithinLesionRadius("closed")
    assert parse_criterion("within-distance:7.5") == WithinDistance(7.5)
    assert parse_criterion("within-distance:7.5:closed") == WithinDistance(7.5, "closed")
    assert parse_criterion("within-distance:7.5:open") == WithinDistance(7.5, "open")
    assert parse_criterion("box-overlap:0.1") == Overlap(0.1, "box", "closed")
    assert parse_criterion("sphere-overlap:0:open") == Overlap(0.0, "sphere", "open")


def test_masks_are_needed_for_inside_mask() -> None:
    assert isinstance(parse_criterion("inside-mask", masks={}), InsideMask)
    with pytest.raises(AssessmentError, match="expected a label mask for each exam"):
        parse_criterion("inside-mask")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "radius",
        "within-distance",
        "within-distance:",
        "within-distance:-3",
        "within-distance:closed",
        "within-distance:3:ajar",
        "within-distance:3:4",
        "within-lesion-radius:5",
        "box-overlap",
        "box-overlap:0",
        "box-overlap:1:open",
        "cube-overlap:0.5",
        "inside-mask:closed",
    ],
)
def test_other_words_are_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(AssessmentError, match="within-distance:15"):
        parse_criterion(text)


def test_of_no_pairs_none_hits() -> None:
    none = np.empty(0, dtype=np.intp)
    pairs = Pairs(MarkColumns.of([], ["e"]), LesionColumns.of([], ["e"]), none, none)
    assert WithinLesionRadius().hits(pairs).shape == (0,)
    assert WithinDistance(3).hits(pairs).dtype == np.bool_
