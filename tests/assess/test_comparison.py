"""Comparison of methods: exact permutation by enumeration, error rates under the null, what is refused."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.assess import Assessment, Comparison, Policy, WithinDistance, assess, compare, why_not_comparable
from hilum.assess.bootstrap import draw
from hilum.assess.froc import CPM_RATES, Froc
from hilum.assess.permutation import as_ranks, holm, p_value, permuted_differences
from hilum.assess.sample import Sample
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.permutation import Exchange

Events = list[tuple[float, int]]
RATES = (0.5, 1.0, 3.0)


def sample(hits: Events, false: Events, lesions: Sequence[int]) -> Sample:
    """Hits and false positives as (score, participant); an exam each."""
    return Sample(
        np.asarray([score for score, _ in hits], dtype=np.float64),
        np.asarray([owner for _, owner in hits], dtype=np.intp),
        np.asarray([score for score, _ in false], dtype=np.float64),
        np.asarray([owner for _, owner in false], dtype=np.intp),
        np.asarray(lesions, dtype=np.int64),
        np.ones(len(lesions), dtype=np.int64),
        "step",
    )


def curve(found: Sample) -> Froc:
    return Froc.of_scores(
        found.lesion_scores,
        found.false_scores,
        lesion_count=int(found.lesions.sum()),
        exam_count=int(found.exams.sum()),
        interpolation=found.interpolation,
    )


def exchanged(first: Sample, second: Sample, is_exchanged: NDArray[np.bool_]) -> Sample:
    """The first method, with the second's marks for some participants, put together by hand."""
    keep, take = ~is_exchanged, is_exchanged
    parts = [(first, keep), (second, take)]
    return replace(
        first,
        lesion_scores=np.concatenate([one.lesion_scores[of[one.lesion_participants]] for one, of in parts]),
        lesion_participants=np.concatenate([one.lesion_participants[of[one.lesion_participants]] for one, of in parts]),
        false_scores=np.concatenate([one.false_scores[of[one.false_participants]] for one, of in parts]),
        false_participants=np.concatenate([one.false_participants[of[one.false_participants]] for one, of in parts]),
    )


def every_difference(first: Sample, second: Sample, rate: float) -> list[float]:
    """Difference of the sensitivities for each of the 2^n exchanges."""
    found = []
    for bits in itertools.product([False, True], repeat=len(first.exams)):
        is_exchanged = np.asarray(bits)
        one = curve(exchanged(first, second, is_exchanged)).sensitivity_at(rate)
        two = curve(exchanged(second, first, is_exchanged)).sensitivity_at(rate)
        assert one is not None
        assert two is not None
        found.append(one - two)
    return found


def random_pair(seed: int, participants: int, *, better: float = 0.0) -> tuple[Sample, Sample]:
    """Two methods on the same lesions; participants differ in how hard they are; the first may be better."""
    chance = np.random.default_rng(seed)
    lesions = chance.poisson(1.5, participants)
    lesions[0] += 1
    hardness = chance.normal(0, 0.7, participants)
    pair = []
    for shift in (better, 0.0):
        owners = np.repeat(np.arange(participants), lesions)
        is_hit = chance.random(len(owners)) < 0.8
        hits = owners[is_hit]
        false = np.repeat(np.arange(participants), chance.poisson(np.exp(1 + 0.5 * hardness)))
        pair.append(
            Sample(
                chance.normal(1.0 + shift - hardness[hits]),
                hits,
                chance.normal(0.0, 1.0, len(false)),
                false,
                lesions,
                np.ones(participants, dtype=np.int64),
                "step",
            )
        )
    return pair[0], pair[1]


def p_at(rate: float, first: Sample, second: Sample, *, count: int, exchange: Exchange = "ranks") -> float:
    found, permuted = permuted_differences(first, second, (rate,), count=count, seed=0, exchange=exchange)
    return p_value(float(found[0]), permuted[:, 0])


def test_two_participants_by_hand() -> None:
    # The first method hits both lesions, the second none. Of four exchanges two give a difference of 1 or -1, two of 0.
    first, second = sample([(0.9, 0), (0.8, 1)], [], [1, 1]), sample([], [], [1, 1])
    found, permuted = permuted_differences(first, second, (1.0,), count=4000, seed=0)
    assert found.tolist() == [1.0]
    assert set(permuted[:, 0].tolist()) == {-1.0, 0.0, 1.0}
    assert p_value(1.0, permuted[:, 0]) == pytest.approx(0.5, abs=0.04)  # five standard deviations


