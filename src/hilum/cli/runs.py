"""``hilum runs``: the runs of an archive, and what one run found."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import (
    OK,
    REFUSED,
    ArchiveOption,
    JsonOption,
    progress,
    show_json,
    show_table,
    tell,
    tell_refusals,
)

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.detect.runs import Run


class Finding(StrEnum):
    """What the marks of a run are said to be."""

    LESION = "lesion"
    LYMPH_NODE = "lymph-node"
    NODULE = "nodule"


DicomOption = Annotated[
    Path | None, typer.Option("--to-dicom", help="Folder to write the marks to, one DICOM structured report a series.")
]
ThresholdOption = Annotated[
    float | None, typer.Option(help="Lowest score of a mark that is written with --to-dicom.", show_default=False)
]
SeriesOption = Annotated[
    list[str] | None,
    typer.Option(help="SeriesInstanceUID to write with --to-dicom; repeat for several.", show_default="all"),
]
FindingOption = Annotated[Finding, typer.Option(help="What the reports of --to-dicom say the marks are.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("runs")(runs)


def runs(
    name: Annotated[str, typer.Argument(help="Name of a run; all are listed if absent.", show_default=False)] = "",
    *,
    archive: ArchiveOption,
    marks: Annotated[bool, typer.Option("--marks", help="The marks of the run, the surest first.")] = False,
    to_dicom: DicomOption = None,
    threshold: ThresholdOption = None,
    series: SeriesOption = None,
    finding: FindingOption = Finding.LESION,
    as_json: JsonOption = False,
) -> None:
    """List the runs of an archive, or show one: how it was made, what it refused, its marks; or write them as DICOM."""
    from hilum.catalog import Archive
    from hilum.detect.runs import Run, list_runs, list_unfinished

    opened = Archive.open(archive)
    if (marks or to_dicom) and not name:
        raise typer.BadParameter("name the run whose marks are meant", param_hint="NAME")
    if not name:
        show_table([summary(Run.load(opened, found)) for found in list_runs(opened)], as_json=as_json)
        for unfinished in list_unfinished(opened):
            tell(f"not finished: {unfinished}; the command that began it goes on with it")
        return
    run = Run.load(opened, name)
    if to_dicom is not None:
        lowest = _need_threshold(run, threshold)
        _write_reports(opened, run, to_dicom, lowest, series_uids=series or [], finding=finding, as_json=as_json)
    elif marks:
        ordered = sorted(run.marks(), key=lambda mark: -mark.score)
        show_table([_mark_row(asdict(mark)) for mark in ordered], as_json=as_json)
    elif as_json:
        refusals = [asdict(refusal) for refusal in run.refusals()]
        show_json(summary(run) | run.plan.to_dict() | {"seen_in_training": run.seen_in_training, "refusals": refusals})
    else:
        details = summary(run) | {"snapshot": run.plan.snapshot_id, "folds": run.plan.folds, "seed": run.plan.seed}
        details |= _flat(run.plan.parameters)
        show_table([{"": key, "value": str(value)} for key, value in details.items() if value != ""], as_json=False)
        tell_refusals(run.refusals(), rest=f": {run.folder.refusals}")


def summary(run: Run) -> dict[str, Any]:
    """One row about a run."""
    return {
        "run": run.name,
        "kind": run.plan.kind,
        "method": run.plan.method,
        "version": run.plan.version,
        "model": run.plan.model,
        "cohort": run.plan.cohort,
        "series": len(run.series),
        "refused": len(run.refusals()),
        "lesions": len(run.lesions()),
        "marks": len(run.marks()),
        "created": run.created_at.isoformat(timespec="seconds"),
    }


def show_finished(run: Run, *, as_json: bool) -> None:
    """Print a run that has just been finished, and end with the exit status it deserves."""
    show_table([summary(run)], as_json=as_json)
    if run.seen_in_training:
        seen = f"{len(run.seen_in_training)} of {len(run.series)} series"
        tell(f"warning: {seen} are of persons the model was trained on; their marks flatter it")
    tell_refusals(run.refusals(), rest=f": {run.folder.refusals}")
    raise typer.Exit(REFUSED if run.refusals() else OK)


def _need_threshold(run: Run, threshold: float | None) -> float:
    """Give the threshold; without one, say between what scores to choose it."""
    if threshold is not None:
        return threshold
    scores = sorted(mark.score for mark in run.marks())
    found = f"the {len(scores)} marks have scores {scores[0]:.4g} to {scores[-1]:.4g}" if scores else "it has no marks"
    raise typer.BadParameter(f"give the lowest score that is written; {found}", param_hint="--threshold")


def _write_reports(
    archive: Archive,
    run: Run,
    folder: Path,
    threshold: float,
    *,
    series_uids: list[str],
    finding: Finding,
    as_json: bool,
) -> None:
    """Write the marks as structured reports, and end with the exit status that deserves."""
    from hilum.detect.run_reports import write_run_reports
    from hilum.findings.anatomy import kind_of

    kind = kind_of(finding.replace("-", " "))
    with progress("writing", len(series_uids) or len(run.series)) as advance:
        written = write_run_reports(
            archive, run, folder, threshold=threshold, series_uids=series_uids, kind=kind, on_progress=advance
        )
    rows = [
        {"SeriesInstanceUID": one.series_uid, "marks": one.mark_count, "file": str(one.path)} for one in written.reports
    ]
    show_table(rows, as_json=as_json)
    if written.without_marks:
        tell(f"{len(written.without_marks)} series have no mark with a score of {threshold:g} or more: no report")
    tell_refusals(written.refusals)
    raise typer.Exit(REFUSED if written.refusals else OK)


def _mark_row(mark: dict[str, Any]) -> dict[str, Any]:
    x, y, z = (round(value, 2) for value in mark["position_mm"])
    return {"SeriesInstanceUID": mark["series_uid"], "x_mm": x, "y_mm": y, "z_mm": z, "score": mark["score"]}


def _flat(parameters: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``outer.inner``."""
    flat: dict[str, Any] = {}
    for key, value in parameters.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
