"""``hilum runs``: the runs of an archive, and what one run found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import OK, REFUSED, ArchiveOption, JsonOption, show_json, show_table, tell

if TYPE_CHECKING:
    from hilum.detect.runs import Run

REFUSALS_TOLD = 10
"""Refusals told in full at the end of a command; the run keeps all."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("runs")(runs)


def runs(
    name: Annotated[str, typer.Argument(help="Name of a run; all are listed if absent.", show_default=False)] = "",
    *,
    archive: ArchiveOption,
    marks: Annotated[bool, typer.Option("--marks", help="The marks of the run, the surest first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the runs of an archive, or show one: how it was made, what it refused, its marks."""
    from hilum.catalog import Archive
    from hilum.detect.runs import Run, list_runs, list_unfinished

    opened = Archive.open(archive)
    if marks and not name:
        raise typer.BadParameter("name the run whose marks to show", param_hint="NAME")
    if not name:
        show_table([summary(Run.load(opened, found)) for found in list_runs(opened)], as_json=as_json)
        for unfinished in list_unfinished(opened):
            tell(f"not finished: {unfinished}; the command that began it goes on with it")
        return
    run = Run.load(opened, name)
    if marks:
        ordered = sorted(run.marks(), key=lambda mark: -mark.score)
        show_table([_mark_row(asdict(mark)) for mark in ordered], as_json=as_json)
    elif as_json:
        refusals = [asdict(refusal) for refusal in run.refusals()]
        show_json(summary(run) | run.plan.to_dict() | {"seen_in_training": run.seen_in_training, "refusals": refusals})
    else:
        details = summary(run) | {"snapshot": run.plan.snapshot_id, "folds": run.plan.folds, "seed": run.plan.seed}
        details |= _flat(run.plan.parameters)
        show_table([{"": key, "value": str(value)} for key, value in details.items() if value != ""], as_json=False)
        tell_refusals(run)


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
    tell_refusals(run)
    raise typer.Exit(REFUSED if run.refusals() else OK)


def tell_refusals(run: Run) -> None:
    """Say which series were left out, and why."""
    refusals = run.refusals()
    for refusal in refusals[:REFUSALS_TOLD]:
        tell(f"refused {refusal.item}: {refusal.check}: {refusal.reason}")
    if len(refusals) > REFUSALS_TOLD:
        tell(f"... and {len(refusals) - REFUSALS_TOLD} more: {run.folder.refusals}")


def _mark_row(mark: dict[str, Any]) -> dict[str, Any]:
    x, y, z = (round(value, 2) for value in mark["position_mm"])
    return {"SeriesInstanceUID": mark["series_uid"], "x_mm": x, "y_mm": y, "z_mm": z, "score": mark["score"]}


def _flat(parameters: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``outer.inner``."""
    flat: dict[str, Any] = {}
    for key, value in parameters.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
