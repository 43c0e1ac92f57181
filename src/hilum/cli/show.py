"""``hilum show``: what an identifier is, and everything known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import ArchiveOption, JsonOption, progress, show_json, show_table

if TYPE_CHECKING:
    from hilum.catalog.lookup import Found
    from hilum.model.instances import Instances


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("show")(show)


def show(
    identifier: Annotated[
        str,
        typer.Argument(help="SeriesInstanceUID, StudyInstanceUID, PatientID or SOPInstanceUID.", show_default=False),
    ],
    archive: ArchiveOption,
    instances: Annotated[bool, typer.Option("--instances", help="Show a series' instances too, in order.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what an identifier is and everything known of it: attributes, failed checks, instances."""
    from hilum.catalog import Archive
    from hilum.catalog.lookup import look_up

    opened = Archive.open(archive)
    with progress("series", opened.snapshot().row_count("series")) as advance:
        found = look_up(opened, identifier, on_progress=advance)
    if as_json:
        show_json(_as_json(found, with_instances=instances))
    else:
        _print(found, identifier, with_instances=instances)


def _as_json(found: Found, *, with_instances: bool) -> dict[str, Any]:
    value = {"kind": found.kind, "facts": found.facts, "series": found.series, "checks": found.checks}
    return value | ({"instances": list(found.instances)} if with_instances else {})


def _print(found: Found, identifier: str, *, with_instances: bool) -> None:
    facts = [{"name": name, "value": str(value)} for name, value in found.facts.items() if value is not None]
    if facts:
        show_table(facts, as_json=False, title=f"{found.kind} {identifier}")
    if found.kind != "series":
        show_table(found.series, as_json=False, title=f"series of {found.kind} {identifier}")
    if found.checks:
        show_table(found.checks, as_json=False, title="checks that failed")
    if with_instances:
        show_table(_differing(found.instances), as_json=False, title="instances in geometric order, where they differ")


def _differing(instances: Instances) -> list[dict[str, Any]]:
    """Rows of the columns that are not the same for all instances; a table has no room for the others."""
    kept = [name for name in instances.columns if len(instances) == 1 or len(set(instances.column(name))) > 1]
    return [{name: row[name] for name in kept} for row in instances]
