"""Figures of other tools had from hilum's, as the documentation says; each tool written after its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from hilum.assess import Assessment, Overlap, Policy, WithinDistance, assess
from hilum.assess.froc import CPM_RATES
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EXAMS = ("a", "b", "c")
HIT = WithinDistance(5)
CAMELYON_RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

scores = st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])
lesions = st.sets(st.tuples(st.sampled_from(EXAMS), st.sampled_from([0.0, 40.0, 80.0])), min_size=1, max_size=6).map(
    lambda found: [Lesion(exam, f"{x:g}", (x, 0.0, 0.0), diameter_mm=8.0) for exam, x in sorted(found)]
)
marks = st.lists(
    st.builds(
        lambda exam, x, score: Mark(exam, (x, 0.0, 0.0), score, diameter_mm=8.0),
        st.sampled_from(EXAMS),
        st.sampled_from([0.0, 1.0, 40.0, 80.0, 200.0, 300.0]),
        scores,
    ),
    min_size=1,
    max_size=15,
)


def collected(result: Assessment) -> tuple[Floats, Floats]:
    """Score of each lesion, 0 where it is missed, and the scores of the false positives."""
    of_lesions = [row["score"] or 0.0 for row in result.lesion_rows()]
    false = [row["score"] for row in result.mark_rows() if row["state"] == "false positive"]
    return np.asarray(of_lesions), np.asarray(false, dtype=np.float64)


def camelyon(of_lesions: Floats, false: Floats, exams: int) -> float:
    """CAMELYON16 and MONAI: thresholds are all scores but the lowest; linear; the mean at 1/4 to 8."""
    thresholds = np.unique(np.concatenate((of_lesions, false)))[1:]
    across = [np.sum(false >= threshold) / exams for threshold in thresholds] + [0.0]
    up = [np.mean(of_lesions >= threshold) for threshold in thresholds] + [0.0]
    return float(np.mean(np.interp(CAMELYON_RATES, across[::-1], up[::-1])))


def mean_at(result: Assessment, rates: Sequence[float]) -> float:
    return float(np.mean([result.froc.sensitivity_at(rate) for rate in rates]))


@given(lesions, marks)
def test_monais_score_is_the_linear_mean_without_the_marks_of_the_lowest_score(
    lesions: list[Lesion], marks: list[Mark]
) -> None:
    linear = Policy(interpolation="linear")
    whole = assess(lesions, marks, EXAMS, hit=HIT, policy=linear, bootstraps=0)
    of_lesions, false = collected(whole)
    if whole.counts.missed == 0:
        lowest = min(np.min(of_lesions), np.min(false, initial=1.0))
        marks = [mark for mark in marks if mark.score > lowest]
    ours = assess(lesions, marks, EXAMS, hit=HIT, policy=linear, bootstraps=0)
    assert mean_at(ours, CAMELYON_RATES) == pytest.approx(camelyon(of_lesions, false, len(EXAMS)), abs=1e-12)


def test_of_a_perfect_detector_with_one_score_monais_is_zero_and_ours_one() -> None:
    lesions = [Lesion(exam, "1", (0.0, 0.0, 0.0)) for exam in EXAMS]
    result = assess(lesions, [Mark(exam, (0.0, 0.0, 0.0), 0.9) for exam in EXAMS], EXAMS, hit=HIT, bootstraps=0)
    assert camelyon(*collected(result), len(EXAMS)) == 0.0
    assert mean_at(result, CAMELYON_RATES) == result.cpm == 1.0


def greedy(lesions: Sequence[Lesion], marks: Sequence[Mark], iou: float) -> tuple[list[bool], list[float]]:
    """COCO and nnDetection: the marks by falling score take the free lesion they overlap most."""
    hit, taken = [], set()
    ordered = sorted(marks, key=lambda mark: -mark.score)
    for mark in ordered:
        best, overlap = None, iou
        for lesion in lesions:
            apart = abs(mark.position_mm[0] - lesion.position_mm[0])
            common = max(8.0 - apart, 0.0) * 64.0
            found = common / (1024.0 - common)
            if lesion.exam_id == mark.exam_id and lesion not in taken and found >= overlap:
                best, overlap = lesion, found
        hit.append(best is not None)
        taken |= {best} if best else set()
    return hit, [mark.score for mark in ordered]


@given(lesions, marks)
def test_nndetections_froc_is_had_from_overlap_with_redundant_marks_as_false_positives(
    lesions: list[Lesion], marks: list[Mark]
) -> None:
    hit, ordered = greedy(lesions, marks, 0.1)
    assume(any(hit) and not all(hit))
    policy = Policy(redundant="false-positive", interpolation="linear")
    ours = assess(lesions, marks, EXAMS, hit=Overlap(0.1), policy=policy, bootstraps=0)
    false, true, _ = roc_curve(hit, ordered, drop_intermediate=False)
    across, up = false * (len(hit) - sum(hit)) / len(EXAMS), true * sum(hit) / len(lesions)
    theirs = [float(np.interp(rate, across, up)) for rate in CPM_RATES]
    assert [ours.froc.sensitivity_at(rate) for rate in CPM_RATES] == pytest.approx(theirs, abs=1e-12)


@given(lesions, marks)
def test_pi_cais_average_precision_is_the_uninterpolated_one(lesions: list[Lesion], marks: list[Mark]) -> None:
    result = assess(lesions, marks, EXAMS, hit=HIT, bootstraps=0)
    of_lesions, false = collected(result)
    is_lesion = np.concatenate((np.ones(len(of_lesions)), np.zeros(len(false))))
    precision, recall, thresholds = precision_recall_curve(is_lesion, np.concatenate((of_lesions, false)))
    precision[:-1][thresholds == 0] = 0  # missed lesions are candidates of score 0 there
    theirs = -np.sum(np.diff(recall) * precision[:-1])
    assert result.average_precision("uninterpolated") == pytest.approx(theirs, abs=1e-12)
