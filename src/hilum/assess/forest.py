"""Forest plots as rows of a table: estimate, interval and where they lie in a drawing as wide as its column.

Places are per cent of the drawing's width, so that the page draws it at any width without shrinking its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.comparison import Comparison, Difference
    from hilum.assess.intervals import Interval
    from hilum.assess.strata import Strata, Stratum

MARGIN = 7.0
"""Per cent of the width left free at each end, for marks and the text of the axis."""

LEAST_SIDE, MOST_SIDE = 5.0, 13.0
"""Sides of the squares, CSS pixels; their area grows with the number of lesions."""

SENSITIVITY_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


LEAST_REACH = 0.01
"""Of the axis of differences, to either side: one lesion of a hundred."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis.

    Attributes
    ----------
    least, most
        Its ends.
    ticks
        Where it has lines.
    labels
        Place and text of the lines that are labelled.
    """

    least: float
    most: float
    ticks: tuple[float, ...]
    labels: tuple[tuple[float, str], ...]

    @classmethod
    def of(cls, ticks: Sequence[float], texts: dict[float, str]) -> Axis:
        """From the first tick to the last."""
        axis = cls(ticks[0], ticks[-1], (), ())
        labels = tuple((axis.place(value), text) for value, text in texts.items())
        return cls(axis.least, axis.most, tuple(axis.place(tick) for tick in ticks), labels)

    def place(self, value: float) -> float:
        """Per cent of the width; values beyond an end lie on it."""
        share = (min(max(value, self.least), self.most) - self.least) / (self.most - self.least)
        return round(MARGIN + share * (100 - 2 * MARGIN), 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, and where they are drawn; places are None where there is nothing to draw.

    Attributes
    ----------
    value, interval
        What is drawn.
    at, low, high
        Their places.
    side
        Of the square, pixels.
    """

    value: float | None
    interval: Interval | None
    at: float | None
    low: float | None
    high: float | None
    side: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval has no width, as where every lesion is hit in all draws."""
        return self.interval is not None and self.interval.low == self.interval.high

    @classmethod
    def on(cls, axis: Axis, value: float | None, interval: Interval | None, side: float) -> Estimate:
        """Place a value on an axis."""
        return cls(
            value,
            interval,
            None if value is None else axis.place(value),
            axis.place(interval.low) if interval else None,
            axis.place(interval.high) if interval else None,
            side,
        )


@dataclass(frozen=True, slots=True)
class StratumRow:
    """A stratum: its counts, and its sensitivity; false positives an exam are None in strata of lesions."""

    stratum: Stratum
    hits: int
    false_rate: float | None
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class StrataForest:
    """Sensitivity of each stratum at a number of false positives an exam.

    Attributes
    ----------
    column, unit
        What the strata are, and whether of lesions or exams.
    rate, threshold
        The operating point of the whole curve; the threshold is None where no mark may be kept.
    rows, whole
        The strata, and all of them together.
    axis
        From 0 to 1.
    """

    column: str
    unit: str
    rate: float
    threshold: float | None
    rows: tuple[StratumRow, ...]
    whole: StratumRow
    axis: Axis


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """Two methods on an endpoint."""

    difference: Difference
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class DifferenceForest:
    """Differences between methods, by endpoint, on one axis about zero."""

    endpoints: tuple[tuple[str, tuple[DifferenceRow, ...]], ...]
    axis: Axis

    @property
    def zero(self) -> float:
        """Place of no difference."""
        return self.axis.place(0.0)


def strata_forest(strata: Strata, rate: float) -> StrataForest:
    """Place strata that were read at `rate` false positives an exam, among others."""
    axis = Axis.of(SENSITIVITY_TICKS, {0.0: "0", 0.5: "0.5", 1.0: "1"})
    at = strata.rates.index(rate)
    most = max((stratum.lesions for stratum in strata.strata), default=0)
    return StrataForest(
        strata.column,
        strata.unit,
        rate,
        strata.thresholds[at],
        tuple(_stratum_row(axis, stratum, at, most) for stratum in strata.strata),
        _stratum_row(axis, strata.whole, at, most),
        axis,
    )


def difference_forest(comparison: Comparison) -> DifferenceForest:
    """Place the differences of a comparison; the axis reaches as far to one side as to the other."""
    found = comparison.differences
    axis = _symmetric_axis(
        max((abs(end) for one in found for end in (one.difference, *_ends(one.interval))), default=0.0)
    )
    endpoints = dict.fromkeys(one.endpoint for one in found)
    return DifferenceForest(
        tuple(
            (
                endpoint,
                tuple(
                    DifferenceRow(one, Estimate.on(axis, one.difference, one.interval, MOST_SIDE * 0.7))
                    for one in found
                    if one.endpoint == endpoint
                ),
            )
            for endpoint in endpoints
        ),
        axis,
    )


def _stratum_row(axis: Axis, stratum: Stratum, at: int, most_lesions: int) -> StratumRow:
    exams, false = stratum.exams, stratum.false_positives
    share = sqrt(stratum.lesions / most_lesions) if most_lesions else 0.0
    return StratumRow(
        stratum,
        stratum.true_positives[at],
        false[at] / exams if false is not None and exams else None,
        Estimate.on(
            axis,
            stratum.pooled.sensitivity[at],
            stratum.pooled.intervals[at],
            round(max(LEAST_SIDE, MOST_SIDE * min(share, 1.0)), 1),
        ),
    )


def _symmetric_axis(reach: float) -> Axis:
    """An axis that ends at the next 1, 2 or 5 times a power of ten."""
    reach = max(reach, LEAST_REACH)
    power = 10.0 ** ceil(log10(reach)) / 10
    end = next(step * power for step in (1, 2, 5, 10) if step * power >= reach - 1e-9)
    return Axis.of((-end, -end / 2, 0.0, end / 2, end), {-end: f"−{end:g}", 0.0: "0", end: f"+{end:g}"})


def _ends(interval: Interval | None) -> tuple[float, ...]:
    return (interval.low, interval.high) if interval else ()