def test_p_adds_one_and_is_two_sided() -> None:
    permuted = np.asarray([0.5, -0.5, 0.4, 0.0])
    assert p_value(0.5, permuted) == 3 / 5
    assert p_value(-0.5, permuted) == 3 / 5
    assert p_value(0.6, permuted) == 1 / 5
    assert p_value(0.0, permuted) == 1.0


def test_p_counts_differences_that_differ_by_rounding_only() -> None:
    assert p_value(0.3, np.asarray([0.1 + 0.2, 0.3 - 1e-16])) == 1.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("exchange", ["ranks", "scores"])
def test_sampled_permutations_agree_with_all_of_them(seed: int, exchange: Exchange) -> None:
    first, second = random_pair(seed, 6, better=0.5)
    count = 3000
    scored = (as_ranks(first), as_ranks(second)) if exchange == "ranks" else (first, second)
    for column, rate in enumerate(RATES):
        exact = np.asarray(every_difference(*scored, rate))
        found, permuted = permuted_differences(first, second, RATES, count=count, seed=seed, exchange=exchange)
        assert found[column] == pytest.approx(exact[0])
        values = np.round(permuted[:, column], 9)
        assert set(values.tolist()) <= set(np.round(exact, 9).tolist())
        exact_p = float(np.mean(np.abs(exact) >= abs(exact[0]) - 1e-9))
        bound = 5 * np.sqrt(exact_p * (1 - exact_p) / count) + 1 / count
        assert p_value(float(found[column]), permuted[:, column]) == pytest.approx(exact_p, abs=bound)


@pytest.mark.parametrize("exchange", ["ranks", "scores"])
def test_equal_methods_are_rejected_about_as_often_as_the_level_says(exchange: Exchange) -> None:
    p_values = []
    for seed in range(400):
        first, second = random_pair(seed, 20)
        p_values.append(p_at(1.0, first, second, count=199, exchange=exchange))
    rejected = np.asarray([np.mean(np.asarray(p_values) <= level) for level in (0.05, 0.2, 0.5)])
    # Binomial of 400: standard deviations 0.011, 0.020, 0.025; three of each above. Ties make p large: less below.
    assert np.all(rejected <= [0.083, 0.26, 0.575])
    assert np.all(rejected >= [0.015, 0.12, 0.35])


def test_a_much_better_method_is_found() -> None:
    p_values = [p_at(1.0, *random_pair(seed, 80, better=3.0), count=199) for seed in range(40)]
    assert np.mean(np.asarray(p_values) <= 0.05) > 0.8


events = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), st.integers(0, 3)), max_size=20)


@given(events, events, st.sampled_from(["step", "linear"]), st.floats(0, 8))
@settings(max_examples=200, deadline=None)
def test_ranks_leave_the_curve_as_it_is(hits: Events, false: Events, interpolation: str, rate: float) -> None:
    lesions = np.bincount([owner for _, owner in hits], minlength=4) + 1
    found = replace(
        sample(hits, false, lesions.tolist()), interpolation="linear" if interpolation == "linear" else "step"
    )
    assert curve(as_ranks(found)).sensitivity_at(rate) == curve(found).sensitivity_at(rate)


@given(events, events, events, events)
@settings(max_examples=40, deadline=None)
def test_the_scale_of_the_scores_does_not_matter(a: Events, b: Events, c: Events, d: Events) -> None:
    counts = [np.bincount([owner for _, owner in hits], minlength=4) for hits in (a, c)]
    lesions = (np.maximum(*counts) + 1).tolist()
    first, second = sample(a, b, lesions), sample(c, d, lesions)
    scaled = replace(
        second, lesion_scores=np.exp(9 * second.lesion_scores), false_scores=np.exp(9 * second.false_scores)
    )
    expected = permuted_differences(first, second, RATES, count=70, seed=1)
    found = permuted_differences(first, scaled, RATES, count=70, seed=1)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


@given(events, events, events, events)
@settings(max_examples=40, deadline=None)
def test_the_other_way_round_the_difference_changes_its_sign_and_p_stays(
    a: Events, b: Events, c: Events, d: Events
) -> None:
    counts = [np.bincount([owner for _, owner in hits], minlength=4) for hits in (a, c)]
    lesions = (np.maximum(*counts) + 1).tolist()
    first, second = sample(a, b, lesions), sample(c, d, lesions)
    found, permuted = permuted_differences(first, second, RATES, count=70, seed=1)
    back, permuted_back = permuted_differences(second, first, RATES, count=70, seed=1)
    assert np.array_equal(found, -back)
    assert np.array_equal(permuted, -permuted_back)


