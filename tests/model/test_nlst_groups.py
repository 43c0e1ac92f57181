"""One hand-worked participant for each rule, and one on each side of its borders."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from hilum.model.nlst_groups import Group, participant_group

ALL = {0, 1, 2}
UNKNOWN_ROUND = {-1}


def participant(
    results: str = "1 1 1", isolated: str | None = None, can_scr: int | None = 0, cancyr: int | None = None
) -> dict[str, Any]:
    screens, alone = (list(map(int, text.split())) for text in (results, isolated or results))
    return {
        **{f"scr_res{r}": code for r, code in enumerate(screens)},
        **{f"scr_iso{r}": min(code, 4) if code < 10 else code for r, code in enumerate(alone)},
        "can_scr": can_scr,
        "cancyr": cancyr,
    }


@pytest.mark.parametrize(
    ("what", "row", "rounds", "expected"),
    [
        (
            "cancer after the T1 screen, imaged at T1",
            participant("1 6 23", can_scr=1, cancyr=1),
            {1},
            "SCREEN_DETECTED",
        ),
        ("the same, imaged at all rounds", participant("1 6 23", can_scr=1, cancyr=1), ALL, "SCREEN_DETECTED"),
        ("the same, imaged only a year before", participant("1 6 23", can_scr=1, cancyr=1), {0}, "CANCER"),
        ("cancer after a positive screen, year unknown", participant("4 1 1", can_scr=1), ALL, "CANCER"),
        ("after a positive T2 screen, diagnosed in year 3", participant("1 1 6", can_scr=1, cancyr=3), ALL, "CANCER"),
        ("cancer after a negative screen", participant("1 1 1", can_scr=2, cancyr=2), ALL, "CANCER"),
        ("cancer after a missed screen", participant("1 15 15", can_scr=3, cancyr=1), {0}, "CANCER"),
        ("cancer after the screening years", participant("1 1 1", can_scr=4, cancyr=6), ALL, "CANCER"),
        ("cancer, image of no known round", participant("4 1 1", can_scr=1, cancyr=0), UNKNOWN_ROUND, "CANCER"),
        ("positive at T0, imaged at T0", participant("4 1 1"), {0}, "POSITIVE"),
        ("positive by change at T2, imaged at all rounds", participant("1 1 6"), ALL, "POSITIVE"),
        ("positive, stable", participant("1 5 1"), {1}, "POSITIVE"),
        ("positive at T0, imaged only at T1", participant("4 1 1"), {1}, "OTHER"),
        ("nodule in isolation, stable by comparison", participant("1 1 2", "1 1 4"), ALL, "POSITIVE"),
        ("the same without an image of T2", participant("1 1 2", "1 1 4"), {0, 1}, "OTHER"),
        ("three negative screens, three images", participant("1 2 3"), ALL, "NEGATIVE"),
        ("three negative screens, two images", participant("1 2 3"), {0, 2}, "OTHER"),
        ("two negative screens, one refused", participant("1 1 15"), {0, 1}, "OTHER"),
        ("an inadequate image", participant("1 10 1"), ALL, "OTHER"),
        ("negative screens, an image of no known round besides", participant("1 1 1"), {*ALL, -1}, "NEGATIVE"),
        ("nothing but an image of no known round", participant("4 4 4"), UNKNOWN_ROUND, "OTHER"),
        ("unknown whether cancer", participant("1 1 1", can_scr=None), ALL, "NEGATIVE"),
    ],
)
def test_first_group_that_fits(what: str, row: dict[str, Any], rounds: set[int], expected: str) -> None:
    assert participant_group(row, rounds) is Group[expected], what


def test_without_image_there_is_no_group() -> None:
    assert participant_group(participant("4 4 4", can_scr=1, cancyr=0), ()) is None


def test_every_participant_with_an_image_has_a_group_and_results_need_an_image_to_count() -> None:
    codes = (None, 1, 4, 6, 15)
    for screens in product(codes, repeat=3):
        row: dict[str, Any] = {"can_scr": 0, "cancyr": None}
        row |= {f"scr_res{r}": code for r, code in enumerate(screens)}
        row |= {f"scr_iso{r}": None for r in range(3)}
        is_positive = any(screens[r] in {4, 6} for r in (0, 1))
        assert participant_group(row, {0, 1}) is (Group.POSITIVE if is_positive else Group.OTHER)
