"""Several methods on the same exams as one HTML file: curves, differences, counts and rules side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.assess.comparison import CPM
from hilum.assess.forest import difference_forest
from hilum.assess.froc import CPM_RATES
from hilum.assess.page import Figure, number, span, template, whole
from hilum.assess.plot import letter, overlay_svg, rate_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hilum.assess.assessment import Assessment
    from hilum.assess.comparison import Comparison

PAGE = "comparison.html.j2"

HEAD_METHODS = 4
"""Most methods whose CPM stands at the head; of more only their number does, as the table below has them all."""


def write_comparison_report(
    path: Path, assessments: Mapping[str, Assessment], comparison: Comparison, **options: Any
) -> None:
    """Write the report; `options` are those of `comparison_html`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(comparison_html(assessments, comparison, **options), encoding="utf-8", newline="\n")


def comparison_html(
    assessments: Mapping[str, Assessment],
    comparison: Comparison,
    *,
    title: str = "FROC comparison",
    subtitle: str = "",
    notice: str = "",
    provenance: Mapping[str, Mapping[str, str]] | None = None,
    remarks: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Give the report as HTML.

    Parameters
    ----------
    assessments, comparison
        What was given to `hilum.assess.compare`, and what it found.
    title, subtitle
        What was compared.
    notice
        What every reader must see first.
    provenance
        Where each method's marks come from.
    remarks
        What must be said about each method's inputs; stands with its own notes.
    """
    letters = {name: letter(index) for index, name in enumerate(assessments)}
    endpoints = list(dict.fromkeys(value.endpoint for value in comparison.values))
    any_one = next(iter(assessments.values()))
    is_drawn = any(value.interval for value in comparison.values)
    return template(PAGE).render(
        title=title,
        subtitle=subtitle,
        notice=notice,
        provenance=provenance or {},
        methods=assessments,
        letters=letters,
        comparison=comparison,
        figures=_figures(comparison, letters),
        plot=overlay_svg(assessments),
        has_band=any(one.draws for one in assessments.values()),
        band_cover=f"{any_one.confidence:.0%}",
        endpoints=endpoints,
        reached={(value.method, value.endpoint): value for value in comparison.values},
        forest=difference_forest(comparison),
        cover=comparison.choices["confidence"].split()[0] if is_drawn else "",
        rates=any_one.rates,
        cpm_rates=", ".join(rate_text(rate) for rate in CPM_RATES),
        notes=_notes(assessments, remarks or {}),
        choices=comparison.choices,
    )


def _figures(comparison: Comparison, letters: Mapping[str, str]) -> list[Figure]:
    reached = [
        Figure(number(value.value), f"CPM of {letters[value.method]} {value.method}", span(value.interval))
        for value in comparison.values
        if value.endpoint == CPM.name
    ]
    return [
        *(reached if len(reached) <= HEAD_METHODS else (Figure(whole(len(reached)), "methods", ""),)),
        Figure(whole(comparison.lesion_count), "lesions", ""),
        Figure(whole(comparison.exam_count), "exams", f"of {whole(comparison.participant_count)} participants"),
    ]


def _notes(assessments: Mapping[str, Assessment], remarks: Mapping[str, Sequence[str]]) -> list[str]:
    """What all methods share is said once."""
    notes = {name: [*one.notes, *remarks.get(name, ())] for name, one in assessments.items()}
    first, *others = notes.values()
    shared = [note for note in first if all(note in other for other in others)]
    own = [f"{name}: {note}" for name, said in notes.items() for note in said if note not in shared]
    return [*shared, *own]