def test_holm_by_hand() -> None:
    # 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 but not below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(one >= p for one, p in zip(corrected, p_values, strict=True))
    by_p = sorted(zip(p_values, corrected, strict=True))
    assert [one for _, one in by_p] == sorted(corrected)


EXAMS = [f"e{number:02d}" for number in range(24)]
PARTICIPANTS = {exam: f"p{number // 2}" for number, exam in enumerate(EXAMS)}
LESIONS = [Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=8.0) for exam in EXAMS[:18]]


def marks(seed: int, hit_count: int) -> list[Mark]:
    chance = np.random.default_rng(seed)
    hits = [Mark(exam, (1.0, 0.0, 0.0), float(chance.normal(2.0))) for exam in EXAMS[:hit_count]]
    return hits + [Mark(exam, (99.0, 0.0, 0.0), float(chance.normal())) for exam in EXAMS for _ in range(6)]


def assessment(seed: int = 0, hit_count: int = 16) -> Assessment:
    return assess(
        LESIONS, marks(seed, hit_count), EXAMS, hit=WithinDistance(5), participants=PARTICIPANTS, bootstraps=0
    )


@pytest.fixture(scope="module")
def three() -> Comparison:
    methods = {"good": assessment(0, 17), "fair": assessment(1, 14), "poor": assessment(2, 4)}
    return compare(methods, rates=(1.0,), bootstraps=300, permutations=999)


def test_values_and_differences_are_those_of_the_assessments(three: Comparison) -> None:
    good, poor = assessment(0, 17), assessment(2, 4)
    assert good.cpm is not None
    assert poor.cpm is not None
    row = next(row for row in three.rows() if (row["first"], row["second"]) == ("good", "poor"))
    assert row["endpoint"] == "CPM"
    assert (row["first_value"], row["second_value"]) == (good.cpm, poor.cpm)
    assert row["difference"] == good.cpm - poor.cpm
    assert row["low"] < row["difference"] < row["high"]
    assert [(row["method"], row["endpoint"]) for row in three.value_rows()] == [
        (name, endpoint)
        for name in ("good", "fair", "poor")
        for endpoint in ("CPM", "sensitivity at 1 false positives an exam")
    ]


def test_each_pair_and_endpoint_is_compared_and_corrected_for_all(three: Comparison) -> None:
    pairs = [(one.first, one.second) for one in three.differences]
    assert pairs == [pair for pair in (("good", "fair"), ("good", "poor"), ("fair", "poor")) for _ in range(2)]
    assert [one.holm_p_value for one in three.differences] == list(holm([one.p_value for one in three.differences]))
    assert all(one.p_value < 0.02 for one in three.differences if (one.first, one.second) == ("good", "poor"))
    assert three.choices["correction"] == "Holm, for 6 differences"
    assert (three.exam_count, three.participant_count, three.lesion_count) == (24, 12, 18)


def test_a_reference_is_what_all_others_are_held_against() -> None:
    methods = {"a": assessment(0), "b": assessment(1), "c": assessment(2)}
    found = compare(methods, rates=(), reference="b", bootstraps=0, permutations=10)
    assert [(one.first, one.second) for one in found.differences] == [("a", "b"), ("c", "b")]
    assert all(row["low"] is row["high"] is None for row in (*found.value_rows(), *found.rows()))
    assert found.choices["confidence"] == "none"


def test_a_method_does_not_differ_from_itself() -> None:
    found = compare({"a": assessment(), "b": assessment()}, bootstraps=100, permutations=100, interval="bca")
    for one in found.differences:
        assert (one.difference, one.p_value, one.holm_p_value) == (0.0, 1.0, 1.0)
        assert one.interval is not None
        assert (one.interval.low, one.interval.high) == (0.0, 0.0)


def test_draws_are_paired() -> None:
    first, second = assessment(0, 17).sample, assessment(1, 14).sample
    one, two = (draw(found, CPM_RATES, count=150, seed=3) for found in (first, second))
    paired = one.minus(two)
    assert np.array_equal(paired.sensitivity, one.sensitivity - two.sensitivity)
    # Participants with no lesion to find are the same in both: a draw's lesions are common to both methods.
    unpaired = one.sensitivity - np.roll(two.sensitivity, 1, axis=0)
    assert paired.sensitivity.std() < unpaired.std()


def test_seeds_and_workers() -> None:
    methods = {"a": assessment(0), "b": assessment(1, 12)}

    def compared(seed: int, executor: ThreadPoolExecutor | None = None) -> Comparison:
        return compare(methods, bootstraps=200, permutations=300, seed=seed, executor=executor, interval="bca")

    expected = compared(4)
    assert compared(4) == expected
    assert compared(5) != expected
    for workers in (1, 2, 3):
        with ThreadPoolExecutor(workers) as executor:
            assert compared(4, executor) == expected


