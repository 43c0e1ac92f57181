"""Hit criteria as they are written on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from hilum.assess.criteria import Border, HitCriterion, WithinDistance, WithinLesionRadius
from hilum.assess.masks import InsideMask
from hilum.assess.overlap import Overlap
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.model.masks import LabelMask

CRITERION_FORMS = (
    "within-lesion-radius",
    "within-distance:15 (mm)",
    "box-overlap:0.1 (intersection over union)",
    "sphere-overlap:0.1",
    "inside-mask",
)
"""How each criterion is written; ``:open`` or ``:closed`` may follow those of distance and overlap."""


def parse_criterion(text: str, *, masks: Mapping[str, LabelMask] | None = None) -> HitCriterion:
    """Criterion written as one of `CRITERION_FORMS`, as ``within-distance:15:closed``.

    Parameters
    ----------
    masks
        Exam to label mask; ``inside-mask`` needs them.

    Raises
    ------
    AssessmentError
        `text` is none of these, or a mask is needed and there is none.
    """
    rule, *values = text.split(":")
    if text == "inside-mask":
        if masks is None:
            raise AssessmentError("inside-mask: expected a label mask for each exam, found none; name their folder")
        return InsideMask(masks)
    border = cast("Border", values.pop()) if values and values[-1] in get_args(Border) else None
    try:
        found = _distance(rule, values, border or "open") or _overlap(rule, values, border or "closed")
    except ValueError as error:
        raise AssessmentError(f"hit criterion {text!r}: {error}; {_expected()}") from error
    if found is None:
        raise AssessmentError(f"hit criterion {text!r}: {_expected()}")
    return found


def _distance(rule: str, values: list[str], border: Border) -> HitCriterion | None:
    if rule == "within-lesion-radius" and not values:
        return WithinLesionRadius(border)
    if rule == "within-distance" and len(values) == 1:
        return WithinDistance(float(values[0]), border)
    return None


def _overlap(rule: str, values: list[str], border: Border) -> HitCriterion | None:
    if len(values) != 1 or rule not in ("box-overlap", "sphere-overlap"):
        return None
    return Overlap(float(values[0]), "box" if rule == "box-overlap" else "sphere", border)


def _expected() -> str:
    return f"expected {', '.join(CRITERION_FORMS)}; add :open or :closed to say whether the border belongs to it"
