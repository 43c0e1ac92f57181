"""Which mark counts for which lesion: every mark and every lesion gets one state.

The result depends on what marks and lesions are, never on the order they come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.columns import runs
from hilum.assess.criteria import Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns
    from hilum.assess.criteria import HitCriterion
    from hilum.assess.policy import Policy

    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]

PAIRS_PER_CHUNK = 250_000
"""Pairs compared at once: about 15 MB, whatever the number of exams."""

NONE = -1
"""Row of no mark, or of no lesion."""


class MarkState(IntEnum):
    """What a mark is counted as."""

    TRUE_POSITIVE = 0
    FALSE_POSITIVE = 1
    REDUNDANT = 2
    IGNORED = 3
    BEYOND_CAP = 4

    @property
    def words(self) -> str:
        """The state as tables show it."""
        return self.name.lower().replace("_", " ")


class LesionState(IntEnum):
    """What a lesion is counted as."""

    HIT = 0
    MISSED = 1
    EXCLUDED = 2

    @property
    def words(self) -> str:
        """The state as tables show it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Hits:
    """The pairs of marks and lesions that fulfil the criterion.

    Attributes
    ----------
    mark, lesion
        ``(n,)`` rows.
    squared_distance_mm2
        ``(n,)`` between their positions.
    """

    mark: Rows
    lesion: Rows
    squared_distance_mm2: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.mark)

    def take(self, rows: Rows | Flags) -> Hits:
        """Some of the pairs."""
        return Hits(self.mark[rows], self.lesion[rows], self.squared_distance_mm2[rows])


@dataclass(frozen=True, slots=True)
class Matching:
    """The states.

    Attributes
    ----------
    mark_state
        ``(marks,)`` of `MarkState`.
    mark_lesion
        ``(marks,)`` row of the lesion or excluded finding the mark is on: the nearest it counts for, else the
        nearest it hits; `NONE` if on none.
    lesion_state
        ``(lesions,)`` of `LesionState`.
    lesion_mark
        ``(lesions,)`` row of the mark that counts for the lesion; `NONE` where it is missed or excluded.
    is_reached
        ``(lesions,)`` whether any mark fulfils the criterion, counted for this lesion or for another.
    """

    mark_state: NDArray[np.int8]
    mark_lesion: Rows
    lesion_state: NDArray[np.int8]
    lesion_mark: Rows
    is_reached: Flags


def match(
    marks: MarkColumns, lesions: LesionColumns, hit: HitCriterion, policy: Policy, exam_ids: Sequence[str] = ()
) -> Matching:
    """Give each mark and each lesion its state.

    Of several marks on a lesion the one with the best score counts; of equal scores the nearest; of equal distances
    the first by position. No marks and no lesions are allowed.

    Parameters
    ----------
    exam_ids
        For criteria that look exams up; others need none.
    """
    is_kept = within_cap(marks, policy)
    hits = find_hits(marks, lesions, hit, is_kept, exam_ids)
    on_lesion = hits.take(~lesions.is_excluded[hits.lesion])
    credited = on_lesion if policy.shared_mark == "every-lesion" else _nearest_lesion(on_lesion, lesions)
    lesion_mark = _best_mark(credited, marks, len(lesions))

    state = np.full(len(marks), MarkState.FALSE_POSITIVE, dtype=np.int8)
    state[~is_kept] = MarkState.BEYOND_CAP
    state[hits.mark] = MarkState.IGNORED
    state[on_lesion.mark] = MarkState.REDUNDANT
    state[lesion_mark[lesion_mark != NONE]] = MarkState.TRUE_POSITIVE

    is_reached = np.zeros(len(lesions), dtype=np.bool_)
    is_reached[hits.lesion] = True
    mark_lesion = _mark_lesion(hits, lesions, lesion_mark, len(marks))
    return Matching(state, mark_lesion, _lesion_state(lesion_mark, lesions), lesion_mark, is_reached)


def within_cap(marks: MarkColumns, policy: Policy) -> Flags:
    """Whether each mark is among those of its exam that are assessed."""
    cap = policy.max_marks_per_exam
    is_kept = np.ones(len(marks), dtype=np.bool_)
    if cap is None or len(marks) <= cap:
        return is_kept
    order = np.lexsort((-marks.score, marks.exam))
    starts = np.nonzero(runs(marks.exam[order]))[0]
    counts = np.diff(np.append(starts, len(order)))
    border = np.full(int(marks.exam.max()) + 1, -np.inf)
    full = counts > cap
    last = starts[full] + (cap if policy.cap_ties == "dropped" else cap - 1)
    border[marks.exam[order[starts[full]]]] = marks.score[order[last]]
    limit = border[marks.exam]
    return marks.score > limit if policy.cap_ties == "dropped" else marks.score >= limit


