"""The choices a FROC figure depends on, besides the hit criterion: made by name, written into every result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

SharedMark = Literal["nearest-lesion", "every-lesion"]
Redundant = Literal["neither", "false-positive"]
CapTies = Literal["kept", "dropped"]
Interpolation = Literal["step", "linear"]
Role = Literal["excluded", "lesion", "background"]

_SHARED = {
    "nearest-lesion": "counts for the nearest lesion it hits",
    "every-lesion": "counts for every lesion it hits",
}
_REDUNDANT = {"neither": "neither true nor false", "false-positive": "false positives"}
_TIES = {"kept": "marks tied with the last one kept stay", "dropped": "only marks strictly above the next one stay"}
_INTERPOLATION = {
    "step": "none: best sensitivity among the thresholds with no more false positives",
    "linear": "linear between the curve's points, as LUNA16",
}
ROLE_WORDS: dict[Role, str] = {
    "excluded": "excluded findings, marks on which are ignored",
    "lesion": "lesions",
    "background": "background, marks on which are false positives",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """How marks are counted.

    Attributes
    ----------
    shared_mark
        A mark that hits several lesions counts for the nearest of them (as each positive in NIH's candidate files
        does), or for every one (LUNA16's script). With ``nearest-lesion`` as many marks as lesions are true positives.
    redundant
        A further mark on a lesion that a better mark has hit counts neither way, or as a false positive.
    max_marks_per_exam
        Only the best marks of an exam are assessed; None: all.
    cap_ties
        At that border, marks of equal score are all kept (there may be more than the maximum) or all dropped
        (LUNA16; an exam whose scores are all equal then keeps none).
    interpolation
        How sensitivity is read between the curve's points.
    min_short_axis_mm
        Short axis under which a lesion is small; None: no lesion is. Of a sphere the short axis is its diameter.
    smaller
        What small lesions count as: excluded findings, lesions all the same, or background, as if nobody had
        annotated them.
    unknown_size
        What lesions of unknown short axis count as where there is a minimum.

    References
    ----------
    10 mm: RECIST 1.1, doi 10.1016/j.ejca.2008.10.026, calls a node of a shorter short axis normal.
    """

    shared_mark: SharedMark = "nearest-lesion"
    redundant: Redundant = "neither"
    max_marks_per_exam: int | None = None
    cap_ties: CapTies = "kept"
    interpolation: Interpolation = "step"
    min_short_axis_mm: float | None = None
    smaller: Role = "excluded"
    unknown_size: Role = "lesion"

    def __post_init__(self) -> None:
        if self.max_marks_per_exam is not None and self.max_marks_per_exam < 1:
            raise ValueError(f"max_marks_per_exam {self.max_marks_per_exam}: expected at least 1, or None for all")
        if self.min_short_axis_mm is not None and not 0 < self.min_short_axis_mm < math.inf:
            raise ValueError(f"min_short_axis_mm {self.min_short_axis_mm}: expected a positive length, or None")
        choices: tuple[tuple[str, dict[Any, str]], ...] = (
            (self.shared_mark, _SHARED),
            (self.redundant, _REDUNDANT),
            (self.cap_ties, _TIES),
            (self.interpolation, _INTERPOLATION),
            (self.smaller, ROLE_WORDS),
            (self.unknown_size, ROLE_WORDS),
        )
        for value, accepted in choices:
            if value not in accepted:
                raise ValueError(f"policy {value!r}: expected one of {', '.join(accepted)}")

    def in_words(self) -> dict[str, str]:
        """Each choice and what was chosen."""
        count = self.max_marks_per_exam
        return {
            "mark on several lesions": _SHARED[self.shared_mark],
            "further marks on a hit lesion": _REDUNDANT[self.redundant],
            "marks on excluded findings": "ignored, unless they hit a lesion too",
            "small lesions": self._size_words(),
            "marks an exam": "all" if count is None else f"the best {count}; {_TIES[self.cap_ties]}",
            "marks of equal score": "enter the curve together; on one lesion the nearest counts",
            "interpolation": _INTERPOLATION[self.interpolation],
        }

    def _size_words(self) -> str:
        if self.min_short_axis_mm is None:
            return "no minimum: lesions and excluded findings as their list has them"
        return (
            f"short axis under {self.min_short_axis_mm:g} mm: {ROLE_WORDS[self.smaller]}; "
            f"unknown: {ROLE_WORDS[self.unknown_size]}"
        )


LUNA16 = Policy(
    shared_mark="every-lesion", redundant="neither", max_marks_per_exam=100, cap_ties="dropped", interpolation="linear"
)
"""The rules of the LUNA16 challenge's evaluation script."""
