"""What is resampled: the events of a FROC curve, each with its participant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.matching import LesionState, MarkState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns
    from hilum.assess.matching import Matching
    from hilum.assess.policy import Interpolation, Policy

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Integers = NDArray[np.int64]
    Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is drawn from: the events of the curve, each with its participant.

    Attributes
    ----------
    lesion_scores, lesion_participants
        ``(k,)`` the score at which each hit lesion is hit, and its participant's row.
    false_scores, false_participants
        ``(m,)`` likewise of the false positives.
    lesions, exams
        ``(participants,)`` lesions and exams of each participant.
    interpolation
        As the curve's.
    """

    lesion_scores: Floats
    lesion_participants: Rows
    false_scores: Floats
    false_participants: Rows
    lesions: Integers
    exams: Integers
    interpolation: Interpolation


def participant_rows(participants: Sequence[str]) -> Rows:
    """``(exams,)`` row of each exam's participant, in the order of their names, so that draws depend on no other."""
    _, rows = np.unique(np.asarray(participants, dtype=np.str_), return_inverse=True)
    return rows


def sample_of(
    marks: MarkColumns,
    lesions: LesionColumns,
    matching: Matching,
    participants: Sequence[str],
    policy: Policy,
    *,
    is_lesion: Flags | None = None,
    is_exam: Flags | None = None,
) -> Sample:
    """Events of a matching, of all of it or of a part.

    Parameters
    ----------
    participants
        The participant of each exam. All of them are in the sample, also those without a lesion or exam in the part.
    is_lesion
        ``(lesions,)`` which lesions count; None: all. Excluded findings never do.
    is_exam
        ``(exams,)`` which exams, with their false positives, count; None: all.
    """
    row = participant_rows(participants)
    count = int(row.max()) + 1
    exam_counts = np.ones(len(row), dtype=np.bool_) if is_exam is None else is_exam
    lesion_counts = ~lesions.is_excluded if is_lesion is None else ~lesions.is_excluded & is_lesion
    is_hit = lesion_counts & (matching.lesion_state == LesionState.HIT)
    is_false = false_marks(matching, policy) & exam_counts[marks.exam]
    return Sample(
        lesion_scores=marks.score[matching.lesion_mark[is_hit]],
        lesion_participants=row[lesions.exam[is_hit]],
        false_scores=marks.score[is_false],
        false_participants=row[marks.exam[is_false]],
        lesions=_count_by(row[lesions.exam[lesion_counts]], count),
        exams=_count_by(row[exam_counts], count),
        interpolation=policy.interpolation,
    )


def false_marks(matching: Matching, policy: Policy) -> Flags:
    """``(marks,)`` which marks count as false positives."""
    is_false: Flags = matching.mark_state == MarkState.FALSE_POSITIVE
    if policy.redundant == "false-positive":
        is_false |= matching.mark_state == MarkState.REDUNDANT
    return is_false


def _count_by(rows: Rows, count: int) -> Integers:
    return np.bincount(rows, minlength=count).astype(np.int64)
