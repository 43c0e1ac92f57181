"""Draws of participants and their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.assess.bootstrap import Draws, draw, draw_weights
from hilum.assess.froc import CPM_RATES, Froc
from hilum.assess.intervals import Interval
from hilum.assess.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.policy import Interpolation


def sample(
    hits: Sequence[tuple[float, int]],
    false: Sequence[tuple[float, int]],
    lesions: Sequence[int],
    exams: Sequence[int],
    interpolation: Interpolation = "step",
) -> Sample:
    """Hits and false positives as (score, participant)."""
    return Sample(
        np.asarray([score for score, _ in hits], dtype=np.float64),
        np.asarray([owner for _, owner in hits], dtype=np.intp),
        np.asarray([score for score, _ in false], dtype=np.float64),
        np.asarray([owner for _, owner in false], dtype=np.intp),
        np.asarray(lesions, dtype=np.int64),
        np.asarray(exams, dtype=np.int64),
        interpolation,
    )


def repeated(found: Sample, weights: Sequence[int]) -> Froc:
    """The curve of a draw, made by writing every participant out as often as it was drawn."""
    times = np.asarray(weights)
    return Froc.of_scores(
        np.repeat(found.lesion_scores, times[found.lesion_participants]),
        np.repeat(found.false_scores, times[found.false_participants]),
        lesion_count=int(times @ found.lesions),
        exam_count=int(times @ found.exams),
        interpolation=found.interpolation,
    )


@pytest.mark.parametrize("interpolation", ["step", "linear"])
def test_each_draw_is_the_curve_of_its_participants_written_out(interpolation: Interpolation) -> None:
    chance = np.random.default_rng(1)
    scores = [0.1, 0.2, 0.3, 0.4, 0.5]
    hits = [(float(chance.choice(scores)), int(owner)) for owner in chance.integers(0, 6, 15)]
    false = [(float(chance.choice(scores)), int(owner)) for owner in chance.integers(0, 6, 60)]
    lesions = np.bincount([owner for _, owner in hits], minlength=6) + 1
    found = sample(hits, false, lesions.tolist(), [2, 1, 1, 3, 1, 2], interpolation)
    rates = (0.125, 0.5, 1.0, 2.0, 3.3, 8.0)
    draws = draw(found, rates, count=50, seed=4)
    for row, weights in zip(draws.sensitivity, draw_weights(4, range(50), 6), strict=True):
        curve = repeated(found, weights.tolist())
        assert row == pytest.approx([curve.sensitivity_at(rate) for rate in rates], abs=1e-12)


def test_every_participant_is_drawn() -> None:
    # Only the last participant has a lesion: a bootstrap that never draws it would leave every draw unused.
    found = sample([(0.9, 3)], [], lesions=[0, 0, 0, 1], exams=[1, 1, 1, 1])
    draws = draw(found, (1.0,), count=400, seed=0)
    share = len(draws.sensitivity) / draws.count
    assert share == pytest.approx(1 - 0.75**4, abs=0.08)


def test_draws_without_lesions_are_left_out_and_counted() -> None:
    found = sample([(0.9, 0)], [(0.5, 1)], lesions=[1, 0], exams=[1, 1])
    draws = draw(found, CPM_RATES, count=200, seed=0)
    assert 0 < draws.unused_count < 200
    assert np.all(np.isfinite(draws.sensitivity))
    assert draws.cpm_interval(0.95) is not None


def test_without_any_lesion_there_is_no_interval() -> None:
    draws = draw(sample([], [(0.5, 0)], lesions=[0], exams=[1]), CPM_RATES, count=10, seed=0)
    assert draws.intervals(0.95) == [None] * len(CPM_RATES)
    assert draws.cpm_interval(0.95) is None


def test_one_participant_gives_an_interval_of_no_width() -> None:
    draws = draw(sample([(0.9, 0)], [], lesions=[2], exams=[1]), CPM_RATES, count=20, seed=0)
    assert draws.cpm_interval(0.95) == Interval(0.5, 0.5)


def test_equal_seeds_give_equal_draws_and_others_others() -> None:
    found = sample([(0.9, 0), (0.8, 1), (0.7, 2)], [(0.85, 1)], lesions=[2, 1, 1], exams=[1, 1, 1])
    first, again, other = (draw(found, (0.125, 1.0), count=50, seed=seed).sensitivity for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_interval_is_that_of_the_percentiles() -> None:
    values = np.arange(101.0).reshape(-1, 1) / 100
    (interval,) = Draws((1.0,), values, 101, 0).intervals(0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.05, 0.95))
