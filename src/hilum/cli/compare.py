"""``hilum compare``: several runs or files of marks on the same exams, lesions and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.inputs import (
    ExamsOption,
    ExcludedOption,
    LenientOption,
    LesionsOption,
    RunArchiveOption,
    inputs_of,
    names_of,
    refusals_json,
    require_scores,
    tell_inputs,
)
from hilum.cli.output import OK, REFUSED, JsonOption, show_json, show_table
from hilum.cli.results import OutOption, check_suffixes, write_comparison
from hilum.cli.rules import Rules, with_rules

if TYPE_CHECKING:
    from hilum.assess import Comparison

FORMAT = "hilum comparison 1"
"""Name and version of the JSON of a comparison."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(compare)


@with_rules
def compare(
    methods: Annotated[
        list[str], typer.Argument(metavar="METHOD METHOD...", help="Names of runs, or files of marks; at least two.")
    ],
    *,
    lesions: LesionsOption = None,
    rules: Rules,
    excluded: ExcludedOption = None,
    exams: ExamsOption = None,
    archive: RunArchiveOption = None,
    lenient: LenientOption = False,
    rate: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            help="Compare the sensitivity at this many false positives an exam, besides the CPM. May be given several "
            "times.  [default: 1 and 4]",
        ),
    ] = None,
    reference: Annotated[
        str, typer.Option(help="Hold all others against this method.  [default: each pair is compared]")
    ] = "",
    bootstraps: Annotated[int, typer.Option(min=0, help="Paired draws for the intervals; 0: none.")] = 2000,
    permutations: Annotated[int, typer.Option(min=1, help="Permutations for the p values.")] = 10_000,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare methods: differences of CPM and sensitivity, their intervals, and p values corrected by Holm.

    All must be assessed on the same exams, persons, lesions and rules; if they are not, what differs is said.
    """
    from hilum.assess import compare as compare_methods
    from hilum.assess.comparison import COMPARISON_RATES

    check_suffixes(out)
    rules.require_valid()
    inputs = {
        name: inputs_of(method, lesions=lesions, excluded=excluded, exams=exams, archive=archive, is_lenient=lenient)
        for name, method in _names(methods).items()
    }
    for name, one in inputs.items():
        require_scores(one, name)
        tell_inputs(one, f"{name}: ")
    assessments = {name: rules.assess(one) for name, one in inputs.items()}
    found = compare_methods(
        assessments,
        rates=tuple(COMPARISON_RATES if rate is None else rate),
        reference=reference or None,
        bootstraps=bootstraps,
        permutations=permutations,
        seed=rules.seed,
        interval=rules.interval.value,
    )
    content: dict[str, Any] = {"format": FORMAT, **found.to_json(), **refusals_json(*inputs.values())}
    write_comparison(out, content, found, assessments)
    show_json(content) if as_json else _show(found)
    raise typer.Exit(REFUSED if not all(one.is_whole for one in inputs.values()) else OK)


def _names(methods: list[str]) -> dict[str, str]:
    """What each method is called, and what the user wrote."""
    if len(set(methods)) < max(2, len(methods)):
        raise typer.BadParameter(f"found {', '.join(methods)}; expected at least two different methods")
    return names_of(methods)


def _show(found: Comparison) -> None:
    values = [
        {
            "method": row["method"],
            "endpoint": row["endpoint"],
            "value": row["value"],
            "from": row["low"],
            "to": row["high"],
        }
        for row in found.value_rows()
    ]
    show_table(values, as_json=False, title="Methods")
    differences = [
        {
            "difference": f"{row['first']} - {row['second']}",
            "endpoint": row["endpoint"],
            "value": row["difference"],
            "from": row["low"],
            "to": row["high"],
            "p": row["p_value"],
            "p (Holm)": row["holm_p_value"],
        }
        for row in found.rows()
    ]
    show_table(differences, as_json=False, title="Differences")
    typer.echo(f"{found.lesion_count} lesions in {found.exam_count} exams of {found.participant_count} participants\n")
    show_table([{"choice": name, "": words} for name, words in found.choices.items()], as_json=False)
