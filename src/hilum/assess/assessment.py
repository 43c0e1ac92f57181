"""Marks against lesions: states, FROC curve, operating points, confidence, and all choices that led to them."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hilum.assess.afroc import AFROC_KINDS, Afroc, AfrocKind, afroc_of
from hilum.assess.bootstrap import Draws, draw
from hilum.assess.columns import LesionColumns, MarkColumns, exam_rows
from hilum.assess.counts import count_states
from hilum.assess.froc import CPM_RATES, RATES, Froc, OperatingPoint
from hilum.assess.intervals import METHOD_WORDS, Interval, IntervalMethod
from hilum.assess.matching import LesionState, MarkState, Matching, match
from hilum.assess.minimum_size import NO_MINIMUM, SizeCounts, judge_sizes
from hilum.assess.notes import notes_of
from hilum.assess.policy import Policy
from hilum.assess.precision import PRECISION_METHODS, PrecisionMethod, average_precision
from hilum.assess.sample import Sample, sample_of
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from hilum.assess.counts import Counts
    from hilum.assess.criteria import HitCriterion
    from hilum.model.findings import Lesion, Mark

Columns = TypeVar("Columns", LesionColumns, MarkColumns)

BAND_RATES = tuple(float(rate) for rate in np.round(np.geomspace(1 / 16, 16, 65), 4))
"""False positives an exam at which the confidence band of the curve is given."""

FORMAT = "hilum assessment 1"
"""Name and version of the JSON of a result; another number means that a key was taken away or changed its meaning."""

MARK_COLUMNS = ("exam_id", "x_mm", "y_mm", "z_mm", "score", "state", "lesion_id")
LESION_COLUMNS = ("exam_id", "lesion_id", "x_mm", "y_mm", "z_mm", "diameter_mm", "state", "score")
"""Columns of the tables of outcomes."""


@dataclass(frozen=True)
class Assessment:
    """A result: numbers, the states they come from, and the choices they depend on.

    Attributes
    ----------
    exam_ids
        The exams, in the order given.
    participants
        The participant of each exam.
    marks, lesions
        What was assessed, in the order given; lesions as the policy's minimum size has them.
    matching
        State of every mark and lesion.
    criterion
        The hit criterion in words.
    policy
        The other choices.
    froc
        The curve.
    draws
        Bootstrap draws, at `rates` and then `BAND_RATES`; None if none were asked for.
    confidence
        Coverage of the intervals.
    rates
        False positives an exam of the operating points: `RATES` and those asked for.
    size_counts
        Lesions that the minimum size concerned.
    """

    exam_ids: tuple[str, ...]
    participants: tuple[str, ...]
    marks: MarkColumns
    lesions: LesionColumns
    matching: Matching
    criterion: str
    policy: Policy
    froc: Froc
    draws: Draws | None
    confidence: float
    rates: tuple[float, ...] = RATES
    size_counts: SizeCounts = NO_MINIMUM

    @cached_property
    def counts(self) -> Counts:
        """How many there are of each."""
        return count_states(self.exam_ids, self.participants, self.lesions, self.matching, self.size_counts)

    @cached_property
    def sample(self) -> Sample:
        """What is resampled: the events of the curve, each with its participant."""
        return sample_of(self.marks, self.lesions, self.matching, self.participants, self.policy)

    @cached_property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The curve at `rates`."""
        return tuple(self.froc.operating_point(rate) for rate in self.rates)

    @property
    def cpm(self) -> float | None:
        """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives an exam; None without lesions."""
        return self.froc.cpm

    @cached_property
    def cpm_interval(self) -> Interval | None:
        """Confidence interval of the CPM; None without draws."""
        return self.draws.cpm_interval(self.confidence) if self.draws else None

    @cached_property
    def _intervals(self) -> list[Interval | None]:
        count = len(self.rates) + len(BAND_RATES)
        return self.draws.intervals(self.confidence) if self.draws else [None] * count

    @property
    def intervals(self) -> tuple[Interval | None, ...]:
        """Confidence interval of the sensitivity at each of `rates`."""
        return tuple(self._intervals[: len(self.rates)])

    @property
    def band(self) -> tuple[Interval | None, ...]:
        """Confidence interval of the sensitivity at each of `BAND_RATES`."""
        return tuple(self._intervals[len(self.rates) :])

    @cached_property
    def afroc_curves(self) -> dict[AfrocKind, Afroc | None]:
        """Each kind's curve and area; None where nothing defines it, as AFROC where every exam has a lesion."""
        exams = len(self.exam_ids)
        return {
            kind: afroc_of(kind, self.marks, self.lesions, self.matching, self.policy, exam_count=exams)
            for kind in AFROC_KINDS
        }

    def average_precision(self, method: PrecisionMethod = "101-point") -> float | None:
        """Average precision at the hit criterion; None without lesions. See `hilum.assess.precision`."""
        return average_precision(self.froc, method)

    @property
    def recall(self) -> float | None:
        """Part of the lesions that any mark reaches, whatever it counts for; None without lesions."""
        return self.counts.reached / self.counts.lesions if self.counts.lesions else None

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers must know."""
        return notes_of(self)

    def choices(self) -> dict[str, str]:
        """Every choice the numbers depend on, in words."""
        draws = self.draws
        bootstrap = (
            f"{self.confidence:.0%} {METHOD_WORDS[draws.method]} interval of {draws.count} draws of participants, "
            f"seed {draws.seed}"
            if draws
            else "none"
        )
        return {"hit criterion": self.criterion, **self.policy.in_words(), "confidence": bootstrap}

    def point_rows(self) -> list[dict[str, Any]]:
        """A row an operating point: rate, sensitivity and its interval, threshold and counts."""
        return [
            {
                "false_positives_per_exam": point.rate,
                "sensitivity": point.sensitivity,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "threshold": point.threshold,
                "true_positives": point.true_positives,
                "false_positives": point.false_positives,
                "is_beyond_curve": point.is_beyond_curve,
            }
            for point, interval in zip(self.operating_points, self.intervals, strict=True)
        ]

    def merit_rows(self) -> list[dict[str, Any]]:
        """A row a figure of merit besides the CPM: its name, its value (None where undefined), what it is over."""
        lesions, exams = self.counts.lesions, self.counts.exams
        free = exams - self.counts.exams_with_lesions
        areas = [
            {
                "figure": f"area under {kind}",
                "value": curve.area if curve else None,
                "over": f"{lesions} lesions, {exams if kind.endswith('1') else free} "
                + ("exams" if kind.endswith("1") else "exams without lesions"),
            }
            for kind, curve in self.afroc_curves.items()
        ]
        precisions = [
            {
                "figure": f"average precision, {method}",
                "value": self.average_precision(method),
                "over": f"{lesions} lesions, {self.counts.marks} marks",
            }
            for method in PRECISION_METHODS
        ]
        reached = f"{self.counts.reached} of {lesions} lesions"
        return [*areas, *precisions, {"figure": "recall of all marks", "value": self.recall, "over": reached}]

    def mark_rows(self) -> list[dict[str, Any]]:
        """A row a mark, in the order given: where, score, state, and the lesion it is on (`MARK_COLUMNS`)."""
        lesion_ids = [*self.lesions.lesion_id.tolist(), None]  # NONE, -1, finds the last
        return _rows(
            MARK_COLUMNS,
            [self.exam_ids[exam] for exam in self.marks.exam],
            *self.marks.position_mm.T.tolist(),
            self.marks.score.tolist(),
            [MarkState(state).words for state in self.matching.mark_state],
            [lesion_ids[lesion] for lesion in self.matching.mark_lesion],
        )

    def lesion_rows(self) -> list[dict[str, Any]]:
        """A row a lesion or excluded finding, in the order given: where, size, state, and the score it is hit at.

        The columns are `LESION_COLUMNS`.
        """
        scores = [*self.marks.score.tolist(), None]  # NONE, -1, finds the last
        return _rows(
            LESION_COLUMNS,
            [self.exam_ids[exam] for exam in self.lesions.exam],
            self.lesions.lesion_id.tolist(),
            *self.lesions.position_mm.T.tolist(),
            [None if np.isnan(diameter) else diameter for diameter in self.lesions.diameter_mm.tolist()],
            [LesionState(state).words for state in self.matching.lesion_state],
            [scores[mark] for mark in self.matching.lesion_mark],
        )

    def to_json(self) -> dict[str, Any]:
        """The result without the single marks, in values that JSON has; nothing in it is NaN or infinite.

        docs/assessment-json.md says what each key means.
        """
        curve = self.froc
        sensitivity = curve.sensitivity
        return {
            "format": FORMAT,
            "kind": "froc",
            "choices": self.choices(),
            "policy": asdict(self.policy),
            "counts": asdict(self.counts),
            "notes": list(self.notes),
            "cpm": self.cpm,
            "cpm_interval": asdict(self.cpm_interval) if self.cpm_interval else None,
            "cpm_rates": list(CPM_RATES),
            "operating_points": self.point_rows(),
            "figures_of_merit": self.merit_rows(),
            "curve": {
                "threshold": [None, *curve.thresholds[1:].tolist()],
                "true_positives": curve.true_positives.tolist(),
                "false_positives": curve.false_positives.tolist(),
                "false_positives_per_exam": curve.false_positives_per_exam.tolist(),
                "sensitivity": None if sensitivity is None else sensitivity.tolist(),
            },
            "afroc_curves": [curve.to_json() for curve in self.afroc_curves.values() if curve],
        }

    def _repr_html_(self) -> str:
        counts = self.counts
        rows = "".join(
            f"<tr><td>{point.rate:g}</td><td>{_three_digits(point.sensitivity)}</td></tr>"
            for point in self.operating_points
        )
        return (
            f"<p>CPM {_three_digits(self.cpm)}; {counts.true_positives} of {counts.lesions} lesions hit, "
            f"{counts.false_positives} false positives in {counts.exams} exams; {html.escape(self.criterion)}</p>"
            f"<table><tr><th>false positives an exam</th><th>sensitivity</th></tr>{rows}</table>"
        )


def assess(
    lesions: Sequence[Lesion] | LesionColumns,
    marks: Sequence[Mark] | MarkColumns,
    exam_ids: Sequence[str],
    *,
    hit: HitCriterion,
    participants: Mapping[str, str] | None = None,
    bootstraps: int = 1000,
    seed: int = 0,
    policy: Policy | None = None,
    rates: Sequence[float] = (),
    confidence: float = 0.95,
    interval: IntervalMethod = "percentile",
    executor: Executor | None = None,
) -> Assessment:
    """Assess marks against the lesions of a reference standard.

    Parameters
    ----------
    lesions
        Lesions and excluded findings.
    marks
        With finite scores, the higher the surer.
    exam_ids
        All exams that were read, also those without lesions or without marks; columns refer to rows of this list.
    hit
        When a mark hits a lesion.
    participants
        Exam to participant, whom the bootstrap draws; None: each exam is a participant of its own.
    bootstraps
        Number of draws; 0: no confidence intervals.
    seed
        Equal seeds give equal intervals.
    policy
        The other choices; None: `Policy()`.
    rates
        False positives an exam to read the curve at, besides `RATES`.
    confidence
        Coverage of the intervals, between 0 and 1.
    interval
        ``percentile``, or ``bca``: bias-corrected and accelerated.
    executor
        Shares the draws among threads or processes; changes no number. None: here.

    Returns
    -------
    The same result whatever the order of lesions, marks and exams. Without lesions sensitivity and CPM are None;
    without marks all lesions are missed.

    Raises
    ------
    AssessmentError
        There is no exam; a mark or lesion is in an unknown exam; a value is not finite; an exam or a lesion's name
        stands twice; an exam has no participant.
    """
    if interval not in METHOD_WORDS:
        raise ValueError(f"interval {interval!r}: expected one of {', '.join(METHOD_WORDS)}")
    if bootstraps < 0 or not 0 < confidence < 1:
        raise ValueError(f"bootstraps {bootstraps}, confidence {confidence}: expected at least 0, and between 0 and 1")
    policy = policy or Policy()
    exam_rows(exam_ids)
    lesion_columns = (
        _checked(lesions, exam_ids) if isinstance(lesions, LesionColumns) else LesionColumns.of(lesions, exam_ids)
    )
    mark_columns = _checked(marks, exam_ids) if isinstance(marks, MarkColumns) else MarkColumns.of(marks, exam_ids)
    owners = _participants(exam_ids, participants)
    lesion_columns, size_counts = judge_sizes(lesion_columns, policy)
    matching = match(mark_columns, lesion_columns, hit, policy, exam_ids)
    sample = sample_of(mark_columns, lesion_columns, matching, owners, policy)
    froc = Froc.of_scores(
        sample.lesion_scores,
        sample.false_scores,
        lesion_count=int(sample.lesions.sum()),
        exam_count=len(exam_ids),
        interpolation=policy.interpolation,
    )
    points = tuple(sorted({*RATES, *map(float, rates)}))
    draws = None
    if bootstraps:
        read = (*points, *BAND_RATES)
        draws = draw(sample, read, count=bootstraps, seed=seed, method=interval, executor=executor)
    return Assessment(
        tuple(exam_ids),
        owners,
        mark_columns,
        lesion_columns,
        matching,
        hit.name,
        policy,
        froc,
        draws,
        confidence,
        points,
        size_counts,
    )


def _rows(names: tuple[str, ...], *columns: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _three_digits(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _checked(columns: Columns, exam_ids: Sequence[str]) -> Columns:
    columns.check(exam_ids)
    return columns


def _participants(exam_ids: Sequence[str], participants: Mapping[str, str] | None) -> tuple[str, ...]:
    if participants is None:
        return tuple(exam_ids)
    if absent := [exam_id for exam_id in exam_ids if exam_id not in participants]:
        raise AssessmentError(
            f"{len(absent)} of {len(exam_ids)} exams have no participant, as {absent[0]!r}; name one for each exam, "
            "or for none"
        )
    return tuple(participants[exam_id] for exam_id in exam_ids)
