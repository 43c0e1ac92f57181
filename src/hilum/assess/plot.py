"""FROC curves as a drawing: SVG that takes its colours and fonts from the page around it.

Classes to be styled by the page: ``grid``, ``axis``, ``band``, ``curve``, ``level`` (the curve continued beyond its
last point), ``point``, ``lead`` (from a curve to its name); and `series_class` of each of several curves.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import log2
from typing import TYPE_CHECKING

from hilum.assess.assessment import BAND_RATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.assess.assessment import Assessment
    from hilum.assess.froc import Froc

WIDTH, HEIGHT = 640, 440
LEFT, TOP, BOTTOM = 48, 38, 60
RIGHT, RIGHT_OF_NAMES = 12, 128
"""Size of the drawing and its margins, in its own units; the last where curves are named at their end."""

LEAST_RATE = max(rate for rate in BAND_RATES if rate < 0.11)
MOST_RATE = min(rate for rate in BAND_RATES if rate > 13)
"""Ends of the logarithmic axis: the operating points 1/8 to 10 and a margin, with the band from end to end."""

TICK_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SENSITIVITY_TICKS = tuple(tick / 5 for tick in range(6))
LINEAR_SAMPLES = 400
"""Points at which an interpolated curve is drawn: straight lines bend on a logarithmic axis."""

HUES, DASHES = 6, 5
"""Colours and dash patterns that the page has; without a common factor, so that 30 curves differ."""

NAME_GAP = 24.0
"""Least distance of two names, in the drawing's units: a line of text as a telephone shows it."""

NAME_LENGTH = 12
"""Most letters of a name in the drawing; the tables beside it have the whole name."""

Point = tuple[float, float]


def rate_text(rate: float) -> str:
    """A rate as it is written: 1/8, 1/4, 1/2, 1, 2, ..."""
    return f"1/{1 / rate:g}" if 0 < rate < 1 and (1 / rate).is_integer() else f"{rate:g}"


def letter(index: int) -> str:
    """How the curve of an index is called in the drawing and in tables: A, B, ..., Z, A1, B1, ..."""
    return f"{chr(ord('A') + index % 26)}{index // 26 or ''}"


def series_class(index: int) -> str:
    """Classes that give the curve of an index its colour and dash pattern."""
    return f"hue{index % HUES} dash{index % DASHES}"


def froc_svg(assessment: Assessment) -> str:
    """Draw the curve, its confidence band if there are draws, and the operating points.

    Without lesions there is no sensitivity: the axes are drawn alone.
    """
    axes = _Axes(WIDTH - RIGHT)
    parts = axes.drawn()
    if assessment.counts.lesions:
        parts += [*_band(axes, assessment), *_curve(axes, assessment.froc), *_points(axes, assessment)]
    return _svg("FROC curve", _description(assessment), parts)


