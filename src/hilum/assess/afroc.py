"""AFROC curves: sensitivity against the fraction of exams that are given any false positive.

The area under them is the chance that a lesion scores higher than the highest false mark of an exam, ties counting
half: a lesion without a hit and an exam without a false mark score minus infinity. So the curve ends with a straight
line from its last point to (1, 1), and the area is that under points and line.

References
----------
Chakraborty and Winter 1990, doi 10.1148/radiology.174.3.2305073 (AFROC); Chakraborty and Berbaum 2004, doi
10.1118/1.1769352 (the area as figure of merit, lesion weights); Chakraborty and Zhai 2016, doi 10.1118/1.4947125
(the wAFROC curve).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hilum.assess.matching import LesionState
from hilum.assess.sample import false_marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns
    from hilum.assess.matching import Matching
    from hilum.assess.policy import Policy

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Rows = NDArray[np.intp]

AfrocKind = Literal["AFROC", "AFROC1", "wAFROC", "wAFROC1"]

AFROC_KINDS: tuple[AfrocKind, ...] = get_args(AfrocKind)


@dataclass(frozen=True, slots=True)
class Afroc:
    """A curve from no marks to all marks, and the area under it.

    Attributes
    ----------
    kind
        ``AFROC`` and ``wAFROC`` count false positives on exams without lesions only; ``AFROC1`` and ``wAFROC1`` on all
        exams. In the weighted ones each exam with lesions has the weight 1, which its lesions share equally.
    thresholds
        ``(n,)`` descending: infinity, then each score that changes a fraction.
    false_positive_fraction
        ``(n,)`` fraction of the exams counted whose highest false mark is at or above the threshold.
    lesion_fraction
        ``(n,)`` fraction of the lesions, or of their weight, hit by marks at or above it.
    area
        Figure of merit, 0 to 1; 0.5 where there are no marks.
    exam_count
        Exams whose false positives count.
    lesion_count
        All lesions.
    """

    kind: AfrocKind
    thresholds: Floats
    false_positive_fraction: Floats
    lesion_fraction: Floats
    area: float
    exam_count: int
    lesion_count: int

    def to_json(self) -> dict[str, Any]:
        """The curve in values that JSON has; the first threshold is null."""
        return {
            "kind": self.kind,
            "area": self.area,
            "exams": self.exam_count,
            "lesions": self.lesion_count,
            "threshold": [None, *self.thresholds[1:].tolist()],
            "false_positive_fraction": self.false_positive_fraction.tolist(),
            "lesion_fraction": self.lesion_fraction.tolist(),
        }


def afroc_of(
    kind: AfrocKind,
    marks: MarkColumns,
    lesions: LesionColumns,
    matching: Matching,
    policy: Policy,
    *,
    exam_count: int,
) -> Afroc | None:
    """Curve of a matching.

    Returns
    -------
    None where nothing defines it: no lesions, or no exam whose false positives count.
    """
    is_lesion = matching.lesion_state != LesionState.EXCLUDED
    exam = lesions.exam[is_lesion]
    best = _best_false_scores(marks, false_marks(matching, policy), exam_count)
    if not kind.endswith("1"):
        best = best[np.bincount(exam, minlength=exam_count) == 0]
    scores = np.append(marks.score, -np.inf)[matching.lesion_mark[is_lesion]]  # NONE, -1, finds the last
    return _curve(kind, scores, exam, best) if len(scores) and len(best) else None


def _best_false_scores(marks: MarkColumns, is_false: NDArray[np.bool_], exam_count: int) -> Floats:
    """``(exams,)`` score of the highest false mark, minus infinity where there is none."""
    best = np.full(exam_count, -np.inf)
    np.maximum.at(best, marks.exam[is_false], marks.score[is_false])
    return best


def _curve(kind: AfrocKind, scores: Floats, exam: Rows, best: Floats) -> Afroc:
    exams, place, sizes = np.unique(exam, return_inverse=True, return_counts=True)
    # What a lesion's weight is one part of: all lesions, or those of its exam times the exams that have lesions.
    shares = sizes[place] * len(exams) if kind.startswith("w") else np.full(len(scores), len(scores))
    both = np.concatenate((scores, best))
    thresholds = np.unique(both[np.isfinite(both)])[::-1]
    hit = np.zeros(len(thresholds) + 1)
    for share in np.unique(shares):
        hit += _counts_from(scores[shares == share], thresholds) / share
    return Afroc(
        kind,
        np.concatenate(([np.inf], thresholds)),
        _counts_from(best, thresholds) / len(best),
        hit,
        _area(scores, shares, best),
        len(best),
        len(scores),
    )


def _area(scores: Floats, shares: Integers, best: Floats) -> float:
    """Chance that a lesion, by weight, scores higher than an exam's highest false mark, ties half; exact."""
    ascending = np.sort(best)
    lower = np.searchsorted(ascending, scores, side="left")
    twice = lower + np.searchsorted(ascending, scores, side="right")
    total = sum(
        (Fraction(int(twice[shares == share].sum()), 2 * int(share) * len(best)) for share in np.unique(shares)),
        Fraction(0),
    )
    return float(total)


def _counts_from(scores: Floats, thresholds: Floats) -> Integers:
    """How many scores are at or above each threshold, 0 first for infinity."""
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.concatenate(([0], len(scores) - below)).astype(np.int64)
