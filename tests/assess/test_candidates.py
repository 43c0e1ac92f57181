"""The candidate stage: counts of candidates without scores."""

from __future__ import annotations

import pytest

from hilum.assess import WithinDistance, candidate_stage, disagreeing_labels, labelled_candidate_stage
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

HIT = WithinDistance(5)
LESIONS = [
    Lesion("a", "1", (0.0, 0.0, 0.0)),
    Lesion("a", "2", (6.0, 0.0, 0.0)),
    Lesion("b", "1", (0.0, 0.0, 0.0)),
    Lesion("b", "x1", (50.0, 0.0, 0.0), is_excluded=True),
]
MARKS = [
    Mark("a", (2.0, 0.0, 0.0), 0.0),  # on both lesions of a
    Mark("a", (30.0, 0.0, 0.0), 0.0),
    Mark("b", (50.0, 1.0, 0.0), 0.0),  # on the excluded finding
    Mark("c", (0.0, 0.0, 0.0), 0.0),
]
EXAMS = ["a", "b", "c", "d"]


def test_a_candidate_recalls_every_lesion_it_hits() -> None:
    stage = candidate_stage(LESIONS, MARKS, EXAMS, hit=HIT)
    assert (stage.lesions, stage.recalled, stage.recall) == (3, 2, 2 / 3)
    assert (stage.marks, stage.on_lesions, stage.false_positives, stage.ignored) == (4, 1, 2, 1)
    assert stage.false_positives_per_exam == 0.5  # exam d, without candidates, counts
    assert stage.to_json()["criterion"] == HIT.name


def test_the_sources_own_labels_count_whatever_the_distance() -> None:
    stage = labelled_candidate_stage(LESIONS, MARKS, ["2", "1", "x1", ""], EXAMS)
    assert (stage.recalled, stage.on_lesions, stage.false_positives, stage.ignored) == (2, 2, 1, 1)


def test_labels_and_criterion_are_compared() -> None:
    # Candidate 1 is said to be on a lesion and is far from all; candidate 0 is said to be on none and is near.
    assert disagreeing_labels(LESIONS, MARKS, ["", "1", "x1", ""], EXAMS, hit=HIT) == (1, 1)
    assert disagreeing_labels(LESIONS, MARKS, ["1", "", "x1", ""], EXAMS, hit=HIT) == (0, 0)


def test_a_label_of_a_lesion_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AssessmentError, match=r"'a'.*lesion '7'"):
        labelled_candidate_stage(LESIONS, MARKS, ["7", "", "", ""], EXAMS)


def test_without_lesions_or_candidates() -> None:
    nothing = candidate_stage([], [], EXAMS, hit=HIT)
    assert (nothing.recall, nothing.false_positives_per_exam) == (None, 0.0)
    assert candidate_stage(LESIONS, [], EXAMS, hit=HIT).recall == 0.0


def test_candidates_of_an_unknown_exam_are_an_error() -> None:
    with pytest.raises(AssessmentError, match="'c'"):
        candidate_stage(LESIONS, MARKS, ["a", "b"], hit=HIT)
