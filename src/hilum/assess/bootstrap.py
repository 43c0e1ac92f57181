"""Confidence intervals of a FROC curve: bootstrap over participants.

Participants, not marks or exams, are drawn: marks of one participant are not independent. Every participant can be
drawn, those without lesions or marks too.

References
----------
Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile interval).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.froc import CPM_RATES, exact_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.policy import Interpolation

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Rows = NDArray[np.intp]

MOST_RATE = 1 << 20
"""Denominators of rates are limited to it, so that counts times rates stay exact in 64 bits."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval, both ends sensitivities (or CPMs) between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What is drawn from: the events of the curve, each with its participant.

    Attributes
    ----------
    lesion_scores, lesion_participants
        ``(k,)`` the score at which each hit lesion is hit, and its participant's row.
    false_scores, false_participants
        ``(m,)`` likewise of the false positives.
    lesions, exams
        ``(participants,)`` lesions and exams of each participant.
    interpolation
        As the curve's.
    """

    lesion_scores: Floats
    lesion_participants: Rows
    false_scores: Floats
    false_participants: Rows
    lesions: Integers
    exams: Integers
    interpolation: Interpolation


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
    """

    rates: tuple[float, ...]
    sensitivity: Floats
    count: int
    seed: int

    @property
    def unused_count(self) -> int:
        """Draws without any lesion, which have no sensitivity."""
        return self.count - len(self.sensitivity)

    def intervals(self, confidence: float) -> list[Interval | None]:
        """Interval of the sensitivity at each rate; None where no draw had a lesion."""
        return [_interval(column, confidence) for column in self.sensitivity.T]

    def cpm_interval(self, confidence: float) -> Interval | None:
        """Interval of the mean sensitivity at `CPM_RATES`, which must be among the rates."""
        columns = [self.rates.index(rate) for rate in CPM_RATES]
        return _interval(self.sensitivity[:, columns].mean(axis=1), confidence)


def draw(sample: Sample, rates: Sequence[float], *, count: int, seed: int) -> Draws:
    """Draw participants with replacement, as many as there are, `count` times, and read each draw's curve.

    Parameters
    ----------
    rates
        False positives an exam, at least 0.
    count
        Number of draws, at least 1.
    seed
        Equal seeds give equal draws.
    """
    generator = np.random.default_rng(seed)
    curve = _WeightedCurve(sample, rates)
    participants = len(sample.exams)
    found = []
    for _ in range(count):
        weights = np.bincount(generator.integers(0, participants, participants), minlength=participants)
        sensitivity = curve.sensitivity(weights)
        if sensitivity is not None:
            found.append(sensitivity)
    return Draws(tuple(rates), np.asarray(found, dtype=np.float64).reshape(len(found), len(rates)), count, seed)


class _WeightedCurve:
    """The curve of a sample in which each participant counts a whole number of times.

    Scores are sorted once. For each false positive it is known how many lesions are hit strictly above its score (a
    threshold that keeps it out) and at or above it, and where its run of equal scores begins and ends.
    """

    def __init__(self, sample: Sample, rates: Sequence[float]) -> None:
        lesion_order = np.argsort(-sample.lesion_scores, kind="stable")
        false_order = np.argsort(-sample.false_scores, kind="stable")
        lesion_scores, false_scores = -sample.lesion_scores[lesion_order], -sample.false_scores[false_order]
        self._sample = sample
        self._lesion_participants = sample.lesion_participants[lesion_order]
        self._false_participants = sample.false_participants[false_order]
        self._hit_above = np.searchsorted(lesion_scores, false_scores, side="left")
        self._hit_at_least = np.searchsorted(lesion_scores, false_scores, side="right")
        self._run_start = np.searchsorted(false_scores, false_scores, side="left")
        self._run_end = np.searchsorted(false_scores, false_scores, side="right")
        exact = [exact_rate(rate).limit_denominator(MOST_RATE) for rate in rates]
        self._numerators = np.asarray([rate.numerator for rate in exact], dtype=np.int64)
        self._denominators = np.asarray([rate.denominator for rate in exact], dtype=np.int64)

    def sensitivity(self, weights: Integers) -> Floats | None:
        """Sensitivity at each rate; None if no lesion was drawn."""
        lesion_count = int(weights @ self._sample.lesions)
        if not lesion_count:
            return None
        hit = _running_sum(weights[self._lesion_participants])
        false = _running_sum(weights[self._false_participants])
        allowed = self._numerators * int(weights @ self._sample.exams)
        # The first false positive that is one too many: no threshold at or below its score is allowed.
        excess = np.searchsorted(false[1:], allowed // self._denominators, side="right")
        is_end = excess == len(self._false_participants)
        at = np.where(is_end, 0, excess)
        counts = np.where(is_end, hit[-1], hit[self._pick(self._hit_above, at)]).astype(np.float64)
        if self._sample.interpolation == "linear":
            before, after = false[self._pick(self._run_start, at)], false[self._pick(self._run_end, at)]
            rise = hit[self._pick(self._hit_at_least, at)] - counts
            part = (allowed / self._denominators - before) / np.maximum(after - before, 1)
            counts += np.where(is_end, 0.0, part * rise)
        return counts / lesion_count

    @staticmethod
    def _pick(values: Rows, at: Rows) -> Rows:
        """``values[at]``, zeros where there are no values."""
        return values[at] if len(values) else np.zeros(len(at), dtype=np.intp)


def _running_sum(values: Integers) -> Integers:
    """Sums of the first 0, 1, ... n values."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _interval(values: Floats, confidence: float) -> Interval | None:
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
