"""``hilum manifest``: a cohort as a manifest of any dialect, and what a manifest says."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.acquire.manifests.manifest import Dialect
from hilum.cli.output import REFUSED, JsonOption, show_json, show_table, tell, tell_first
from hilum.disk import size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.acquire.manifests import Manifest
    from hilum.acquire.wanted import WantedSeries
    from hilum.cli.listed_series import Listed
    from hilum.errors import Refusal

_ADVICE = {
    Dialect.BAGIT: ": name --base-url for folders that are indexed here, or --list-files for what is in S3",
    Dialect.S5CMD: ": their places in S3 come with hilum catalog import-idc",
    Dialect.IDC: ": their identifiers in IDC come with hilum catalog import-idc",
}

manifest_app = typer.Typer(
    name="manifest", no_args_is_help=True, help="Lists of series in the dialects of TCIA, IDC, s5cmd and BagIt."
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(manifest_app)


@manifest_app.command("write")
def write(
    cohort: Annotated[
        str | None, typer.Argument(metavar="[COHORT]", help="Cohort of the archive.", show_default=False)
    ] = None,
    *,
    dialect: Annotated[Dialect, typer.Option("--format", help="Dialect to write.", show_default=False)],
    collection: Annotated[
        list[str] | None, typer.Option(help="Collection of the archive instead of a cohort; repeat for several.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Another manifest to translate instead.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(envvar="HILUM_ARCHIVE", help="Folder of the archive.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write.  [default: stdout]", show_default=False)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Participants in a file: numbered files, whole participants in each.")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="Folders for s5cmd and BagIt: idc, classic, descriptive, or a template with %names.")
    ] = "",
    server_url: Annotated[
        str, typer.Option(metavar="URL", help="downloadServerUrl of a .tcia, or the S3 endpoint.")
    ] = "",
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="BagIt: where the indexed folder is served, to list its files.")
    ] = "",
    list_files: Annotated[
        bool, typer.Option("--list-files", help="BagIt: ask the S3 buckets for the files of each series.")
    ] = False,
    complete: Annotated[
        bool, typer.Option(help="With --from: fill in from the IDC index what the other dialect does not tell.")
    ] = True,
) -> None:
    """Write the series of a cohort, of collections or of another manifest as a manifest.

    Series that the dialect cannot hold are told, and the exit status is 1 then.
    """
    if sum(given is not None for given in (cohort, collection, source)) != 1:
        raise typer.BadParameter("give one of COHORT, --collection and --from")
    if batch_size is not None and out is None:
        raise typer.BadParameter("batches are files: name them with --out", param_hint="--batch-size")
    if source is not None:
        from hilum.cli.listed_series import series_of_manifest

        listed = series_of_manifest(source, is_completed=complete)
    else:
        listed = _from_archive(archive, cohort, collection or [], base_url)
    refusals = list(listed.refusals)
    if list_files:
        from hilum.cli.listed_series import with_s3_files

        listed, unlisted = with_s3_files(listed, server_url or listed.server_url)
        refusals += unlisted
    refusals += _write_all(listed, dialect, out, batch_size=batch_size, layout=layout, server_url=server_url)
    _end(refusals)


@manifest_app.command("show")
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Manifest of any dialect.", show_default=False)],
    *,
    series: Annotated[bool, typer.Option("--series", help="List the series.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a manifest says; lines that cannot be taken are told by file and line, and the exit status is 1."""
    from hilum.acquire.manifests import read_manifest

    manifest = read_manifest(path)
    if as_json:
        rows = [{**_row(one), "files": _files(manifest, one)} for one in manifest.series]
        refusals = [asdict(refusal) for refusal in manifest.refusals]
        show_json({**_summary(manifest), "listed": rows, "refusals": refusals})
    elif series:
        show_table([_row(one) for one in manifest.series], as_json=False)
    else:
        show_table([{"": name, "value": value} for name, value in _summary(manifest).items()], as_json=False)
    _end(manifest.refusals)


