"""``hilum report``: a run or several as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.inputs import (
    FOLD,
    ExamsOption,
    ExcludedOption,
    Inputs,
    LenientOption,
    LesionsOption,
    RunArchiveOption,
    exam_columns,
    inputs_of,
    names_of,
    require_scores,
    tell_inputs,
)
from hilum.cli.output import OK, REFUSED, progress, tell
from hilum.cli.rules import Rules, with_rules
from hilum.errors import HilumError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess import Assessment
    from hilum.assess.gallery import Crops
    from hilum.catalog import Archive
    from hilum.detect.runs import Run
    from hilum.model.findings import Point
    from hilum.model.series import Series
    from hilum.volume import Volume

DEFAULT_HIT = "within-distance:15"

REGION = "region"

CROP_MM = 60.0
"""Side of a picture: a node of 30 mm and as much around it."""

VOLUMES_KEPT = 2
"""Volumes kept in memory: pictures are asked for in the order of scores, so more would seldom be met again."""

PHANTOM_NOTICE = "These images are computed phantoms. No figure here is a result on patients."
PHANTOM = "PHANTOM"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report")(report)


@with_rules
def report(
    methods: Annotated[
        list[str], typer.Argument(metavar="METHOD...", help="Names of runs, or files of marks.", show_default=False)
    ],
    *,
    out: Annotated[Path, typer.Option(help="HTML file to write.", show_default=False)],
    archive: RunArchiveOption = None,
    lesions: LesionsOption = None,
    excluded: ExcludedOption = None,
    exams: ExamsOption = None,
    lenient: LenientOption = False,
    rules: Rules,
    at_rate: Annotated[
        float,
        typer.Option(min=0, help="False positives an exam at which lesions and marks are listed and strata read."),
    ] = 4.0,
    pictures: Annotated[int, typer.Option(min=0, help="Most pictures of hits, of false positives, of misses.")] = 6,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Give this column a forest plot too, besides size, region and fold: one of lesions (label, diameter, "
            "short axis, long axis) or of exams, as for `hilum assess`. May be given several times."
        ),
    ] = None,
    reference: Annotated[
        str, typer.Option(help="Hold all other methods against this one.  [default: each pair is compared]")
    ] = "",
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence intervals; 0: none.")] = 1000,
    permutations: Annotated[
        int, typer.Option(min=1, help="Permutations for the p values of several methods.")
    ] = 10_000,
    title: Annotated[str, typer.Option(help="Title of the page.  [default: from the methods]")] = "",
) -> None:
    """Write an assessment of a run, or a comparison of several, as one HTML file.

    Of one: FROC curve, operating points, counts, strata as forest plots, every hit, false positive and miss at an
    operating point, pictures, provenance. Of several: curves in one plot, differences with intervals and p values,
    counts. Without --hit a mark hits within 15 mm of a lesion. The file loads nothing else, so it can be sent, printed
    and kept.
    """
    if len(set(methods)) < len(methods):
        raise typer.BadParameter(f"found {', '.join(methods)}; expected each method once")
    if len(methods) > 1 and by:
        raise typer.BadParameter("strata are of one method: leave --by out, or name one", param_hint="--by")
    rules = rules if rules.hit_words else replace(rules, hit=DEFAULT_HIT)
    rules.require_valid()
    found: dict[str, _Method] = {}
    for name, method in names_of(methods).items():
        inputs = inputs_of(method, lesions=lesions, excluded=excluded, exams=exams, archive=archive, is_lenient=lenient)
        require_scores(inputs, name)
        tell_inputs(inputs, f"{name}: " if len(methods) > 1 else "")
        result = rules.assess(inputs, bootstraps=bootstraps, rates=[at_rate])
        files = {"marks": None if inputs.source else Path(method), "lesions": lesions}
        files |= {"excluded findings": excluded, "exams": exams}
        found[name] = _Method(name, inputs, result, {what: path for what, path in files.items() if path})
    with progress("report"):
        if len(found) == 1:
            (only,) = found.values()
            _write_one(out, only, at_rate=at_rate, pictures=pictures, by=by or (), title=title)
        else:
            _write_several(
                out,
                found,
                title=title,
                reference=reference,
                bootstraps=bootstraps,
                permutations=permutations,
                rules=rules,
            )
    tell(f"report written to {out}")
    raise typer.Exit(OK if all(one.inputs.is_whole for one in found.values()) else REFUSED)


@dataclass(frozen=True)
class _Method:
    """A method, what was assessed of it, and the result; `files` are those that the command names."""

    name: str
    inputs: Inputs
    result: Assessment
    files: Mapping[str, Path]

    def series(self) -> dict[str, Series]:
        """The series of a run by their UID; none of files."""
        if self.inputs.source is None:
            return {}
        run, archive = self.inputs.source
        return {one.series_uid: archive.series(one.series_uid) for one in run.series}

    def remarks(self) -> tuple[str, ...]:
        """What must be said about its inputs."""
        refused = len(self.inputs.refusals)
        lines = (f"lines of the files that were refused and are not counted: {refused}",)
        return (*self.inputs.warnings, *(lines if refused else ()))

    def provenance(self) -> dict[str, str]:
        """Where it comes from; a file named by the command stands in for what the run has of that kind."""
        from hilum import __version__

        source = self.inputs.source
        own = _provenance(*source) if source else {"software": f"hilum {__version__}"}
        return own | {what: _file_words(path) for what, path in self.files.items()}


def _write_one(out: Path, method: _Method, *, at_rate: float, pictures: int, by: Sequence[str], title: str) -> None:
    from hilum.assess.report import write_report
    from hilum.assess.strata import SIZE
    from hilum.assess.strata_columns import lesion_columns

    series = method.series()
    usual = {column: values for column in (REGION, FOLD) for values in exam_columns(method.inputs, column).values()}
    asked = {column: values for column in by for values in exam_columns(method.inputs, column).values()}
    write_report(
        out,
        method.result,
        title=title or _title(method, series),
        subtitle=_subtitle(method),
        notice=_notice(series),
        provenance=method.provenance(),
        remarks=method.remarks(),
        crops=_crops(series) if series else None,
        exam_names={uid: one.participant_id for uid, one in series.items()},
        at_rate=at_rate,
        pictures=pictures,
        by=tuple(dict.fromkeys((SIZE, *usual, *by))),
        lesion_values=lesion_columns(method.inputs.lesions),
        exam_values=usual | asked,
    )


def _write_several(
    out: Path,
    methods: Mapping[str, _Method],
    *,
    title: str,
    reference: str,
    bootstraps: int,
    permutations: int,
    rules: Rules,
) -> None:
    from hilum.assess import compare
    from hilum.assess.comparison_report import write_comparison_report

    results = {name: one.result for name, one in methods.items()}
    found = compare(
        results,
        reference=reference or None,
        bootstraps=bootstraps,
        permutations=permutations,
        seed=rules.seed,
        interval=rules.interval.value,
    )
    series = next(iter(methods.values())).series()
    on = f" on {_collections(series)}" if series else ""
    write_comparison_report(
        out,
        results,
        found,
        title=title or f"Comparison of {', '.join(list(methods)[:-1])} and {list(methods)[-1]}{on}",
        subtitle=f"{len(methods)} methods on {found.exam_count:,} exams of {found.participant_count:,} persons, "
        f"{found.lesion_count:,} lesions",
        notice=_notice(series),
        provenance={name: one.provenance() for name, one in methods.items()},
        remarks={name: one.remarks() for name, one in methods.items()},
    )


def _title(method: _Method, series: Mapping[str, Series]) -> str:
    if method.inputs.source is None:
        return f"Assessment of {method.name}"
    return f"{method.inputs.source[0].plan.method.capitalize()} detector on {_collections(series)}"


def _collections(series: Mapping[str, Series]) -> str:
    return ", ".join(sorted({str(one["collection_id"]) for one in series.values()}))


def _subtitle(method: _Method) -> str:
    counts = method.result.counts
    what = f"{counts.exams:,} exams of {counts.participants:,} persons, {counts.lesions:,} lesions"
    if method.inputs.source is None:
        return what
    plan = method.inputs.source[0].plan
    how = f"Cross-validated in {plan.folds} folds by person" if plan.folds else f"Model of run {plan.model}"
    return f"{how}: {what}"


def _notice(series: Mapping[str, Series]) -> str:
    return PHANTOM_NOTICE if any(one["StudyDescription"] == PHANTOM for one in series.values()) else ""


def _file_words(path: Path) -> str:
    from hashlib import sha256

    return f"{path.name} (SHA-256 {sha256(path.read_bytes()).hexdigest()[:16]})" if path.is_file() else path.name


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
    """Pictures from the volumes; of one that cannot be read none, which is said."""
    from hilum.volume import load
    from hilum.volume.crops import orthogonal_crops, png_bytes

    @lru_cache(VOLUMES_KEPT)
    def volume_of(uid: str) -> Volume | None:
        try:
            return load(series[uid])
        except HilumError as error:
            tell(f"warning: no pictures of {uid}: {error}")
            return None

    def crops(exam_id: str, position_mm: Point) -> dict[str, bytes]:
        volume = volume_of(exam_id)
        pictures = orthogonal_crops(volume, position_mm, CROP_MM) if volume else {}
        return {plane: png_bytes(grey) for plane, grey in pictures.items()}

    return crops
