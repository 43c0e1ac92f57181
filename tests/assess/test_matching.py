"""One state for every mark and every lesion, worked by hand."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.assess import Policy, WithinDistance, WithinLesionRadius
from hilum.assess import matching as matching_module
from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.matching import NONE, LesionState, MarkState, Matching, find_hits, match, within_cap
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from hilum.assess.policy import CapTies, SharedMark

TP, FP, RED, IGN, CUT = MarkState


def lesion(x: float, name: str = "1", exam: str = "e", *, is_excluded: bool = False) -> Lesion:
    return Lesion(exam, name, (x, 0.0, 0.0), diameter_mm=10.0, is_excluded=is_excluded)


def mark(x: float, score: float, exam: str = "e") -> Mark:
    return Mark(exam, (x, 0.0, 0.0), score)


def matched(lesions: list[Lesion], marks: list[Mark], policy: Policy | None = None) -> Matching:
    exams = sorted({one.exam_id for one in lesions} | {one.exam_id for one in marks} | {"e"})
    columns = MarkColumns.of(marks, exams), LesionColumns.of(lesions, exams)
    return match(*columns, WithinLesionRadius(), policy or Policy())


def test_two_marks_on_one_lesion_the_better_counts() -> None:
    found = matched([lesion(0)], [mark(1, 0.3), mark(4, 0.8)])
    assert found.mark_state.tolist() == [RED, TP]
    assert found.lesion_mark.tolist() == [1]
    assert found.mark_lesion.tolist() == [0, 0]


def test_of_equal_scores_the_nearer_counts() -> None:
    for order in itertools.permutations([mark(1, 0.5), mark(-2, 0.5), mark(3, 0.5)]):
        found = matched([lesion(0)], list(order))
        assert order[found.lesion_mark[0]].position_mm == (1.0, 0.0, 0.0)
        assert sorted(found.mark_state) == [TP, RED, RED]


def test_of_equal_scores_and_distances_the_first_by_position_counts() -> None:
    for order in itertools.permutations([mark(2, 0.5), mark(-2, 0.5)]):
        assert order[matched([lesion(0)], list(order)).lesion_mark[0]].position_mm == (-2.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("shared", "states", "marks_of_lesions"),
    [
        ("nearest-lesion", [LesionState.MISSED, LesionState.HIT], [NONE, 0]),
        ("every-lesion", [LesionState.HIT, LesionState.HIT], [0, 0]),
    ],
)
def test_one_mark_on_two_lesions(shared: SharedMark, states: list[LesionState], marks_of_lesions: list[int]) -> None:
    found = matched([lesion(0, "1"), lesion(6, "2")], [mark(4, 0.9)], Policy(shared_mark=shared))
    assert found.mark_state.tolist() == [TP]
    assert found.mark_lesion.tolist() == [1]
    assert found.lesion_state.tolist() == states
    assert found.lesion_mark.tolist() == marks_of_lesions
    assert found.is_reached.tolist() == [True, True]


def test_a_mark_halfway_between_two_lesions_counts_for_the_first_by_position_whatever_the_order() -> None:
    lesions = [lesion(-3, "left"), lesion(3, "right")]
    for order in (lesions, lesions[::-1]):
        found = matched(order, [mark(0, 0.9)])
        assert order[found.mark_lesion[0]].lesion_id == "left"


def test_a_mark_names_the_lesion_it_counts_for_though_another_is_nearer() -> None:
    # The mark at 2 hits both; lesion "1", the nearer, has a better mark.
    found = matched([lesion(0, "1"), lesion(6, "2")], [mark(0, 0.9), mark(2, 0.4)], Policy(shared_mark="every-lesion"))
    assert found.mark_state.tolist() == [TP, TP]
    assert found.lesion_mark.tolist() == [0, 1]
    assert found.mark_lesion.tolist() == [0, 1]


def test_a_mark_on_an_excluded_finding_is_ignored_unless_it_hits_a_lesion() -> None:
    found = matched([lesion(0, "1"), lesion(4, "x1", is_excluded=True)], [mark(8, 0.9), mark(2, 0.5), mark(20, 0.1)])
    assert found.mark_state.tolist() == [IGN, TP, FP]
    assert found.mark_lesion.tolist() == [1, 0, NONE]
    assert found.lesion_state.tolist() == [LesionState.HIT, LesionState.EXCLUDED]
    assert found.lesion_mark.tolist() == [1, NONE]


def test_marks_hit_only_lesions_of_their_own_exam() -> None:
    found = matched([lesion(0, exam="e")], [mark(0, 0.9, exam="f")])
    assert found.mark_state.tolist() == [FP]
    assert found.lesion_state.tolist() == [LesionState.MISSED]


def test_no_marks_and_no_lesions() -> None:
    nothing = matched([], [])
    assert len(nothing.mark_state) == len(nothing.lesion_state) == 0
    assert matched([lesion(0)], []).lesion_state.tolist() == [LesionState.MISSED]
    assert matched([], [mark(0, 0.5)]).mark_state.tolist() == [FP]


@pytest.mark.parametrize(
    ("ties", "scores", "kept"),
    [
        ("dropped", [0.9, 0.8, 0.7], [0.9, 0.8]),  # strictly above the third
        ("dropped", [0.9, 0.7, 0.7], [0.9]),
        ("dropped", [0.7, 0.7, 0.7], []),
        ("dropped", [0.7, 0.7], [0.7, 0.7]),  # no more than the cap: all stay
        ("kept", [0.9, 0.7, 0.7], [0.9, 0.7, 0.7]),
        ("kept", [0.9, 0.8, 0.7], [0.9, 0.8]),
        ("kept", [0.7, 0.7, 0.7], [0.7, 0.7, 0.7]),
    ],
)
def test_the_cap_of_two_marks_an_exam(ties: CapTies, scores: list[float], kept: list[float]) -> None:
    policy = Policy(max_marks_per_exam=2, cap_ties=ties)
    others = [mark(0, 0.1, "f"), mark(0, 0.95, "f")]
    for order in itertools.permutations(scores):
        marks = [others[0], *(mark(i, score) for i, score in enumerate(order)), others[1]]
        is_kept = within_cap(MarkColumns.of(marks, ["e", "f"]), policy)
        assert sorted(m.score for m, keep in zip(marks, is_kept, strict=True) if keep and m.exam_id == "e") == sorted(
            kept
        )
        assert is_kept[0]
        assert is_kept[-1]


def test_a_mark_beyond_the_cap_hits_nothing() -> None:
    found = matched([lesion(0)], [mark(0, 0.1), mark(50, 0.9)], Policy(max_marks_per_exam=1))
    assert found.mark_state.tolist() == [CUT, FP]
    assert found.mark_lesion.tolist() == [NONE, NONE]
    assert found.lesion_state.tolist() == [LesionState.MISSED]


def test_chunks_of_pairs_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    exams = [f"e{number}" for number in range(7)]
    lesions = [
        Lesion(exams[row % 6], str(row), (float(x), float(y), 0.0))
        for row, (x, y) in enumerate(generator.random((30, 2)) * 40)
    ]
    marks = [
        Mark(exams[row % 7], (float(x), float(y), 0.0), 0.5)
        for row, (x, y) in enumerate(generator.random((60, 2)) * 40)
    ]
    columns = MarkColumns.of(marks, exams), LesionColumns.of(lesions, exams)
    expected = {
        (i, j)
        for i, one in enumerate(marks)
        for j, other in enumerate(lesions)
        if one.exam_id == other.exam_id
        and np.hypot(one.position_mm[0] - other.position_mm[0], one.position_mm[1] - other.position_mm[1]) < 12
    }
    assert expected
    for chunk in (1, 2, 17, 10_000):
        monkeypatch.setattr(matching_module, "PAIRS_PER_CHUNK", chunk)
        hits = find_hits(*columns, WithinDistance(12))
        assert len(hits) == len(expected)
        assert set(zip(hits.mark.tolist(), hits.lesion.tolist(), strict=True)) == expected
