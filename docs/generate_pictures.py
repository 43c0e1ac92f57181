"""Write the pictures of ``docs/assessment.md`` from worked cases: ``python docs/generate_pictures.py``.

States, curves and areas are hilum's own, so a picture cannot say anything else than the library.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.assess import Assessment, Policy, WithinLesionRadius, assess
from hilum.assess.precision import average_precision
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hilum.assess.policy import Interpolation

FOLDER = Path(__file__).with_name("images")

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#334155}.h{font-weight:600;fill:#134e4a}.s{font-size:11px}"
    ".l{fill:#0f766e22;stroke:#0f766e;stroke-width:1.5}.x{fill:#64748b22;stroke:#64748b;stroke-dasharray:4 3}"
    ".m{fill:#b4530922;stroke:#b45309;stroke-width:1.5}.a{stroke:#64748b;fill:none}.g{stroke:#cbd5e1;fill:none}"
    ".c{stroke:#0f766e;stroke-width:2.5;fill:none}.d{stroke:#b45309;stroke-width:2;fill:none;stroke-dasharray:6 4}"
    ".f{fill:#0f766e22}.p{fill:#0f766e}.q{fill:#b45309}"
    "@media(prefers-color-scheme:dark){text{fill:#cbd5e1}.h{fill:#ccfbf1}.c,.l{stroke:#5eead4}.p{fill:#5eead4}"
    ".g{stroke:#334155}.d,.m{stroke:#fbbf24}.q{fill:#fbbf24}}"
)


def svg(width: int, height: int, says: str, parts: Iterable[str]) -> str:
    """Give a picture that needs nothing else."""
    box = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(says)}"'
    lines = (f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', f"<style>{STYLE}</style>", *parts, "</svg>", "")
    return "\n".join(lines)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Give a line of text."""
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{of_kind}>{escape(words)}</text>'


@dataclass(frozen=True)
class Axes:
    """A plot: its corner, its size in pixels, and its largest abscissa; the ordinate ends at 1."""

    x: float
    y: float
    most: float
    across: str
    up: str
    title: str
    width: float = 230.0
    height: float = 170.0

    def at(self, across: float, up: float) -> tuple[float, float]:
        """Pixel of a point."""
        return round(self.x + across / self.most * self.width, 1), round(self.y + (1 - up) * self.height, 1)

    def frame(self, ticks: Sequence[float]) -> list[str]:
        """Give the axes with their names."""
        parts = [text(self.x, self.y - 14, self.title, "h")]
        for tick in (0, 0.5, 1):
            x, y = self.at(0, tick)
            parts.append(f'<path class="g" d="M{x} {y}h{self.width}"/>')
            parts.append(text(x - 6, y + 4, f"{tick:g}", "s", "end"))
        for tick in ticks:
            x, y = self.at(tick, 0)
            parts.append(f'<path class="a" d="M{x} {y}v4"/>')
            words = str(Fraction(tick).limit_denominator(3)) if round(tick * 3) == tick * 3 else f"{tick:g}"
            parts.append(text(x, y + 17, words, "s", "middle"))
        x, y = self.at(0, 0)
        parts.append(f'<path class="a" d="M{x} {self.y}V{y}h{self.width}"/>')
        parts.append(text(x + self.width / 2, y + 34, self.across, "s", "middle"))
        parts.append(text(x + 4, self.y + 12, self.up, "s"))
        return parts

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> str:
        """Give a line through points."""
        return f'<path class="{kind}" d="M{" L".join(f"{x} {y}" for x, y in (self.at(*point) for point in points))}"/>'

    def dots(self, points: Iterable[tuple[float, float]], kind: str) -> list[str]:
        """Give a dot at each point."""
        return [f'<circle class="{kind}" cx="{x}" cy="{y}" r="3.5"/>' for x, y in (self.at(*one) for one in points)]


