"""An assessment as one HTML file that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.assess.forest import strata_forest
from hilum.assess.froc import CPM_RATES
from hilum.assess.gallery import Gallery
from hilum.assess.page import Figure, number, rate_words, span, template, whole
from hilum.assess.plot import froc_svg, rate_text
from hilum.assess.strata import SIZE, stratify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.assess.assessment import Assessment
    from hilum.assess.gallery import Crops
    from hilum.assess.strata_columns import ExamValues, LesionValues

PAGE = "report.html.j2"

AT_RATE = 4.0
"""False positives an exam at which lesions and marks are listed: about as many as a reader would look through."""

PICTURES = 6
HEAD_RATES = (1.0, 4.0)
"""False positives an exam whose sensitivity stands at the head."""


def write_report(path: Path, assessment: Assessment, **options: Any) -> None:
    """Write the report; `options` are those of `report_html`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report_html(assessment, **options), encoding="utf-8", newline="\n")


def report_html(
    assessment: Assessment,
    *,
    title: str = "FROC assessment",
    subtitle: str = "",
    notice: str = "",
    provenance: Mapping[str, str] | None = None,
    remarks: Sequence[str] = (),
    crops: Crops | None = None,
    exam_names: Mapping[str, str] | None = None,
    at_rate: float = AT_RATE,
    pictures: int = PICTURES,
    by: Sequence[str] = (SIZE,),
    lesion_values: Mapping[str, LesionValues] | None = None,
    exam_values: Mapping[str, ExamValues] | None = None,
    executor: Executor | None = None,
) -> str:
    """Give the report as HTML.

    Parameters
    ----------
    title, subtitle
        What was assessed.
    notice
        What every reader must see first, such as that the images are phantoms.
    provenance
        Where the marks, lesions and exams come from: run, cohort, snapshot, versions.
    remarks
        What must be said about the inputs; stands with the result's own notes.
    crops
        Gives the PNG pictures of a place; None: lists without pictures.
    exam_names
        Names to show instead of exam ids.
    at_rate
        False positives an exam of the operating point at which lesions and marks are listed and strata are read.
    pictures
        Most pictures of hits, of false positives, of misses; the lists have all of them.
    by
        Columns to give a forest plot each; those in which all have the same value get none.
    lesion_values, exam_values, executor
        As `stratify`.

    Raises
    ------
    AssessmentError
        No column, or more than one, has a name of `by`.
    """
    gallery = Gallery(assessment, at_rate, pictures, crops, exam_names or {})
    strata = [
        stratify(
            assessment,
            column,
            lesion_values=lesion_values,
            exam_values=exam_values,
            rates=(at_rate,),
            executor=executor,
        )
        for column in by
    ]
    forests = [strata_forest(one, at_rate) for one in strata if len(one.strata) > 1]
    return template(PAGE).render(
        title=title,
        subtitle=subtitle,
        notice=notice,
        provenance={"": provenance or {}},
        result=assessment,
        notes=[*assessment.notes, *remarks],
        counts=assessment.counts,
        figures=_figures(assessment),
        plot=froc_svg(assessment),
        points=list(zip(assessment.operating_points, assessment.intervals, strict=True)),
        merits=assessment.merit_rows(),
        cpm_rates=", ".join(rate_text(rate) for rate in CPM_RATES),
        forests=forests,
        has_certain=any(row.estimate.is_certain for forest in forests for row in forest.rows),
        groups=gallery.groups(),
        at_rate=at_rate,
        threshold=gallery.listing.threshold,
        choices=assessment.choices(),
        cover=f"{assessment.confidence:.0%}" if assessment.draws else "",
    )


def _figures(assessment: Assessment) -> tuple[Figure, ...]:
    counts = assessment.counts
    intervals = dict(zip(assessment.rates, assessment.intervals, strict=True))
    at = [
        Figure(
            number(assessment.froc.sensitivity_at(rate)), f"sensitivity at {rate_words(rate)}", span(intervals[rate])
        )
        for rate in HEAD_RATES
    ]
    exams = f"of {whole(counts.participants)} participants; {whole(counts.exams_with_lesions)} with lesions"
    return (
        Figure(number(assessment.cpm), "CPM, mean sensitivity", span(assessment.cpm_interval)),
        *at,
        Figure(whole(counts.lesions), "lesions", f"{whole(counts.excluded_findings)} excluded findings"),
        Figure(whole(counts.exams), "exams", exams),
    )
