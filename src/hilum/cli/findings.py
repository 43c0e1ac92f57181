"""``hilum findings``: points and masks of lesions, converted, measured and linked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.named_series import SeriesArchiveOption, named_series
from hilum.cli.output import REFUSED, JsonOption, progress, show_table, tell, tell_refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.errors import Refusal
    from hilum.findings.format import Format
    from hilum.findings.mask_linking import MaskLinks
    from hilum.findings.regions import Region
    from hilum.findings.segment_items import Algorithm
    from hilum.model.findings import FindingSet
    from hilum.model.series import Series


class AlgorithmKind(StrEnum):
    """Who drew a mask."""

    MANUAL = "manual"
    SEMIAUTOMATIC = "semiautomatic"
    AUTOMATIC = "automatic"


class By(StrEnum):
    """What is one lesion of a mask."""

    LABEL = "label"
    COMPONENT = "component"


OutOption = Annotated[
    Path | None, typer.Option("--out", help="Table of lesions to write: CSV, or Parquet if it ends in .parquet.")
]
MasksArgument = Annotated[
    Path,
    typer.Argument(
        help="Label mask of any format, or a folder or zip of masks named EXAM_ID.nii.gz or EXAM_ID_mask.nii.gz "
        "(NIfTI, Analyze, NRRD or .seg.nrrd).",
        show_default=False,
    ),
]

findings_app = typer.Typer(name="findings", no_args_is_help=True, help="Points and masks of lesions.")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(findings_app)


@findings_app.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File or folder of findings.", show_default=False)],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="File or folder to write; its name says the format.", show_default=False),
    ],
    *,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="UID",
            help="Series the findings belong to: a SeriesInstanceUID in the archive, or a folder with its files. It "
            "gives geometry, frame of reference and instances where IN has none.",
            show_default=False,
        ),
    ] = None,
    archive: SeriesArchiveOption = None,
    read_as: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Take IN for this format, whatever is in it.")
    ] = None,
    write_as: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="Write OUT in this format, whatever its name.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            max=1, help="Share from which a voxel of a fractional segmentation is its segment's.", show_default="0.5"
        ),
    ] = None,
    algorithm_type: Annotated[
        AlgorithmKind | None,
        typer.Option(help="Who drew the mask, in a DICOM segmentation.", show_default="manual"),
    ] = None,
    algorithm_name: Annotated[
        str, typer.Option(help="Name of the algorithm or program that drew it.", show_default=False)
    ] = "",
) -> None:
    """Convert findings from any format to any other, without moving a point or a voxel.

    A mask becomes points by measuring its labels; points never become voxels. A mask on another grid, or points outside
    the volume of the series, are an error that says by how many mm. OUT appears whole or not at all; what it does not
    hold is told. `hilum findings formats` lists the formats.
    """
    from hilum.findings.formats import read_findings, write_findings

    forms = _form(read_as, "--from"), _form(write_as, "--to")
    algorithm = _algorithm(algorithm_type, algorithm_name)
    if threshold is not None and not threshold > 0:
        raise typer.BadParameter(f"{threshold:g}: expected a share above 0, at most 1", param_hint="--threshold")
    target = _target(series, archive)
    findings = read_findings(source, target, form=forms[0], threshold=threshold)
    for warning in findings.warnings:
        tell(f"warning: {warning}")
    if lost := write_findings(out, findings, target, form=forms[1], algorithm=algorithm):
        tell(f"warning: {out.name} does not hold {', '.join(lost)}")
    tell(f"{out}: {_in_words(findings)}")
    _end_if_refused(findings.refusals)


@findings_app.command("formats")
def formats(as_json: JsonOption = False) -> None:
    """List the formats of findings that convert reads and writes."""
    from hilum.findings.formats import formats as every_format

    show_table([_about(one) for one in every_format()], as_json=as_json)


def _about(form: Format) -> dict[str, str]:
    return {
        "format": form.name,
        "what": form.title,
        "holds": "mask" if form.has_voxels else "points",
        "read": "yes" if form.read else "no",
        "written": "yes" if form.write else "no",
        "names": " ".join(f"*{suffix}" for suffix in form.suffixes),
    }


def _form(name: str | None, option: str) -> Format | None:
    from hilum.errors import FormatError
    from hilum.findings.formats import format_named

    try:
        return None if name is None else format_named(name)
    except FormatError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _target(series: str | None, archive: Path | None) -> Series | None:
    if series is None:
        return None
    found = named_series(series, archive, "--series")
    if isinstance(found, Path):
        from hilum.volume.source import read_series

        return read_series(found)
    return found


def _algorithm(kind: AlgorithmKind | None, name: str) -> Algorithm | None:
    """Who drew the mask, as the options say it; None where they say nothing."""
    from hilum.findings.segment_items import Algorithm, AlgorithmType

    if kind is None:
        if name:
            raise typer.BadParameter("say what it did: semiautomatic or automatic", param_hint="--algorithm-type")
        return None
    try:
        return Algorithm(AlgorithmType[kind.name], name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--algorithm-name") from error


def _in_words(findings: FindingSet) -> str:
    mask = findings.mask
    counts = {
        "lesions": len(findings.lesions),
        "marks": len(findings.marks),
        "labels": len(mask.present) if mask else 0,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no findings"


@findings_app.command("measure")
def measure(
    masks: MasksArgument,
    by: Annotated[By, typer.Option(help="One lesion a label, or a connected part of one (26 neighbours).")] = By.LABEL,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the lesions of label masks: centre, RECIST axes in the axial plane, volume."""
    from hilum.findings.mask_folder import measure_masks

    report = measure_masks(masks, by=by.value)
    show_table(
        [
            {"exam_id": exam_id, "lesion_id": region.name, **_position(region), **_size(region)}
            for exam_id, regions in report.exams.items()
            for region in regions
        ],
        as_json=as_json,
    )
    if out is not None:
        from hilum.findings.tables import write_lesion_table

        write_lesion_table(out, [r.lesion(exam_id) for exam_id, regions in report.exams.items() for r in regions])
    _end_if_refused(report.refusals)


