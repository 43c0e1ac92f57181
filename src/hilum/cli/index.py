"""``hilum index``: the DICOM files of a folder into the catalog, where they lie."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell, tell_first

if TYPE_CHECKING:
    from hilum.catalog.folder import IndexReport


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("index")(index)


def index(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder that the DICOM files lie in.")],
    archive: ArchiveOption,
    collection: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Collection the files belong to; named after the folder when absent."),
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Take a folder without DICOM files for an empty one, no mistake.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Index the DICOM files of a folder, in place; again, to read what is new or changed.

    The archive is made if there is none. Exit status 1 says that files were refused, 3 that there was no DICOM file.
    """
    from hilum.catalog import Archive
    from hilum.catalog.folder import index_folder, require_folder

    require_folder(folder)
    collection_id = collection or collection_of(folder)
    with progress("files") as advance:
        report = index_folder(
            Archive.open_or_create(archive), folder, collection_id, on_progress=advance, may_be_empty=allow_empty
        )
    if as_json:
        show_json(asdict(report))
    else:
        show_table([_summary(report)], as_json=False)
        _tell_refusals(report)
    if report.refusals:
        raise typer.Exit(REFUSED)


def collection_of(folder: Path) -> str:
    """Collection named after a folder: lower case, everything but letters and digits an underscore."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    if not name:
        raise typer.BadParameter(f"{folder}: no collection can be named after it; name one with --collection")
    return name


def _summary(report: IndexReport) -> dict[str, object]:
    return {
        "collection": report.collection_id,
        "files": report.files_found,
        "kept": report.instances_kept,
        "refused": report.files_refused,
        "passed over": report.files_passed_over,
        "series": report.series,
        "read": report.files_read,
        "taken up": report.files_taken_up,
        "gone": report.files_gone,
        "snapshot": report.snapshot_id,
    }


def _tell_refusals(report: IndexReport) -> None:
    if report.passed_over:
        tell("passed over: " + ", ".join(f"{count:,} {kind}" for kind, count in report.passed_over.items()))
    if report.refusals:
        counts = Counter(refusal.check for refusal in report.refusals)
        tell("refused: " + ", ".join(f"{count:,} {check}" for check, count in counts.most_common()))
    tell_first(f"  {refusal.item}: {refusal.reason}" for refusal in report.refusals)