def find_hits(
    marks: MarkColumns,
    lesions: LesionColumns,
    hit: HitCriterion,
    is_kept: Flags | None = None,
    exam_ids: Sequence[str] = (),
) -> Hits:
    """All pairs of one exam that fulfil the criterion, excluded findings included.

    Parameters
    ----------
    is_kept
        Marks to compare; None: all.
    exam_ids
        For criteria that look exams up; others need none.
    """
    found = []
    for mark, lesion in _pair_chunks(marks, lesions, is_kept):
        pairs = Pairs(marks, lesions, mark, lesion, exam_ids)
        is_hit = hit.hits(pairs)
        found.append(Hits(mark[is_hit], lesion[is_hit], pairs.squared_distance_mm2[is_hit]))
    if not found:
        none = np.empty(0, dtype=np.intp)
        return Hits(none, none, np.empty(0))
    return Hits(
        np.concatenate([hits.mark for hits in found]),
        np.concatenate([hits.lesion for hits in found]),
        np.concatenate([hits.squared_distance_mm2 for hits in found]),
    )


def _pair_chunks(marks: MarkColumns, lesions: LesionColumns, is_kept: Flags | None) -> Iterator[tuple[Rows, Rows]]:
    """Rows of marks and lesions of one exam, every pair once, some `PAIRS_PER_CHUNK` at a time."""
    mark_order = np.argsort(marks.exam, kind="stable")
    if is_kept is not None:
        mark_order = mark_order[is_kept[mark_order]]
    lesion_order = np.argsort(lesions.exam, kind="stable")
    mark_exam, lesion_exam = marks.exam[mark_order], lesions.exam[lesion_order]
    first = np.searchsorted(lesion_exam, mark_exam, side="left")
    partners = np.searchsorted(lesion_exam, mark_exam, side="right") - first
    total = np.concatenate(([0], np.cumsum(partners)))
    start = 0
    while start < len(mark_order):
        stop = int(np.searchsorted(total, total[start] + PAIRS_PER_CHUNK, side="right")) - 1
        stop = min(max(stop, start + 1), len(mark_order))
        counts = partners[start:stop]
        of_mark = np.repeat(np.arange(start, stop), counts)
        within = np.arange(len(of_mark)) - np.repeat(total[start:stop] - total[start], counts)
        if len(of_mark):
            yield mark_order[of_mark], lesion_order[first[of_mark] + within]
        start = stop


def _nearest_lesion(hits: Hits, lesions: LesionColumns) -> Hits:
    """One pair a mark: with the nearest lesion; of equal distances the first by position, then by name."""
    keys = (lesions.lesion_id[hits.lesion], *_by_position(lesions, hits.lesion), hits.squared_distance_mm2, hits.mark)
    order = np.lexsort(keys)
    return hits.take(order[runs(hits.mark[order])])


def _best_mark(hits: Hits, marks: MarkColumns, lesion_count: int) -> Rows:
    """Row of the mark that counts for each lesion."""
    keys = (*_by_position(marks, hits.mark), hits.squared_distance_mm2, -marks.score[hits.mark], hits.lesion)
    order = np.lexsort(keys)
    best = hits.take(order[runs(hits.lesion[order])])
    lesion_mark = np.full(lesion_count, NONE, dtype=np.intp)
    lesion_mark[best.lesion] = best.mark
    return lesion_mark


def _mark_lesion(hits: Hits, lesions: LesionColumns, lesion_mark: Rows, mark_count: int) -> Rows:
    """Row of the lesion each mark is on: one it counts for, else a lesion, else an excluded finding."""
    mark_lesion = np.full(mark_count, NONE, dtype=np.intp)
    is_excluded = lesions.is_excluded[hits.lesion]
    counts = lesion_mark[hits.lesion] == hits.mark
    for group in (is_excluded, ~is_excluded, counts):
        nearest = _nearest_lesion(hits.take(group), lesions)
        mark_lesion[nearest.mark] = nearest.lesion
    return mark_lesion


def _lesion_state(lesion_mark: Rows, lesions: LesionColumns) -> NDArray[np.int8]:
    state = np.where(lesion_mark == NONE, LesionState.MISSED, LesionState.HIT).astype(np.int8)
    state[lesions.is_excluded] = LesionState.EXCLUDED
    return state


def _by_position(columns: MarkColumns | LesionColumns, rows: Rows) -> tuple[NDArray[np.float64], ...]:
    """Sort keys z, y, x of some rows, the last the strongest."""
    positions = columns.position_mm[rows]
    return positions[:, 2], positions[:, 1], positions[:, 0]
