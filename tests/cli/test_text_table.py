"""Tables of any length: what is written row by row is what rich would draw of the whole."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from hilum.cli import text_table
from hilum.cli.text_table import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    Rows = Sequence[dict[str, Any]]

TEXTS = st.sampled_from(
    ["", "a", "1.2.840", ":heart:", "[b]x[/b]", "two\nlines", "漢字", "é", "e\N{COMBINING ACUTE ACCENT}"]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=2), TEXTS)
ROWS = st.lists(st.dictionaries(st.sampled_from(["uid", "long name", "n"]), VALUES, min_size=1), min_size=1, max_size=9)


def drawn_by_rich(rows: Rows, title: str | None) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in names:
        is_number = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(text_table._cell(row.get(name)) for name in names))
    file = io.StringIO()
    Console(width=10_000, soft_wrap=True, emoji=False, file=file).print(table, markup=False)
    return file.getvalue()


def printed(rows: Rows, title: str | None, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool = False) -> str:
    file = io.StringIO()
    file.isatty = lambda: is_terminal  # type: ignore[method-assign]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", file)
        patch.setattr(text_table, "ROWS_DRAWN", 2)
        print_table(rows, title)
    return file.getvalue()


@given(rows=ROWS, title=st.sampled_from([None, "all of them"]))
@settings(max_examples=60)
def test_a_long_table_is_as_rich_draws_it(rows: Rows, title: str | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert printed(rows, title, patch) == drawn_by_rich(rows, title)


def test_no_value_is_folded_however_long_the_lines_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": "x" * 9_000, "b": "y" * number} for number in (3_000, 1, 2, 3)]
    lines = printed(rows, None, monkeypatch).splitlines()
    assert [len(line) for line in lines] == [12_002] * 5


def test_a_terminal_gets_every_row_in_tables_of_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    drawn = printed([{"uid": f"{n}" * 60, "n": n} for n in range(5)], "all", monkeypatch, is_terminal=True)
    text = re.sub("\x1b\\[[0-9;]*m", "", drawn)
    assert max(map(len, text.splitlines())) <= 40
    assert [text.count(f"{n}" * 20) > 0 for n in range(5)] == [True] * 5
    assert text.count("uid") == 3


def test_without_rows_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed([], "all", monkeypatch) == "(no rows)\n"
