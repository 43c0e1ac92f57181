"""What every verb shares: tables and JSON on stdout, messages and progress on stderr, the exit status."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hilum.cli.text_table import Rows
    from hilum.errors import Refusal

OK, REFUSED, USAGE, FAILURE = range(4)
"""Exit status: all is well; something was refused; wrong usage; failure."""

ArchiveOption = Annotated[
    Path,
    typer.Option("--archive", envvar="HILUM_ARCHIVE", help="Folder of the archive.", show_default=False),
]
LINES_TOLD = 10
"""Refusals told one by one; the others are counted."""

TOKENS_AT_ONCE = 10_000
"""Of JSON, written at once: to write each by itself takes ten times as long as to make it."""

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


def show_table(rows: Rows, *, as_json: bool, title: str | None = None) -> None:
    """Print rows as a table (`hilum.cli.text_table.print_table`), or as a JSON array."""
    if as_json:
        show_json(list(rows))
        return
    from hilum.cli.text_table import print_table

    print_table(rows, title)


def show_json(value: Any) -> None:
    """Print a value as JSON, piece by piece; dates in ISO form, bytes as their length."""
    tokens = json.JSONEncoder(indent=2, default=_json_value, allow_nan=False).iterencode(value)
    while some := "".join(islice(tokens, TOKENS_AT_ONCE)):
        sys.stdout.write(some)
    sys.stdout.write("\n")


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; the value given advances it by a count. Quiet when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
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


def _json_value(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    return str(value)