def _from_archive(archive: Path | None, cohort: str | None, collection_ids: Sequence[str], base_url: str) -> Listed:
    from hilum.catalog import Archive
    from hilum.cli.listed_series import series_of_cohort, series_of_collections

    if archive is None:
        raise typer.BadParameter("name the archive, or set HILUM_ARCHIVE", param_hint="--archive")
    opened = Archive.open(archive)
    if cohort is not None:
        return series_of_cohort(opened, cohort, base_url)
    return series_of_collections(opened, collection_ids, base_url)


def _write_all(
    listed: Listed, dialect: Dialect, out: Path | None, *, batch_size: int | None, layout: str, server_url: str
) -> list[Refusal]:
    from hilum.acquire.batches import series_batches
    from hilum.acquire.layouts import layout_of
    from hilum.acquire.manifests import write_manifest
    from hilum.disk import write_whole

    folders = layout_of(layout) if layout else None
    batches: Sequence[Sequence[WantedSeries]] = [listed.series]
    if batch_size is not None:
        batches = series_batches(listed.series, batch_size)
    refusals: list[Refusal] = []
    for number, batch in enumerate(batches, start=1):
        target = _numbered(out, number, len(batches)) if out is not None and batch_size is not None else out
        name = target.name if target is not None else ""
        url = server_url or _server_of(listed, dialect)
        written = write_manifest(batch, dialect, name=name, server_url=url, files=listed.files, layout=folders)
        refusals += written.refusals
        if not written.series:
            tell(f"none of {len(batch):,} series can be written as {dialect}{_ADVICE.get(dialect, '')}")
        elif target is None:
            sys.stdout.write(written.text)
        else:
            write_whole(target, written.text.encode())
            tell(f"{written.series:,} series written to {target}")
    return refusals


def _server_of(listed: Listed, dialect: Dialect) -> str:
    """Server of the manifest that is translated, where it is one that the dialect can name."""
    is_nbia = "nbia-download" in listed.server_url
    return listed.server_url if is_nbia == (dialect is Dialect.TCIA) else ""


def _numbered(path: Path, number: int, count: int) -> Path:
    digits = max(3, len(str(count)))
    return path.with_name(f"{path.stem}-{number:0{digits}}-of-{count:0{digits}}{path.suffix}")


def _summary(manifest: Manifest) -> dict[str, Any]:
    sizes = [one.size_bytes for one in manifest.series]
    known = [size for size in sizes if size is not None]
    return {
        "dialect": manifest.dialect.value,
        "series": len(manifest.series),
        "participants": len({one.participant_id for one in manifest.series if one.participant_id}) or None,
        "files": sum(len(files) for files in manifest.files.values()) or None,
        "size": size_text(sum(known)) if known and len(known) == len(sizes) else None,
        "server": manifest.server_url or None,
        "repeated lines": manifest.repeated,
        "refused lines": len(manifest.refusals),
    }


def _row(series: WantedSeries) -> dict[str, Any]:
    from hilum.acquire.columns import CRDC_SERIES

    return {
        "collection_id": series.collection_id or None,
        "PatientID": series.participant_id or None,
        "StudyInstanceUID": series.study_uid or None,
        "SeriesInstanceUID": series.series_uid or None,
        "Modality": series.modality or None,
        "instance_count": series.instance_count,
        "size_bytes": series.size_bytes,
        "licence": series.licence,
        CRDC_SERIES: series.attributes.get(CRDC_SERIES),
        "location": series.location or None,
    }


def _files(manifest: Manifest, series: WantedSeries) -> list[dict[str, Any]]:
    from hilum.acquire.manifests.manifest import series_key

    files = manifest.files.get(series_key(series), ())
    return [{"name": file.name, "size_bytes": file.size_bytes, "location": file.location} for file in files]


def _end(refusals: Sequence[Refusal]) -> None:
    tell_first((f"refused {refusal.item}: {refusal.reason}" for refusal in refusals), rest="")
    if refusals:
        raise typer.Exit(REFUSED)
