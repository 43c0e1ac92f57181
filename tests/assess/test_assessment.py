"""The whole assessment: the edge cases that break other evaluators, and what a result states."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hilum.assess import LUNA16, Assessment, Policy, WithinDistance, WithinLesionRadius, assess
from hilum.assess.assessment import BAND_RATES
from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.froc import RATES
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

HIT = WithinDistance(5)


def lesion(exam: str, x: float = 0.0, name: str = "1", *, is_excluded: bool = False) -> Lesion:
    return Lesion(exam, name, (x, 0.0, 0.0), is_excluded=is_excluded)


def mark(exam: str, x: float = 0.0, score: float = 0.5) -> Mark:
    return Mark(exam, (x, 0.0, 0.0), score)


def test_no_marks() -> None:
    result = assess([lesion("a")], [], ["a", "b"], hit=HIT)
    assert result.cpm == 0.0
    assert result.counts.missed == 1
    assert result.cpm_interval is not None
    assert any("no marks" in note for note in result.notes)


def test_no_lesions() -> None:
    result = assess([], [mark("a")], ["a", "b"], hit=HIT)
    assert result.cpm is None
    assert result.cpm_interval is None
    assert result.counts.false_positives == 1
    assert all(point.sensitivity is None for point in result.operating_points)
    assert any("undefined" in note for note in result.notes)


def test_only_excluded_findings_are_no_lesions() -> None:
    result = assess([lesion("a", is_excluded=True)], [mark("a")], ["a"], hit=HIT)
    assert result.cpm is None
    assert (result.counts.lesions, result.counts.ignored, result.counts.false_positives) == (0, 1, 0)


def test_neither_lesions_nor_marks() -> None:
    result = assess([], [], ["a"], hit=HIT)
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["cpm"] is None


def test_all_missed() -> None:
    result = assess([lesion("a")], [mark("a", 50.0)], ["a"], hit=HIT)
    assert result.cpm == 0.0
    assert result.lesion_rows()[0] | {"x_mm": 0, "y_mm": 0, "z_mm": 0} == {
        "exam_id": "a",
        "lesion_id": "1",
        "x_mm": 0,
        "y_mm": 0,
        "z_mm": 0,
        "diameter_mm": None,
        "state": "missed",
        "score": None,
    }


def test_all_hit_at_the_lowest_score_reaches_one() -> None:
    lesions = [lesion("a"), lesion("b")]
    marks = [mark("a", 0.0, -3.0), mark("b", 0.0, -3.0), mark("a", 90.0, 2.0)]
    result = assess(lesions, marks, ["a", "b"], hit=HIT)
    assert result.froc.sensitivity_at(0.5) == 1.0
    assert result.operating_points[RATES.index(0.5)].threshold == -3.0


def test_a_missed_lesion_is_no_score_of_zero() -> None:
    # With negative scores a missed lesion of score 0 would be the best of all.
    result = assess([lesion("a"), lesion("b")], [mark("a", 0.0, -1.0)], ["a", "b"], hit=HIT)
    assert result.froc.thresholds.tolist() == [math.inf, -1.0]
    assert result.froc.sensitivity_at(8.0) == 0.5


def test_exams_without_lesions_and_without_marks_count_in_the_rate() -> None:
    few = assess([lesion("a")], [mark("a"), mark("a", 50.0, 0.9)], ["a"], hit=HIT, bootstraps=0)
    many = assess([lesion("a")], [mark("a"), mark("a", 50.0, 0.9)], [*"abcdefgh"], hit=HIT, bootstraps=0)
    assert few.froc.sensitivity_at(0.125) == 0.0
    assert many.froc.sensitivity_at(0.125) == 1.0
    assert any(note.startswith("7 of 8 exams have no mark") for note in many.notes)
    assert any(note.startswith("7 of 8 exams have no lesion") for note in many.notes)


@pytest.mark.parametrize(
    ("lesions", "marks"), [([], [mark("z")]), ([lesion("z")], [])], ids=["a mark's exam", "a lesion's exam"]
)
def test_an_unknown_exam_is_an_error_that_names_it(lesions: list[Lesion], marks: list[Mark]) -> None:
    with pytest.raises(AssessmentError, match="'z'"):
        assess(lesions, marks, ["a"], hit=HIT)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_an_error(score: float) -> None:
    marks = MarkColumns.of([mark("a")], ["a"])
    marks.score[0] = score
    with pytest.raises(AssessmentError, match="finite"):
        assess([lesion("a")], marks, ["a"], hit=HIT)


def test_a_position_that_is_not_finite_is_an_error() -> None:
    lesions = LesionColumns.of([lesion("a")], ["a"])
    lesions.position_mm[0, 1] = math.nan
    with pytest.raises(AssessmentError, match="finite"):
        assess(lesions, [], ["a"], hit=HIT)


def test_columns_give_what_sequences_give() -> None:
    lesions, marks, exams = [lesion("a"), lesion("b")], [mark("a"), mark("b", 30.0)], ["a", "b"]
    columns = assess(LesionColumns.of(lesions, exams), MarkColumns.of(marks, exams), exams, hit=HIT)
    assert columns.to_json() == assess(lesions, marks, exams, hit=HIT).to_json()


def test_columns_of_other_exams_are_an_error() -> None:
    marks = MarkColumns.of([mark("b")], ["a", "b"])
    with pytest.raises(AssessmentError, match="exam row 1"):
        assess([], marks, ["a"], hit=HIT)


@pytest.mark.parametrize("exams", [[], ["a", "b", "a"]])
def test_the_list_of_exams_must_name_each_exam_once(exams: list[str]) -> None:
    with pytest.raises(AssessmentError, match="exam"):
        assess([], [], exams, hit=HIT)


def test_two_lesions_of_one_name_in_an_exam_are_an_error() -> None:
    with pytest.raises(AssessmentError, match="two lesions named '1'"):
        assess([lesion("a"), lesion("a", 9.0)], [], ["a"], hit=HIT)


def test_every_exam_needs_a_participant_if_any_has_one() -> None:
    with pytest.raises(AssessmentError, match="'b'"):
        assess([], [], ["a", "b"], hit=HIT, participants={"a": "p"})


def test_participants_and_not_exams_are_drawn() -> None:
    lesions = [lesion(exam) for exam in "abcd"]
    marks = [mark("a"), mark("b")]
    apart = assess(lesions, marks, [*"abcd"], hit=HIT)
    together = assess(lesions, marks, [*"abcd"], hit=HIT, participants=dict.fromkeys("abcd", "p"))
    assert together.counts.participants == 1
    assert together.cpm_interval is not None
    assert together.cpm_interval.low == together.cpm_interval.high == together.cpm == 0.5
    assert apart.cpm_interval is not None
    assert apart.cpm_interval.low < 0.5 < apart.cpm_interval.high


def test_redundant_marks_count_as_false_positives_if_asked_for() -> None:
    lesions, marks = [lesion("a")], [mark("a", 0.0, 0.9), mark("a", 1.0, 0.95), mark("a", 2.0, 0.8)]
    neither = assess(lesions, marks, ["a"], hit=HIT, bootstraps=0)
    false = assess(lesions, marks, ["a"], hit=HIT, bootstraps=0, policy=Policy(redundant="false-positive"))
    assert neither.counts == false.counts
    assert neither.froc.false_positives.tolist() == [0, 0]
    assert false.froc.false_positives.tolist() == [0, 0, 1, 2]


def test_a_cap_that_drops_all_marks_of_an_exam_says_so() -> None:
    marks = [mark("a", float(x), 0.5) for x in range(101)]
    result = assess([lesion("a")], marks, ["a"], hit=HIT, policy=LUNA16, bootstraps=0)
    assert result.counts.beyond_cap == 101
    assert any("lost all marks" in note for note in result.notes)
    kept = assess([lesion("a")], marks, ["a"], hit=HIT, policy=Policy(max_marks_per_exam=100), bootstraps=0)
    assert kept.counts.beyond_cap == 0


def test_a_result_states_every_choice() -> None:
    policy = Policy(max_marks_per_exam=7, cap_ties="dropped", interpolation="linear")
    result = assess([lesion("a")], [mark("a")], ["a"], hit=WithinLesionRadius(), policy=policy, seed=11)
    words = " ".join(result.choices().values())
    for part in ("10 mm", "nearest", "neither true nor false", "best 7", "strictly above", "linear", "1000", "seed 11"):
        assert part in words
    found = result.to_json()
    assert found["choices"] == result.choices()
    assert found["policy"]["max_marks_per_exam"] == 7


def test_json_is_plain_and_whole() -> None:
    lesions = [lesion("a"), lesion("b")]
    result = assess(lesions, [mark("a"), mark("b", 70.0, 0.9)], ["a", "b", "c"], hit=HIT)
    found = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert found["counts"]["true_positives"] == 1
    assert found["curve"]["threshold"] == [None, 0.9, 0.5]
    assert len(found["operating_points"]) == len(RATES)
    assert found["cpm_interval"]["low"] <= found["cpm"] <= found["cpm_interval"]["high"]


def test_the_band_encloses_the_curve() -> None:
    lesions = [lesion(exam) for exam in "abcdefgh"]
    marks = [mark(exam, 0.0 if number % 2 else 60.0, number / 10) for number, exam in enumerate("abcdefgh")]
    result = assess(lesions, marks, [*"abcdefgh"], hit=HIT)
    assert len(result.band) == len(BAND_RATES)
    for rate, interval in zip(BAND_RATES, result.band, strict=True):
        sensitivity = result.froc.sensitivity_at(rate)
        assert interval is not None
        assert sensitivity is not None
        assert interval.low <= sensitivity <= interval.high


def test_without_draws_there_are_no_intervals() -> None:
    result = assess([lesion("a")], [mark("a")], ["a"], hit=HIT, bootstraps=0)
    assert result.cpm_interval is None
    assert set(result.intervals) == set(result.band) == {None}
    assert result.choices()["confidence"] == "none"


def test_the_tables_of_outcomes_follow_the_input() -> None:
    result = assess(
        [lesion("a"), lesion("b", is_excluded=True)],
        [mark("b"), mark("a", 40.0), mark("a", 1.0, 0.7), mark("a", 2.0, 0.6)],
        ["a", "b"],
        hit=HIT,
    )
    assert [row["state"] for row in result.mark_rows()] == ["ignored", "false positive", "true positive", "redundant"]
    assert [row["lesion_id"] for row in result.mark_rows()] == ["1", None, "1", "1"]
    assert [(row["state"], row["score"]) for row in result.lesion_rows()] == [("hit", 0.7), ("excluded", None)]


def test_a_notebook_shows_the_numbers_and_escapes_words() -> None:
    class Odd:
        name = "<within>"

        def hits(self, pairs: object) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
            return np.zeros(1, dtype=np.bool_)

    result: Assessment = assess([lesion("a")], [mark("a")], ["a"], hit=Odd(), bootstraps=0)
    page = result._repr_html_()
    assert "&lt;within&gt;" in page
    assert "0 of 1 lesions hit" in page


@pytest.mark.parametrize("settings", [{"bootstraps": -1}, {"confidence": 1.0}, {"confidence": 0.0}])
def test_settings_out_of_range_are_a_mistake_of_the_caller(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected at least 0"):
        assess([], [], ["a"], hit=HIT, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings", [{"max_marks_per_exam": 0}, {"interpolation": "cubic"}, {"shared_mark": "best"}, {"redundant": "true"}]
)
def test_a_policy_that_is_none_is_a_mistake_of_the_caller(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Policy(**settings)  # type: ignore[arg-type]
