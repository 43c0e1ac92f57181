"""``hilum cohort``: choose series, freeze them, split them by person."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, progress, show_json, show_table, tell
from hilum.model.kinds import ImageKind, KernelClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.catalog import Archive
    from hilum.cohort import Cohort, FlowStep, Split

ANY_MODALITY = "any"
STRATA_SHOWN = 8
"""Strata of a split that get a column of the table; more do not fit."""


class OnePer(StrEnum):
    """What gets one series."""

    EXAM = "exam"
    PARTICIPANT = "participant"
    NONE = "none"


def _round(text: str) -> int:
    if not re.fullmatch(r"[Tt]?[0-2]", text):
        raise typer.BadParameter(f"{text!r}: expected T0, T1 or T2")
    return int(text[-1])


def _fractions(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: expected numbers with commas, such as 0.7,0.15,0.15") from error


NameArgument = Annotated[str, typer.Argument(help="Name of the cohort.", show_default=False)]
LinksOption = Annotated[
    Path | None,
    typer.Option("--links", help="CSV or Parquet with columns PatientID, same_person_as: one person under two ids."),
]
CollectionOption = Annotated[
    list[str] | None, typer.Option("--collection", help="Collection to choose from; repeat for several. All if absent.")
]
ModalityOption = Annotated[
    list[str] | None, typer.Option("--modality", help=f"Modality, repeatable, or {ANY_MODALITY}.  [default: CT]")
]
KindOption = Annotated[list[ImageKind] | None, typer.Option("--kind", help="Image kind, repeatable.")]
RoundOption = Annotated[
    list[int] | None, typer.Option("--round", parser=_round, metavar="T0|T1|T2", help="Screening round, repeatable.")
]
KernelOption = Annotated[
    list[KernelClass] | None, typer.Option("--kernel-class", help="Class of the kernel, repeatable.")
]
OriginalOption = Annotated[
    bool, typer.Option("--original-only/--with-derived", help="Leave out what an analysis derived.")
]
FractionsOption = Annotated[
    str, typer.Option("--fractions", metavar="A,B[,C]", help="Shares of train, (validation,) test; their sum is 1.")
]

cohort_app = typer.Typer(name="cohort", no_args_is_help=True, help="Choose series, freeze them, split them by person.")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(cohort_app)


@cohort_app.command("new")
def new(
    name: NameArgument,
    *,
    archive: ArchiveOption,
    collection: CollectionOption = None,
    modality: ModalityOption = None,
    original_only: OriginalOption = True,
    kind: KindOption = None,
    round_: RoundOption = None,
    kernel_class: KernelOption = None,
    manufacturer: Annotated[
        list[str] | None, typer.Option(help="Maker of the scanner as the files state it, repeatable.")
    ] = None,
    min_thickness: Annotated[float | None, typer.Option(help="Least slice thickness, mm.")] = None,
    max_thickness: Annotated[float | None, typer.Option(help="Greatest slice thickness, mm.")] = None,
    min_slices: Annotated[int | None, typer.Option(help="Least number of slices.")] = None,
    volume_only: Annotated[bool, typer.Option("--volume-only", help="Only regular stacks of slices.")] = False,
    where: Annotated[str, typer.Option(help="SQL condition over the columns of the series table.")] = "",
    one_per: Annotated[OnePer, typer.Option(help="What gets one series: the thinnest.")] = OnePer.NONE,
    prefer_kernel: Annotated[KernelClass, typer.Option(help="Chosen first of equally thin.")] = KernelClass.SOFT,
    links: LinksOption = None,
    snapshot: Annotated[str | None, typer.Option(help="Snapshot to choose from.  [default: the current]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the flow, write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose series by criteria and freeze the list."""
    from hilum.catalog import Archive
    from hilum.cohort import Criteria, build_cohort, read_links

    modalities = tuple(modality or Criteria().modalities)
    criteria = Criteria(
        collections=tuple(collection or ()),
        modalities=() if modalities == (ANY_MODALITY,) else modalities,
        original_only=original_only,
        kinds=tuple(kind or ()),
        rounds=tuple(round_ or ()),
        kernel_classes=tuple(kernel_class or ()),
        manufacturers=tuple(manufacturer or ()),
        min_thickness_mm=min_thickness,
        max_thickness_mm=max_thickness,
        min_slices=min_slices,
        volume_only=volume_only,
        where=where,
        one_per=one_per.value,
        prefer_kernel=prefer_kernel,
    )
    opened = Archive.open(archive)
    cohort = build_cohort(opened, name, criteria, links=read_links(links) if links else (), snapshot_id=snapshot)
    if not dry_run:
        tell(f"frozen in {cohort.save(opened)}")
    _show_flow(cohort.flow, as_json=as_json)


