"""``hilum report``: a run assessed, as one HTML file with pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import ArchiveOption, tell
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.assess import Assessment
    from hilum.assess.gallery import Crops
    from hilum.catalog import Archive
    from hilum.detect.runs import Run
    from hilum.model.findings import Point
    from hilum.model.series import Series
    from hilum.volume import Volume

CROP_MM = 60.0
"""Side of a picture: a node of 30 mm and as much around it."""

VOLUMES_KEPT = 2
"""Volumes kept in memory: pictures are asked for in the order of scores, so more would seldom be met again."""

PHANTOM_NOTICE = "These images are computed phantoms. No figure here is a result on patients."
PHANTOM = "PHANTOM"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report")(report)


def report(
    run: Annotated[str, typer.Argument(help="Name of a run of the archive.", show_default=False)],
    *,
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="HTML file to write.", show_default=False)],
    hit: Annotated[str, typer.Option(help="within-lesion-radius, or within-distance:MM.")] = "within-distance:15",
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    gallery_rate: Annotated[
        float, typer.Option(min=0, help="False positives an exam at which the gallery is chosen.")
    ] = 4.0,
    gallery_count: Annotated[
        int, typer.Option(min=0, help="Most pictures of hits, of false positives, of misses.")
    ] = 6,
    title: Annotated[str, typer.Option(help="Title of the page.  [default: from the run]")] = "",
) -> None:
    """Write an assessment of a run as one HTML file: FROC curve, operating points, counts, pictures, provenance.

    The file loads nothing else, so it can be sent, printed and kept.
    """
    from hilum.assess.report import write_report
    from hilum.catalog import Archive
    from hilum.detect.runs import Run

    opened = Archive.open(archive)
    found = Run.load(opened, run)
    result = _assess(found, hit, bootstraps, seed)
    series = {one.series_uid: opened.series(one.series_uid) for one in found.series}
    is_phantom = any(one["StudyDescription"] == PHANTOM for one in series.values())
    write_report(
        out,
        result,
        title=title or f"{found.plan.method.capitalize()} detector on {_collections(series)}",
        subtitle=_subtitle(found, result),
        notice=PHANTOM_NOTICE if is_phantom else "",
        provenance=_provenance(found, opened),
        crops=_crops(series),
        exam_names={uid: one.participant_id for uid, one in series.items()},
        gallery_rate=gallery_rate,
        gallery_count=gallery_count,
    )
    tell(f"report written to {out}")


def _assess(run: Run, hit: str, bootstraps: int, seed: int) -> Assessment:
    from hilum.assess import assess, parse_criterion

    try:
        criterion = parse_criterion(hit)
    except AssessmentError as error:
        raise typer.BadParameter(str(error), param_hint="--hit") from error
    participants = {series.series_uid: series.person_id for series in run.series}
    return assess(
        [lesion for lesion in run.lesions() if lesion.exam_id in participants],
        run.marks(),
        tuple(participants),
        hit=criterion,
        participants=participants,
        bootstraps=bootstraps,
        seed=seed,
    )


def _collections(series: Mapping[str, Series]) -> str:
    return ", ".join(sorted({str(one["collection_id"]) for one in series.values()}))


def _subtitle(run: Run, result: Assessment) -> str:
    counts = result.counts
    how = f"Cross-validated in {run.plan.folds} folds by person" if run.plan.folds else f"Model of run {run.plan.model}"
    return f"{how}: {counts.exams} exams of {counts.participants} persons, {counts.lesions} lesions"


def _provenance(run: Run, archive: Archive) -> dict[str, str]:
    plan = run.plan
    said = {
        "run": f"{run.name}, finished {run.created_at.isoformat(timespec='seconds')}",
        "detector": f"{plan.method} {plan.version}",
        "folds and seed": f"{plan.folds} folds by person, seed {plan.seed}" if plan.folds else "",
        "model": plan.model,
        "seen in training": f"{len(run.seen_in_training)} series" if run.seen_in_training else "",
        "series refused": str(len(run.refusals())),
        "cohort": f"{plan.cohort} (series list SHA-256 {plan.cohort_id[:16]})" if plan.cohort else "named series",
        "catalog snapshot": plan.snapshot_id,
        "lesions": f"SHA-256 {plan.lesions_sha256[:16]}" if plan.lesions_sha256 else "",
        "archive": archive.path.name,
        "software": f"hilum {run.hilum_version}",
    }
    return {name: words for name, words in said.items() if words}


def _crops(series: Mapping[str, Series]) -> Crops:
    from hilum.volume import load
    from hilum.volume.crops import orthogonal_crops, png_bytes

    @lru_cache(VOLUMES_KEPT)
    def volume_of(uid: str) -> Volume:
        return load(series[uid])

    def crops(exam_id: str, position_mm: Point) -> dict[str, bytes]:
        pictures = orthogonal_crops(volume_of(exam_id), position_mm, CROP_MM)
        return {plane: png_bytes(grey) for plane, grey in pictures.items()}

    return crops
