"""What every verb shares: tables and JSON on stdout, messages and progress on stderr, the exit status."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hilum.errors import Refusal

OK, REFUSED, USAGE, FAILURE = range(4)
"""Exit status: all is well; something was refused; wrong usage; failure."""

ArchiveOption = Annotated[
    Path,
    typer.Option("--archive", envvar="HILUM_ARCHIVE", help="Folder of the archive.", show_default=False),
]
LINES_TOLD = 10
"""Refusals told one by one; the others are counted."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def tell(message: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(message + "\n")


def tell_first(lines: Iterable[str], rest: str = "; --json gives them all") -> None:
    """Write the first `LINES_TOLD` lines to stderr, and how many more there are.

    Parameters
    ----------
    rest
        Where the others are found.
    """
    every = list(lines)
    for line in every[:LINES_TOLD]:
        tell(line)
    if len(every) > LINES_TOLD:
        tell(f"... and {len(every) - LINES_TOLD:,} more{rest}")


def tell_refusals(refusals: Iterable[Refusal], *, rest: str | None = None) -> None:
    """Write to stderr what was refused, by which check and why.

    Parameters
    ----------
    rest
        Where the others are found, if there are more than are told: then only the first `LINES_TOLD` are. All without.
    """
    lines = (f"refused {refusal.item}: {refusal.check}: {refusal.reason}" for refusal in refusals)
    if rest is not None:
        tell_first(lines, rest)
        return
    for line in lines:
        tell(line)


def show_table(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """Print rows as a table, or as a JSON array; a table cell without value stays empty.

    A terminal gets a table of its width; a file or pipe gets every value whole.
    """
    if as_json:
        show_json(list(rows))
        return
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in names:
        is_number = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    console = Console(width=None if sys.stdout.isatty() else 10_000, soft_wrap=not sys.stdout.isatty())
    console.print(table, markup=False) if rows else console.print("(no rows)")


def show_json(value: Any) -> None:
    """Print a value as JSON; dates in ISO form, bytes as their length."""
    sys.stdout.write(json.dumps(value, indent=2, default=_json_value, allow_nan=False) + "\n")


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; the value given advances it by a count. Quiet when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(description, total=total)
        yield lambda count: bar.advance(task, count)


def day(text: str) -> date:
    """Read a calendar day of an option.

    Raises
    ------
    typer.BadParameter
        It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: expected a day such as 2026-03-31") from error


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


def _json_value(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    return str(value)
