"""Intervals: hand-worked, against published figures and SciPy; draws that do not depend on who works them."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.assess import Assessment, WithinDistance, assess, weighted
from hilum.assess.bootstrap import BLOCK_DRAWS, draw, draw_weights, jackknife_of, random_words
from hilum.assess.froc import CPM_RATES, Froc
from hilum.assess.intervals import Interval, acceleration_of, bca_interval, bias_correction, percentile_interval
from hilum.assess.sample import Sample
from hilum.assess.weighted import WeightedCurve
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.assess.intervals import IntervalMethod

SPATIAL_TEST = np.asarray(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41], float
)
"""Test A of Efron and Tibshirani 1993, table 14.1; variance 171.5, acceleration 0.061 (section 14.3)."""

RATES = (0.0, 0.3, 1.0, 4.0)


def without_each(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    return [float(np.delete(values, row).var()) for row in range(len(values))]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    participants = draw(st.integers(1, 6))
    event = st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), st.integers(0, participants - 1))
    hits, false = draw(st.lists(event, max_size=10)), draw(st.lists(event, max_size=30))
    missed = draw(st.lists(st.integers(0, 2), min_size=participants, max_size=participants))
    owners = np.asarray([owner for _, owner in hits], dtype=np.intp)
    return Sample(
        np.asarray([score for score, _ in hits], dtype=np.float64),
        owners,
        np.asarray([score for score, _ in false], dtype=np.float64),
        np.asarray([owner for _, owner in false], dtype=np.intp),
        np.bincount(owners, minlength=participants) + np.asarray(missed, dtype=np.int64),
        np.asarray(draw(st.lists(st.integers(1, 3), min_size=participants, max_size=participants)), dtype=np.int64),
        draw(st.sampled_from(["step", "linear"])),
    )


def written_out(sample: Sample, weights: list[int]) -> list[float]:
    """Sensitivity at `RATES` of a sample in which each participant is repeated."""
    times = np.asarray(weights)
    curve = Froc.of_scores(
        np.repeat(sample.lesion_scores, times[sample.lesion_participants]),
        np.repeat(sample.false_scores, times[sample.false_participants]),
        lesion_count=int(times @ sample.lesions),
        exam_count=max(int(times @ sample.exams), 1),
        interpolation=sample.interpolation,
    )
    return [np.nan if (found := curve.sensitivity_at(rate)) is None else found for rate in RATES]


def test_percentile_interval_cuts_equal_parts_off() -> None:
    interval = percentile_interval(np.arange(101.0), 0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((5.0, 95.0))
    assert percentile_interval(np.empty(0), 0.9) is None


def test_acceleration_of_the_published_example() -> None:
    assert SPATIAL_TEST.var() == pytest.approx(171.5, abs=0.05)
    assert acceleration_of(np.asarray(without_each(SPATIAL_TEST))) == pytest.approx(0.061, abs=0.0005)


def test_acceleration_by_hand() -> None:
    # Without each: 1, 1, 4; mean 2; deviations 1, 1, -2: (1 + 1 - 8) / (6 * (1 + 1 + 4) ** 1.5).
    assert acceleration_of(np.asarray([1.0, 1.0, np.nan, 4.0])) == pytest.approx(-6 / (6 * 6**1.5))
    assert acceleration_of(np.asarray([2.0, 2.0])) == 0.0
    assert acceleration_of(np.asarray([np.nan])) == 0.0


def test_bias_correction_by_hand() -> None:
    # One below, two equal of four: 2 of 4 count as below, so there is no bias.
    assert bias_correction(np.asarray([1.0, 2.0, 2.0, 3.0]), 2.0) == pytest.approx(0.0)
    # 3 of 4 below: the 0.75 quantile of the normal distribution.
    assert bias_correction(np.asarray([1.0, 1.0, 1.0, 3.0]), 2.0) == pytest.approx(0.6744898)
    # All below: as 7 of 8.
    assert bias_correction(np.asarray([1.0, 1.0, 1.0, 1.0]), 2.0) == pytest.approx(1.1503494)


def test_bca_equals_scipy_on_its_own_draws() -> None:
    from scipy.stats import bootstrap

    found = bootstrap((SPATIAL_TEST,), np.var, method="BCa", n_resamples=999, rng=np.random.default_rng(1))
    interval = bca_interval(
        found.bootstrap_distribution, float(SPATIAL_TEST.var()), np.asarray(without_each(SPATIAL_TEST)), 0.95
    )
    assert interval is not None
    # SciPy takes the quantile of the draws in the same way; levels agree to rounding.
    assert (interval.low, interval.high) == pytest.approx(tuple(found.confidence_interval), rel=1e-6)


def test_without_bias_and_skewness_bca_is_the_percentile_interval() -> None:
    draws = np.arange(-50.0, 51.0)
    interval = bca_interval(draws, 0.0, np.asarray([-1.0, 1.0]), 0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((-45.0, 45.0))


def test_bca_beyond_the_pole_is_the_last_draw() -> None:
    draws = np.arange(10.0)
    interval = bca_interval(draws, 9.0, np.asarray([0.0] * 40 + [-100.0]), 0.999)
    assert interval is not None
    assert interval.high == 9.0
    assert 0.0 <= interval.low <= 9.0


@given(samples(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_weighting_is_its_participants_written_out(sample: Sample, data: st.DataObject) -> None:
    count = len(sample.exams)
    row = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    weights = data.draw(st.lists(row, min_size=1, max_size=4))
    found = WeightedCurve(sample, RATES).sensitivity(np.asarray(weights, dtype=np.int64))
    for values, one in zip(found, weights, strict=True):
        assert values.tolist() == pytest.approx(written_out(sample, one), abs=1e-12, nan_ok=True)


@given(samples(), st.data())
@settings(max_examples=100, deadline=None)
def test_looking_at_few_false_positives_first_changes_nothing(sample: Sample, data: st.DataObject) -> None:
    count = len(sample.exams)
    row = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    weights = np.asarray(data.draw(st.lists(row, min_size=1, max_size=4)), dtype=np.int64)
    expected = WeightedCurve(sample, RATES).sensitivity(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted, "LEAST_LENGTH", 1)
        patch.setattr(weighted, "RESERVE", 0.0)
        patch.setattr(weighted, "VALUES_AT_ONCE", 8)
        assert np.array_equal(WeightedCurve(sample, RATES).sensitivity(weights), expected, equal_nan=True)


@given(samples())
@settings(max_examples=60, deadline=None)
def test_the_jackknife_leaves_each_participant_out(sample: Sample) -> None:
    jackknife = jackknife_of(WeightedCurve(sample, RATES))
    count = len(sample.exams)
    assert jackknife.whole.tolist() == pytest.approx(written_out(sample, [1] * count), abs=1e-12, nan_ok=True)
    for row, values in enumerate(jackknife.without):
        weights = [int(other != row) for other in range(count)]
        assert values.tolist() == pytest.approx(written_out(sample, weights), abs=1e-12, nan_ok=True)


def test_a_seed_means_these_draws_on_any_machine() -> None:
    assert random_words(0, 0, 0, 2).tolist() == [14946354705293191919, 10074248136150883599]
    assert draw_weights(7, range(2), 5).tolist() == [[0, 2, 0, 2, 1], [0, 0, 2, 1, 2]]


def test_every_participant_is_drawn_equally_often() -> None:
    weights = np.concatenate(
        [draw_weights(0, range(start, start + BLOCK_DRAWS), 10) for start in range(0, 64 * BLOCK_DRAWS, BLOCK_DRAWS)]
    )
    assert weights.sum(axis=1).tolist() == [10] * len(weights)
    # Binomial: mean 4096, standard deviation 60.7; five of them.
    assert np.all(np.abs(weights.sum(axis=0) - 4096) < 304)


def result(method: IntervalMethod = "percentile", executor: Executor | None = None) -> Assessment:
    chance = np.random.default_rng(3)
    exams = [str(number) for number in range(30)]
    lesions = [Lesion(exam, "1", (0.0, 0.0, 0.0)) for exam in exams[:20]]
    hits = [Mark(exam, (1.0, 0.0, 0.0), float(chance.normal(1))) for exam in exams[:16]]
    false = [Mark(exam, (99.0, 0.0, 0.0), float(chance.normal())) for exam in exams for _ in range(8)]
    return assess(
        lesions,
        hits + false,
        exams,
        hit=WithinDistance(15),
        bootstraps=3 * BLOCK_DRAWS + 5,
        interval=method,
        executor=executor,
    )


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    "open_executor",
    [
        lambda: ThreadPoolExecutor(1),
        lambda: ThreadPoolExecutor(2),
        lambda: ThreadPoolExecutor(3),
        lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    ],
    ids=["1 thread", "2 threads", "3 threads", "2 processes"],
)
def test_any_number_of_workers_gives_the_same_numbers(
    method: IntervalMethod, open_executor: Callable[[], Executor]
) -> None:
    expected = result(method)
    with open_executor() as executor:
        found = result(method, executor)
    assert found.draws is not None
    assert expected.draws is not None
    assert np.array_equal(found.draws.sensitivity, expected.draws.sensitivity)
    assert found.to_json() == expected.to_json()


def test_the_first_draws_of_more_are_those_of_fewer() -> None:
    one = result()
    fewer, more = (draw(one.sample, CPM_RATES, count=count, seed=5).sensitivity for count in (70, 200))
    assert np.array_equal(fewer, more[:70])


def test_the_interval_holds_the_estimate_and_is_named() -> None:
    percentile, bca = result("percentile"), result("bca")
    for one in (percentile, bca):
        assert one.cpm is not None
        assert one.cpm_interval is not None
        assert one.cpm_interval.low < one.cpm < one.cpm_interval.high
    assert percentile.cpm_interval != bca.cpm_interval
    assert "95% percentile interval of 197 draws" in percentile.choices()["confidence"]
    assert "95% BCa (bias-corrected and accelerated, jackknife over participants)" in bca.choices()["confidence"]


def test_one_participant_has_a_bca_interval_of_no_width() -> None:
    owner, one_lesion_of_two, nothing = np.zeros(1, np.intp), np.asarray([2]), np.empty(0)
    sample = Sample(np.asarray([0.9]), owner, nothing, nothing.astype(np.intp), one_lesion_of_two, owner + 1, "step")
    draws = draw(sample, CPM_RATES, count=20, seed=0, method="bca")
    assert draws.cpm_interval(0.95) == Interval(0.5, 0.5)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of percentile, bca"):
        assess([], [], ["a"], hit=WithinDistance(15), interval="student")  # type: ignore[arg-type]
