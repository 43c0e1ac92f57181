"""``hilum sql``: one SELECT over the catalog."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from hilum.cli.output import ArchiveOption, JsonOption, show_table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("sql")(ask)


def ask(
    statement: Annotated[str, typer.Argument(help="One SELECT statement.", show_default=False)],
    archive: ArchiveOption,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="Value for a ? of the statement, in their order.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer one SELECT statement over the tables of the catalog; nothing can be changed.

    Tables: series, checks, refusals, scans, sources, participants. The packed instances show as their size.
    """
    from hilum.catalog import Archive

    answer = Archive.open(archive).query(statement, parameter or ())
    show_table([_finite(row) for row in answer.to_pylist()], as_json=as_json)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON knows neither NaN nor infinity: null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }
