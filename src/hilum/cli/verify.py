"""``hilum verify``: read a release again and hold every file against its SHA-256."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import Annotated

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell
from hilum.cli.places import require_folder
from hilum.disk import size_text


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    release: Annotated[str, typer.Argument(help="NAME@VERSION, or the version alone.", show_default=False)],
    archive: ArchiveOption,
    *,
    at: Annotated[
        Path | None,
        typer.Option(help="Folder with the files under their names in the release.  [default: where they lay]"),
    ] = None,
    notes: Annotated[
        Path | None,
        typer.Option(help="File to note in what was found whole, to go on from.  [default: beside the release]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read every byte of a release again and name each damaged, missing or extra file.

    Interrupted, the next run goes on. Exit status 1 says that something is not as it was released.
    """
    from hilum.catalog import Archive
    from hilum.config import Settings
    from hilum.publish.release import find_release
    from hilum.publish.verify import notes_path, verify_release
    from hilum.work import open_executor

    if at is not None:
        require_folder(at, "the files of the release, under their names there")
    found = find_release(Archive.open(archive), release)
    settings = Settings.from_environment()
    with open_executor(settings) as executor, progress("files", found.counts.files) as advance:
        verified = verify_release(
            found,
            notes=notes or notes_path(found),
            executor=executor,
            workers=settings.worker_count,
            at=at,
            on_progress=advance,
        )
    if as_json:
        show_json(asdict(verified) | {"is_whole": verified.is_whole})
    else:
        rows = [{"file": one.item, "check": one.check, "reason": one.reason} for one in verified.refusals]
        if rows:
            show_table(rows, as_json=False)
        looked = f"{verified.parts} parts, {verified.files:,} files, {size_text(verified.size_bytes)}"
        tell(
            f"{verified.reference}: {looked} read: {'all as released' if verified.is_whole else f'{len(rows)} are not'}"
        )
        tell(f"digest {verified.digest}")
    if not verified.is_whole:
        raise typer.Exit(REFUSED)
