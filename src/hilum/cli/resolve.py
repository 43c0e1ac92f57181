"""``hilum resolve``: what became of an object in releases, in the catalog, in the public index."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hilum.cli.output import ArchiveOption, JsonOption, progress, show_table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("resolve")(resolve)


def resolve(
    uid: Annotated[
        str,
        typer.Argument(help="SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID or PatientID.", show_default=False),
    ],
    archive: ArchiveOption,
    as_json: JsonOption = False,
) -> None:
    """Say what became of an object: since when it is there, in which release it changed or went, and what is there now.

    The public index of the IDC on this machine tells of its older versions.
    """
    from hilum.catalog import Archive
    from hilum.publish.resolve import resolve as find

    opened = Archive.open(archive)
    with progress("series", opened.snapshot().row_count("series")) as advance:
        fates = find(opened, uid, on_progress=advance)
    show_table([asdict(fate) for fate in fates], as_json=as_json)
