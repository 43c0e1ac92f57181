"""How many exams, lesions and marks there are, and how many of each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.matching import LesionState, MarkState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.columns import LesionColumns
    from hilum.assess.matching import Matching
    from hilum.assess.minimum_size import SizeCounts


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of each.

    ``true_positives + missed = lesions``, and
    ``true_positives - shared + false_positives + redundant + ignored = marks``.

    Attributes
    ----------
    exams, participants
        All assessed, those without lesions or marks too.
    exams_with_lesions
        Exams that have a lesion.
    lesions, excluded_findings
        Of the reference standard; findings whose marks count neither way.
    marks
        Assessed: those within the cap.
    true_positives, missed
        Lesions hit and lesions missed.
    shared
        Lesions that a mark counts for which counts for another too; 0 unless a mark may count for every lesion.
    false_positives, redundant, ignored, beyond_cap
        Marks of that state.
    reached
        Lesions that fulfil the criterion with some mark, counted or not.
    smaller, unknown_size
        Lesions of the source that are under the policy's minimum size, and those of unknown size; 0 without a minimum.
    background
        Of both, those that count as background and are therefore no lesions here.
    """

    exams: int
    participants: int
    exams_with_lesions: int
    lesions: int
    excluded_findings: int
    marks: int
    true_positives: int
    missed: int
    shared: int
    false_positives: int
    redundant: int
    ignored: int
    beyond_cap: int
    reached: int
    smaller: int
    unknown_size: int
    background: int


def count_states(
    exam_ids: Sequence[str],
    participants: Sequence[str],
    lesions: LesionColumns,
    matching: Matching,
    sizes: SizeCounts,
) -> Counts:
    """Count the states of a matching.

    Parameters
    ----------
    exam_ids, participants
        All exams, and the participant of each.
    sizes
        What the minimum size did to the lesions before they were matched.
    """
    marks, lesion_states = matching.mark_state, matching.lesion_state
    is_lesion = ~lesions.is_excluded
    hit = int(np.sum(lesion_states == LesionState.HIT))
    beyond = int(np.sum(marks == MarkState.BEYOND_CAP))
    return Counts(
        exams=len(exam_ids),
        participants=len(set(participants)),
        exams_with_lesions=len(np.unique(lesions.exam[is_lesion])),
        lesions=int(np.sum(is_lesion)),
        excluded_findings=int(np.sum(lesions.is_excluded)),
        marks=len(marks) - beyond,
        true_positives=hit,
        missed=int(np.sum(lesion_states == LesionState.MISSED)),
        shared=hit - int(np.sum(marks == MarkState.TRUE_POSITIVE)),
        false_positives=int(np.sum(marks == MarkState.FALSE_POSITIVE)),
        redundant=int(np.sum(marks == MarkState.REDUNDANT)),
        ignored=int(np.sum(marks == MarkState.IGNORED)),
        beyond_cap=beyond,
        reached=int(np.sum(matching.is_reached & is_lesion)),
        smaller=sizes.smaller,
        unknown_size=sizes.unknown,
        background=sizes.background,
    )
