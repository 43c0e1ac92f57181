"""Strata: by hand, adding up to the whole, and nothing dropped."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.assess import (
    LUNA16,
    Assessment,
    Policy,
    WithinDistance,
    assess,
    lesion_columns,
    size_band,
    stratify,
)
from hilum.assess.froc import CPM_RATES
from hilum.assess.strata import WHOLE
from hilum.assess.strata_columns import in_order, stratum_names
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

HIT = WithinDistance(5)
EXAMS = ["e1", "e2", "e3", "e4"]
ROUNDS = {"round": {"e1": "T0", "e2": "T0", "e3": "T1"}}


def lesion(exam: str, name: str, x: float, size: float | None = None, label: str = "") -> Lesion:
    return Lesion(exam, name, (x, 0.0, 0.0), diameter_mm=size, label=label)


def mark(exam: str, x: float, score: float) -> Mark:
    return Mark(exam, (x, 0.0, 0.0), score)


LESIONS = [
    lesion("e1", "1", 0.0, 6.0, "hilar"),
    lesion("e1", "2", 20.0, 12.0, "hilar"),
    lesion("e2", "1", 0.0, 30.0, "carinal"),
    lesion("e3", "1", 0.0, 12.0),
]
MARKS = [
    mark("e1", 1.0, 0.9),
    mark("e1", 21.0, 0.4),
    mark("e2", 1.0, 0.7),
    mark("e2", 90.0, 0.8),
    mark("e3", 90.0, 0.6),
    mark("e4", 90.0, 0.5),
]


def result(bootstraps: int = 0, *, policy: Policy | None = None) -> Assessment:
    return assess(LESIONS, MARKS, EXAMS, hit=HIT, bootstraps=bootstraps, policy=policy)


def test_size_bands_have_stated_borders() -> None:
    assert [size_band(size) for size in (0.0, 9.99, 10.0, 14.99, 15.0, 20.0, 20.01)] == [
        "under 10 mm",
        "under 10 mm",
        "10 to under 15 mm",
        "10 to under 15 mm",
        "15 to 20 mm",
        "15 to 20 mm",
        "over 20 mm",
    ]
    assert [size_band(size) for size in (None, float("nan"), -1.0)] == ["unknown"] * 3


def test_by_size_by_hand() -> None:
    # One false positive an exam is all four exams' three and more: every mark counts, threshold 0.4.
    # A quarter is one false positive: the threshold that hits most is 0.7, below the one at 0.8.
    found = stratify(result(), "size", rates=(0.25, 1.0))
    rows = {(row["stratum"], row["false_positives_per_exam"]): row for row in found.rows()}
    assert [stratum.name for stratum in found.strata] == ["under 10 mm", "10 to under 15 mm", "over 20 mm"]
    assert found.thresholds == (0.7, 0.4)
    assert rows["under 10 mm", 0.25]["sensitivity"] == 1.0
    assert rows["10 to under 15 mm", 0.25]["sensitivity"] == 0.0
    assert rows["10 to under 15 mm", 1.0]["sensitivity"] == 0.5
    assert rows["10 to under 15 mm", 1.0]["lesions"] == 2
    assert rows["10 to under 15 mm", 1.0]["missed"] == 1
    assert rows["10 to under 15 mm", 1.0]["participants"] == 2
    assert rows["over 20 mm", 0.25]["true_positives"] == 1
    assert rows[WHOLE, 0.25]["sensitivity"] == 0.5
    assert rows["over 20 mm", 0.25]["exams"] is None
    assert rows["over 20 mm", 0.25]["false_positives"] is None
    assert rows["over 20 mm", 0.25]["own_sensitivity"] is None


def test_by_round_by_hand() -> None:
    found = stratify(result(), "round", exam_values=ROUNDS, rates=(0.25,))
    assert found.unit == "exam"
    first, second, unknown = found.strata
    assert [first.name, second.name, unknown.name] == ["T0", "T1", "unknown"]
    assert [one.exams for one in found.strata] == [2, 1, 1]
    assert [one.lesions for one in found.strata] == [3, 1, 0]
    # At the whole curve's threshold 0.7 the round T0 has the one false positive that is allowed in four exams.
    assert first.true_positives == (2,)
    assert first.false_positives == (1,)
    assert first.pooled.sensitivity == (2 / 3,)
    # A quarter of its own two exams is no false positive at all: only the lesion at 0.9 lies above it.
    assert first.own is not None
    assert first.own.sensitivity == (1 / 3,)
    # The round without lesions is there, with its exam and false positives, but has no sensitivity.
    assert unknown.pooled.sensitivity == (None,)
    assert unknown.pooled.cpm is None
    assert (unknown.exams, unknown.false_positives) == (1, (0,))


def test_labels_and_other_columns_of_lesions() -> None:
    columns = lesion_columns(LESIONS)
    assert list(columns) == ["label", "diameter", "short axis", "long axis"]
    found = stratify(result(), "label", lesion_values=columns)
    assert {one.name: one.lesions for one in found.strata} == {"carinal": 1, "hilar": 2, "unknown": 1}
    found = stratify(result(), "short axis", lesion_values=columns)
    assert [(one.name, one.lesions) for one in found.strata] == [("unknown", 4)]
    found = stratify(result(), "station", lesion_values={"station": {("e2", "1"): 7, ("e1", "1"): 4.0}})
    assert [(one.name, one.lesions) for one in found.strata] == [("4", 1), ("7", 1), ("unknown", 2)]


def test_an_excluded_finding_is_in_no_stratum() -> None:
    excluded = Lesion("e1", "x", (50.0, 0.0, 0.0), is_excluded=True, label="vessel")
    one = assess([*LESIONS, excluded], MARKS, EXAMS, hit=HIT, bootstraps=0)
    found = stratify(one, "label", lesion_values=lesion_columns([*LESIONS, excluded]))
    assert [stratum.name for stratum in found.strata] == ["carinal", "hilar", "unknown"]
    assert sum(stratum.lesions for stratum in found.strata) == 4


def test_names_and_their_order() -> None:
    assert stratum_names([None, float("nan"), " ", "a ", 1.25, 2.0, 3, True]).tolist() == [
        "unknown",
        "unknown",
        "unknown",
        "a",
        "1.25",
        "2",
        "3",
        "True",
    ]
    assert in_order(["b", "unknown", "10", "2", "over 20 mm", "under 10 mm", "a", "2"]) == [
        "under 10 mm",
        "over 20 mm",
        "2",
        "10",
        "a",
        "b",
        "unknown",
    ]


def test_unknown_and_ambiguous_columns_are_refused() -> None:
    with pytest.raises(AssessmentError, match="no column 'kernel'; there are size of lesions and round of exams"):
        stratify(result(), "kernel", exam_values=ROUNDS)
    with pytest.raises(AssessmentError, match="there are size of lesions, and none of exams"):
        stratify(result(), "kernel")
    with pytest.raises(AssessmentError, match="'round' is one of lesions and one of exams"):
        stratify(result(), "round", exam_values=ROUNDS, lesion_values={"round": {}})


def test_without_draws_there_are_no_intervals() -> None:
    rows = stratify(result(), "round", exam_values=ROUNDS).rows()
    assert all(row["low"] is None and row["own_high"] is None for row in rows)


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_intervals_are_of_the_assessments_own_draws(interval: str) -> None:
    one = assess(
        LESIONS, MARKS, EXAMS, hit=HIT, bootstraps=130, seed=3, interval="bca" if interval == "bca" else "percentile"
    )
    found = stratify(one, "size", rates=(1.0, 4.0))
    by_rate = {point.rate: interval for point, interval in zip(one.operating_points, one.intervals, strict=True)}
    assert found.whole.pooled.intervals == (by_rate[1.0], by_rate[4.0])
    assert found.whole.pooled.cpm_interval == one.cpm_interval
    for stratum in found.strata:
        for sensitivity, ends in zip(stratum.pooled.sensitivity, stratum.pooled.intervals, strict=True):
            assert sensitivity is not None
            assert ends is not None
            assert ends.low <= sensitivity <= ends.high


def test_a_strata_interval_by_hand() -> None:
    # One of two participants has the lesion that is always hit, the other one that never is: a draw of both has
    # sensitivity 1/2, of one alone 1 or 0. Of the lesion that is hit the sensitivity is 1 in every draw that has it.
    lesions = [lesion("e1", "1", 0.0, 6.0), lesion("e2", "1", 0.0, 12.0)]
    one = assess(lesions, [mark("e1", 0.0, 0.9)], ["e1", "e2"], hit=HIT, bootstraps=300)
    small, large = stratify(one, "size", rates=(1.0,)).strata
    assert [ends and (ends.low, ends.high) for ends in (*small.pooled.intervals, *large.pooled.intervals)] == [
        (1.0, 1.0),
        (0.0, 0.0),
    ]


points = st.sampled_from([0.0, 3.0, 20.0, 90.0])
any_marks = st.lists(
    st.builds(mark, st.sampled_from(EXAMS), points, st.sampled_from([0.1, 0.3, 0.5, 0.9])), max_size=20
)
folds = st.dictionaries(st.sampled_from(EXAMS), st.sampled_from([0, 1, 2, None]))
policies = st.sampled_from([Policy(), LUNA16, Policy(redundant="false-positive", interpolation="linear")])


@given(any_marks, folds, policies)
@settings(max_examples=100, deadline=None)
def test_strata_add_up_to_the_whole(marks: list[Mark], fold: dict[str, int | None], policy: Policy) -> None:
    one = assess(LESIONS, marks, EXAMS, hit=HIT, bootstraps=0, policy=policy)
    rates = (0.25, 1.0, 4.0)
    for column in ("size", "fold"):
        found = stratify(one, column, exam_values={"fold": fold}, rates=rates)
        assert sum(stratum.lesions for stratum in found.strata) == one.counts.lesions
        assert sum(stratum.missed for stratum in found.strata) == one.counts.missed
        for at, rate in enumerate(rates):
            point = one.froc.operating_point(rate)
            assert sum(stratum.true_positives[at] for stratum in found.strata) == point.true_positives
            hit = sum((stratum.pooled.sensitivity[at] or 0.0) * stratum.lesions for stratum in found.strata)
            assert hit / one.counts.lesions == pytest.approx(point.sensitivity)
            if column == "fold":
                false = [stratum.false_positives[at] for stratum in found.strata if stratum.false_positives]
                assert sum(false) == point.false_positives
    assert sum(stratum.exams or 0 for stratum in found.strata) == len(EXAMS)


@given(any_marks, folds, policies)
@settings(max_examples=60, deadline=None)
def test_an_exam_stratums_own_curve_is_that_of_its_exams_alone(
    marks: list[Mark], fold: dict[str, int | None], policy: Policy
) -> None:
    one = assess(LESIONS, marks, EXAMS, hit=HIT, bootstraps=0, policy=policy)
    for stratum in stratify(one, "fold", exam_values={"fold": fold}, rates=CPM_RATES).strata:
        exams = [exam for exam in EXAMS if str(fold.get(exam, "unknown")).replace("None", "unknown") == stratum.name]
        alone = assess(
            [one for one in LESIONS if one.exam_id in exams],
            [one for one in marks if one.exam_id in exams],
            exams,
            hit=HIT,
            bootstraps=0,
            policy=policy,
        )
        assert stratum.own is not None
        assert stratum.own.sensitivity == tuple(alone.froc.sensitivity_at(rate) for rate in CPM_RATES)
        assert stratum.own.cpm == alone.cpm
        assert stratum.exams == len(exams)


def test_participants_with_exams_in_several_strata_are_drawn_whole() -> None:
    chance = np.random.default_rng(0)
    exams = [f"p{person}-T{round_}" for person in range(12) for round_ in (0, 1)]
    lesions = [lesion(exam, "1", 0.0) for exam in exams]
    hits = [mark(exam, 0.0, 0.9) for exam in exams if chance.random() < 0.6]
    persons = {exam: exam.split("-")[0] for exam in exams}
    one = assess(lesions, hits, exams, hit=HIT, participants=persons, bootstraps=200)
    found = stratify(one, "round", exam_values={"round": {exam: exam[-2:] for exam in exams}})
    assert [stratum.participants for stratum in found.strata] == [12, 12]
    assert Counter(stratum.exams for stratum in found.strata) == {12: 2}
    for stratum in found.strata:
        assert stratum.own is not None
        # Without false positives the own and the whole curve are read at the same threshold, in the same draws.
        assert stratum.own == stratum.pooled


def test_the_result_is_json_and_html() -> None:
    found = stratify(result(bootstraps=50), "round", exam_values={"round": {"e1": "<T0>"}})
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (content["column"], content["unit"]) == ("round", "exam")
    assert len(content["rows"]) == 2 * 3
    assert [row["stratum"] for row in content["cpm"]] == ["<T0>", "unknown", "all"]
    assert "50 draws" in content["choices"]["confidence"]
    page = found._repr_html_()
    assert "&lt;T0&gt;" in page
    assert "<T0>" not in page
