"""The candidate stage: how many lesions candidates without scores reach, and how many candidates reach none.

Without scores there is no threshold, so no FROC curve: one point, the most that any later stage can find, and what it
has to reject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.matching import find_hits
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.criteria import HitCriterion
    from hilum.model.findings import Lesion, Mark


@dataclass(frozen=True, slots=True)
class CandidateStage:
    """Counts of a candidate stage: ``marks = on_lesions + false_positives + ignored``.

    Attributes
    ----------
    criterion
        What decides whether a candidate is on a lesion.
    exams
        All exams, those without candidates too.
    lesions, recalled
        Lesions, and those with at least one candidate on them; a candidate can recall several.
    marks, on_lesions, false_positives, ignored
        Candidates: all, on a lesion, on nothing, on an excluded finding only.
    """

    criterion: str
    exams: int
    lesions: int
    recalled: int
    marks: int
    on_lesions: int
    false_positives: int
    ignored: int

    @property
    def recall(self) -> float | None:
        """Part of the lesions that is recalled; None without lesions."""
        return self.recalled / self.lesions if self.lesions else None

    @property
    def false_positives_per_exam(self) -> float:
        """Candidates on nothing, a mean over all exams."""
        return self.false_positives / self.exams

    def to_json(self) -> dict[str, Any]:
        """The counts and rates as a row."""
        return {
            "criterion": self.criterion,
            "exams": self.exams,
            "lesions": self.lesions,
            "recalled": self.recalled,
            "recall": self.recall,
            "marks": self.marks,
            "on_lesions": self.on_lesions,
            "false_positives": self.false_positives,
            "ignored": self.ignored,
            "false_positives_per_exam": self.false_positives_per_exam,
        }


def candidate_stage(
    lesions: Sequence[Lesion], marks: Sequence[Mark], exam_ids: Sequence[str], *, hit: HitCriterion
) -> CandidateStage:
    """Count by a hit criterion; scores play no part.

    Raises
    ------
    AssessmentError
        As `hilum.assess.assess`.
    """
    lesion_columns = LesionColumns.of(lesions, exam_ids)
    mark_columns = MarkColumns.of(marks, exam_ids)
    hits = find_hits(mark_columns, lesion_columns, hit, exam_ids=exam_ids)
    is_excluded = lesion_columns.is_excluded[hits.lesion]
    on_lesion = np.unique(hits.mark[~is_excluded])
    on_excluded = np.setdiff1d(hits.mark[is_excluded], on_lesion)
    return CandidateStage(
        criterion=hit.name,
        exams=len(exam_ids),
        lesions=int(np.sum(~lesion_columns.is_excluded)),
        recalled=len(np.unique(hits.lesion[~is_excluded])),
        marks=len(marks),
        on_lesions=len(on_lesion),
        false_positives=len(marks) - len(on_lesion) - len(on_excluded),
        ignored=len(on_excluded),
    )


def labelled_candidate_stage(
    lesions: Sequence[Lesion], marks: Sequence[Mark], lesion_ids: Sequence[str], exam_ids: Sequence[str]
) -> CandidateStage:
    """Count by what the source itself says of each candidate, whatever the distances.

    Parameters
    ----------
    lesion_ids
        For each mark the lesion it is on, empty for none.

    Raises
    ------
    AssessmentError
        A mark names a lesion that its exam has not; otherwise as `hilum.assess.assess`.
    """
    LesionColumns.of(lesions, exam_ids)
    MarkColumns.of(marks, exam_ids)
    known = {(lesion.exam_id, lesion.lesion_id): lesion.is_excluded for lesion in lesions}
    named = [(mark.exam_id, name) for mark, name in zip(marks, lesion_ids, strict=True) if name]
    if unknown := sorted(set(named) - known.keys()):
        exam_id, name = unknown[0]
        raise AssessmentError(f"exam {exam_id!r}: a candidate is said to be on lesion {name!r}, which is not there")
    ignored = sum(known[name] for name in named)
    return CandidateStage(
        criterion="as the candidates' files say",
        exams=len(exam_ids),
        lesions=sum(not lesion.is_excluded for lesion in lesions),
        recalled=len({name for name in named if not known[name]}),
        marks=len(marks),
        on_lesions=len(named) - ignored,
        false_positives=len(marks) - len(named),
        ignored=ignored,
    )


def disagreeing_labels(
    lesions: Sequence[Lesion],
    marks: Sequence[Mark],
    lesion_ids: Sequence[str],
    exam_ids: Sequence[str],
    *,
    hit: HitCriterion,
) -> tuple[int, int]:
    """Where the source's own labels follow another rule than the criterion.

    Returns
    -------
    Candidates the source puts on a lesion that hit none, and candidates it puts on none that hit one.
    """
    hits = find_hits(MarkColumns.of(marks, exam_ids), LesionColumns.of(lesions, exam_ids), hit, exam_ids=exam_ids)
    is_hit = np.zeros(len(marks), dtype=np.bool_)
    is_hit[hits.mark] = True
    is_positive = np.fromiter(map(bool, lesion_ids), np.bool_, len(marks))
    return int(np.sum(is_positive & ~is_hit)), int(np.sum(~is_positive & is_hit))
