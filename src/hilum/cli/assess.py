"""``hilum assess``: marks against lesions, as a FROC curve or, without scores, as a candidate stage."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.inputs import (
    ExamsOption,
    ExcludedOption,
    Inputs,
    LenientOption,
    LesionsOption,
    RunArchiveOption,
    exam_columns,
    inputs_of,
    refusals_json,
    tell_inputs,
)
from hilum.cli.output import OK, REFUSED, JsonOption, show_json, show_table, tell
from hilum.cli.results import OutOption, check_suffixes, show_strata, write_assessment, write_csv, write_json
from hilum.cli.rules import Rules, judged_inputs, with_rules
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess import Assessment, CandidateStage, HitCriterion, Policy, Strata


class Region(StrEnum):
    """The two halves of the collection CT Lymph Nodes."""

    MEDIASTINUM = "mediastinum"
    ABDOMEN = "abdomen"

    @property
    def prefix(self) -> str:
        """How the names of its patients begin."""
        return "MED" if self is Region.MEDIASTINUM else "ABD"


class Listed(StrEnum):
    """What can be listed at an operating point."""

    HITS = "hits"
    FALSE_POSITIVES = "false-positives"
    MISSED = "missed"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("assess")(assess)


@with_rules
def assess(
    marks: Annotated[str, typer.Argument(metavar="MARKS", help="A run's name, or a file or folder of marks.")],
    *,
    lesions: LesionsOption = None,
    rules: Rules,
    excluded: ExcludedOption = None,
    exams: ExamsOption = None,
    archive: RunArchiveOption = None,
    lenient: LenientOption = False,
    region: Annotated[Region | None, typer.Option(help="Only these patients of CT Lymph Nodes.")] = None,
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence intervals; 0: none.")] = 1000,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Split the result by a column of lesions (size, label, diameter, short axis, long axis) or of exams "
            "(region, any column of the list of exams; of a run any column of the series table, and fold). May be "
            "given several times."
        ),
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            help="Further false positives an exam to read the curve at; strata are read at these.  [default: 1, 4]",
        ),
    ] = None,
    listed: Annotated[Listed | None, typer.Option("--list", help="List these at --at-rate instead.")] = None,
    at_rate: Annotated[float, typer.Option(min=0, help="False positives an exam that --list allows.")] = 1.0,
    out: OutOption = None,
    outcomes: Annotated[Path | None, typer.Option(help="Write marks.csv and lesions.csv with states here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Assess marks against lesions: states, operating points, CPM, confidence, and the choices behind them.

    Marks without scores (NIH's candidates) have no FROC curve: the recall and false positives of the candidate stage
    are shown instead.
    """
    check_suffixes(out)
    criterion, policy = rules.criterion, rules.policy
    inputs = inputs_of(marks, lesions=lesions, excluded=excluded, exams=exams, archive=archive, is_lenient=lenient)
    inputs = _in_region(inputs, region) if region else inputs
    tell_inputs(inputs)
    if inputs.is_scored:
        result = rules.assess(inputs, bootstraps=bootstraps, rates=rate or ())
        strata = [_strata(result, inputs, column, rate) for column in by or ()]
        content = result.to_json() | ({"strata": [one.to_json() for one in strata]} if strata else {})
        content |= refusals_json(inputs)
        write_assessment(out, content, Path(marks).stem, result, strata)
        if outcomes:
            _write_outcomes(outcomes, result)
        if listed:
            _show_listing(result, listed, at_rate, as_json=as_json)
        elif as_json:
            show_json(content)
        else:
            _show_assessment(result, strata)
    else:
        _candidates(judged_inputs(inputs, policy), criterion, policy, out, as_json=as_json)
        if outcomes or by or listed:
            tell("warning: candidates without scores have no outcomes, strata or lists: only the table is given")
    raise typer.Exit(OK if inputs.is_whole else REFUSED)


