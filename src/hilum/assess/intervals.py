"""Confidence intervals from bootstrap draws: percentile, and bias-corrected and accelerated.

References
----------
Efron 1987, doi 10.1080/01621459.1987.10478410 (BCa); Efron and Tibshirani 1993, An Introduction to the Bootstrap,
chapters 13 (percentile) and 14 (BCa, equations 14.9, 14.10, 14.14 and 14.15).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

IntervalMethod = Literal["percentile", "bca"]

METHOD_WORDS: dict[IntervalMethod, str] = {
    "percentile": "percentile",
    "bca": "BCa (bias-corrected and accelerated, jackknife over participants)",
}
"""How results name the methods."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a sensitivity, a CPM, or a difference of two."""

    low: float
    high: float


def percentile_interval(draws: Floats, confidence: float) -> Interval | None:
    """Quantiles of the draws, as much of them cut off on either side.

    Parameters
    ----------
    draws
        ``(n,)`` a draw's value each.
    confidence
        Between 0 and 1.

    Returns
    -------
    None without draws.
    """
    return _between(draws, (1 - confidence) / 2, (1 + confidence) / 2)


def bca_interval(draws: Floats, estimate: float, jackknife: Floats, confidence: float) -> Interval | None:
    """Bias-corrected and accelerated interval: quantiles of the draws, moved for their bias and skewness.

    Parameters
    ----------
    draws
        ``(n,)`` a draw's value each.
    estimate
        The value of the whole sample.
    jackknife
        ``(participants,)`` the value without each participant; NaN where it has none, which is left out.
    confidence
        Between 0 and 1.

    Returns
    -------
    None without draws. Where all draws or all jackknife values are equal, nothing is corrected.
    """
    if not len(draws):
        return None
    bias, acceleration = bias_correction(draws, estimate), acceleration_of(jackknife)
    tail = (1 - confidence) / 2
    low, high = (_moved_level(level, bias, acceleration) for level in (tail, 1 - tail))
    return _between(draws, low, high)


def bias_correction(draws: Floats, estimate: float) -> float:
    """Part of the draws below the estimate, equal ones counted half, as a normal deviate (z0).

    Where all draws lie on one side, half a draw is taken to lie on the other: the deviate stays finite.
    """
    below = float(np.mean(draws < estimate) + np.mean(draws <= estimate)) / 2
    least = 1 / (2 * len(draws))
    return _NORMAL.inv_cdf(min(max(below, least), 1 - least))


def acceleration_of(jackknife: Floats) -> float:
    """A sixth of the skewness of the influence of the participants; 0 where none has any."""
    values = jackknife[~np.isnan(jackknife)]
    deviations = values.mean() - values if len(values) else values
    spread = float(np.sum(deviations**2))
    return float(np.sum(deviations**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _moved_level(level: float, bias: float, acceleration: float) -> float:
    """Level of the quantile that stands for `level` after correction."""
    deviate = bias + _NORMAL.inv_cdf(level)
    scale = 1 - acceleration * deviate
    if scale <= 0:  # beyond the pole of the transformation the quantile is the last one
        return float(deviate > 0)
    return _NORMAL.cdf(bias + deviate / scale)


def _between(draws: Floats, low_level: float, high_level: float) -> Interval | None:
    if not len(draws):
        return None
    low, high = np.quantile(draws, [low_level, high_level])
    return Interval(float(low), float(high))