@findings_app.command("link")
def link(
    annotations: Annotated[
        Path, typer.Argument(help="Points: folder of NIH's annotations, or any file of lesions.", show_default=False)
    ],
    masks: MasksArgument,
    max_distance: Annotated[
        float, typer.Option(min=0, help="How far from the nearest voxel of its label a point may lie, mm.")
    ] = 5.0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link points to the labels of masks by position, one to one, and list what has no partner.

    The table has a line for each point and for each label without one. The table of --out has the points with the
    number of their label.
    """
    from hilum.findings.mask_folder import link_masks

    with progress("linking") as advance:
        report = link_masks(annotations, masks, max_distance_mm=max_distance, on_progress=advance)
    show_table([row for exam_id, links in report.exams.items() for row in _rows(exam_id, links)], as_json=as_json)
    if out is not None:
        from hilum.findings.tables import write_lesion_table

        write_lesion_table(out, [lesion for links in report.exams.values() for lesion in links.lesions])
    for warning in report.warnings:
        tell(f"warning: {warning}")
    every = report.exams.values()
    tell(
        f"{sum(len(links.links) for links in every)} points linked; without partner: "
        f"{sum(len(links.unmatched_lesions) for links in every)} points, "
        f"{sum(len(links.unmatched_regions) for links in every)} labels"
    )
    _end_if_refused(report.refusals)


def _rows(exam_id: str, links: MaskLinks) -> Iterator[dict[str, Any]]:
    for one in links.links:
        yield {
            "exam_id": exam_id,
            "lesion_id": one.lesion.lesion_id,
            "mask_label": one.region.label,
            "distance_mm": one.distance_mm,
            "stated_short_axis_mm": one.lesion.short_axis_mm,
            **_size(one.region),
            "state": "linked",
        }
    for lesion in links.unmatched_lesions:
        size = {"stated_short_axis_mm": lesion.short_axis_mm}
        yield {"exam_id": exam_id, "lesion_id": lesion.lesion_id, **size, "state": "no label"}
    for region in links.unmatched_regions:
        yield {"exam_id": exam_id, "mask_label": region.label, **_size(region), "state": "no point"}


def _position(region: Region) -> dict[str, float]:
    return dict(zip(("x_mm", "y_mm", "z_mm"), region.centroid_mm, strict=True))


def _size(region: Region) -> dict[str, float]:
    return {
        "short_axis_mm": region.short_axis_mm,
        "long_axis_mm": region.long_axis_mm,
        "volume_mm3": region.volume_mm3,
    }


def _end_if_refused(refusals: tuple[Refusal, ...]) -> None:
    tell_refusals(refusals)
    if refusals:
        raise typer.Exit(REFUSED)
