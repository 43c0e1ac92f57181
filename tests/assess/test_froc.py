"""The curve in counts, worked by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.assess.froc import CPM_RATES, PAPER_RATES, RATES, Froc, allowed_false_positives

if TYPE_CHECKING:
    from hilum.assess.policy import Interpolation


def curve(
    hit: list[float], false: list[float], lesions: int, exams: int, interpolation: Interpolation = "step"
) -> Froc:
    return Froc.of_scores(
        np.asarray(hit, dtype=np.float64),
        np.asarray(false, dtype=np.float64),
        lesion_count=lesions,
        exam_count=exams,
        interpolation=interpolation,
    )


def test_the_curve_of_a_worked_case() -> None:
    froc = curve([0.9, 0.5], [0.7, 0.5, 0.2], lesions=4, exams=2)
    assert froc.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.5, 0.2]
    assert froc.true_positives.tolist() == [0, 1, 1, 2, 2]
    assert froc.false_positives.tolist() == [0, 0, 1, 2, 3]
    assert froc.false_positives_per_exam.tolist() == [0, 0, 0.5, 1, 1.5]
    assert froc.sensitivity is not None
    assert froc.sensitivity.tolist() == [0, 0.25, 0.25, 0.5, 0.5]


@pytest.mark.parametrize(
    ("rate", "step", "linear"),
    [(0.0, 0.25, 0.25), (0.5, 0.25, 0.25), (0.75, 0.25, 0.375), (1.0, 0.5, 0.5), (9.0, 0.5, 0.5)],
)
def test_reading_between_the_points(rate: float, step: float, linear: float) -> None:
    assert curve([0.9, 0.5], [0.7, 0.5, 0.2], 4, 2).sensitivity_at(rate) == step
    assert curve([0.9, 0.5], [0.7, 0.5, 0.2], 4, 2, "linear").sensitivity_at(rate) == linear


def test_an_operating_point_has_the_highest_threshold_that_hits_as_many() -> None:
    point = curve([0.9, 0.5], [0.7, 0.6, 0.2], 4, 2).operating_point(1.0)
    assert point.threshold == 0.5
    assert (point.true_positives, point.false_positives, point.is_beyond_curve) == (2, 2, False)
    # One false positive may be made, but none helps: the threshold stays where the lesion was hit.
    lower = curve([0.9, 0.5], [0.7, 0.6, 0.2], 4, 2).operating_point(0.5)
    assert (lower.threshold, lower.true_positives, lower.false_positives) == (0.9, 1, 0)
    assert curve([0.9], [0.7], 4, 2).operating_point(1.0).is_beyond_curve


def test_where_no_mark_may_be_kept_there_is_no_threshold() -> None:
    point = curve([0.5], [0.9], lesions=1, exams=2).operating_point(0.125)
    assert point.threshold is None
    assert point.sensitivity == 0.0


def test_a_perfect_detector_whose_marks_have_one_score_reaches_one() -> None:
    froc = curve([0.0, 0.0, 0.0], [], lesions=3, exams=1)
    assert froc.cpm == 1.0
    assert froc.operating_point(0.125).threshold == 0.0


def test_lesions_hit_at_the_lowest_score_are_reached() -> None:
    froc = curve([0.1, 0.1], [0.9, 0.8], lesions=2, exams=2)
    assert froc.sensitivity_at(1.0) == 1.0
    assert froc.sensitivity_at(0.5) == 0.0


def test_true_and_false_marks_of_one_score_enter_together() -> None:
    froc = curve([0.5], [0.5], lesions=1, exams=1)
    assert froc.true_positives.tolist() == [0, 1]
    assert froc.false_positives.tolist() == [0, 1]
    assert froc.sensitivity_at(0.5) == 0.0
    assert curve([0.5], [0.5], 1, 1, "linear").sensitivity_at(0.5) == 0.5


def test_the_cpm_is_the_mean_at_its_seven_rates() -> None:
    # 8 exams: 1/8 allows one false positive, 1/4 two, ... A lesion is hit after the second and one after the ninth.
    froc = curve([0.75, 0.05], [0.9, 0.8] + [0.1] * 7, lesions=2, exams=8)
    assert [froc.sensitivity_at(rate) for rate in CPM_RATES] == [0.0, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0]
    assert froc.cpm == 4.5 / 7


def test_the_rates_are_those_of_luna16_and_of_the_papers() -> None:
    assert CPM_RATES == (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
    assert PAPER_RATES == (3, 6, 10)
    assert RATES == (1 / 8, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 8, 10)


@pytest.mark.parametrize(
    ("rate", "exams", "allowed"),
    [
        (0.125, 7, 0),
        (0.125, 8, 1),
        (0.125, 15, 1),
        (0.1, 30, 3),
        (0.3, 10, 3),
        (1.1, 10, 11),
        (0.7, 10, 7),
        (0.0, 5, 0),
    ],
)
def test_counts_are_compared_exactly(rate: float, exams: int, allowed: int) -> None:
    # 0.3 * 10, 1.1 * 10 and 0.1 * 30 in floats fall on either side of the whole number.
    assert allowed_false_positives(rate, exams) == allowed


@pytest.mark.parametrize("rate", [-0.5, math.nan, math.inf])
def test_a_rate_must_be_a_number_of_at_least_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="finite rate"):
        allowed_false_positives(rate, 10)


def test_without_marks_the_curve_is_its_first_point() -> None:
    froc = curve([], [], lesions=3, exams=2)
    assert froc.thresholds.tolist() == [math.inf]
    assert froc.cpm == 0.0
    assert froc.operating_point(8.0).is_beyond_curve


def test_without_lesions_sensitivity_is_undefined_not_a_number() -> None:
    froc = curve([], [0.5], lesions=0, exams=2)
    assert froc.sensitivity is None
    assert froc.cpm is None
    assert froc.operating_point(1.0).sensitivity is None
    assert froc.false_positives.tolist() == [0, 1]


def test_impossible_counts_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        curve([0.5, 0.4], [], lesions=1, exams=1)
    with pytest.raises(ValueError, match="0 exams"):
        curve([], [], lesions=1, exams=0)
