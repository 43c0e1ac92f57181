"""``hilum site``: what of the archive is served, and to whom."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.opened_site import open_with_site
from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell, tell_first
from hilum.cli.site_removal import add_removal
from hilum.cli.site_results import add_results
from hilum.cli.site_upkeep import add_upkeep

if TYPE_CHECKING:
    from hilum.serve.published.publish import Publication


class Access(StrEnum):
    """Who sees a collection."""

    PUBLIC = "public"
    REGISTERED = "registered"
    APPROVED = "approved"


TitleOption = Annotated[str | None, typer.Option(help="What it is called on the site.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    site = typer.Typer(help="What of the archive is served, and to whom.", no_args_is_help=True)
    site.command("publish")(publish)
    site.command("publish-cohort")(publish_cohort)
    add_removal(site)
    site.command("list")(list_served)
    site.command("cohorts")(list_cohorts)
    add_results(site)
    add_upkeep(site)
    waiting = typer.Typer(help="What was sent to the site and waits for you.", no_args_is_help=True)
    waiting.command("list")(list_waiting)
    waiting.command("accept")(accept)
    waiting.command("reject")(reject)
    site.add_typer(waiting, name="inbox")
    app.add_typer(site, name="site")


def publish(
    archive: ArchiveOption,
    collection: Annotated[
        list[str] | None, typer.Argument(help="Collections; all that are served already if none is named.")
    ] = None,
    access: Annotated[
        Access | None,
        typer.Option(help="Who sees them; as before, or approved at first", show_default=False),
    ] = None,
    title: TitleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve collections as the catalog has them now, or bring what is served up to date.

    Only what changed since is read. Files whose header cannot be read are served, described from the catalog alone,
    and told.
    """
    opened = open_with_site(archive)
    from hilum.serve.access.audit import Event, record
    from hilum.serve.published.models import Collection
    from hilum.serve.published.publish import publish as publish_collection

    before = dict(Collection.objects.order_by("pk").values_list("pk", "access"))
    done = []
    for name in collection or before:
        with progress(f"{name}: series") as advance:
            done.append(publish_collection(opened, name, access=access, title=title, on_progress=advance))
        if done[-1].access != before.get(name):
            record(Event.ACCESS_CHANGED, user_id=None, item=name, access=done[-1].access)
    _show(done, as_json=as_json)
    if any(one.prepared.refusals for one in done):
        raise typer.Exit(REFUSED)


def publish_cohort(
    archive: ArchiveOption,
    cohort: Annotated[str, typer.Argument(help="Name of the cohort.", show_default=False)],
    title: TitleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve a frozen cohort, so that access can be granted to it alone."""
    opened = open_with_site(archive)
    from hilum.serve.published.cohorts import publish_cohort as publish_one

    served, missing = publish_one(opened, cohort, title=title)
    row = {"cohort_id": served.pk, "title": served.title, "series": served.series.count(), "not_served": missing}
    show_table([row], as_json=as_json)
    if missing:
        tell(f"{missing:,} of its series are in no served collection: publish those collections")


def list_served(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List the collections that are served, and who sees them."""
    open_with_site(archive)
    from hilum.serve.published.models import Collection

    rows = [
        {
            "collection_id": served.pk,
            "access": served.access,
            "studies": served.studies.count(),
            "series": served.series.count(),
            "snapshot_id": served.snapshot_id,
            "published_at": served.published_at.isoformat(timespec="seconds"),
        }
        for served in Collection.objects.order_by("pk")
    ]
    show_table(rows, as_json=as_json)


def list_cohorts(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List the cohorts that are served: who chose each on the site, and how many hold access to it."""
    open_with_site(archive)
    from hilum.serve.access.models import Grant
    from hilum.serve.published.models import Cohort

    valid = Grant.objects.valid().exclude(cohort=None)
    rows = [
        {
            "cohort_id": served.pk,
            "title": served.title,
            "series": served.series.count(),
            "chosen_by": str(served.chosen.made_by) if hasattr(served, "chosen") else "",
            "grants": valid.filter(cohort=served).count(),
        }
        for served in Cohort.objects.exclude(digest="").select_related("chosen__made_by").order_by("pk")
    ]
    show_table(rows, as_json=as_json)


def list_waiting(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List what was sent and waits, the oldest first."""
    from hilum.catalog import Archive
    from hilum.serve import inbox

    show_table([asdict(each) for each in inbox.deliveries(_inbox(Archive.open(archive).path))], as_json=as_json)


def accept(
    archive: ArchiveOption,
    delivery: Annotated[str, typer.Argument(help="Name of the delivery.", show_default=False)],
    folder: Annotated[Path, typer.Option(help="Folder that its files are moved to.", show_default=False)],
    collection: Annotated[str, typer.Option(help="Collection that the folder is indexed into.", show_default=False)],
) -> None:
    """Take a delivery into a collection: its files are moved below a folder, which is then indexed.

    Nobody sees them before the collection is published again.
    """
    from hilum.catalog import Archive
    from hilum.catalog.archive import require_collection_id
    from hilum.catalog.folder import index_folder
    from hilum.serve import inbox

    opened = Archive.open(archive)
    require_collection_id(collection)
    moved = inbox.accept(_inbox(opened.path), delivery, folder.absolute())
    tell(f"{len(moved):,} files moved to {folder}")
    report = index_folder(opened, folder, collection)
    show_table([{"collection_id": collection, "instances_kept": report.instances_kept}], as_json=False)
    tell(f"publish it with: hilum site publish {collection}")


def reject(
    archive: ArchiveOption,
    delivery: Annotated[str, typer.Argument(help="Name of the delivery.", show_default=False)],
) -> None:
    """Remove a delivery for good."""
    from hilum.catalog import Archive
    from hilum.serve import inbox

    inbox.reject(_inbox(Archive.open(archive).path), delivery)
    tell(f"{delivery} is removed")


def _inbox(archive: Path) -> Path:
    from hilum.serve.inbox import FOLDER

    return archive / "serve" / FOLDER


def _show(done: list[Publication], *, as_json: bool) -> None:
    if as_json:
        show_json([asdict(one) for one in done])
        return
    shown = ("collection_id", "access", "snapshot_id", "studies", "series", "series_new", "series_changed")
    rows = []
    for one in done:
        row = {name: getattr(one, name) for name in (*shown, "series_removed")}
        rows.append(
            row | {"files_refused": len(one.prepared.refusals), "attributes_refused": one.prepared.attributes_refused}
        )
    show_table(rows, as_json=False)
    refusals = (refusal for one in done for refusal in one.prepared.refusals)
    tell_first(f"refused {refusal.item}: {refusal.reason}" for refusal in refusals)