@cohort_app.command("list")
def list_(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List the cohorts of an archive."""
    from hilum.catalog import Archive
    from hilum.cohort import Cohort, list_cohorts

    opened = Archive.open(archive)
    rows = [_summary(opened, Cohort.load(opened, name)) for name in list_cohorts(opened)]
    show_table(rows, as_json=as_json)


@cohort_app.command("show")
def show(
    name: NameArgument,
    *,
    archive: ArchiveOption,
    flow: Annotated[bool, typer.Option("--flow", help="Only what was left after each step.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The series as CSV, with a column for each split.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a cohort: its criteria and flow, or its series."""
    from hilum.catalog import Archive
    from hilum.cohort import Cohort, Split, list_splits

    opened = Archive.open(archive)
    cohort = Cohort.load(opened, name)
    if as_csv:
        _write_csv(cohort, [Split.load(opened, cohort, split) for split in list_splits(opened, name)])
    elif flow:
        _show_flow(cohort.flow, as_json=as_json)
    elif as_json:
        entries = [asdict(entry) for entry in cohort.entries]
        show_json(_details(opened, cohort) | {"flow": [asdict(step) for step in cohort.flow], "entries": entries})
    else:
        details = _details(opened, cohort)
        criteria = {key: value for key, value in details.pop("criteria").items() if value not in (None, "", [], False)}
        show_table([{"": key, "value": _text(value)} for key, value in {**details, **criteria}.items()], as_json=False)
        tell("")
        _show_flow(cohort.flow, as_json=False)


@cohort_app.command("split")
def split(
    name: NameArgument,
    *,
    archive: ArchiveOption,
    folds: Annotated[int | None, typer.Option(help="Number of folds.")] = None,
    fractions: FractionsOption = "",
    seed: Annotated[int, typer.Option(help="Seed of the dealing.")] = 0,
    stratify: Annotated[str, typer.Option(help="Column of the series table to spread evenly.")] = "",
    links: LinksOption = None,
    split_name: Annotated[str, typer.Option("--name", help="Name of the split.  [default: from its options]")] = "",
    as_json: JsonOption = False,
) -> None:
    """Split a cohort by person into folds, or into train, validation and test."""
    from hilum.catalog import Archive
    from hilum.cohort import Cohort, column_values, link_persons, make_split, read_links

    if (folds is None) == (not fractions):
        raise typer.BadParameter("give either --folds or --fractions")
    shares = _fractions(fractions) if fractions else None
    opened = Archive.open(archive)
    cohort = link_persons(Cohort.load(opened, name), read_links(links) if links else ())
    made = make_split(opened, cohort, folds=folds, fractions=shares, seed=seed, stratify=stratify, name=split_name)
    tell(f"split {made.name!r} frozen in {made.save(opened, name)}")
    show_table(_part_rows(cohort, made, column_values(opened, cohort, stratify) if stratify else {}), as_json=as_json)


@cohort_app.command("links")
def links(
    name: NameArgument,
    *,
    archive: ArchiveOption,
    pixels: Annotated[bool, typer.Option("--pixels", help="Compare stored pixels instead of grids.")] = False,
    slices: Annotated[int, typer.Option(min=0, help="Slices of a series to compare; 0: all.")] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="CSV to write, for --links.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Propose which ids of a cohort are one person: equal study, grid or pixels."""
    from hilum.catalog import Archive
    from hilum.cohort import Cohort, cohort_series, propose_links, write_links

    opened = Archive.open(archive)
    cohort = Cohort.load(opened, name)
    with progress("comparing series", len(cohort.entries)) as advance:
        found = propose_links(cohort_series(opened, cohort), pixels=pixels, slices=slices, on_progress=advance)
    show_table([asdict(link) for link in found.links], as_json=as_json)
    if out is not None:
        write_links(out, found.links)
        tell(f"links written to {out}: {len(found.links)}; look at them, then: hilum cohort split {name} --links {out}")
    for refusal in found.refusals:
        tell(f"not compared: {refusal.item}: {refusal.reason}")
    if found.refusals:
        raise typer.Exit(REFUSED)


def _show_flow(flow: Sequence[FlowStep], *, as_json: bool) -> None:
    show_table([asdict(step) for step in flow], as_json=as_json)


def _summary(archive: Archive, cohort: Cohort) -> dict[str, Any]:
    from hilum.cohort import list_splits

    return {
        "name": cohort.name,
        "series": len(cohort.entries),
        "exams": cohort.flow[-1].exams,
        "participants": cohort.flow[-1].participants,
        "persons": len({entry.person_id for entry in cohort.entries}),
        "splits": len(list_splits(archive, cohort.name)),
        "snapshot_id": cohort.snapshot_id,
        "cohort_id": cohort.cohort_id,
    }


def _details(archive: Archive, cohort: Cohort) -> dict[str, Any]:
    from hilum.cohort import list_splits

    splits = list_splits(archive, cohort.name)
    return _summary(archive, cohort) | {"splits": splits, "criteria": cohort.criteria.to_dict()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _write_csv(cohort: Cohort, splits: Sequence[Split]) -> None:
    from hilum.cohort import Entry

    names = [field.name for field in fields(Entry)]
    part_of = [{uid: part.name for part in split.parts for uid in part.series_uids} for split in splits]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names, *(split.name for split in splits)])
    for entry in cohort.entries:
        parts = [found[entry.SeriesInstanceUID] for found in part_of]
        writer.writerow([*(getattr(entry, name) for name in names), *parts])


def _part_rows(cohort: Cohort, made: Split, strata: dict[str, str]) -> list[dict[str, Any]]:
    person_of = {entry.SeriesInstanceUID: entry.person_id for entry in cohort.entries}
    shown = sorted(set(strata.values()))[:STRATA_SHOWN]
    return [
        {
            "part": part.name,
            "persons": len({person_of[uid] for uid in part.series_uids}),
            "series": len(part.series_uids),
            **{f"series of {one}": sum(strata[uid] == one for uid in part.series_uids) for one in shown},
        }
        for part in made.parts
    ]
