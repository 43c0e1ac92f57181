"""The FROC curve: sensitivity against false positives an exam, in counts.

References
----------
Chakraborty 2006, doi 10.1016/j.acra.2006.07.014 (FROC); Setio et al. 2017, doi 10.1016/j.media.2017.06.015 (operating
points of LUNA16 and their mean, the CPM of Niemeijer et al. 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.assess.policy import Interpolation

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

CPM_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives an exam whose mean sensitivity is the CPM."""

PAPER_RATES = (3.0, 6.0, 10.0)
"""False positives an exam at which the papers on lymph nodes report."""

RATES = tuple(sorted((*CPM_RATES, *PAPER_RATES)))
"""The operating points of every result."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The curve read at a number of false positives an exam.

    Attributes
    ----------
    rate
        False positives an exam that are allowed.
    sensitivity
        Read with the curve's interpolation; None without lesions.
    threshold
        Highest score at and above which marks must be kept to hit as many lesions as this rate allows; None where
        no mark may be kept.
    true_positives, false_positives
        Lesions hit, and false positives, at that threshold.
    is_beyond_curve
        Whether even all marks together make fewer false positives than allowed.
    """

    rate: float
    sensitivity: float | None
    threshold: float | None
    true_positives: int
    false_positives: int
    is_beyond_curve: bool


@dataclass(frozen=True, slots=True)
class Froc:
    """A curve in counts, from no marks to all marks.

    Attributes
    ----------
    thresholds
        ``(n,)`` descending: infinity, then each score that changes a count.
    true_positives, false_positives
        ``(n,)`` lesions hit by, and false positives among, the marks with scores at or above the threshold.
    lesion_count, exam_count
        Denominators: all lesions, missed ones too; all exams, those without lesions or marks too.
    interpolation
        How sensitivity is read between the points.
    """

    thresholds: Floats
    true_positives: Counts
    false_positives: Counts
    lesion_count: int
    exam_count: int
    interpolation: Interpolation = "step"

    @classmethod
    def of_scores(
        cls,
        lesion_scores: Floats,
        false_scores: Floats,
        *,
        lesion_count: int,
        exam_count: int,
        interpolation: Interpolation = "step",
    ) -> Froc:
        """Curve from the scores at which lesions are hit and the scores of the false positives.

        Marks of equal score enter together.

        Raises
        ------
        ValueError
            There is no exam, or there are more hit lesions than lesions.
        """
        if exam_count < 1 or len(lesion_scores) > lesion_count:
            raise ValueError(f"{exam_count} exams, {len(lesion_scores)} of {lesion_count} lesions hit: cannot be")
        scores = np.unique(np.concatenate((lesion_scores, false_scores)))[::-1]
        return cls(
            np.concatenate(([np.inf], scores)),
            _counts_from(lesion_scores, scores),
            _counts_from(false_scores, scores),
            lesion_count,
            exam_count,
            interpolation,
        )

    @property
    def false_positives_per_exam(self) -> Floats:
        """``(n,)`` the curve's abscissa."""
        return self.false_positives / self.exam_count

    @property
    def sensitivity(self) -> Floats | None:
        """``(n,)`` the curve's ordinate; None without lesions."""
        return self.true_positives / self.lesion_count if self.lesion_count else None

    @property
    def cpm(self) -> float | None:
        """Mean sensitivity at `CPM_RATES`; None without lesions."""
        if not self.lesion_count:
            return None
        total = sum((self._hit_lesions(rate) for rate in CPM_RATES), Fraction(0))
        return float(total / (len(CPM_RATES) * self.lesion_count))

    def sensitivity_at(self, rate: float) -> float | None:
        """Sensitivity at `rate` false positives an exam; None without lesions.

        Beyond its last point the curve is continued level.
        """
        return float(self._hit_lesions(rate) / self.lesion_count) if self.lesion_count else None

    def operating_point(self, rate: float) -> OperatingPoint:
        """The curve read at `rate` false positives an exam."""
        last = self._last_allowed(rate)
        first = int(np.searchsorted(self.true_positives, self.true_positives[last], side="left"))
        return OperatingPoint(
            rate=rate,
            sensitivity=self.sensitivity_at(rate),
            threshold=float(self.thresholds[first]) if first else None,
            true_positives=int(self.true_positives[first]),
            false_positives=int(self.false_positives[first]),
            is_beyond_curve=int(self.false_positives[-1]) < allowed_false_positives(rate, self.exam_count),
        )

    def _last_allowed(self, rate: float) -> int:
        """Last point with no more false positives than allowed; point 0 has none."""
        allowed = allowed_false_positives(rate, self.exam_count)
        return int(np.searchsorted(self.false_positives, allowed, side="right")) - 1

    def _hit_lesions(self, rate: float) -> Fraction:
        """Lesions hit at a rate, a fraction where the curve is interpolated."""
        last = self._last_allowed(rate)
        hit = Fraction(int(self.true_positives[last]))
        if self.interpolation == "step" or last + 1 == len(self.thresholds):
            return hit
        false, next_false = (int(count) for count in self.false_positives[last : last + 2])
        part = (exact_rate(rate) * self.exam_count - false) / (next_false - false)
        return hit + part * (int(self.true_positives[last + 1]) - hit)


def allowed_false_positives(rate: float, exam_count: int) -> int:
    """Largest count with count <= rate * exam_count, in exact arithmetic.

    Raises
    ------
    ValueError
        `rate` is negative or not finite.
    """
    if not 0 <= rate < np.inf:
        raise ValueError(f"{rate} false positives an exam: expected a finite rate of at least 0")
    return int(exact_rate(rate) * exam_count)


def exact_rate(rate: float) -> Fraction:
    """The rate as it is written: 0.1 is a tenth, not the nearest binary number."""
    return Fraction(repr(float(rate)))


def _counts_from(scores: Floats, thresholds: Floats) -> Counts:
    """How many scores are at or above each threshold, 0 first for infinity."""
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.concatenate(([0], len(scores) - below)).astype(np.int64)
