"""Tables in terminals that are too narrow for them: no number is broken, nothing is left out."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.cli.text_table import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

NLST = {"modality": "CT", "participants": 26_254, "series": 203_087, "images": 21_080_927, "licence": "CC BY 4.0"}
SLIDES = {"modality": "SM", "participants": 452, "series": 1_259, "images": 7_213, "licence": "CC BY 3.0"}


def printed(rows: Sequence[dict[str, Any]], width: int, title: str | None = None) -> list[str]:
    file = io.StringIO()
    file.isatty = lambda: True  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", file)
        print_table(rows, title)
    return [line.rstrip() for line in re.sub("\x1b\\[[0-9;]*m", "", file.getvalue()).splitlines()]


def test_where_there_is_room_a_table_stays_one() -> None:
    assert printed([NLST, SLIDES], 60)[0].split() == list(NLST)


def test_a_narrow_terminal_gets_the_rows_beside_each_other() -> None:
    assert printed([NLST, SLIDES], 40, "nlst: original data") == [
        "nlst: original data",
        "modality      CT          SM",
        "participants  26,254      452",
        "series        203,087     1,259",
        "images        21,080,927  7,213",
        "licence       CC BY 4.0   CC BY 3.0",
    ]


def test_a_narrower_one_gets_them_below_each_other() -> None:
    lines = printed([NLST, SLIDES], 30)
    assert lines[0] == "modality      CT"
    assert lines[5:7] == ["", "modality      SM"]


def test_a_text_longer_than_the_terminal_is_folded() -> None:
    uid = "1.2.840.113654.2.55." + "7" * 40
    lines = printed([{"SeriesInstanceUID": uid, "instance_count": 120, "size_bytes": 63_000_000}], 40)
    assert "".join(lines).replace(" ", "").count(uid) == 1
    assert max(map(len, lines)) <= 40


@given(
    rows=st.lists(
        st.fixed_dictionaries({f"column_{n}": st.integers(0, 10**9) for n in range(7)}), min_size=1, max_size=6
    ),
    width=st.integers(30, 130),
)
@settings(max_examples=40, deadline=None)
def test_no_number_is_broken_in_any_terminal(rows: list[dict[str, int]], width: int) -> None:
    words = [word for line in printed(rows, width) for word in line.split()]
    for row in rows:
        assert all(f"{value:,}" in words for value in row.values())
