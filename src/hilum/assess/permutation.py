"""Permutation test of two methods on the same participants, and Holm's correction.

If two methods are equally good, it does not matter which of them a participant's marks come from: exchanging them for
some participants gives differences as likely as the one that was found.

References
----------
Bandos, Rockette and Gur 2005, doi 10.1002/sim.2149 (exchange of ranks, for ROC areas); Phipson and Smyth 2010,
doi 10.2202/1544-6115.1585 (one is added, so that p is never 0); Holm 1979, Scandinavian Journal of Statistics 6, 65.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from hilum.assess.bootstrap import BLOCK_DRAWS, PERMUTATION_STREAM, map_blocks, random_words
from hilum.assess.sample import Sample
from hilum.assess.weighted import WeightedCurve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Exchange = Literal["ranks", "scores"]

EXCHANGE_WORDS: dict[Exchange, str] = {
    "ranks": "the rank of a score among its method's false positives, so that scales need not agree",
    "scores": "scores as they are; the methods must score on one scale",
}
"""How results name what is exchanged."""

ROUNDING = 1e-9
"""Differences this near count as equal: sensitivities are fractions of counts, worked in 64-bit floats."""


def as_ranks(sample: Sample) -> Sample:
    """The sample with each score replaced by minus twice its mid-rank among the false positives.

    The curve is the same: a lesion keeps its place between the false positives, ties stay ties. But the scores of two
    methods are now on one scale, false positives in all exams.
    """
    ascending = np.sort(sample.false_scores)
    return replace(
        sample,
        lesion_scores=_twice_rank(ascending, sample.lesion_scores),
        false_scores=_twice_rank(ascending, sample.false_scores),
    )


def permuted_differences(
    first: Sample,
    second: Sample,
    rates: Sequence[float],
    *,
    count: int,
    seed: int,
    exchange: Exchange = "ranks",
    executor: Executor | None = None,
) -> tuple[Floats, Floats]:
    """Difference of the sensitivities of two methods, and what it is after exchanging them at random.

    Parameters
    ----------
    first, second
        The methods; participants, lesions and exams must be the same.
    rates
        False positives an exam.
    count
        Number of permutations. In each, every participant's marks are exchanged with probability 1/2.
    seed
        Equal seeds give equal permutations, on any machine.
    exchange
        What is exchanged.
    executor
        Shares the work among threads or processes; changes no number.

    Returns
    -------
    ``(rates,)`` first minus second, and ``(count, rates)`` the same of each permutation; NaN without lesions.
    """
    if exchange == "ranks":
        first, second = as_ranks(first), as_ranks(second)
    curve = WeightedCurve(_side_by_side(first, second), rates)
    found = _differences(curve, np.zeros((1, len(first.exams)), dtype=np.bool_))[0]
    blocks = map_blocks(partial(_permute_block, curve, seed), count, BLOCK_DRAWS, executor)
    return found, np.concatenate(blocks)


def p_value(found: float, permuted: Floats) -> float:
    """Two-sided p: the part of the permutations, the found one with them, that are at least as extreme."""
    extreme = int(np.sum(np.abs(permuted) >= abs(found) - ROUNDING))
    return (1 + extreme) / (1 + len(permuted))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P values corrected for their number, in the order given: each as the least level at which Holm rejects it."""
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return tuple(corrected)


def _twice_rank(ascending: Floats, scores: Floats) -> Floats:
    above = len(ascending) - np.searchsorted(ascending, scores, side="right")
    at_least = len(ascending) - np.searchsorted(ascending, scores, side="left")
    return -(above + at_least + 1).astype(np.float64)


def _side_by_side(first: Sample, second: Sample) -> Sample:
    """Both methods as one sample: each participant stands in it twice, with the marks of the first and the second."""
    count = len(first.exams)
    return Sample(
        np.concatenate((first.lesion_scores, second.lesion_scores)),
        np.concatenate((first.lesion_participants, second.lesion_participants + count)),
        np.concatenate((first.false_scores, second.false_scores)),
        np.concatenate((first.false_participants, second.false_participants + count)),
        np.tile(first.lesions, 2),
        np.tile(first.exams, 2),
        first.interpolation,
    )


def _permute_block(curve: WeightedCurve, seed: int, permutations: range) -> Floats:
    participants = curve.participant_count // 2
    block = permutations.start // BLOCK_DRAWS
    words = random_words(seed, PERMUTATION_STREAM, block, len(permutations) * participants)
    return _differences(curve, (words >> np.uint64(63)).astype(np.bool_).reshape(len(permutations), participants))


def _differences(curve: WeightedCurve, is_exchanged: Flags) -> Floats:
    """``(n, rates)`` first minus second where some participants are exchanged, ``(n, participants)``."""
    first = np.concatenate((~is_exchanged, is_exchanged), axis=1).astype(np.int64)
    return curve.sensitivity(first) - curve.sensitivity(1 - first)
