"""FROC curves of a sample in which each participant counts a whole number of times, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.froc import exact_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.sample import Sample

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Rows = NDArray[np.intp]

MOST_RATE = 1 << 20
"""Denominators of rates are limited to it, so that counts times rates stay exact in 64 bits."""

VALUES_AT_ONCE = 1 << 18
"""Running sums held at once, 2 MB, as a processor's cache: as many weightings are read together as fit."""

RESERVE = 1.25
"""How many times the false positives that a weighting needs on average are looked at first."""

LEAST_LENGTH = 256
"""False positives looked at first, at least: fewer are not faster."""


class WeightedCurve:
    """A sample's curve for any weights of its participants.

    Scores are sorted once. Of the false positives, best first, a weighting needs only those up to the largest rate
    asked for, so that only the first of them are looked at, and more when these turn out to be too few.

    Parameters
    ----------
    rates
        False positives an exam, at least 0.
    """

    def __init__(self, sample: Sample, rates: Sequence[float]) -> None:
        lesion_order = np.argsort(-sample.lesion_scores, kind="stable")
        false_order = np.argsort(-sample.false_scores, kind="stable")
        self._lesion_scores = -sample.lesion_scores[lesion_order]
        self._false_scores = -sample.false_scores[false_order]
        self._lesion_participants = sample.lesion_participants[lesion_order]
        self._false_participants = sample.false_participants[false_order]
        self._lesions, self._exams = sample.lesions, sample.exams
        self._is_linear = sample.interpolation == "linear"
        exact = [exact_rate(rate).limit_denominator(MOST_RATE) for rate in rates]
        self._numerators = np.asarray([rate.numerator for rate in exact], dtype=np.int64)
        self._denominators = np.asarray([rate.denominator for rate in exact], dtype=np.int64)

    @property
    def participant_count(self) -> int:
        """How many participants a weighting has."""
        return len(self._lesions)

    def sensitivity(self, weights: Integers) -> Floats:
        """Sensitivity of each weighting at each rate.

        Parameters
        ----------
        weights
            ``(n, participants)`` how often each participant counts.

        Returns
        -------
        ``(n, rates)``; NaN for a weighting without any lesion.
        """
        lesions = weights @ self._lesions
        found = np.full((len(weights), len(self._numerators)), np.nan)
        pending = np.nonzero(lesions)[0]
        length = self._first_length()
        while len(pending):
            step = max(1, VALUES_AT_ONCE // (length + 1))
            too_short = []
            for start in range(0, len(pending), step):
                rows = pending[start : start + step]
                hit, is_whole = self._hit_lesions(weights[rows], length)
                found[rows] = hit / lesions[rows, None]
                too_short.append(rows[~is_whole])
            pending = np.concatenate(too_short)
            length = min(2 * length, len(self._false_scores))
        return found

    def _first_length(self) -> int:
        """How many false positives to look at first: those a weighting needs on average, and some more."""
        most_rate = float(np.max(self._numerators / self._denominators, initial=0.0))
        length = int(RESERVE * most_rate * int(self._exams.sum())) + LEAST_LENGTH
        return min(length, len(self._false_scores))

    def _hit_lesions(self, weights: Integers, length: int) -> tuple[Floats, Flags]:
        """Lesions hit at each rate, and for which weightings the first `length` false positives suffice to say so."""
        hit = running_sums(weights, self._lesion_participants)
        false = running_sums(weights, self._false_participants[:length])
        allowed = (weights @ self._exams)[:, None] * self._numerators
        # The first false positive that is one too many: no threshold at or below its score is allowed.
        excess = _count_up_to(false[:, 1:], allowed // self._denominators)
        if not length:
            return hit[:, [-1] * len(self._numerators)].astype(np.float64), np.ones(len(weights), dtype=np.bool_)
        is_end = excess == len(self._false_scores)
        score = self._false_scores[np.minimum(excess, length - 1)]
        first, last = (np.searchsorted(self._false_scores, score, side=side) for side in ("left", "right"))
        is_whole = np.all(is_end | ((excess < length) & (last <= length)), axis=1)
        above, at_least = (np.searchsorted(self._lesion_scores, score, side=side) for side in ("left", "right"))
        counts = _at(hit, np.where(is_end, len(self._lesion_scores), above)).astype(np.float64)
        if self._is_linear:
            before, after = _at(false, first), _at(false, np.minimum(last, length))
            part = (allowed / self._denominators - before) / np.maximum(after - before, 1)
            counts += np.where(is_end, 0.0, part * (_at(hit, at_least) - counts))
        return counts, is_whole


def running_sums(weights: Integers, participants: Rows) -> Integers:
    """``(n, m + 1)`` for each weighting, the weight of the first 0, 1, ... m of some events' participants."""
    sums = np.zeros((len(weights), len(participants) + 1), dtype=np.int64)
    np.cumsum(np.take(weights, participants, axis=1), axis=1, out=sums[:, 1:])  # take: 5 x as fast as indexing
    return sums


def _count_up_to(ascending: Integers, limits: Integers) -> Rows:
    """How many values of each row are no larger than each of the row's limits."""
    rows = zip(ascending, limits, strict=True)
    found = [np.searchsorted(values, limit, side="right") for values, limit in rows]
    return np.asarray(found, dtype=np.intp).reshape(limits.shape)


def _at(values: Integers, columns: Rows) -> Integers:
    return np.take_along_axis(values, columns, axis=1)
