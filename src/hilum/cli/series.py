"""``hilum series``: the series of the archive, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from hilum.cli.output import ArchiveOption, JsonOption, show_table, tell
from hilum.model.kinds import ImageKind  # noqa: TC001 (Typer reads the annotations when it runs)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("series")(list_series)


def list_series(
    archive: ArchiveOption,
    *,
    collection: Annotated[str | None, typer.Option(help="Series of this collection only.")] = None,
    kind: Annotated[ImageKind | None, typer.Option(help="Series of this image kind only.")] = None,
    where: Annotated[
        str | None, typer.Option(help="Condition on the columns of the series table, such as 'SliceThickness < 2'.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Series shown at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List series, one a line, in order of participant and date."""
    from hilum.catalog import Archive
    from hilum.catalog.lookup import list_series as find

    found, count = find(Archive.open(archive), collection_id=collection, kind=kind, where=where, limit=limit)
    show_table(found, as_json=as_json)
    if count > len(found):
        tell(f"{len(found)} of {count:,} series shown; --limit shows more")
