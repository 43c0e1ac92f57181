"""``hilum pull``: series from an archive, a server or a drive into a folder, verified, and into the catalog."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.asked import FORMS, IDC, Access, Asked, asked_for
from hilum.cli.indexing import collections_of, index_pulled
from hilum.cli.output import REFUSED, JsonOption, show_json, show_table, tell, tell_first
from hilum.cli.patience import ToldPace
from hilum.cli.places import require_target
from hilum.cli.pull_progress import pull_progress
from hilum.disk import size_text
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from hilum.acquire.idc import IdcSelection
    from hilum.acquire.plan import Plan
    from hilum.acquire.report import PullReport
    from hilum.acquire.wanted import WantedSeries
    from hilum.errors import Refusal

_SELECT, _HOW, _LICENCE = "What of it", "How", "Before the download"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pull")(pull)


def pull(
    what: Annotated[str, typer.Argument(metavar="SOURCE", help=f"Where from: {FORMS}.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to download into.", show_default=False)],
    *,
    archive: Annotated[
        Path | None,
        typer.Option(envvar="HILUM_ARCHIVE", help="Archive: index into it what came; cohorts are taken from it."),
    ] = None,
    index: Annotated[bool, typer.Option(help="Index what came, if an archive is named.")] = True,
    into: Annotated[
        str | None, typer.Option(metavar="ID", help="Collection to index into, if the source names none.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Collection, repeatable.", rich_help_panel=_SELECT)
    ] = None,
    participant: Annotated[
        list[str] | None, typer.Option(help="PatientID, repeatable.", rich_help_panel=_SELECT)
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="StudyInstanceUID, repeatable.", rich_help_panel=_SELECT)
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option(help="SeriesInstanceUID, repeatable.", rich_help_panel=_SELECT)
    ] = None,
    modality: Annotated[list[str] | None, typer.Option(help="Modality, repeatable.", rich_help_panel=_SELECT)] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Participants in a batch.", rich_help_panel=_SELECT)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Which batch, from 1; with --batch-size.", rich_help_panel=_SELECT)
    ] = None,
    layout: Annotated[
        str, typer.Option(help="Folders: idc, classic, descriptive, or a template with %names.", rich_help_panel=_HOW)
    ] = "idc",
    connections: Annotated[int, typer.Option(min=1, help="Requests at once.", rich_help_panel=_HOW)] = 16,
    bandwidth: Annotated[
        str | None, typer.Option(metavar="RATE", help="Bytes a second at most: 50MB.", rich_help_panel=_HOW)
    ] = None,
    endpoint: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="S3 server other than Amazon's; with tcia, the base of another NBIA.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    sign: Annotated[
        bool,
        typer.Option("--sign", help="Sign S3 requests with the keys of the AWS environment.", rich_help_panel=_HOW),
    ] = False,
    ignore_etag: Annotated[
        bool,
        typer.Option(
            "--ignore-etag", help="The bucket's ETags are no MD5 (encrypted by SSE-KMS).", rich_help_panel=_HOW
        ),
    ] = False,
    by_image: Annotated[
        bool,
        typer.Option(
            "--by-image", help="TCIA: ask for each image, where a series' zip never comes whole.", rich_help_panel=_HOW
        ),
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(help="File with a bearer token for a web server.", rich_help_panel=_HOW)
    ] = None,
    ca_file: Annotated[
        str, typer.Option(metavar="PEM", help="Further certificate authorities to trust.", rich_help_panel=_HOW)
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell sizes and licences, download nothing.", rich_help_panel=_LICENCE)
    ] = False,
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence", help="Accept licences that ask for more than citation.", rich_help_panel=_LICENCE
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Download series, verified; again, to get what is missing or new. Kill it anywhere: the next run goes on.

    Exit status 0 says that all that was asked for is there and verified, 1 that something is missing.
    """
    from hilum.acquire.idc import IdcSelection
    from hilum.acquire.layouts import layout_of, place
    from hilum.acquire.plan import plan_of
    from hilum.acquire.pull import pull as run_pull

    require_target(to)
    access = Access(endpoint, sign, ca_file, token_file, not ignore_etag, archive, by_image)
    chosen = IdcSelection(collection or (), participant or (), study or (), series or (), modality or ())
    pace = ToldPace(_bytes_per_s(bandwidth), hopeless=connections)
    named = layout_of(layout)
    with access.clients:
        asked = _asked(what, chosen, access, batch_size, batch)
        folder_of = asked.folder_of or place(asked.series, named)
        targets = collections_of(asked.series, folder_of, into) if archive is not None and index else {}
        for remark in asked.remarks:
            tell(remark)
        plan = plan_of(asked.series, to)
        if dry_run:
            _show_plan(plan, asked, as_json=as_json)
            return
        plan.require_room(to)
        _accept(plan, is_accepted=accept_licence)
        with pull_progress(plan) as on_progress:
            report = run_pull(
                asked.series,
                asked.source,
                to,
                folder_of=folder_of,
                connections=connections,
                pace=pace,
                on_progress=on_progress,
            )
    pace.require_reached()
    missing = {refusal.item.partition("/")[0] for refusal in report.refusals}
    if asked.folder_of is None:
        _note_arrivals(to, asked.series, folder_of, layout, missing)
    report.refusals[:0] = asked.refusals
    if archive is not None:
        report.refusals += index_pulled(archive, to, targets, asked.series, missing)
    _show_report(report, as_json=as_json)
    if report.refusals:
        raise typer.Exit(REFUSED)


