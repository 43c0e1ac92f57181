"""``hilum assess``: marks against lesions, as a FROC curve or, without scores, as a candidate stage."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import OK, REFUSED, JsonOption, show_json, show_table, tell
from hilum.errors import AssessmentError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess import Assessment, CandidateStage, HitCriterion, Policy
    from hilum.catalog import Archive
    from hilum.detect.runs import Run
    from hilum.model.findings import Lesion, Mark


class Region(StrEnum):
    """The two halves of the collection CT Lymph Nodes."""

    MEDIASTINUM = "mediastinum"
    ABDOMEN = "abdomen"

    @property
    def prefix(self) -> str:
        """How the names of its patients begin."""
        return "MED" if self is Region.MEDIASTINUM else "ABD"


class SharedMark(StrEnum):
    """What a mark on several lesions counts for."""

    NEAREST = "nearest-lesion"
    EVERY = "every-lesion"


@dataclass(frozen=True)
class Inputs:
    """What is assessed; `lesion_ids` is the source's own word on each mark, `participants` None where unknown."""

    lesions: Sequence[Lesion]
    marks: Sequence[Mark]
    exam_ids: Sequence[str]
    participants: Mapping[str, str] | None = None
    is_scored: bool = True
    lesion_ids: Sequence[str] | None = None
    warnings: tuple[str, ...] = ()
    refused_count: int = 0

    def only(self, prefix: str) -> Inputs:
        """The exams whose id begins with `prefix`, and their findings."""
        lesion_ids = self.lesion_ids or [""] * len(self.marks)
        chosen = [pair for pair in zip(self.marks, lesion_ids, strict=True) if pair[0].exam_id.startswith(prefix)]
        return Inputs(
            [lesion for lesion in self.lesions if lesion.exam_id.startswith(prefix)],
            [mark for mark, _ in chosen],
            [exam_id for exam_id in self.exam_ids if exam_id.startswith(prefix)],
            self.participants,
            self.is_scored,
            None if self.lesion_ids is None else [lesion_id for _, lesion_id in chosen],
            self.warnings,
            self.refused_count,
        )


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("assess")(assess)


