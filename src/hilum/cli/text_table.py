"""Tables of any length as text: a first pass over the rows gives the columns, a second writes row after row.

rich draws a table whole, in a millisecond and some kilobytes a row. So it draws the beginning, and what is no single
line; the other rows are written as it would write them.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console, JustifyMethod

ROWS_DRAWN = 200
"""Rows that rich draws at once."""

PIPE_WIDTH = 10_000
"""Characters of a line in a file or pipe, at least: no value is folded."""

GAP = "  "
"""Between two columns, as rich writes it."""

Row = dict[str, str]
"""A row as it is shown: the text of each cell by column."""


class Rows(Protocol):
    """Rows that can be gone through more than once: a list, or what makes them each time."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Mapping[str, Any]]: ...


class Column:
    """What a column looks like: its widest cell, in characters of a terminal, and whether it holds numbers."""

    __slots__ = ("is_number", "name", "width")

    def __init__(self, name: str) -> None:
        self.name = name
        self.width = _width(name)
        self.is_number = False

    def take(self, value: object) -> None:
        """Take the value of a row into account."""
        self.is_number = self.is_number or isinstance(value, int | float)
        self.width = max(self.width, _width(_cell(value)))

    def filled(self, text: str) -> str:
        """Give a text as wide as the column."""
        blanks = " " * (self.width - _width(text))
        return blanks + text if self.is_number else text + blanks


def print_table(rows: Rows, title: str | None = None) -> None:
    """Print rows as a table; a cell without value stays empty.

    A terminal gets tables of its width, of `ROWS_DRAWN` rows each, or turned ones where they are too wide for it
    (`hilum.cli.turned_table`); a file or pipe gets one, with every value whole.
    """
    from rich.console import Console

    from hilum.cli.turned_table import fits, print_turned

    columns = _columns_of(rows)
    is_terminal = sys.stdout.isatty()
    whole_width = max(PIPE_WIDTH, sum(column.width + len(GAP) for column in columns))
    console = Console(width=None if is_terminal else whole_width, soft_wrap=not is_terminal, emoji=False)
    if not rows:
        console.print("(no rows)")
        return
    shown = ({name: _cell(value) for name, value in row.items()} for row in rows)
    if is_terminal and not fits(columns, console.width):
        if title:
            console.print(title, style="italic", markup=False)
        print_turned(console, [column.name for column in columns], shown)
        return
    _draw(console, columns, list(islice(shown, ROWS_DRAWN)), title=title, is_whole=not is_terminal)
    if is_terminal:
        while more := list(islice(shown, ROWS_DRAWN)):
            _draw(console, columns, more)
    else:
        sys.stdout.writelines(_lines(console, columns, shown))


def _columns_of(rows: Iterable[Mapping[str, Any]]) -> list[Column]:
    columns: dict[str, Column] = {}
    for row in rows:
        for name, value in row.items():
            if name not in columns:
                columns[name] = Column(name)
            columns[name].take(value)
    return list(columns.values())


def _lines(console: Console, columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """Lines of rows that follow the beginning."""
    for row in rows:
        texts = [row.get(column.name, "") for column in columns]
        if all(text.isprintable() for text in texts):
            yield GAP.join(column.filled(text) for column, text in zip(columns, texts, strict=True)) + "\n"
        else:
            _draw(console, columns, [row], is_whole=True, with_head=False)


def _draw(
    console: Console,
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    title: str | None = None,
    is_whole: bool = False,
    with_head: bool = True,
) -> None:
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, show_header=with_head
    )
    for column in columns:
        width = column.width if is_whole else None
        justify: JustifyMethod = "right" if column.is_number else "left"
        table.add_column(column.name, justify=justify, overflow="fold", min_width=width, no_wrap=column.is_number)
    for row in rows:
        table.add_row(*(row.get(column.name, "") for column in columns))
    console.print(table, markup=False)


def _width(text: str) -> int:
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len

    return max(map(cell_len, text.splitlines()), default=0)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value)