def states() -> str:
    """One exam: lesions, an excluded finding, marks, and the state of each."""
    lesions = [
        Lesion("e", "1", (110, 95, 0), diameter_mm=130),
        Lesion("e", "2", (205, 110, 0), diameter_mm=90),
        Lesion("e", "3", (420, 75, 0), diameter_mm=70),
        Lesion("e", "4", (590, 90, 0), diameter_mm=110, is_excluded=True),
    ]
    marks = [
        Mark("e", (60, 65, 0), 0.9),
        Mark("e", (62, 125, 0), 0.7),
        Mark("e", (168, 100, 0), 0.8),
        Mark("e", (565, 95, 0), 0.6),
        Mark("e", (400, 160, 0), 0.5),
    ]
    result = assess(lesions, marks, ["e"], hit=WithinLesionRadius(), bootstraps=0)
    parts = []
    for one, row in zip(lesions, result.lesion_rows(), strict=True):
        x, y, _ = one.position_mm
        radius = (one.diameter_mm or 0) / 2
        parts.append(f'<circle class="{"x" if one.is_excluded else "l"}" cx="{x}" cy="{y}" r="{radius:g}"/>')
        label = "excluded finding" if one.is_excluded else f"lesion {one.lesion_id}: {row['state']}"
        parts.append(text(x, y + radius + 16 if one.lesion_id == "2" else y - radius - 6, label, "h", "middle"))
    for mark, row in zip(marks, result.mark_rows(), strict=True):
        x, y, _ = mark.position_mm
        parts.append(f'<path class="m" d="M{x - 5} {y - 5}l10 10m0 -10l-10 10"/>')
        parts.append(text(x + 9, y + 4, f"{mark.score:g} {row['state']}", "s"))
    return svg(700, 190, "lesions and marks of one exam with their states", parts)


def worked(exams: str = "abcde", interpolation: Interpolation = "step") -> Assessment:
    """The worked case of the page: three lesions in two of five exams."""
    lesions = [Lesion("a", "1", (0, 0, 0)), Lesion("a", "2", (50, 0, 0)), Lesion("b", "1", (0, 0, 0))]
    found = [("a", 0, 0.9), ("a", 500, 0.95), ("b", 0, 0.5), ("c", 500, 0.7), ("c", 900, 0.6), ("e", 500, 0.3)]
    marks = [Mark(exam, (x, 0, 0), score) for exam, x, score in found]
    return assess(
        lesions,
        [mark for mark in marks if mark.exam_id in exams],
        [*exams],
        hit=WithinLesionRadius(),
        policy=Policy(interpolation=interpolation),
        bootstraps=0,
    )


def froc_points(result: Assessment) -> list[tuple[float, float]]:
    """Points of the FROC curve."""
    sensitivity = result.froc.sensitivity
    up = [0.0] * len(result.froc.thresholds) if sensitivity is None else sensitivity.tolist()
    return list(zip(result.froc.false_positives_per_exam.tolist(), up, strict=True))


