"""``hilum release``: freeze a collection or cohort, list releases, say how two differ."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hilum.cli.check import PIXEL_CHOICES, acceptances
from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, day, progress, show_json, show_table, tell
from hilum.cli.places import require_there
from hilum.disk import size_text

if TYPE_CHECKING:
    from hilum.publish.difference import Difference
    from hilum.publish.freeze import Outcome
    from hilum.publish.release import Release


class _NewByDefault(TyperGroup):
    """Let ``hilum release NAME VERSION`` mean ``hilum release new NAME VERSION``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_own = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if is_own else ["new", *args])


release_app = typer.Typer(
    name="release",
    cls=_NewByDefault,
    no_args_is_help=True,
    help="Freeze a collection or cohort (`hilum release NAME VERSION`), list releases, say how two differ.",
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(release_app)


@release_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Collection or cohort.", show_default=False)],
    version: Annotated[str, typer.Argument(help="Version, such as 5 or 2026-01.", show_default=False)],
    archive: ArchiveOption,
    *,
    notes: Annotated[str, typer.Option(help="What is new in this version.", show_default=False)],
    on: Annotated[
        date | None,
        typer.Option("--date", parser=day, metavar="YYYY-MM-DD", help="Day it stands for.  [default: today, UTC]"),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option("--with", help="File or folder that belongs to it beside the images; repeat for several."),
    ] = None,
    lesions: Annotated[Path | None, typer.Option(help="File or folder of its lesions, to release as a table.")] = None,
    pixels: Annotated[str, typer.Option(help="Slices of a series that the check reads: none, some or all.")] = "some",
    with_errors: Annotated[
        bool, typer.Option("--with-errors", help="Release it although errors of the check are open.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Freeze a collection or cohort; `hilum release NAME VERSION` says the same.

    Exit status 1 says that files or errors of the check stood against it, and nothing was released.
    """
    from hilum.catalog import Archive
    from hilum.check import Options, PixelReading
    from hilum.check.accepted import FILE_NAME as ACCEPTED
    from hilum.config import Settings
    from hilum.publish.freeze import Asked, make_release
    from hilum.work import open_executor

    if pixels not in PIXEL_CHOICES:
        raise typer.BadParameter(f"{pixels!r}: expected {', '.join(PIXEL_CHOICES)}", param_hint="--pixels")
    if lesions is not None:
        require_there(lesions, "its lesions")
    opened = Archive.open(archive)
    asked = Asked(
        name,
        version,
        on or datetime.now(UTC).date(),
        notes,
        Options(PixelReading(pixels), with_thumbnails=True),
        beside=tuple(beside or ()),
        lesions=lesions,
        accepted=acceptances(None, opened),
        with_errors=with_errors,
    )
    settings = Settings.from_environment()
    with open_executor(settings) as executor, progress("files") as advance:
        outcome = make_release(opened, asked, executor=executor, workers=settings.worker_count, on_progress=advance)
    _show_outcome(outcome, opened.path / ACCEPTED, as_json=as_json)


def _show_outcome(outcome: Outcome, accepted: Path, *, as_json: bool) -> None:
    for remark in outcome.remarks:
        tell(remark)
    if outcome.release is None:
        rows = [{"item": one.item, "check": one.check, "reason": one.reason} for one in outcome.refusals]
        show_table(rows, as_json=as_json)
        tell(f"{len(rows)} refused: nothing was released; mend them, or accept errors of the check in {accepted}")
        raise typer.Exit(REFUSED)
    if as_json:
        show_json(outcome.release.record() | {"digest": outcome.release.digest})
    else:
        show_table([_row(outcome.release)], as_json=False)
        tell(f"released in {outcome.release.folder}")


@release_app.command("list")
def list_(
    archive: ArchiveOption,
    *,
    name: Annotated[str | None, typer.Option(help="Only releases of this collection or cohort.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List releases, the oldest of each name first."""
    from hilum.catalog import Archive
    from hilum.publish.release import list_releases

    show_table([_row(release) for release in list_releases(Archive.open(archive), name)], as_json=as_json)


@release_app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="Earlier release: NAME@VERSION, or the version alone.")],
    after: Annotated[str, typer.Argument(help="Later release.")],
    archive: ArchiveOption,
    *,
    files: Annotated[bool, typer.Option("--files", help="List every file too, not only series.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what came, went and changed from one release to another, by participant, series and file."""
    from hilum.catalog import Archive
    from hilum.publish.difference import compare
    from hilum.publish.release import find_release

    opened = Archive.open(archive)
    difference = compare(find_release(opened, before), find_release(opened, after))
    if as_json:
        show_json(difference.to_dict())
    else:
        _show_difference(difference, with_files=files)


def _show_difference(difference: Difference, *, with_files: bool) -> None:
    show_table(difference.counts(), as_json=False, title=f"{difference.before} -> {difference.after}")
    shown = [one for one in difference.changes if with_files or one.level != "file"]
    if shown:
        show_table([asdict(one) for one in shown], as_json=False, title="what is not the same")
    for remark in difference.remarks:
        tell(remark)


def _row(release: Release) -> dict[str, Any]:
    counts = release.counts
    return {
        "name": release.name,
        "version": release.version,
        "date": release.released_on.isoformat(),
        "participants": counts.participants,
        "series": counts.series,
        "files": counts.files,
        "size": size_text(counts.size_bytes),
        "lesions": counts.lesions,
        "licence": release.licence,
        "open_errors": release.check_counts["error"],
        "notes": release.notes,
        "digest": release.digest,
    }