def _in_region(inputs: Inputs, region: Region) -> Inputs:
    chosen = inputs.only(region.prefix)
    if not chosen.exam_ids:
        raise AssessmentError(
            f"no exam of the {region.value}: expected ids that begin with {region.prefix}, found "
            f"{inputs.exam_ids[0]!r}. Leave --region out"
        )
    return chosen


def _strata(result: Assessment, inputs: Inputs, column: str, rates: Sequence[float] | None) -> Strata:
    from hilum.assess import lesion_columns, stratify
    from hilum.assess.strata import STRATA_RATES

    return stratify(
        result,
        column,
        lesion_values=lesion_columns(inputs.lesions),
        exam_values=exam_columns(inputs, column),
        rates=tuple(STRATA_RATES if rates is None else rates),
    )


def _show_listing(result: Assessment, listed: Listed, rate: float, *, as_json: bool) -> None:
    from hilum.assess.listing import list_at

    found = list_at(result, rate)
    if as_json:
        show_json(found.to_json())
        return
    threshold = "no mark may count" if found.threshold is None else f"scores from {found.threshold:.6g}"
    typer.echo(f"{listed.value} at {rate:g} false positives an exam ({threshold})")
    show_table(list(found.of_kind(listed.value)), as_json=False)


def _candidates(
    inputs: Inputs, criterion: HitCriterion, policy: Policy, out: Sequence[Path] | None, *, as_json: bool
) -> None:
    content = _candidate_stage(inputs, criterion)
    if policy.min_short_axis_mm is not None:
        content["notes"].append(f"small lesions: {policy.in_words()['small lesions']}")
    content |= refusals_json(inputs)
    check_suffixes(out, (".json",))
    for path in out or ():
        write_json(path, content)
    show_json(content) if as_json else _show_candidate_stage(content)


def _candidate_stage(inputs: Inputs, criterion: HitCriterion) -> dict[str, Any]:
    """Rows by region and rule, and what must be said about them."""
    from hilum.assess.assessment import FORMAT

    present = [one for one in Region if any(exam_id.startswith(one.prefix) for exam_id in inputs.exam_ids)]
    parts = {one.value: inputs.only(one.prefix) for one in present} or {"all": inputs}
    rows, notes = [], []
    for name, part in parts.items():
        stages, note = _stages(part, criterion)
        rows += [{"region": name, **stage.to_json()} for stage in stages]
        notes += [f"{name}: {note}"] if note else []
    return {"format": FORMAT, "kind": "candidate stage", "stages": rows, "notes": [_NO_CURVE, *notes]}


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


def _merits(result: Assessment) -> list[dict[str, Any]]:
    """Rows of the table; what is undefined says so."""
    return [
        {
            "figure": row["figure"],
            "value": "undefined" if row["value"] is None else f"{row['value']:.6f}",
            "over": row["over"],
        }
        for row in result.merit_rows()
    ]


def _show_assessment(result: Assessment, strata: Sequence[Strata]) -> None:
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
    for one in strata:
        show_strata(one)
        typer.echo()
    show_table(_merits(result), as_json=False, title="Other figures of merit")
    typer.echo()
    counts = [{"": name.replace("_", " "), "count": count} for name, count in asdict(result.counts).items()]
    show_table(counts, as_json=False, title="Counts")
    show_table([{"choice": name, "": words} for name, words in result.choices().items()], as_json=False)
    for note in result.notes:
        typer.echo(f"note: {note}")


def _write_outcomes(folder: Path, result: Assessment) -> None:
    from hilum.assess.assessment import LESION_COLUMNS, MARK_COLUMNS

    folder.mkdir(parents=True, exist_ok=True)
    tables = (("marks", MARK_COLUMNS, result.mark_rows()), ("lesions", LESION_COLUMNS, result.lesion_rows()))
    for name, columns, rows in tables:
        write_csv(folder / f"{name}.csv", rows, columns)
