"""Results ranked with those they may be held against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hilum.assess import Policy, WithinDistance, assess
from hilum.assess.leaderboard import Entry, Leaderboard, recorded_differences
from hilum.errors import FormatError
from hilum.model.findings import Lesion, Mark

EXAMS = ["a", "b"]
LESIONS = [Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=10.0) for exam in EXAMS]
GOOD = [Mark(exam, (1.0, 0.0, 0.0), 0.9) for exam in EXAMS]


def entry(
    run: str, marks: list[Mark], lesions: list[Lesion] = LESIONS, policy: Policy | None = None, draws: int = 0
) -> Entry:
    result = assess(lesions, marks, EXAMS, hit=WithinDistance(5), bootstraps=draws, policy=policy)
    return Entry.of(run, result, hit="within-distance:5", about={"cohort": "all"})


def test_runs_on_the_same_ground_are_ranked_and_equal_ones_share_a_rank() -> None:
    board = Leaderboard()
    for run, marks in (("poor", GOOD[:1]), ("b", GOOD), ("none", []), ("a", GOOD)):
        board = board.with_entry(entry(run, marks))
    (only,) = board.boards()
    assert [(row.rank, row.entry.run, row.entry.cpm) for row in only.rows] == [
        (1, "a", 1.0), (1, "b", 1.0), (3, "poor", 0.5), (4, "none", 0.0),
    ]  # fmt: skip


def test_the_order_and_names_of_lesions_do_not_part_runs_but_places_and_sizes_do() -> None:
    renamed = [replace(lesion, lesion_id="other") for lesion in LESIONS[::-1]]
    moved = [replace(LESIONS[0], position_mm=(0.0, 0.0, 0.5)), LESIONS[1]]
    same, other = entry("x", GOOD, renamed), entry("y", GOOD, moved)
    board = Leaderboard((entry("w", GOOD), other, same))
    assert [[row.entry.run for row in one.rows] for one in board.boards()] == [["w", "x"], ["y"]]
    assert recorded_differences(same, other) == ("lesions: 2 of 'x' and 2 of 'y' are not the same",)


@pytest.mark.parametrize("change", [{"box_mm": (4.0, 5.0, 6.0)}, {"mask_label": 3}, {"is_excluded": True}])
def test_another_box_label_or_kind_is_another_board(change: dict[str, object]) -> None:
    other = [replace(LESIONS[0], **change), LESIONS[1]]  # type: ignore[arg-type]
    assert len(Leaderboard((entry("w", GOOD), entry("x", GOOD, other))).boards()) == 2


def test_another_policy_is_another_board_and_the_words_say_which() -> None:
    first, second = entry("x", GOOD), entry("x", GOOD, policy=Policy(max_marks_per_exam=5))
    board = Leaderboard().with_entry(first).with_entry(second)
    assert len(board.boards()) == 2
    (reason,) = recorded_differences(first, second)
    assert reason.startswith("marks an exam: 'all' in 'x', 'the best 5;")


def test_the_draws_do_not_part_runs_and_a_run_added_again_replaces_itself() -> None:
    board = Leaderboard().with_entry(entry("x", GOOD)).with_entry(entry("x", GOOD[:1], draws=20))
    (one,) = board.entries
    assert (one.cpm, one.low, one.high) == (0.5, 0.0, 1.0)
    assert "20 draws" in one.confidence
    assert board.without("x") == Leaderboard()


def test_without_lesions_there_is_no_rank() -> None:
    (board,) = Leaderboard((entry("x", GOOD, []),)).boards()
    assert board.rows[0].rank is None


def test_the_file_is_read_back_and_a_damaged_one_is_refused() -> None:
    board = Leaderboard((entry("x", GOOD, draws=20), entry("y", [])))
    assert Leaderboard.from_json(board.to_json()) == board
    for content in (
        b"{",
        b"[]",
        b'{"format": "hilum leaderboard 9", "entries": []}',
        board.to_json().replace(b"cpm", b""),
    ):
        with pytest.raises(FormatError, match=r"lb\.json"):
            Leaderboard.from_json(content, "lb.json")
