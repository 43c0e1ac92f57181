"""``hilum catalog``: its snapshots, and what is imported into it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import Annotated

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell, tell_first


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    catalog = typer.Typer(help="Snapshots of the catalog, and imports.", no_args_is_help=True)
    catalog.command("snapshots")(snapshots)
    catalog.command("verify")(verify)
    catalog.command("import-idc")(import_index)
    catalog.command("import-participants")(import_participant_table)
    app.add_typer(catalog, name="catalog")


def snapshots(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List the snapshots, the current one first."""
    from hilum.catalog import Archive

    rows = [
        {
            "snapshot_id": snapshot.snapshot_id,
            "created_at": snapshot.created_at.isoformat(timespec="seconds"),
            "series": snapshot.row_count("series"),
            "collections": len(snapshot.collection_ids),
            "note": snapshot.note,
        }
        for snapshot in Archive.open(archive).snapshots()
    ]
    show_table(rows, as_json=as_json)


def verify(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """Read every file of every snapshot and compare it with its SHA-256."""
    from hilum.catalog import Archive

    found = Archive.open(archive).snapshots()
    files = {file.name: file for snapshot in found for file in snapshot.files}
    with progress("snapshots", len(found)) as advance:
        for snapshot in found:
            snapshot.verify()
            advance(1)
    size = sum(file.size_bytes for file in files.values())
    show_table([{"snapshots": len(found), "files": len(files), "size_bytes": size}], as_json=as_json)


def import_index(
    archive: ArchiveOption,
    collection: Annotated[list[str] | None, typer.Option(help="Collection to import, repeatable.")] = None,
    all_collections: Annotated[bool, typer.Option("--all", help="Import every collection.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import collections of the public index of the Imaging Data Commons; series indexed from files keep their rows."""
    from hilum.catalog import Archive
    from hilum.catalog.idc import import_idc

    if bool(collection) == all_collections:
        raise typer.BadParameter("name collections with --collection, or take --all")
    with progress("series") as advance:
        found = import_idc(Archive.open_or_create(archive), collection or None, on_progress=advance)
    rows = [{"collection_id": name, "series": count} for name, count in found.series_by_collection.items()]
    show_table(rows, as_json=as_json, title=f"imported as snapshot {found.snapshot.snapshot_id}")
    if found.kept_local:
        tell(f"{found.kept_local:,} series are indexed from files here and keep their rows")


def import_participant_table(
    file: Annotated[Path, typer.Argument(help="NLST's nlst_prsn as CSV or .parquet.", show_default=False)],
    archive: ArchiveOption,
    collection: Annotated[str, typer.Option(help="Collection the participants belong to.")],
    as_json: JsonOption = False,
) -> None:
    """Import a participant table; a line that cannot be believed is refused, and told."""
    from hilum.catalog import Archive
    from hilum.catalog.participants import import_participants

    found = import_participants(Archive.open(archive), file, collection)
    counts = {"participants": len(found.rows), "refused": len(found.refusals)}
    if as_json:
        show_json(counts | {"refusals": [asdict(refusal) for refusal in found.refusals]})
    else:
        show_table([counts], as_json=False)
    tell_first(f"refused {refusal.item}: {refusal.reason}" for refusal in found.refusals)
    if found.refusals:
        raise typer.Exit(REFUSED)
