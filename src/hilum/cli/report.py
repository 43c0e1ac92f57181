"""``hilum report``: a run or several as one HTML file."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.inputs import (
    ExamsOption,
    ExcludedOption,
    LenientOption,
    LesionsOption,
    RunArchiveOption,
    inputs_of,
    names_of,
    require_scores,
    tell_inputs,
)
from hilum.cli.method import Method, collections, notice
from hilum.cli.output import OK, REFUSED, progress, tell
from hilum.cli.places import require_writable
from hilum.cli.rules import Rules, with_rules
from hilum.errors import HilumError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess.gallery import Crops
    from hilum.model.findings import Point
    from hilum.model.series import Series
    from hilum.volume import Volume

DEFAULT_HIT = "within-distance:15"

CROP_MM = 60.0
"""Side of a picture: a node of 30 mm and as much around it."""

VOLUMES_KEPT = 2
"""Volumes kept in memory: pictures are asked for in the order of scores, so more would seldom be met again."""


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
    require_writable(out)
    rules = rules if rules.hit_words else replace(rules, hit=DEFAULT_HIT)
    rules.require_valid()
    found: dict[str, Method] = {}
    for name, method in names_of(methods).items():
        inputs = inputs_of(method, lesions=lesions, excluded=excluded, exams=exams, archive=archive, is_lenient=lenient)
        require_scores(inputs, name)
        tell_inputs(inputs, f"{name}: " if len(methods) > 1 else "")
        result = rules.assess(inputs, bootstraps=bootstraps, rates=[at_rate])
        found[name] = Method.of(name, method, inputs, result, lesions=lesions, excluded=excluded, exams=exams)
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


def _write_one(out: Path, method: Method, *, at_rate: float, pictures: int, by: Sequence[str], title: str) -> None:
    from hilum.assess.report import write_report
    from hilum.assess.strata import SIZE
    from hilum.assess.strata_columns import lesion_columns

    series = method.series()
    columns, exam_values = method.exam_values(by)
    write_report(
        out,
        method.result,
        title=title or method.title(series),
        subtitle=method.subtitle(),
        notice=notice(series),
        provenance=method.provenance(),
        remarks=method.remarks(),
        crops=_crops(series) if series else None,
        exam_names={uid: one.participant_id for uid, one in series.items()},
        at_rate=at_rate,
        pictures=pictures,
        by=tuple(dict.fromkeys((SIZE, *columns))),
        lesion_values=lesion_columns(method.inputs.lesions),
        exam_values=exam_values,
    )


def _write_several(
    out: Path,
    methods: Mapping[str, Method],
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
    on = f" on {collections(series)}" if series else ""
    write_comparison_report(
        out,
        results,
        found,
        title=title or f"Comparison of {', '.join(list(methods)[:-1])} and {list(methods)[-1]}{on}",
        subtitle=f"{len(methods)} methods on {found.exam_count:,} exams of {found.participant_count:,} persons, "
        f"{found.lesion_count:,} lesions",
        notice=notice(series),
        provenance={name: one.provenance() for name, one in methods.items()},
        remarks={name: one.remarks() for name, one in methods.items()},
    )


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
