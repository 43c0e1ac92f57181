"""Bootstrap of a FROC curve over participants.

Participants, not marks or exams, are drawn: marks of one participant are not independent. Every participant can be
drawn, those without lesions or marks too. Draws are made in blocks, each with a random stream of its own, so that
threads, processes or machines can share the blocks and the numbers stay the same.

References
----------
Efron and Tibshirani 1993, An Introduction to the Bootstrap; Salmon et al. 2011, doi 10.1145/2063384.2063405 (Philox, a
counter-based generator).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.froc import CPM_RATES
from hilum.assess.intervals import Interval, IntervalMethod, bca_interval, percentile_interval
from hilum.assess.weighted import WeightedCurve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from hilum.assess.sample import Sample

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

BLOCK_DRAWS = 64
"""Draws of a block. Part of what a seed means: another size gives other draws."""

BOOTSTRAP_STREAM, PERMUTATION_STREAM = 0, 1
"""First number of a block's stream, so that draws and permutations of one seed are independent."""


@dataclass(frozen=True, slots=True)
class Jackknife:
    """The whole sample, and it without each participant: what BCa intervals need besides the draws.

    Attributes
    ----------
    whole
        ``(rates,)`` sensitivity of the sample.
    without
        ``(participants, rates)`` sensitivity without each participant; NaN where no lesion is left.
    """

    whole: Floats
    without: Floats


@dataclass(frozen=True, slots=True)
class Draws:
    """Sensitivities of the draws.

    Attributes
    ----------
    rates
        False positives an exam.
    sensitivity
        ``(used draws, rates)``.
    count, seed
        Draws made, and what they were seeded with.
    jackknife
        Given, intervals are BCa; None: percentile.
    """

    rates: tuple[float, ...]
    sensitivity: Floats
    count: int
    seed: int
    jackknife: Jackknife | None = None

    @property
    def unused_count(self) -> int:
        """Draws without any lesion, which have no sensitivity."""
        return self.count - len(self.sensitivity)

    @property
    def method(self) -> IntervalMethod:
        """How intervals are made of the draws."""
        return "bca" if self.jackknife else "percentile"

    def intervals(self, confidence: float) -> list[Interval | None]:
        """Interval of the sensitivity at each rate; None where no draw had a lesion."""
        return [self.mean_interval([rate], confidence) for rate in self.rates]

    def cpm_interval(self, confidence: float) -> Interval | None:
        """Interval of the mean sensitivity at `CPM_RATES`, which must be among the rates."""
        return self.mean_interval(CPM_RATES, confidence)

    def mean_interval(self, rates: Sequence[float], confidence: float) -> Interval | None:
        """Interval of the mean sensitivity at some of the rates; None where no draw had a lesion."""
        columns = [self.rates.index(rate) for rate in rates]
        draws = self.sensitivity[:, columns].mean(axis=1)
        if self.jackknife is None:
            return percentile_interval(draws, confidence)
        whole, without = self.jackknife.whole[columns].mean(), self.jackknife.without[:, columns].mean(axis=1)
        return bca_interval(draws, float(whole), without, confidence)

    def minus(self, other: Draws) -> Draws:
        """Differences, draw by draw.

        Both must be of one seed, and of the same participants with the same lesions: then each draw of one has the
        participants of the other's.
        """
        one, two = self.jackknife, other.jackknife
        jackknife = Jackknife(one.whole - two.whole, one.without - two.without) if one and two else None
        return Draws(self.rates, self.sensitivity - other.sensitivity, self.count, self.seed, jackknife)


def draw(
    sample: Sample,
    rates: Sequence[float],
    *,
    count: int,
    seed: int,
    method: IntervalMethod = "percentile",
    executor: Executor | None = None,
) -> Draws:
    """Draw participants with replacement, as many as there are, `count` times, and read each draw's curve.

    Parameters
    ----------
    rates
        False positives an exam, at least 0.
    count
        Number of draws, at least 1.
    seed
        Equal seeds give equal draws, on any machine; the first draws of more are those of fewer.
    method
        How intervals are to be made of the draws.
    executor
        Shares the work among threads or processes; changes no number. None: here.
    """
    curve = WeightedCurve(sample, rates)
    found = np.concatenate(map_blocks(partial(_draw_block, curve, seed), count, BLOCK_DRAWS, executor))
    used = found[~np.isnan(found).any(axis=1)]
    jackknife = jackknife_of(curve, executor) if method == "bca" else None
    return Draws(tuple(rates), used, count, seed, jackknife)


def jackknife_of(curve: WeightedCurve, executor: Executor | None = None) -> Jackknife:
    """Sensitivity of the whole sample and without each participant."""
    count = curve.participant_count
    whole = curve.sensitivity(np.ones((1, count), dtype=np.int64))[0]
    return Jackknife(whole, np.concatenate(map_blocks(partial(_leave_out_block, curve), count, BLOCK_DRAWS, executor)))


def map_blocks(
    function: Callable[[range], Floats], count: int, size: int, executor: Executor | None = None
) -> list[Floats]:
    """Results of `function` for ranges of at most `size` that make up ``range(count)``, in their order."""
    blocks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    return list(executor.map(function, blocks) if executor else map(function, blocks))


def random_words(seed: int, purpose: int, block: int, count: int) -> NDArray[np.uint64]:
    """64-bit words of a block's own stream.

    They come raw from the bit generator: unlike the distributions of numpy, raw words never change between its
    versions.
    """
    return np.random.Philox(np.random.SeedSequence(seed, spawn_key=(purpose, block))).random_raw(count)


def draw_weights(seed: int, draws: range, participants: int) -> Integers:
    """``(draws, participants)`` how often each participant is drawn, in draws of one block."""
    words = random_words(seed, BOOTSTRAP_STREAM, draws.start // BLOCK_DRAWS, len(draws) * participants)
    # The upper 32 bits, scaled: a participant's probability is off by less than 2 ** -32.
    rows = ((words >> np.uint64(32)) * np.uint64(participants) >> np.uint64(32)).astype(np.int64)
    rows += np.repeat(np.arange(len(draws)) * participants, participants)
    return np.bincount(rows, minlength=len(draws) * participants).reshape(len(draws), participants).astype(np.int64)


def _draw_block(curve: WeightedCurve, seed: int, draws: range) -> Floats:
    return curve.sensitivity(draw_weights(seed, draws, curve.participant_count))


def _leave_out_block(curve: WeightedCurve, left_out: range) -> Floats:
    weights = np.ones((len(left_out), curve.participant_count), dtype=np.int64)
    weights[np.arange(len(left_out)), np.asarray(left_out)] = 0
    return curve.sensitivity(weights)
