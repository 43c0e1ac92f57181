"""Results on the site (verbs of ``hilum site results``): frozen with their lists, shown, taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.inputs import (
    ExamsOption,
    ExcludedOption,
    LenientOption,
    LesionsOption,
    inputs_of,
    names_of,
    require_scores,
    tell_inputs,
)
from hilum.cli.method import Method, notice
from hilum.cli.output import OK, REFUSED, ArchiveOption, JsonOption, progress, show_table, tell, tell_refusals
from hilum.cli.report import DEFAULT_HIT
from hilum.cli.rules import Rules, with_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess import Strata
    from hilum.catalog import Archive
    from hilum.model.series import Series
    from hilum.publish.result_freeze import Asked
    from hilum.publish.results import Result

AT_RATES = (1.0, 4.0)

NameArgument = Annotated[str, typer.Argument(help="Name of the result.", show_default=False)]


def add_results(site: typer.Typer) -> None:
    """Add the verbs."""
    results = typer.Typer(help="Results that the site shows.", no_args_is_help=True)
    results.command("publish")(publish)
    results.command("list")(list_published)
    results.command("withdraw")(withdraw)
    site.add_typer(results, name="results")


@with_rules
def publish(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Name of a run, or file of marks.")],
    *,
    archive: ArchiveOption,
    name: Annotated[str, typer.Option(help="Name of the result.  [default: that of the run or file]")] = "",
    title: Annotated[str, typer.Option(help="What it is called on the site.  [default: from the method]")] = "",
    lesions: LesionsOption = None,
    excluded: ExcludedOption = None,
    exams: ExamsOption = None,
    lenient: LenientOption = False,
    rules: Rules,
    at_rate: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            help="False positives an exam at which hits, false positives and misses are listed; repeat for several.",
            show_default="1 and 4",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Split it by this column too, besides size, region and fold; as for `hilum report`."),
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option(help="Collection it was made on, where exams are no series of the archive; repeat for several."),
    ] = None,
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence intervals; 0: none.")] = 1000,
    replace_it: Annotated[bool, typer.Option("--replace", help="Put it in the place of the result of its name.")] = (
        False
    ),
    as_json: JsonOption = False,
) -> None:
    """Assess a run or a file of marks, and freeze the result for the site.

    Who sees all collections that it was made on sees it; who sees a series, the places in it and their slices.
    Without --hit a mark hits within 15 mm of a lesion.
    """
    from hilum.catalog import Archive
    from hilum.publish.result_freeze import publish_result
    from hilum.publish.results import require_free

    rules = rules if rules.hit_words else replace(rules, hit=DEFAULT_HIT)
    rules.require_valid()
    rates = tuple(at_rate or AT_RATES)
    (own_name,) = names_of([method])
    opened = Archive.open(archive)
    require_free(opened, name or own_name, replace=replace_it)
    inputs = inputs_of(method, lesions=lesions, excluded=excluded, exams=exams, archive=archive, is_lenient=lenient)
    require_scores(inputs, own_name)
    tell_inputs(inputs)
    with progress("assessing"):
        result = rules.assess(inputs, bootstraps=bootstraps, rates=rates)
        one = Method.of(own_name, method, inputs, result, lesions=lesions, excluded=excluded, exams=exams)
        strata = _strata(one, by or (), rates)
    with progress("images of exams", len(inputs.exam_ids)) as advance:
        asked = _asked(one, strata, rates, _series(opened, one), hit=rules.hit_words)
        asked = replace(asked, name=name or own_name, title=title or asked.title, collection_ids=collection or ())
        done = publish_result(opened, asked, replace=replace_it, on_progress=advance)
    show_table([_row(done)], as_json=as_json)
    tell(f"shown at /results/{done.name}/ to who sees all of {', '.join(done.collection_ids)}")
    raise typer.Exit(OK if inputs.is_whole else REFUSED)


def _series(archive: Archive, method: Method) -> dict[str, Series]:
    from hilum.publish.outcomes import series_of_exams

    inputs = method.inputs
    return series_of_exams(archive, inputs.exam_ids, [*inputs.lesions, *inputs.marks])


def _strata(method: Method, by: Sequence[str], rates: Sequence[float]) -> list[Strata]:
    """By each column; those in which all have one value say nothing."""
    from hilum.assess import lesion_columns, stratify
    from hilum.assess.strata import SIZE

    columns, exam_values = method.exam_values(by)
    found = [
        stratify(
            method.result,
            column,
            lesion_values=lesion_columns(method.inputs.lesions),
            exam_values=exam_values,
            rates=rates,
        )
        for column in dict.fromkeys((SIZE, *columns))
    ]
    return [one for one in found if len(one.strata) > 1]


def _asked(
    method: Method, strata: Sequence[Strata], rates: Sequence[float], series: Mapping[str, Series], *, hit: str
) -> Asked:
    from hilum.publish.result_freeze import Asked

    provenance = method.provenance()
    return Asked(
        name=method.name,
        title=method.title(series),
        subtitle=method.subtitle(),
        notice=notice(series),
        assessment=method.result,
        strata=strata,
        hit=hit,
        rates=rates,
        series=series,
        collection_ids=(),
        about=provenance,
        provenance=provenance,
        remarks=method.remarks(),
        report_description=_report_description(method),
    )


def _report_description(method: Method) -> str:
    from hilum.detect.run_reports import description_beginning

    return description_beginning(method.inputs.source[0]) if method.inputs.source else ""


def list_published(archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """List the results that the site shows, the newest first."""
    from hilum.catalog import Archive
    from hilum.publish.results import list_results

    results, refusals = list_results(Archive.open(archive))
    show_table([_row(one) for one in results], as_json=as_json)
    tell_refusals(refusals)
    raise typer.Exit(REFUSED if refusals else OK)


def withdraw(name: NameArgument, archive: ArchiveOption) -> None:
    """Take a result from the site for good; the run or files it was made from stay."""
    from hilum.catalog import Archive
    from hilum.publish.results import withdraw_result

    withdraw_result(Archive.open(archive), name)
    tell(f"result {name} is shown no more")


def _row(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "collections": ", ".join(result.collection_ids),
        "CPM": result.entry.cpm,
        "from": result.entry.low,
        "to": result.entry.high,
        "exams": result.entry.exams,
        "lesions": result.entry.lesions,
        "published_at": result.created_at.isoformat(),
    }