def overlay_svg(assessments: Mapping[str, Assessment]) -> str:
    """Draw the curves of several methods with their bands, each named at its end; there must be lesions."""
    axes = _Axes(WIDTH - RIGHT_OF_NAMES)
    parts = axes.drawn()
    for draw in (_band, lambda axes, one: _curve(axes, one.froc)):
        for index, one in enumerate(assessments.values()):
            parts += [f'<g class="{series_class(index)}">', *draw(axes, one), "</g>"]
    parts += _names(axes, assessments)
    said = [f"{letter(index)}, {name}: {_description(one)}" for index, (name, one) in enumerate(assessments.items())]
    return _svg("FROC curves", " ".join(said), parts)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where rates and sensitivities lie."""

    right: int

    def x(self, rate: float) -> float:
        share = log2(rate / LEAST_RATE) / log2(MOST_RATE / LEAST_RATE)
        return LEFT + share * (self.right - LEFT)

    def y(self, sensitivity: float) -> float:
        return TOP + (1 - sensitivity) * (HEIGHT - TOP - BOTTOM)

    def drawn(self) -> list[str]:
        bottom, centre = HEIGHT - BOTTOM, (LEFT + self.right) / 2
        parts = []
        for tick in SENSITIVITY_TICKS:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="axis" x="{LEFT - 9}" y="{y + 5:.1f}" text-anchor="end">{tick:.1f}</text>')
        for rate in TICK_RATES:
            x, text = self.x(rate), rate_text(rate)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
            parts.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 22}" text-anchor="middle">{text}</text>')
        title = "False positives an exam"
        parts.append(f'<text class="axis" x="{centre}" y="{HEIGHT - 8}" text-anchor="middle">{title}</text>')
        return [*parts, '<text class="axis" x="0" y="17">Sensitivity</text>']


def _band(axes: _Axes, assessment: Assessment) -> Iterable[str]:
    known = [(rate, interval) for rate, interval in zip(BAND_RATES, assessment.band, strict=True) if interval]
    shown = [(rate, interval) for rate, interval in known if LEAST_RATE <= rate <= MOST_RATE]
    if not shown:
        return
    upper = [(axes.x(rate), axes.y(interval.high)) for rate, interval in shown]
    lower = [(axes.x(rate), axes.y(interval.low)) for rate, interval in reversed(shown)]
    yield f'<path class="band" d="{_path([*upper, *lower])}Z"/>'


def _curve(axes: _Axes, froc: Froc) -> Iterable[str]:
    end = float(froc.false_positives_per_exam[-1])
    drawn = _linear(axes, froc, end) if froc.interpolation == "linear" else _steps(axes, froc, end)
    if drawn:
        yield f'<path class="curve" d="{_path(drawn)}"/>'
    if end < MOST_RATE:
        y = axes.y(froc.sensitivity_at(MOST_RATE) or 0.0)
        yield f'<path class="level" d="{_path([(axes.x(max(end, LEAST_RATE)), y), (axes.x(MOST_RATE), y)])}"/>'


def _steps(axes: _Axes, froc: Froc, end: float) -> list[Point]:
    rates = [rate for rate in froc.false_positives_per_exam.tolist() if LEAST_RATE < rate <= MOST_RATE]
    stops = [LEAST_RATE, *dict.fromkeys(rates)]
    if end > MOST_RATE:
        stops.append(MOST_RATE)
    points: list[Point] = []
    level = froc.sensitivity_at(LEAST_RATE) or 0.0
    for rate in stops if end > LEAST_RATE else []:
        before, level = level, froc.sensitivity_at(rate) or 0.0
        points += [(axes.x(rate), axes.y(before)), (axes.x(rate), axes.y(level))]
    return _corners(points)


def _corners(points: Sequence[Point]) -> list[Point]:
    """The points at which the line turns: false positives that bring no lesion leave none behind."""
    kept: list[Point] = []
    for point in points:
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == point[1]:
            kept.pop()
        if not kept or kept[-1] != point:
            kept.append(point)
    return kept


def _linear(axes: _Axes, froc: Froc, end: float) -> list[Point]:
    last = min(end, MOST_RATE)
    if last <= LEAST_RATE:
        return []
    span = log2(last / LEAST_RATE)
    rates = [LEAST_RATE * 2 ** (span * step / LINEAR_SAMPLES) for step in range(LINEAR_SAMPLES + 1)]
    return [(axes.x(rate), axes.y(froc.sensitivity_at(rate) or 0.0)) for rate in rates]


def _points(axes: _Axes, assessment: Assessment) -> Iterable[str]:
    for point in assessment.operating_points:
        if point.sensitivity is not None and LEAST_RATE <= point.rate <= MOST_RATE:
            words = f"{rate_text(point.rate)} false positives an exam: sensitivity {point.sensitivity:.3f}"
            yield (
                f'<circle class="point" cx="{axes.x(point.rate):.1f}" cy="{axes.y(point.sensitivity):.1f}" r="4.2">'
                f"<title>{words}</title></circle>"
            )


def _names(axes: _Axes, assessments: Mapping[str, Assessment]) -> Iterable[str]:
    """Each curve's letter and name right of its end, with a line to it."""
    ends = [axes.y(one.froc.sensitivity_at(MOST_RATE) or 0.0) for one in assessments.values()]
    heights = spread(ends, NAME_GAP, TOP, HEIGHT - BOTTOM)
    for index, (name, end, y) in enumerate(zip(assessments, ends, heights, strict=True)):
        short = name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
        yield f'<g class="{series_class(index)}">'
        yield f'<path class="lead" d="{_path([(axes.right + 1, end), (axes.right + 12, y)])}"/>'
        yield (
            f'<text class="axis name" x="{axes.right + 16}" y="{y + 5:.1f}">'
            f'<tspan class="letter">{letter(index)}</tspan> {escape(short)}</text></g>'
        )


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as may be to those wanted, at least `gap` apart and between `low` and `high`, in their order.

    Too many for the room stand closer together. Equal places keep the order given.
    """
    count = len(wanted)
    step = min(gap, (high - low) / (count - 1)) if count > 1 else gap
    order = sorted(range(count), key=lambda index: wanted[index])
    places = [0.0] * count
    least = low
    for index in order:
        places[index] = max(wanted[index], least)
        least = places[index] + step
    most = high
    for index in reversed(order):
        places[index] = min(places[index], most)
        most = places[index] - step
    return places


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _svg(title: str, description: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="froc-title froc-description">\n'
        f'<title id="froc-title">{title}</title>\n<desc id="froc-description">{escape(description)}</desc>\n'
        f"{body}\n</svg>"
    )


def _description(assessment: Assessment) -> str:
    said = [
        f"{rate_text(point.rate)}: {point.sensitivity:.3f}"
        for point in assessment.operating_points
        if point.sensitivity is not None
    ]
    if not said:
        return "There are no lesions, so there is no curve."
    return "Sensitivity by false positives an exam. " + ", ".join(said) + "."