def _bytes_per_s(text: str | None) -> float | None:
    if text is None:
        return None
    found = _BANDWIDTH.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise typer.BadParameter(f"{text!r}: expected bytes a second, such as 50MB", param_hint="--bandwidth")
    return float(found[1]) * _UNITS[found[2].lower()]


def _asked(what: str, chosen: IdcSelection, access: Access, size: int | None, number: int | None) -> Asked:
    """What is asked for, or one batch of it."""
    from hilum.acquire.batches import participants_of
    from hilum.acquire.idc import participants_in_idc
    from hilum.acquire.packed import PackedSeries

    if size is None or number is None:
        if size is not None or number is not None:
            raise typer.BadParameter("name both --batch-size and --batch")
        return asked_for(what, chosen, access)
    if what == IDC and chosen.is_of_one and (participants := participants_in_idc(chosen)):
        # The series of the other batches need not be looked up.
        return asked_for(what, replace(chosen, participant=_batch(participants, number, size)), access)
    asked = asked_for(what, chosen, access)
    batch = frozenset(_batch(participants_of(asked.series), number, size))
    return replace(asked, series=PackedSeries(one for one in asked.series if one.participant_id in batch))


def _batch(participants: Iterable[str], number: int, size: int) -> tuple[str, ...]:
    from hilum.acquire.batches import split_batches

    batches = split_batches(participants, size, str)
    if number > len(batches):
        raise typer.BadParameter(f"there are {len(batches)} batches of {size} participants", param_hint="--batch")
    return batches[number - 1]


def _note_arrivals(
    to: Path,
    series: Iterable[WantedSeries],
    folder_of: Callable[[WantedSeries], str],
    layout: str,
    missing: Container[str],
) -> None:
    """Leave the table that the NBIA retriever leaves, where its layouts are asked for."""
    from hilum.acquire.layouts import RETRIEVER_LAYOUTS
    from hilum.acquire.retriever_table import FILE_NAME, note_arrivals

    if layout not in RETRIEVER_LAYOUTS:
        return
    arrived = ((one, folder_of(one)) for one in series if one.key not in missing)
    note_arrivals(to / FILE_NAME, arrived, datetime.now().astimezone())


def _accept(plan: Plan, *, is_accepted: bool) -> None:
    """Show the licences; have the user accept those that ask for more than citation."""
    for row in _licence_rows(plan):
        size = size_text(int(row["size_bytes"])) if row["size_bytes"] else "of unknown size"
        tell(f"{row['series']:,} series, {size}: {row['licence']} ({row['asks for']})")
    if not plan.restricted or is_accepted:
        return
    names = ", ".join(licence.name for licence in plan.restricted)
    if not sys.stdin.isatty():
        raise ConfigError(f"read and accept {names}, then say --accept-licence")
    typer.confirm(f"Do you accept {names}?", abort=True, err=True)


def _licence_rows(plan: Plan) -> list[dict[str, str | int]]:
    return [
        {
            "licence": part.licence.name if part.licence else "not stated",
            "asks for": part.licence.demands if part.licence else "ask whoever provides it",
            "series": part.series,
            "size_bytes": part.size_bytes,
        }
        for part in plan.parts
    ]


def _show_plan(plan: Plan, asked: Asked, *, as_json: bool) -> None:
    totals = {
        "series": plan.series,
        "participants": plan.participants,
        "size_bytes": plan.size_bytes,
        "here_bytes": plan.here_bytes,
        "missing_bytes": plan.missing_bytes,
        "series_of_unknown_size": plan.unsized_series,
    }
    if as_json:
        refusals = [asdict(refusal) for refusal in asked.refusals]
        show_json({**totals, "licences": _licence_rows(plan), "refusals": refusals})
    else:
        show_table([totals], as_json=False)
        show_table(_licence_rows(plan), as_json=False)
        tell_first(f"missing {_said(refusal)}" for refusal in asked.refusals)
    if asked.refusals:
        raise typer.Exit(REFUSED)


def _show_report(report: PullReport, *, as_json: bool) -> None:
    values = asdict(report)
    if as_json:
        show_json(values)
        return
    show_table([{name: value for name, value in values.items() if name != "refusals"}], as_json=False)
    tell_first(f"missing {_said(refusal)}" for refusal in report.refusals)


def _said(refusal: Refusal) -> str:
    """A refusal in words; many a reason begins with the item."""
    return refusal.reason if refusal.reason.startswith(refusal.item) else f"{refusal.item}: {refusal.reason}"
