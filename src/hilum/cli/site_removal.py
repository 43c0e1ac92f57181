"""What a site serves no more, and what it need not keep (verbs of ``hilum site``); image files are never removed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hilum.cli.opened_site import open_with_site
from hilum.cli.output import ArchiveOption, JsonOption, show_table, tell, tell_first
from hilum.disk import size_text

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]


def add_removal(site: typer.Typer) -> None:
    """Add the verbs."""
    site.command("withdraw")(withdraw)
    site.command("withdraw-cohort")(withdraw_cohort)
    site.command("prune")(prune)


def withdraw(
    archive: ArchiveOption,
    collection: Annotated[str, typer.Argument(help="Collection that is served.", show_default=False)],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Serve a collection no more; its files and its part of the catalog stay as they are."""
    open_with_site(archive)
    from hilum.serve.access.audit import Event, record
    from hilum.serve.published.publish import withdraw as withdraw_collection

    row = _of_collection(collection)
    if not dry_run:
        withdraw_collection(collection)
        counts = {name: row[name] for name in ("studies", "series")}
        record(Event.COLLECTION_WITHDRAWN, user_id=None, item=collection, **counts)
    show_table([row], as_json=as_json)
    if row["grants"]:
        tell(f"{row['grants']} grants for it stay: they open it again if it is published again")
    tell(
        f"{collection} {'would be' if dry_run else 'is'} served no more; hilum site prune frees what was prepared of it"
    )


def withdraw_cohort(
    archive: ArchiveOption,
    cohort: Annotated[str, typer.Argument(help="Cohort that is served.", show_default=False)],
    with_list: Annotated[
        bool,
        typer.Option("--with-list", help="Remove its frozen list from the archive too, unless something names it."),
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Serve a cohort no more: nobody finds it, its tokens open nothing; one that somebody holds a grant for stays."""
    opened = open_with_site(archive)
    from hilum.cohort.named import naming_cohort
    from hilum.errors import AccessError
    from hilum.serve.portal.removing import remove_cohort, what_holds

    found = _cohort(cohort)
    naming = naming_cohort(opened, cohort) if with_list else []
    row = _of_cohort(cohort) | {"list": _fate_of_list(with_list=with_list, naming=naming)}
    if dry_run:
        if reason := what_holds(found):
            raise AccessError(f"cohort {cohort} would stay: there is {reason}")
    else:
        remove_cohort(opened, found, by_user_id=None, with_list=with_list)
    show_table([row], as_json=as_json)
    tell_first(f"the list is named by {who}" for who in naming)
    tell(f"{cohort} {'would be' if dry_run else 'is'} served no more")


def prune(archive: ArchiveOption, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Remove prepared metadata that nothing served needs any more; publishing makes them again from the files."""
    opened = open_with_site(archive)
    from hilum.serve.published.metadata import FOLDER
    from hilum.serve.published.publish import unnamed_metadata

    rows: list[dict[str, Any]] = []
    for folder in sorted((opened.path / "serve" / FOLDER).glob("*/")):
        paths = list(unnamed_metadata(folder))
        size_bytes = sum(path.stat().st_size for path in paths)
        if paths:
            rows.append({"collection_id": folder.name, "files": len(paths), "size_bytes": size_bytes})
        for path in () if dry_run else paths:
            path.unlink(missing_ok=True)
    show_table(rows, as_json=as_json)
    total = size_text(sum(row["size_bytes"] for row in rows))
    tell(f"{total} {'would be' if dry_run else 'are'} freed; what was replaced less than an hour ago is left")


def _of_collection(collection_id: str) -> dict[str, Any]:
    from hilum.errors import NotFoundError
    from hilum.serve.access.models import Grant
    from hilum.serve.published.models import Cohort, Collection

    found = Collection.objects.filter(pk=collection_id).first()
    if found is None:
        served = ", ".join(Collection.objects.order_by("pk").values_list("pk", flat=True)) or "none"
        raise NotFoundError(f"collection {collection_id!r} is not served; these are: {served}")
    return {
        "collection_id": collection_id,
        "studies": found.studies.count(),
        "series": found.series.count(),
        "cohorts": Cohort.objects.filter(series__collection=found).distinct().count(),
        "grants": Grant.objects.valid().filter(collection=found).count(),
    }


def _cohort(name: str) -> Any:
    from hilum.errors import NotFoundError
    from hilum.serve.published.models import Cohort

    found = Cohort.objects.exclude(digest="").filter(pk=name).first()
    if found is None:
        served = ", ".join(Cohort.objects.exclude(digest="").order_by("pk").values_list("pk", flat=True)) or "none"
        raise NotFoundError(f"cohort {name!r} is not served; these are: {served}")
    return found


def _of_cohort(name: str) -> dict[str, Any]:
    from hilum.serve.accounts.models import ApiToken
    from hilum.serve.portal.models import ChosenCohort
    from hilum.serve.published.models import Cohort

    chosen = ChosenCohort.objects.filter(cohort=name).select_related("made_by").first()
    return {
        "cohort_id": name,
        "series": Cohort.objects.get(pk=name).series.count(),
        "chosen_by": str(chosen.made_by) if chosen else "",
        "tokens": ApiToken.objects.valid().filter(cohort=name).count(),
    }


def _fate_of_list(*, with_list: bool, naming: list[str]) -> str:
    return "removed" if with_list and not naming else "stays"