def stepped(points: Sequence[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """Points joined level, then upright, and continued level to `end`."""
    joined = [points[0]]
    for (_, up), point in pairwise(points):
        joined += [(point[0], up), point]
    return [*joined, (end, points[-1][1])]


def curves() -> str:
    """The FROC curve of the worked case; AFROC and wAFROC with their areas."""
    result = worked()
    points = froc_points(result)
    froc = Axes(45, 40, 1.0, "false positives an exam", "sensitivity", "FROC")
    parts = froc.frame((0, 0.2, 0.4, 0.6, 0.8, 1))
    parts += [froc.line(stepped(points, 1.0), "c"), *froc.dots(points, "p")]
    for number, kind in enumerate(("AFROC", "wAFROC")):
        curve = result.afroc_curves["AFROC" if kind == "AFROC" else "wAFROC"]
        if curve is None:
            raise ValueError("the worked case has lesions and exams without")
        axes = Axes(345 + 300 * number, 40, 1.0, "exams without lesions that have a false positive", "", kind)
        at = list(zip(curve.false_positive_fraction.tolist(), curve.lesion_fraction.tolist(), strict=True))
        parts += [axes.line([*at, (1, 1), (1, 0), (0, 0)], "f"), *axes.frame((0, 1 / 3, 2 / 3, 1))]
        parts += [axes.line(at, "c"), axes.line([at[-1], (1, 1)], "d"), *axes.dots(at, "p")]
        parts.append(text(axes.x + 160, 190, f"area {curve.area:.4f}", "", "middle"))
    return svg(900, 255, "FROC, AFROC and wAFROC curves of the worked case", parts)


def lesion_free() -> str:
    """The FROC curve over all exams, and over those with lesions only."""
    axes = Axes(45, 40, 1.0, "false positives an exam", "sensitivity", "The same marks, other lists of exams", 300.0)
    parts = axes.frame((0, 0.2, 0.4, 0.5, 0.6, 0.8, 1))
    for exams, kind in (("abcde", "c"), ("ab", "d")):
        parts.append(axes.line(stepped(froc_points(worked(exams)), 1.0), kind))
    all_at, few_at = (worked(exams).froc.sensitivity_at(0.5) for exams in ("abcde", "ab"))
    parts += [*axes.dots([(0.5, all_at or 0)], "p"), *axes.dots([(0.5, few_at or 0)], "q")]
    parts += [
        text(365, 70, "dashed: exams a and b, which have lesions"),
        text(365, 90, f"at 0.5: one false positive in 2 exams, {few_at:.3f}"),
        text(365, 140, "solid: all five exams"),
        text(365, 160, f"at 0.5: two false positives in 5 exams, {all_at:.3f}"),
    ]
    return svg(700, 255, "FROC curves with and without the exams that have no lesion", parts)


def precision() -> str:
    """Precision against recall of the worked case, with its envelope."""
    froc = worked().froc
    true, false = froc.true_positives[1:], froc.false_positives[1:]
    points = [(float(t) / froc.lesion_count, float(t) / float(t + f)) for t, f in zip(true, false, strict=True)]
    recalls = sorted({recall for recall, _ in points})
    best = [max(precision for recall, precision in points if recall >= least) for least in recalls]
    axes = Axes(45, 40, 1.0, "recall", "precision", "Average precision", 300.0)
    corners = [(0.0, best[1])]
    for recall, level, after in zip(recalls[1:], best[1:], [*best[2:], 0.0], strict=True):
        corners += [(recall, level), (recall, after)]
    parts = [axes.line([(0.0, 0.0), *corners], "f"), *axes.frame((0, 1 / 3, 2 / 3, 1))]
    parts += [axes.line(corners, "c"), *axes.dots(points, "q")]
    areas = [average_precision(froc, "all-point"), average_precision(froc, "101-point")]
    parts += [
        text(365, 90, "dots: precision at each threshold"),
        text(365, 110, "line: the best at that or a higher recall"),
        text(365, 140, f"all-point (area): {areas[0]:.4f}"),
        text(365, 160, f"101-point (mean at 0, 0.01, ... 1): {areas[1]:.4f}"),
    ]
    return svg(700, 255, "precision against recall of the worked case", parts)


def criteria() -> str:
    """What each criterion looks at."""
    parts = [
        text(90, 20, "within-lesion-radius", "h", "middle"),
        '<circle class="l" cx="90" cy="90" r="45"/><path class="a" d="M90 90L122 122"/>',
        '<path class="m" d="M65 65l10 10m0 -10l-10 10M138 68l10 10m0 -10l-10 10"/>',
        text(66, 95, "hit", "s", "middle"),
        text(148, 98, "not", "s", "middle"),
        text(260, 20, "within-distance", "h", "middle"),
        '<circle class="l" cx="260" cy="90" r="14"/><circle class="x" cx="260" cy="90" r="52"/>',
        '<path class="m" d="M222 68l10 10m0 -10l-10 10M312 50l10 10m0 -10l-10 10"/>',
        text(227, 94, "hit", "s", "middle"),
        text(318, 78, "not", "s", "middle"),
        text(430, 20, "box-overlap", "h", "middle"),
        '<rect class="l" x="380" y="55" width="70" height="70"/>',
        '<rect class="m" x="415" y="55" width="70" height="70"/>',
        text(432, 148, "half of each: 1/3", "s", "middle"),
        text(600, 20, "sphere-overlap", "h", "middle"),
        '<circle class="l" cx="580" cy="90" r="38"/><circle class="m" cx="618" cy="90" r="38"/>',
        text(600, 148, "one radius apart: 5/27", "s", "middle"),
        text(770, 20, "inside-mask", "h", "middle"),
    ]
    labels = ("0000", "0110", "0111", "0220")
    for row, line in enumerate(labels):
        for column, label in enumerate(line):
            kind = {"0": "g", "1": "l", "2": "x"}[label]
            x, y = 720 + 25 * column, 40 + 25 * row
            parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="25" height="25"/>')
            parts.append(text(x + 4, y + 12, label, "s"))
    parts.append('<path class="m" d="M782 99l10 10m0 -10l-10 10"/>')
    parts.append(text(770, 160, "the mark's voxel is of lesion 1", "s", "middle"))
    return svg(860, 170, "the hit criteria: radius, distance, overlap of boxes and of spheres, label mask", parts)


PICTURES = {
    "assess-criteria.svg": criteria,
    "assess-states.svg": states,
    "assess-curves.svg": curves,
    "assess-lesion-free.svg": lesion_free,
    "assess-precision.svg": precision,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8", newline="\n")
