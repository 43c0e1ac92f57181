"""``hilum train``: cross-validate a detector on a cohort, and train a model of all of it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import ArchiveOption, JsonOption, progress, tell
from hilum.cli.runs import show_finished

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.cohort import Cohort
    from hilum.model.findings import Lesion


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
    from hilum.detect.crossval import cross_validate, step_count
    from hilum.findings.excluding import exclude_in_same_scan

    opened = Archive.open(archive)
    frozen = Cohort.load(opened, cohort)
    policy = Policy(min_short_axis_mm=min_short_axis or None)
    linked = judged_lesions(_lesions_of(opened, frozen, lesions), policy)
    if same_scan:
        person_of = {entry.SeriesInstanceUID: entry.person_id for entry in frozen.entries}
        linked = exclude_in_same_scan(linked, cohort_series(opened, frozen), person_of)
    with progress("train", step_count(frozen, folds)) as advance:
        made = cross_validate(
            opened, frozen, linked, run_name=run, detector=detector, folds=folds, seed=seed, on_progress=advance
        )
    show_finished(made, as_json=as_json)


def _lesions_of(archive: Archive, cohort: Cohort, path: Path) -> tuple[Lesion, ...]:
    """Lesions of the cohort's series; says what was odd, and how many belong elsewhere."""
    from hilum.cohort import cohort_series
    from hilum.findings.linking import link_to_series
    from hilum.findings.reading import read_lesions

    file = read_lesions(path)
    for warning in file.warnings:
        tell(f"warning: {warning}")
    linked = link_to_series(file.lesions, list(cohort_series(archive, cohort)))
    if linked.unlinked:
        tell(f"warning: {len(linked.unlinked)} of {len(file.lesions)} lesions are of exams that are not in the cohort")
    return linked.findings