def test_the_order_of_exams_and_lesions_does_not_matter() -> None:
    other = assess(
        LESIONS[::-1],
        marks(1, 12)[::-1],
        EXAMS[::-1],
        hit=WithinDistance(5),
        participants=PARTICIPANTS,
        bootstraps=0,
    )
    assert why_not_comparable(assessment(), other, ("a", "b")) == ()
    expected = compare({"a": assessment(), "b": assessment(1, 12)}, bootstraps=100, permutations=100)
    assert compare({"a": assessment(), "b": other}, bootstraps=100, permutations=100) == expected


def test_what_differs_is_said() -> None:
    first = assessment()
    moved = [replace(LESIONS[0], position_mm=(3.0, 0.0, 0.0)), *LESIONS[1:]]
    other_participants = PARTICIPANTS | {"e00": "p9"}
    counted = Policy(redundant="false-positive")
    cases = [
        (
            [*LESIONS, Lesion("e99", "1", (0.0, 0.0, 0.0))],
            [*EXAMS, "e99"],
            PARTICIPANTS | {"e99": "p99"},
            5,
            None,
            "exams: 1 only in 'b', as 'e99'",
        ),
        (LESIONS[:-2], EXAMS, PARTICIPANTS, 5, None, "lesions: 2 only in 'a', as 'lesion of 8 mm at (0, 0, 0) in e16'"),
        (moved, EXAMS, PARTICIPANTS, 5, None, "1 only in 'b', as 'lesion of 8 mm at (3, 0, 0) in e00'"),
        (LESIONS, EXAMS, other_participants, 5, None, "as 'e00': 'p0' in 'a', 'p9' in 'b'"),
        (LESIONS, EXAMS, PARTICIPANTS, 6, None, 'hit criterion: "within 5 mm'),
        (LESIONS, EXAMS, PARTICIPANTS, 5, counted, "further marks on a hit lesion: 'neither"),
    ]
    for lesions, exams, participants, mm, policy, expected in cases:
        second = assess(
            lesions,
            marks(0, 12),
            exams,
            hit=WithinDistance(mm),
            participants=participants,
            bootstraps=0,
            policy=policy,
        )
        reasons = why_not_comparable(first, second, ("a", "b"))
        assert len(reasons) == 1, reasons
        assert expected in reasons[0]
        with pytest.raises(AssessmentError, match="'a' and 'b' cannot be compared, as they differ in") as error:
            compare({"a": first, "b": second})
        assert expected in str(error.value)


def test_excluded_findings_and_unknown_sizes_are_told_apart() -> None:
    without_size = [replace(LESIONS[0], diameter_mm=None), *LESIONS[1:]]
    excluded = [replace(LESIONS[0], is_excluded=True), *LESIONS[1:]]
    one, two = (assess(lesions, [], EXAMS, hit=WithinDistance(5), bootstraps=0) for lesions in (without_size, excluded))
    (reason,) = why_not_comparable(one, two, ("a", "b"))
    assert "lesion of unknown size" in reason
    assert "excluded finding of 8 mm" in reason
    assert why_not_comparable(one, one, ("a", "a")) == ()


def test_too_few_methods_and_an_unknown_reference_are_refused() -> None:
    with pytest.raises(AssessmentError, match="found 1 method"):
        compare({"a": assessment()})
    with pytest.raises(AssessmentError, match="reference 'c': expected one of the methods 'a', 'b'"):
        compare({"a": assessment(), "b": assessment()}, reference="c")


def test_without_lesions_there_is_nothing_to_compare() -> None:
    empty = assess([], [], EXAMS, hit=WithinDistance(5))
    with pytest.raises(AssessmentError, match="no lesions"):
        compare({"a": empty, "b": empty})


@pytest.mark.parametrize("wrong", [{"permutations": 0}, {"bootstraps": -1}, {"confidence": 1.0}, {"exchange": "marks"}])
def test_impossible_settings_are_a_programmers_mistake(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        compare({"a": assessment(), "b": assessment()}, **wrong)  # type: ignore[arg-type]


def test_the_result_is_json_and_html(three: Comparison) -> None:
    content = json.loads(json.dumps(three.to_json(), allow_nan=False))
    assert content["counts"] == {"exams": 24, "participants": 12, "lesions": 18}
    assert len(content["differences"]) == 6
    methods = {"<b>": assessment(0), "b": assessment(1)}
    page = compare(methods, bootstraps=0, permutations=9)._repr_html_()
    assert "&lt;b&gt; − b" in page
    assert "<b>" not in page
