"""Which lesions are hit, which marks are false positives and which lesions are missed at an operating point."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal, get_args

from hilum.assess.sample import false_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.assessment import Assessment

Kind = Literal["hits", "false-positives", "missed"]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Listing:
    """Lesions and marks at a threshold.

    Attributes
    ----------
    rate
        False positives an exam that were allowed.
    threshold
        Marks count from this score on; None where no mark may count.
    hits
        Lesions hit, the surest first: rows of `Assessment.lesion_rows`, without their state.
    false_positives
        Marks, the surest first: rows of `Assessment.mark_rows`, likewise.
    missed
        Lesions, the largest first, unknown sizes last; the score is that at which the lesion would be hit, None if
        no mark hits it.
    """

    rate: float
    threshold: float | None
    hits: tuple[dict[str, Any], ...]
    false_positives: tuple[dict[str, Any], ...]
    missed: tuple[dict[str, Any], ...]

    def of_kind(self, kind: Kind) -> tuple[dict[str, Any], ...]:
        """One of the three lists."""
        return {"hits": self.hits, "false-positives": self.false_positives, "missed": self.missed}[kind]

    def to_json(self) -> dict[str, Any]:
        """The lists in values that JSON has."""
        return {
            "false_positives_per_exam": self.rate,
            "threshold": self.threshold,
            "hits": list(self.hits),
            "false_positives": list(self.false_positives),
            "missed": list(self.missed),
        }


def list_at(assessment: Assessment, rate: float) -> Listing:
    """List what is hit, false and missed at the operating point of `rate` false positives an exam.

    Returns
    -------
    Hits and misses together are all lesions; the false positives are as many as the operating point says. Equal
    scores and sizes are in the order of exams and names.

    Raises
    ------
    ValueError
        `rate` is negative or not finite.
    """
    threshold = assessment.froc.operating_point(rate).threshold
    least = inf if threshold is None else threshold
    lesions = [row for row in assessment.lesion_rows() if row["state"] != "excluded"]
    hits = [row for row in lesions if row["score"] is not None and row["score"] >= least]
    missed = [row for row in lesions if row["score"] is None or row["score"] < least]
    counts = false_marks(assessment.matching, assessment.policy)
    false = [row for row, is_false in zip(assessment.mark_rows(), counts, strict=True) if is_false]
    return Listing(
        rate,
        threshold,
        _by_score(hits),
        _by_score([row for row in false if row["score"] >= least]),
        tuple(map(_without_state, sorted(missed, key=lambda row: (-(row["diameter_mm"] or 0.0), *_place(row))))),
    )


def _by_score(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(map(_without_state, sorted(rows, key=lambda row: (-row["score"], *_place(row)))))


def _without_state(row: dict[str, Any]) -> dict[str, Any]:
    """The row without the state it has where all marks count, which the list it stands in overrules."""
    return {key: value for key, value in row.items() if key != "state"}


def _place(row: dict[str, Any]) -> tuple[str, str, float, float, float]:
    return row["exam_id"], row["lesion_id"] or "", row["x_mm"], row["y_mm"], row["z_mm"]
