"""The FROC curve as a drawing: SVG that takes its colours and fonts from the page around it.

Classes to be coloured by the page: ``grid``, ``axis``, ``band``, ``curve``, ``level`` (the curve continued beyond its
last point), ``point``.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from hilum.assess.assessment import BAND_RATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hilum.assess.assessment import Assessment
    from hilum.assess.froc import Froc

WIDTH, HEIGHT = 640, 440
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 38, 60
"""Size of the drawing and its margins, in its own units."""

LEAST_RATE = max(rate for rate in BAND_RATES if rate < 0.11)
MOST_RATE = min(rate for rate in BAND_RATES if rate > 13)
"""Ends of the logarithmic axis: the operating points 1/8 to 10 and a margin, with the band from end to end."""

TICK_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SENSITIVITY_TICKS = tuple(tick / 5 for tick in range(6))
LINEAR_SAMPLES = 400
"""Points at which an interpolated curve is drawn: straight lines bend on a logarithmic axis."""

Point = tuple[float, float]


def rate_text(rate: float) -> str:
    """A rate as it is written: 1/8, 1/4, 1/2, 1, 2, ..."""
    return f"1/{1 / rate:g}" if rate < 1 else f"{rate:g}"


def froc_svg(assessment: Assessment) -> str:
    """Draw the curve, its confidence band if there are draws, and the operating points.

    Without lesions there is no sensitivity: the axes are drawn alone.
    """
    parts = [*_grid(), *_axis_titles()]
    if assessment.counts.lesions:
        parts += _band(assessment)
        parts += _curve(assessment.froc)
        parts += _points(assessment)
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="froc-title froc-description">\n'
        f'<title id="froc-title">FROC curve</title>\n<desc id="froc-description">{_description(assessment)}</desc>\n'
        f"{body}\n</svg>"
    )


def _x(rate: float) -> float:
    share = log2(rate / LEAST_RATE) / log2(MOST_RATE / LEAST_RATE)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(sensitivity: float) -> float:
    return TOP + (1 - sensitivity) * (HEIGHT - TOP - BOTTOM)


def _grid() -> Iterable[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in SENSITIVITY_TICKS:
        y = _y(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{LEFT - 9}" y="{y + 5:.1f}" text-anchor="end">{tick:.1f}</text>'
    for rate in TICK_RATES:
        x = _x(rate)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="{bottom + 22}" text-anchor="middle">{rate_text(rate)}</text>'


def _axis_titles() -> Iterable[str]:
    centre = LEFT + (WIDTH - LEFT - RIGHT) / 2
    yield f'<text class="axis" x="{centre}" y="{HEIGHT - 8}" text-anchor="middle">False positives an exam</text>'
    yield '<text class="axis" x="0" y="17">Sensitivity</text>'


def _band(assessment: Assessment) -> Iterable[str]:
    known = [(rate, interval) for rate, interval in zip(BAND_RATES, assessment.band, strict=True) if interval]
    shown = [(rate, interval) for rate, interval in known if LEAST_RATE <= rate <= MOST_RATE]
    if not shown:
        return
    upper = [(_x(rate), _y(interval.high)) for rate, interval in shown]
    lower = [(_x(rate), _y(interval.low)) for rate, interval in reversed(shown)]
    yield f'<path class="band" d="{_path([*upper, *lower])}Z"/>'


def _curve(froc: Froc) -> Iterable[str]:
    end = float(froc.false_positives_per_exam[-1])
    drawn = _linear(froc, end) if froc.interpolation == "linear" else _steps(froc, end)
    if drawn:
        yield f'<path class="curve" d="{_path(drawn)}"/>'
    if end < MOST_RATE:
        y = _y(froc.sensitivity_at(MOST_RATE) or 0.0)
        yield f'<path class="level" d="{_path([(_x(max(end, LEAST_RATE)), y), (_x(MOST_RATE), y)])}"/>'


def _steps(froc: Froc, end: float) -> list[Point]:
    rates = [rate for rate in froc.false_positives_per_exam.tolist() if LEAST_RATE < rate <= MOST_RATE]
    stops = [LEAST_RATE, *dict.fromkeys(rates)]
    if end > MOST_RATE:
        stops.append(MOST_RATE)
    points: list[Point] = []
    level = froc.sensitivity_at(LEAST_RATE) or 0.0
    for rate in stops if end > LEAST_RATE else []:
        points.append((_x(rate), _y(level)))
        level = froc.sensitivity_at(rate) or 0.0
        points.append((_x(rate), _y(level)))
    return points


def _linear(froc: Froc, end: float) -> list[Point]:
    last = min(end, MOST_RATE)
    if last <= LEAST_RATE:
        return []
    span = log2(last / LEAST_RATE)
    rates = [LEAST_RATE * 2 ** (span * step / LINEAR_SAMPLES) for step in range(LINEAR_SAMPLES + 1)]
    return [(_x(rate), _y(froc.sensitivity_at(rate) or 0.0)) for rate in rates]


def _points(assessment: Assessment) -> Iterable[str]:
    for point in assessment.operating_points:
        if point.sensitivity is not None:
            words = f"{rate_text(point.rate)} false positives an exam: sensitivity {point.sensitivity:.3f}"
            yield (
                f'<circle class="point" cx="{_x(point.rate):.1f}" cy="{_y(point.sensitivity):.1f}" r="4.2">'
                f"<title>{words}</title></circle>"
            )


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _description(assessment: Assessment) -> str:
    said = [
        f"{rate_text(point.rate)}: {point.sensitivity:.3f}"
        for point in assessment.operating_points
        if point.sensitivity is not None
    ]
    if not said:
        return "There are no lesions, so there is no curve."
    return "Sensitivity by false positives an exam. " + ", ".join(said) + "."
