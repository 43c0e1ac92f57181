"""``hilum train``: cross-validate a detector on a cohort, and train a model of all of it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import Annotated

import typer

from hilum.cli.output import ArchiveOption, JsonOption, progress, tell
from hilum.cli.runs import show_finished


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train")(train)


def train(
    *,
    archive: ArchiveOption,
    cohort: Annotated[str, typer.Option(help="Cohort to learn from.", show_default=False)],
    lesions: Annotated[Path, typer.Option(help="File or folder of lesions.", show_default=False)],
    run: Annotated[str, typer.Option(help="Name of the run to make.", show_default=False)],
    detector: Annotated[str, typer.Option(help="Installed detector.")] = "classic",
    folds: Annotated[int, typer.Option(min=2, help="Parts of the cohort, by person.")] = 5,
    split: Annotated[
        str, typer.Option(help="Split kept with the cohort, whose parts are the folds.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and of the detector.")] = 0,
    min_short_axis: Annotated[
        float, typer.Option(min=0, help="Lesions with a shorter short axis, mm, count neither way.")
    ] = 0.0,
    same_scan: Annotated[
        bool, typer.Option("--same-scan", help="Lesions of the same scan under another id count neither way.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate a detector by person, and train a model on the whole cohort.

    The run holds the marks of each series by a detector that never saw the person, and the model. Interrupted, the same
    command goes on where it was.
    """
    from hilum.assess import Policy, judged_lesions
    from hilum.catalog import Archive
    from hilum.cohort import Cohort, cohort_series
    from hilum.cohort.splits import Split
    from hilum.detect.crossval import cross_validate, step_count
    from hilum.findings.excluding import exclude_in_same_scan
    from hilum.findings.of_series import read_lesions_of

    opened = Archive.open(archive)
    frozen = Cohort.load(opened, cohort)
    parts = Split.load(opened, frozen, split).parts if split else folds
    series = list(cohort_series(opened, frozen))
    file = read_lesions_of(series, lesions)
    for warning in file.warnings:
        tell(f"warning: {warning}")
    linked = judged_lesions(file.lesions, Policy(min_short_axis_mm=min_short_axis or None))
    if same_scan:
        person_of = {entry.SeriesInstanceUID: entry.person_id for entry in frozen.entries}
        linked = exclude_in_same_scan(linked, series, person_of)
    with progress("train", step_count(frozen, parts)) as advance:
        made = cross_validate(
            opened, frozen, linked, run_name=run, detector=detector, folds=parts, seed=seed, on_progress=advance
        )
    show_finished(made, as_json=as_json)