def assess(
    marks: Annotated[
        str, typer.Argument(metavar="MARKS", help="A run's name, a file of marks, or NIH's folder of candidates.")
    ],
    *,
    lesions: Annotated[Path | None, typer.Option(help="File or folder of lesions; a run has its own.")] = None,
    hit: Annotated[str, typer.Option(help="within-lesion-radius, or within-distance:MM.")] = "",
    excluded: Annotated[Path | None, typer.Option(help="Findings whose marks count neither way.")] = None,
    exams: Annotated[
        Path | None, typer.Option(help="All exams that were read, one id a line; with participant_id if known.")
    ] = None,
    archive: Annotated[Path | None, typer.Option(envvar="HILUM_ARCHIVE", help="Archive of the run.")] = None,
    luna16: Annotated[bool, typer.Option("--luna16", help="The rules of the LUNA16 challenge.")] = False,
    region: Annotated[Region | None, typer.Option(help="Only these patients of CT Lymph Nodes.")] = None,
    shared_mark: Annotated[
        SharedMark | None,
        typer.Option(help="What a mark on several lesions counts for.", show_default="nearest-lesion"),
    ] = None,
    max_marks: Annotated[int | None, typer.Option(min=1, help="Assess only the best marks of an exam.")] = None,
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the result to this JSON file.")] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Write marks.csv and lesions.csv with states here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Assess marks against lesions: states, operating points, CPM, confidence, and the choices behind them.

    Marks without scores (NIH's candidates) have no FROC curve: the recall and false positives of the candidate stage
    are shown instead.
    """
    criterion = _criterion(hit, luna16=luna16)
    policy = _policy(luna16=luna16, shared_mark=shared_mark, max_marks=max_marks)
    inputs = _inputs(marks, lesions, excluded, exams, archive)
    inputs = _in_region(inputs, region) if region else inputs
    for warning in inputs.warnings:
        tell(f"warning: {warning}")
    if inputs.is_scored:
        result = _assess(inputs, criterion, policy, bootstraps, seed)
        content = {"kind": "froc", **result.to_json()}
        _write(content, out)
        if outcomes:
            _write_outcomes(outcomes, result)
        show_json(content) if as_json else _show_assessment(result)
    else:
        content = {"kind": "candidate stage", **_candidate_stage(inputs, criterion)}
        _write(content, out)
        if outcomes:
            tell("warning: candidates without scores have no outcomes: nothing written for --outcomes")
        show_json(content) if as_json else _show_candidate_stage(content)
    raise typer.Exit(REFUSED if inputs.refused_count else OK)


def _assess(inputs: Inputs, criterion: HitCriterion, policy: Policy, bootstraps: int, seed: int) -> Assessment:
    from hilum.assess import assess as assess_marks

    return assess_marks(
        inputs.lesions,
        inputs.marks,
        inputs.exam_ids,
        hit=criterion,
        participants=inputs.participants,
        bootstraps=bootstraps,
        seed=seed,
        policy=policy,
    )


def _criterion(text: str, *, luna16: bool) -> HitCriterion:
    from hilum.assess import parse_criterion

    if not text and not luna16:
        raise typer.BadParameter(
            "name the hit criterion: within-lesion-radius, or within-distance:15", param_hint="--hit"
        )
    try:
        return parse_criterion(text or "within-lesion-radius")
    except AssessmentError as error:
        raise typer.BadParameter(str(error), param_hint="--hit") from error


def _policy(*, luna16: bool, shared_mark: SharedMark | None, max_marks: int | None) -> Policy:
    from hilum.assess import LUNA16, Policy

    policy = LUNA16 if luna16 else Policy()
    if shared_mark:
        policy = replace(policy, shared_mark=shared_mark.value)
    return replace(policy, max_marks_per_exam=max_marks) if max_marks else policy


def _inputs(
    marks: str, lesions: Path | None, excluded: Path | None, exams: Path | None, archive: Path | None
) -> Inputs:
    if Path(marks).exists():
        if lesions is None:
            raise typer.BadParameter(f"marks of {marks} need lesions to be assessed against", param_hint="--lesions")
        return _inputs_of_files(Path(marks), lesions, excluded, exams)
    if archive is None:
        raise ConfigError(f"{marks}: no such file or folder; to assess a run of that name, give --archive")
    if excluded or exams:
        raise typer.BadParameter("a run knows its exams and findings itself: leave --exams and --excluded out")
    return _inputs_of_run(marks, archive, lesions)


def _inputs_of_run(name: str, archive_path: Path, lesions_path: Path | None) -> Inputs:
    from hilum.catalog import Archive
    from hilum.detect.runs import Run

    archive = Archive.open(archive_path)
    run = Run.load(archive, name)
    lesions, warnings = (run.lesions(), []) if lesions_path is None else _lesions_for_run(lesions_path, run, archive)
    participants = {series.series_uid: series.person_id for series in run.series}
    assessed = [lesion for lesion in lesions if lesion.exam_id in participants]
    refused = run.refusals()
    if refused:
        lost = len(lesions) - len(assessed)
        warnings.append(f"{len(refused)} series of the run were refused and are not assessed, nor their {lost} lesions")
    if run.seen_in_training:
        warnings.append(f"{len(run.seen_in_training)} series are of persons the model was trained on: they flatter it")
    return Inputs(
        assessed, run.marks(), tuple(participants), participants, warnings=tuple(warnings), refused_count=len(refused)
    )


def _lesions_for_run(path: Path, run: Run, archive: Archive) -> tuple[list[Lesion], list[str]]:
    """Lesions of a file, placed by the CTs of the run's series, and what must be said of taking them."""
    from hilum.findings import read_lesions
    from hilum.findings.linking import link_to_series

    series = [archive.series(one.series_uid) for one in run.series]
    # Marks lie in the CT's frame, which the points of NIH's files do not always share: indices must decide.
    file = read_lesions(path, geometries={one.participant_id: one.geometry for one in series})
    linked = link_to_series(file.lesions, series)
    warnings = list(file.warnings)
    if linked.unlinked:
        warnings.append(f"{len(linked.unlinked)} lesions of {path} are of exams the run has not, and are left out")
    own = run.lesions()
    if excluded := sum(lesion.is_excluded for lesion in own):
        warnings.append(
            f"the lesions of {path} stand in for the run's own, {excluded} of whose {len(own)} are excluded findings "
            "(small nodes, or another annotation of the same scan): figures by the two are not comparable"
        )
    return list(linked.findings), warnings


def _inputs_of_files(
    marks_path: Path, lesions_path: Path, excluded_path: Path | None, exams_path: Path | None
) -> Inputs:
    from hilum.findings import read_exams, read_lesions, read_marks

    exams = read_exams(exams_path) if exams_path else None
    listed = exams.exam_ids if exams else None
    marks = read_marks(marks_path, exam_ids=listed)
    files = [read_lesions(lesions_path, exam_ids=listed)]
    if excluded_path:
        files.append(read_lesions(excluded_path, is_excluded=True, exam_ids=listed))
    warnings = [*marks.warnings, *(warning for file in files for warning in file.warnings)]
    named = [exam_id for file in files for exam_id in file.exam_ids]
    exam_ids = listed or tuple(dict.fromkeys([*named, *marks.exam_ids]))
    if listed is None and marks_path.is_file():
        warnings.append(
            f"no --exams: the {len(exam_ids)} exams that the files name are taken for all. Exams without marks and "
            "lesions are missing in the mean of false positives an exam"
        )
    return Inputs(
        [lesion for file in files for lesion in file.lesions],
        marks.marks,
        exam_ids,
        exams.participants or None if exams else None,
        marks.scored,
        marks.lesion_ids,
        tuple(warnings),
    )


def _in_region(inputs: Inputs, region: Region) -> Inputs:
    chosen = inputs.only(region.prefix)
    if not chosen.exam_ids:
        raise AssessmentError(
            f"no exam of the {region.value}: expected ids that begin with {region.prefix}, found "
            f"{inputs.exam_ids[0]!r}. Leave --region out"
        )
    return chosen


def _candidate_stage(inputs: Inputs, criterion: HitCriterion) -> dict[str, Any]:
    """Rows by region and rule, and what must be said about them."""
    present = [one for one in Region if any(exam_id.startswith(one.prefix) for exam_id in inputs.exam_ids)]
    parts = {one.value: inputs.only(one.prefix) for one in present} or {"all": inputs}
    rows, notes = [], []
    for name, part in parts.items():
        stages, note = _stages(part, criterion)
        rows += [{"region": name, **stage.to_json()} for stage in stages]
        notes += [f"{name}: {note}"] if note else []
    return {"stages": rows, "notes": [_NO_CURVE, *notes]}


_NO_CURVE = (
    "The candidates carry no scores, so there is no threshold to vary and no FROC curve: the table shows the one point "
    "they stand for. Recall is the most a later stage can reach; a lesion is recalled if any candidate is on it."
)


def _stages(part: Inputs, criterion: HitCriterion) -> tuple[list[CandidateStage], str | None]:
    from hilum.assess import candidate_stage, disagreeing_labels, labelled_candidate_stage

    stages = [candidate_stage(part.lesions, part.marks, part.exam_ids, hit=criterion)]
    if part.lesion_ids is None:
        return stages, None
    stages.append(labelled_candidate_stage(part.lesions, part.marks, part.lesion_ids, part.exam_ids))
    far, near = disagreeing_labels(part.lesions, part.marks, part.lesion_ids, part.exam_ids, hit=criterion)
    return stages, _label_note(criterion.name, far, near, more=stages[0].recalled - stages[1].recalled)


def _label_note(criterion: str, far: int, near: int, *, more: int) -> str:
    """How the files' own labels compare with the criterion, by which `more` lesions are recalled."""
    if far or near:
        return (
            f"the files' own labels follow another rule than {criterion}: {far} candidates they call positive lie "
            f"outside it, {near} they call negative inside. Figures by the two rules must not be mixed."
        )
    agree = f"the files call positive exactly those candidates that are {criterion}"
    if more > 0:
        return (
            f"{agree}. They name one lesion for each, the criterion lets a candidate recall every lesion it is on: "
            f"{more} more."
        )
    return f"{agree}."


def _show_candidate_stage(content: dict[str, Any]) -> None:
    names = {"criterion": "rule", "on_lesions": "on lesions", "false_positives": "false positives"}
    rows = [{names.get(key, key): value for key, value in row.items()} for row in content["stages"]]
    for row in rows:
        row["FP an exam"] = round(row.pop("false_positives_per_exam"), 2)
        row["recall"] = None if row["recall"] is None else round(row["recall"], 4)
    show_table(rows, as_json=False, title="Candidate stage")
    for note in content["notes"]:
        typer.echo(note)


def _show_assessment(result: Assessment) -> None:
    points = [
        {
            "FP an exam": row["false_positives_per_exam"],
            "sensitivity": row["sensitivity"],
            "from": row["low"],
            "to": row["high"],
            "threshold": row["threshold"],
            "true positives": row["true_positives"],
            "false positives": row["false_positives"],
            "": "beyond the curve" if row["is_beyond_curve"] else None,
        }
        for row in result.point_rows()
    ]
    show_table(points, as_json=False, title="Operating points")
    interval = result.cpm_interval
    between = f" ({interval.low:.6f} to {interval.high:.6f})" if interval else ""
    typer.echo("CPM undefined\n" if result.cpm is None else f"CPM {result.cpm:.6f}{between}\n")
    counts = [{"": name.replace("_", " "), "count": count} for name, count in asdict(result.counts).items()]
    show_table(counts, as_json=False, title="Counts")
    show_table([{"choice": name, "": words} for name, words in result.choices().items()], as_json=False)
    for note in result.notes:
        typer.echo(f"note: {note}")


def _write(content: dict[str, Any], path: Path | None) -> None:
    if path:
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _write_outcomes(folder: Path, result: Assessment) -> None:
    from hilum.assess.assessment import LESION_COLUMNS, MARK_COLUMNS

    folder.mkdir(parents=True, exist_ok=True)
    tables = (("marks", MARK_COLUMNS, result.mark_rows()), ("lesions", LESION_COLUMNS, result.lesion_rows()))
    for name, columns, rows in tables:
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
