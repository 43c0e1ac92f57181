"""An assessment as one HTML file that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.assess.froc import CPM_RATES
from hilum.assess.gallery import Gallery
from hilum.assess.matching import NONE, LesionState
from hilum.assess.plot import froc_svg, rate_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jinja2 import Template

    from hilum.assess.assessment import Assessment
    from hilum.assess.gallery import Crops
    from hilum.assess.intervals import Interval

TEMPLATE = "report.html.j2"

GALLERY_RATE = 4.0
"""False positives an exam at which the gallery is chosen: about as many as a reader would look through."""

GALLERY_COUNT = 6
SIZE_EDGES_MM = (0.0, 10.0, 15.0, 20.0, 30.0, float("inf"))
"""Borders of the rows of the table by size; 10 and 15 mm are those of RECIST 1.1 for nodes."""

SIZE_RATES = (1.0, 4.0)


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Lesions of a range of sizes, and how many of them are hit at `SIZE_RATES` and by any mark."""

    size: str
    lesions: int
    hits: tuple[int, ...]


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
    crops: Crops | None = None,
    exam_names: Mapping[str, str] | None = None,
    gallery_rate: float = GALLERY_RATE,
    gallery_count: int = GALLERY_COUNT,
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
    crops
        Gives the PNG pictures of a place; None: a gallery without pictures.
    exam_names
        Names to show instead of exam ids.
    gallery_rate, gallery_count
        Operating point at which the gallery is chosen, and most cards of a kind in it.
    """
    gallery = Gallery(assessment, gallery_rate, gallery_count, crops, exam_names or {})
    return _template().render(
        title=title,
        subtitle=subtitle,
        notice=notice,
        provenance=provenance or {},
        result=assessment,
        counts=assessment.counts,
        figures=_figures(assessment),
        plot=froc_svg(assessment),
        points=list(zip(assessment.operating_points, assessment.intervals, strict=True)),
        cpm_rates=", ".join(rate_text(rate) for rate in CPM_RATES),
        sizes=size_rows(assessment),
        size_rates=SIZE_RATES,
        groups=gallery.groups(),
        gallery_rate=gallery_rate,
        gallery_threshold=gallery.threshold if np.isfinite(gallery.threshold) else None,
    )


def size_rows(assessment: Assessment) -> tuple[SizeRow, ...]:
    """Lesions by size, ranges without lesions left out; lesions of unknown size last."""
    lesions, matching = assessment.lesions, assessment.matching
    is_lesion = matching.lesion_state != LesionState.EXCLUDED
    score = np.full(len(lesions), -np.inf)
    is_hit = matching.lesion_mark != NONE
    score[is_hit] = assessment.marks.score[matching.lesion_mark[is_hit]]
    thresholds = [assessment.froc.operating_point(rate).threshold for rate in SIZE_RATES]
    reached = [score >= (np.inf if threshold is None else threshold) for threshold in thresholds]
    size = np.where(lesions.diameter_mm > 0, lesions.diameter_mm, np.nan)
    ranges = [(_size_text(low, high), (size >= low) & (size < high)) for low, high in pairwise(SIZE_EDGES_MM)]
    ranges.append(("unknown", np.isnan(size)))
    rows = []
    for text, is_of_size in ranges:
        chosen = is_lesion & is_of_size
        hits = tuple(int(np.sum(chosen & counted)) for counted in (*reached, is_hit))
        rows.append(SizeRow(text, int(np.sum(chosen)), hits))
    return tuple(row for row in rows if row.lesions)


def _size_text(low: float, high: float) -> str:
    if high == float("inf"):
        return f"{low:g} mm and more"
    return f"below {high:g} mm" if low == 0 else f"{low:g} to below {high:g} mm"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the head of the report."""

    value: str
    meaning: str
    detail: str


def _figures(assessment: Assessment) -> tuple[Figure, ...]:
    counts = assessment.counts
    intervals = dict(zip((point.rate for point in assessment.operating_points), assessment.intervals, strict=True))
    at = [
        Figure(
            _number(assessment.froc.sensitivity_at(rate)), f"sensitivity at {_rate_words(rate)}", _span(intervals[rate])
        )
        for rate in SIZE_RATES
    ]
    exams = f"of {counts.participants} participants; {counts.exams_with_lesions} with lesions"
    return (
        Figure(_number(assessment.cpm), "CPM, mean sensitivity", _span(assessment.cpm_interval)),
        *at,
        Figure(f"{counts.lesions}", "lesions", f"{counts.excluded_findings} excluded findings"),
        Figure(f"{counts.exams}", "exams", exams),
    )


def _rate_words(rate: float) -> str:
    return f"{rate_text(rate)} false positive{'' if rate == 1 else 's'} an exam"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:#.4g}"


def _span(interval: Interval | None) -> str:
    return f"{interval.low:.3f}–{interval.high:.3f}" if interval else ""


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hilum.assess", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "span": _span, "rate": rate_text, "score": _score}
    return environment.get_template(TEMPLATE)
