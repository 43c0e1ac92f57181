"""``hilum catalog``: its snapshots, and what is imported into it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell, tell_first
from hilum.disk import size_text

if TYPE_CHECKING:
    from hilum.catalog.prune import Pruning


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    catalog = typer.Typer(help="Snapshots of the catalog, and imports.", no_args_is_help=True)
    catalog.command("snapshots")(snapshots)
    catalog.command("verify")(verify)
    catalog.command("prune")(prune)
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

    opened = Archive.open(archive)
    found = opened.snapshots()
    files = {file.name: file for snapshot in found for file in snapshot.files}
    with progress("snapshots", len(found)) as advance:
        for snapshot in found:
            opened.snapshot(snapshot.snapshot_id).verify()
            advance(1)
    size = sum(file.size_bytes for file in files.values())
    show_table([{"snapshots": len(found), "files": len(files), "size_bytes": size}], as_json=as_json)


def prune(
    archive: ArchiveOption,
    snapshot: Annotated[
        list[str] | None, typer.Argument(help="Snapshots to remove; all but the newest if none is named.")
    ] = None,
    *,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay, where no snapshot is named.")] = 10,
    min_age: Annotated[
        float,
        typer.Option(min=0, metavar="HOURS", help="How long others were not the current one, where none is named."),
    ] = 24,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove old snapshots of the catalog; image files stay.

    A snapshot stays that is current, that somebody reads, or that a cohort, run, published result or published
    collection names.
    """
    from hilum.catalog import Archive
    from hilum.catalog.prune import HOUR, plan_pruning
    from hilum.catalog.prune import prune as remove
    from hilum.cohort.named import named_snapshots

    opened = Archive.open(archive)
    naming = named_snapshots(opened)
    for snapshot_id, who in _named_by_site(opened.path).items():
        naming.setdefault(snapshot_id, []).extend(who)
    act = plan_pruning if dry_run else remove
    done = act(opened, naming, keep=keep, wanted=snapshot or (), min_age=min_age * HOUR)
    if not dry_run:
        _record_removed(opened.path, [one.snapshot_id for one in done.snapshots])
    _show_pruning(done, dry_run=dry_run, as_json=as_json)
    if snapshot and done.refusals:
        raise typer.Exit(REFUSED)


def _show_pruning(done: Pruning, *, dry_run: bool, as_json: bool) -> None:
    word = "would be removed" if dry_run else "removed"
    if as_json:
        show_json(
            {
                "removed": [one.snapshot_id for one in done.snapshots],
                "kept": [asdict(one) for one in done.refusals],
                "files": done.files,
                "size_bytes": done.size_bytes,
                "dry_run": dry_run,
            }
        )
        return
    rows = [
        {"snapshot_id": one.snapshot_id, "created_at": one.created_at.isoformat(timespec="seconds"), "note": one.note}
        for one in done.snapshots
    ]
    show_table(rows, as_json=False, title=f"snapshots that {word}" if dry_run else "removed")
    tell(f"{len(rows)} snapshots {word}, with {done.files} files of {size_text(done.size_bytes)} that no other has")
    if done.refusals:
        counts = Counter(one.check for one in done.refusals)
        tell("stay: " + ", ".join(f"{count:,} {check}" for check, count in counts.most_common()))
    tell_first(f"  {one.item}: {one.reason}" for one in done.refusals)


def _named_by_site(archive: Path) -> dict[str, list[str]]:
    """Published collections by the snapshot that they were published from; none where nothing is served."""
    from hilum.serve import site

    if not site.is_site(archive):
        return {}
    site.open_site(archive)
    site.prepare_tables()
    from hilum.serve.published.models import Collection

    naming: dict[str, list[str]] = {}
    for collection_id, snapshot_id in Collection.objects.order_by("pk").values_list("pk", "snapshot_id"):
        naming.setdefault(snapshot_id, []).append(f"published collection {collection_id}")
    return naming


def _record_removed(archive: Path, snapshot_ids: list[str]) -> None:
    """Tell the site's log of removed snapshots, where there is a site."""
    from hilum.serve import site

    if not (snapshot_ids and site.is_site(archive)):
        return
    from hilum.serve.access.audit import Event, record

    for snapshot_id in snapshot_ids:
        record(Event.SNAPSHOT_REMOVED, user_id=None, item=snapshot_id)


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
