"""Results as Markdown tables for a paper: what was counted, the figures with their intervals, the choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.assess.comparison import CPM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.assess.assessment import Assessment
    from hilum.assess.comparison import Comparison
    from hilum.assess.intervals import Interval
    from hilum.assess.strata import Strata

NONE = "–"
"""What stands where there is no figure."""


def assessment_markdown(result: Assessment) -> str:
    """Operating points and CPM with their intervals, and below them what they depend on."""
    counts = result.counts
    cover = f"{result.confidence:.0%} CI"
    rows = [
        (
            f"{point.rate:g}{'*' if point.is_beyond_curve else ''}",
            _with_interval(point.sensitivity, interval),
            f"{point.true_positives} / {counts.lesions}",
            f"{point.false_positives}",
            NONE if point.threshold is None else f"{point.threshold:.6g}",
        )
        for point, interval in zip(result.operating_points, result.intervals, strict=True)
    ]
    rows.append(("CPM", _with_interval(result.cpm, result.cpm_interval), NONE, NONE, NONE))
    heads = ("False positives an exam", f"Sensitivity ({cover})", "Lesions hit", "False positives", "Threshold")
    counted = (
        f"{counts.exams} exams of {counts.participants} participants, {counts.lesions} lesions in "
        f"{counts.exams_with_lesions} exams, {counts.excluded_findings} excluded findings, {counts.marks} marks."
    )
    said = [counted]
    if any(point.is_beyond_curve for point in result.operating_points):
        said.append("\\* beyond the last point of the curve, which is continued level.")
    return _page(_table(heads, rows), [*said, *result.notes], result.choices())


def comparison_markdown(comparison: Comparison) -> str:
    """Each method's figures, the differences with their p values, and below them what they depend on."""
    endpoints = list(dict.fromkeys(value.endpoint for value in comparison.values))
    methods = list(dict.fromkeys(value.method for value in comparison.values))
    reached = {(value.method, value.endpoint): value for value in comparison.values}
    figures = [
        (
            method,
            *(
                _with_interval(reached[method, endpoint].value, reached[method, endpoint].interval)
                for endpoint in endpoints
            ),
        )
        for method in methods
    ]
    differences = [
        (
            f"{one.first} − {one.second}",
            one.endpoint,
            _with_interval(one.difference, one.interval, sign="+"),
            _p(one.p_value),
            _p(one.holm_p_value),
        )
        for one in comparison.differences
    ]
    said = (
        f"{comparison.exam_count} exams of {comparison.participant_count} participants, {comparison.lesion_count} "
        f"lesions. {CPM.name}: mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives an exam."
    )
    tables = (
        _table(("Method", *endpoints), figures),
        _table(("Methods", "Endpoint", "Difference (CI)", "p", "p (Holm)"), differences),
    )
    return _page("\n".join(tables), [said], comparison.choices)


def strata_markdown(strata: Strata) -> str:
    """A row a stratum and number of false positives an exam, the whole last."""
    rows = [
        (
            str(row["stratum"]),
            f"{row['false_positives_per_exam']:g}",
            f"{row['true_positives']} / {row['lesions']}",
            _with_ends(row["sensitivity"], row["low"], row["high"]),
        )
        for row in strata.rows()
    ]
    return _table((strata.column, "False positives an exam", "Lesions hit", "Sensitivity (CI)"), rows)


def _page(table: str, said: Iterable[str], choices: Mapping[str, str]) -> str:
    chosen = "; ".join(f"{name}: {words}" for name, words in choices.items())
    return f"{table}\n{' '.join(_sentence(words) for words in said)}\n\n{_sentence(chosen)}\n"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _with_interval(value: float | None, interval: Interval | None, *, sign: str = "") -> str:
    low, high = (interval.low, interval.high) if interval else (None, None)
    return _with_ends(value, low, high, sign=sign)


def _with_ends(value: float | None, low: float | None, high: float | None, *, sign: str = "") -> str:
    if value is None:
        return NONE
    figure = f"{value:{sign}.3f}".replace("-", "−")
    if low is None or high is None:
        return figure
    return f"{figure} ({low:{sign}.3f} to {high:{sign}.3f})".replace("-", "−")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
