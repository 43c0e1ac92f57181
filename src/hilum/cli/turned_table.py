"""Tables that are wider than the terminal, turned: their columns one below the other, their rows beside each other.

A table squeezed into too few characters breaks its numbers: 21,088,140 becomes 21,0, 88,1 and 40 on three lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from hilum.cli.text_table import Column

READABLE = 20
"""Characters of a cell of text below which it is not folded further: half of the shortest line that is read well."""

GAP = 2
"""Blanks between two columns, as rich leaves them."""


def fits(columns: Sequence[Column], width: int) -> bool:
    """Whether a table can be drawn in so many characters with its numbers and names whole, and texts not in shreds."""
    least = (column.width if column.is_number else min(column.width, READABLE) for column in columns)
    whole = (max(len(column.name), narrow) for column, narrow in zip(columns, least, strict=True))
    return sum(whole) + GAP * (len(columns) - 1) <= width


def print_turned(console: Console, names: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Print a line for each name, with its values in as many rows as there is room for; then the next rows."""
    head = max(map(len, names))
    for number, some in enumerate(_beside(rows, console.width - head)):
        if number:
            console.print()
        _draw(console, names, some)


def _beside(rows: Iterable[Mapping[str, str]], width: int) -> Iterator[list[Mapping[str, str]]]:
    """Parts of the rows that fit beside each other in so many characters, in their order; one at least."""
    from rich.cells import cell_len

    some: list[Mapping[str, str]] = []
    left = width
    for row in rows:
        needed = GAP + max(map(cell_len, row.values()), default=0)
        if some and needed > left:
            yield some
            some, left = [], width
        some.append(row)
        left -= needed
    if some:
        yield some


def _draw(console: Console, names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    for _ in rows:
        table.add_column(overflow="fold")
    for name in names:
        table.add_row(name, *(row.get(name, "") for row in rows))
    console.print(table, markup=False)
