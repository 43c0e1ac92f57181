"""What a reader of a result must know besides its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.matching import MarkState
from hilum.assess.policy import ROLE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.assess.assessment import Assessment
    from hilum.assess.counts import Counts
    from hilum.assess.policy import Policy


def notes_of(assessment: Assessment) -> tuple[str, ...]:
    """What is undefined, empty, shared, left out or beyond reach; none where nothing is."""
    counts = assessment.counts
    return (
        *_undefined(counts),
        *_empty_exams(assessment),
        *_sizes(counts, assessment.policy),
        *_unusual_hits(counts),
        *_left_out(assessment),
    )


def _undefined(counts: Counts) -> Iterator[str]:
    if not counts.lesions:
        yield "there are no lesions: sensitivity and CPM are undefined, and so are AFROC and average precision"
    elif counts.exams_with_lesions == counts.exams:
        yield (
            "every exam has a lesion: AFROC and wAFROC, whose false positives are those of exams without, are "
            "undefined; AFROC1 and wAFROC1 take the false positives of all exams"
        )
    if not counts.marks:
        yield "there are no marks: the curve is its first point, and the area under AFROC curves is 0.5 by definition"


def _empty_exams(assessment: Assessment) -> Iterator[str]:
    counts = assessment.counts
    if unread := counts.exams - len(np.unique(assessment.marks.exam)):
        yield f"{unread} of {counts.exams} exams have no mark; they count as exams without false positives"
    if empty := counts.exams - counts.exams_with_lesions:
        yield f"{empty} of {counts.exams} exams have no lesion; they count in the false positives an exam"


def _sizes(counts: Counts, policy: Policy) -> Iterator[str]:
    if counts.smaller:
        role = ROLE_WORDS[policy.smaller]
        yield f"{counts.smaller} lesions have a short axis under {policy.min_short_axis_mm:g} mm; they count as {role}"
    if counts.unknown_size:
        yield f"{counts.unknown_size} lesions have no short axis; they count as {ROLE_WORDS[policy.unknown_size]}"


def _unusual_hits(counts: Counts) -> Iterator[str]:
    if counts.shared:
        yield f"{counts.shared} lesions are hit by a mark that counts for another lesion too"
    if other := counts.reached - counts.true_positives:
        yield f"{other} lesions lie within reach of a mark, which counts for a nearer lesion: they are missed"


def _left_out(assessment: Assessment) -> Iterator[str]:
    draws = assessment.draws
    if draws and draws.unused_count:
        yield f"{draws.unused_count} of {draws.count} bootstrap draws had no lesion and were left out"
    if assessment.policy.cap_ties == "dropped" and (emptied := _emptied_by_cap(assessment)):
        yield f"{emptied} exams lost all marks to the cap, as their best scores are equal"


def _emptied_by_cap(assessment: Assessment) -> int:
    marks = assessment.marks
    kept = assessment.matching.mark_state != MarkState.BEYOND_CAP
    return len(np.setdiff1d(marks.exam, marks.exam[kept]))
