"""``hilum check``: what is wrong with a folder, a collection or a cohort, and who accepted it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import REFUSED, JsonOption, progress, show_table, tell
from hilum.cli.places import require_there, require_writable
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hilum.catalog import Archive
    from hilum.check import Acceptance, Finding, Report, Terms
    from hilum.check.finding_table import Findings

PIXEL_CHOICES = ("none", "some", "all")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder to check, without an archive.", show_default=False)
    ] = None,
    *,
    archive: Annotated[
        Path | None, typer.Option(envvar="HILUM_ARCHIVE", help="Archive to check, or that the cohort is of.")
    ] = None,
    collection: Annotated[str | None, typer.Option(metavar="ID", help="Only this collection of the archive.")] = None,
    cohort: Annotated[str | None, typer.Option(metavar="NAME", help="Only the series of this cohort.")] = None,
    lesions: Annotated[
        Path | None, typer.Option(help="Lesions to hold against the volumes: list, masks, SEG, SR ...")
    ] = None,
    pixels: Annotated[str, typer.Option(help="Slices of a series that are read: none, some (5) or all.")] = "some",
    accepted: Annotated[
        Path | None,
        typer.Option(help="File of accepted findings.  [default: accepted-checks.toml of the archive]"),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="HTML report to write, with a small picture a series.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check what a steward must know of a collection: geometry, pixels, references, lesions, duplicates, identity.

    Give a folder or an archive. Exit status 1 says that an error or warning is not accepted.
    """
    from hilum.catalog import Archive
    from hilum.check import Options, PixelReading, Terms

    if pixels not in PIXEL_CHOICES:
        raise typer.BadParameter(f"{pixels!r}: expected {', '.join(PIXEL_CHOICES)}", param_hint="--pixels")
    if collection and cohort:
        raise typer.BadParameter("give --collection or --cohort, not both")
    if folder is not None and (collection or cohort):
        raise typer.BadParameter("--collection and --cohort are of an archive: leave FOLDER out")
    require_writable(html)
    if lesions is not None:
        require_there(lesions, "the lesions")
    opened = Archive.open(archive) if archive is not None and folder is None else None
    options = Options(PixelReading(pixels), with_thumbnails=html is not None)
    terms = partial(Terms, options=options, lesions=lesions, accepted=acceptances(accepted, opened))
    if folder is not None:
        report = _of_folder(folder, terms)
    elif opened is not None:
        report = _of_archive(opened, collection, cohort, terms)
    else:
        raise typer.BadParameter("name a FOLDER to check, or an --archive")
    _show(report, html, as_json=as_json)
    if not report.is_clean:
        raise typer.Exit(REFUSED)


def _of_folder(folder: Path, terms: Callable[..., Terms]) -> Report:
    from hilum.check import check_folder
    from hilum.config import Settings
    from hilum.work import open_executor

    settings = Settings.from_environment()
    with open_executor(settings) as executor, progress("series") as advance:
        return check_folder(folder, terms(executor, settings.worker_count, on_progress=advance))


def _of_archive(archive: Archive, collection: str | None, cohort: str | None, terms: Callable[..., Terms]) -> Report:
    from hilum.check import check_archive, series_of_archive, series_of_cohort
    from hilum.config import Settings
    from hilum.work import open_executor

    series = series_of_cohort(archive, cohort) if cohort else series_of_archive(archive, collection)
    name = f"cohort {cohort}" if cohort else f"collection {collection}" if collection else str(archive.path)
    settings = Settings.from_environment()
    with open_executor(settings) as executor, progress("series", len(series)) as advance:
        return check_archive(archive, series, terms(executor, settings.worker_count, on_progress=advance), name=name)


def acceptances(path: Path | None, archive: Archive | None) -> Sequence[Acceptance]:
    """Read the findings that somebody accepted: of a file, or of the archive where it has one."""
    from hilum.check import read_accepted
    from hilum.check.accepted import FILE_NAME

    if path is not None and not path.exists():
        raise ConfigError(f"{path}: no such file; expected a file of accepted findings (docs/check.md)")
    if path is None and archive is not None:
        path = archive.path / FILE_NAME
    return read_accepted(path) if path is not None else ()


def _show(report: Report, html: Path | None, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.writelines(report.json_pieces(indent=2, ensure_ascii=True))
    else:
        show_table(_Rows(report.findings), as_json=False)
        counts = ", ".join(f"{count:,} {word}" for word, count in _counted(report).items())
        looked = f"{report.series_count:,} series, {report.file_count:,} headers, {report.slices_read:,} slices read"
        tell(f"{report.name}: {looked}: {counts}")
    for one in report.unused:
        tell(f"accepted, but not found here: {one.check} in {one.item} ({one.reason})")
    if html is not None:
        _write_page(report, html)


def _write_page(report: Report, html: Path) -> None:
    from hilum.assess.page import stylesheet
    from hilum.check.page import report_pieces
    from hilum.disk import settle, unfinished

    with unfinished(html) as draft:
        with draft.open("w", encoding="utf-8") as file:
            file.writelines(report_pieces(report, style=stylesheet()))
        settle(draft, html)
    tell(f"report written to {html}")


def _counted(report: Report) -> dict[str, int]:
    """Counts, in words that fit them."""
    return {word if word == "accepted" or count == 1 else f"{word}s": count for word, count in report.counts().items()}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Findings as rows of a table, made as they are gone through."""

    findings: Findings

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[dict[str, object]]:
        return map(_row, self.findings)


def _row(finding: Finding) -> dict[str, object]:
    who = finding.acceptance
    return {
        "severity": finding.severity.value,
        "check": finding.check,
        "item": finding.item,
        "place": finding.place,
        "participant": finding.participant,
        "found": finding.detail,
        "accepted": f"{who.by}, {who.on}: {who.reason}" if who else None,
    }
