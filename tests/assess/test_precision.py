"""Average precision: by hand, by a loop after the definition, and as COCO's evaluation reads it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hilum.assess import Policy, WithinDistance, assess
from hilum.assess.froc import Froc
from hilum.assess.precision import PRECISION_METHODS, average_precision
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from hilum.assess.precision import PrecisionMethod


def curve(hit: list[float], false: list[float], lesions: int) -> Froc:
    return Froc.of_scores(np.asarray(hit, float), np.asarray(false, float), lesion_count=lesions, exam_count=3)


def test_average_precision_worked_by_hand() -> None:
    # Precision falls 1, 1/2, 2/3, 1/2, 2/5, 1/2; the best at recall 1/4, 1/2, 3/4 or more: 1, 2/3, 1/2.
    froc = curve([0.9, 0.7, 0.4], [0.8, 0.6, 0.5], lesions=4)
    assert average_precision(froc, "all-point") == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    assert average_precision(froc, "uninterpolated") == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    # Recalls 0 to 0.25 are 26 of the 101, to 0.5 and to 0.75 25 each.
    assert average_precision(froc, "101-point") == pytest.approx((26 + 25 * 2 / 3 + 25 / 2) / 101)


def test_without_an_envelope_a_step_counts_at_the_precision_it_ends_with() -> None:
    # A false positive first: precision 1/2 at recall 1/2, 2/3 at recall 1, which the envelope takes for both.
    froc = curve([0.8, 0.7], [0.9], lesions=2)
    assert average_precision(froc, "uninterpolated") == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(froc, "all-point") == pytest.approx(2 / 3)


@pytest.mark.parametrize("method", PRECISION_METHODS)
@pytest.mark.parametrize(
    ("hit", "false", "lesions", "expected"),
    [
        ([0.5, 0.5], [], 2, 1.0),
        ([], [], 2, 0.0),
        ([], [0.5], 2, 0.0),
        ([], [0.5], 0, None),
        ([], [], 0, None),
        ([0.5], [0.5], 1, 0.5),  # of one score they enter together
    ],
)
def test_edges(method: PrecisionMethod, hit: list[float], false: list[float], lesions: int, expected: float) -> None:
    assert average_precision(curve(hit, false, lesions), method) == expected


def test_recalls_are_compared_as_whole_numbers() -> None:
    # 7 of 100 lesions are recall 0.07 exactly: 8 of the 101 recalls, though 7 / 100 * 100 in floats is above 7.
    assert average_precision(curve([0.9] * 7, [], lesions=100), "101-point") == pytest.approx(8 / 101)


def test_another_method_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="expected one of all-point, 101-point, uninterpolated"):
        average_precision(curve([], [], 1), "11-point")  # type: ignore[arg-type]


levels = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.9]), max_size=12)


def slow(hit: list[float], false: list[float], lesions: int, method: str) -> Fraction:
    def best(recall: Fraction) -> Fraction:
        """Highest precision of the thresholds that reach a recall."""
        reached = [
            Fraction(true, true + sum(score >= threshold for score in false))
            for threshold in {*hit, *false}
            if (true := sum(score >= threshold for score in hit)) >= recall * lesions
            and any(score >= threshold for score in (*hit, *false))
        ]
        return max(reached, default=Fraction(0))

    if method == "101-point":
        return sum((best(Fraction(step, 100)) for step in range(101)), Fraction(0)) / 101
    return sum((best(Fraction(count, lesions)) for count in range(1, lesions + 1)), Fraction(0)) / lesions


@given(levels, levels, st.integers(0, 5), st.sampled_from(["all-point", "101-point"]))
def test_equals_the_slow_reference(hit: list[float], false: list[float], missed: int, method: PrecisionMethod) -> None:
    lesions = len(hit) + missed
    found = average_precision(curve(hit, false, lesions), method)
    if not lesions:
        assert found is None
    else:
        assert found == pytest.approx(float(slow(hit, false, lesions, method)), abs=1e-12)


@given(levels, levels)
def test_uninterpolated_is_scikit_learns_where_no_lesion_is_missed(hit: list[float], false: list[float]) -> None:
    if hit:
        theirs = average_precision_score([1] * len(hit) + [0] * len(false), [*hit, *false])
        ours = average_precision(curve(hit, false, len(hit)), "uninterpolated")
        assert ours == pytest.approx(theirs, abs=1e-12)


def coco(hit: list[float], false: list[float], lesions: int) -> float:
    """How COCO's evaluation reads sorted detections, written after its description."""
    detections = sorted([(score, True) for score in hit] + [(score, False) for score in false], reverse=True)
    is_true = np.array([true for _, true in detections], dtype=bool)
    true, all_ = np.cumsum(is_true), np.arange(1, len(is_true) + 1)
    recall, precision = true / lesions, true / all_
    for place in range(len(precision) - 1, 0, -1):
        precision[place - 1] = max(precision[place - 1], precision[place])
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[place] if place < len(precision) else 0.0 for place in places]))


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 4), st.integers(0, 10**6))
def test_equals_cocos_reading_where_no_scores_are_tied(hits: int, false: int, missed: int, seed: int) -> None:
    scores = (np.random.default_rng(seed).permutation(hits + false) / 32).tolist()
    hit, rest = scores[:hits], scores[hits:]
    lesions = hits + missed
    theirs = coco(hit, rest, lesions)
    ours = average_precision(curve(hit, rest, lesions), "101-point")
    # Where a recall is exactly one of the 101, floats put COCO's on either side of it: one step of 101 at most each.
    exact = sum((step * lesions) % 100 == 0 for step in range(1, 101))
    assert ours == pytest.approx(theirs, abs=1e-12 + exact / 101)


def test_a_further_mark_on_a_lesion_counts_against_precision_only_if_asked_for() -> None:
    lesions = [Lesion("e", "1", (0.0, 0.0, 0.0)), Lesion("e", "2", (90.0, 0.0, 0.0))]
    marks = [Mark("e", (0.0, 0.0, 0.0), 0.9), Mark("e", (1.0, 0.0, 0.0), 0.8), Mark("e", (90.0, 0.0, 0.0), 0.7)]
    neither = assess(lesions, marks, ["e"], hit=WithinDistance(5), bootstraps=0)
    against = assess(
        lesions, marks, ["e"], hit=WithinDistance(5), bootstraps=0, policy=Policy(redundant="false-positive")
    )
    assert neither.average_precision("all-point") == 1.0
    assert against.average_precision("all-point") == pytest.approx((1 + 2 / 3) / 2)
