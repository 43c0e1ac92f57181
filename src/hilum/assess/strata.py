"""A result by strata: lesions by size, region or label; exams by round, kernel, thickness, manufacturer or fold.

Every stratum is read at the thresholds of the whole curve: these are what a user of the method would set. Strata of
exams have false positives of their own, and so a curve of their own, which is read too.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hilum.assess.bootstrap import draw
from hilum.assess.froc import CPM_RATES, Froc
from hilum.assess.sample import sample_of
from hilum.assess.strata_columns import in_order, size_band, stratum_names
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from hilum.assess.assessment import Assessment
    from hilum.assess.intervals import Interval
    from hilum.assess.sample import Sample
    from hilum.assess.strata_columns import ExamValues, LesionValues

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

WHOLE = "all"
"""Name of the row of all lesions and exams."""

SIZE = "size"
"""Column that every result has: the band of the diameter that lesions are assessed with."""

STRATA_RATES = (1.0, 4.0)
"""False positives an exam at which strata are read, unless others are named."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A stratum read from a curve.

    Attributes
    ----------
    sensitivity, intervals
        At each rate; None without lesions, and intervals None without draws.
    cpm, cpm_interval
        Likewise the mean sensitivity at 1/8 to 8 false positives an exam.
    """

    sensitivity: tuple[float | None, ...]
    intervals: tuple[Interval | None, ...]
    cpm: float | None
    cpm_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the lesions or exams.

    Attributes
    ----------
    name
        The value of the column.
    exams
        Exams of the stratum; None in strata of lesions.
    participants
        Those with a lesion or exam in it; one can be in several strata.
    lesions, missed
        Lesions, and those that no mark hits.
    true_positives
        At each rate, lesions hit at the threshold of the whole curve.
    false_positives
        Likewise of its exams; None in strata of lesions, as a false positive has no lesion.
    pooled
        Read at the false positives an exam of the whole.
    own
        Read from the stratum's own curve, at its own false positives an exam; None in strata of lesions.
    """

    name: str
    exams: int | None
    participants: int
    lesions: int
    missed: int
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...] | None
    pooled: Reading
    own: Reading | None


@dataclass(frozen=True, slots=True)
class Strata:
    """A result by the values of a column.

    Attributes
    ----------
    column
        Its name.
    unit
        What the column is of.
    rates, thresholds
        False positives an exam, and the whole curve's threshold at each; None where no mark may be kept.
    strata
        In the order of sizes, numbers or names; ``unknown`` last. Their lesions, and exams, make up the whole.
    whole
        All of it.
    choices
        Every choice the numbers depend on, in words.
    """

    column: str
    unit: Literal["lesion", "exam"]
    rates: tuple[float, ...]
    thresholds: tuple[float | None, ...]
    strata: tuple[Stratum, ...]
    whole: Stratum
    choices: Mapping[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """A row a stratum and rate, then the whole: for a table, or a forest plot of sensitivity, low and high."""
        return [self._row(stratum, at) for at in range(len(self.rates)) for stratum in (*self.strata, self.whole)]

    def to_json(self) -> dict[str, Any]:
        """The strata in values that JSON has."""
        return {
            "column": self.column,
            "unit": self.unit,
            "choices": dict(self.choices),
            "rows": self.rows(),
            "cpm": [self._cpm_row(stratum) for stratum in (*self.strata, self.whole)],
        }

    def _row(self, stratum: Stratum, at: int) -> dict[str, Any]:
        own = stratum.own
        return {
            "stratum": stratum.name,
            **_counts(stratum),
            "false_positives_per_exam": self.rates[at],
            "threshold": self.thresholds[at],
            "true_positives": stratum.true_positives[at],
            "sensitivity": stratum.pooled.sensitivity[at],
            **_ends("", stratum.pooled.intervals[at]),
            "false_positives": stratum.false_positives[at] if stratum.false_positives else None,
            "own_sensitivity": own.sensitivity[at] if own else None,
            **_ends("own_", own.intervals[at] if own else None),
        }

    def _cpm_row(self, stratum: Stratum) -> dict[str, Any]:
        own = stratum.own
        return {
            "stratum": stratum.name,
            **_counts(stratum),
            "cpm": stratum.pooled.cpm,
            **_ends("", stratum.pooled.cpm_interval),
            "own_cpm": own.cpm if own else None,
            **_ends("own_", own.cpm_interval if own else None),
        }

    def _repr_html_(self) -> str:
        heads = (self.column, "lesions", "false positives an exam", "sensitivity", "interval")
        rows = [
            (
                row["stratum"],
                str(row["lesions"]),
                f"{row['false_positives_per_exam']:g}",
                "undefined" if row["sensitivity"] is None else f"{row['sensitivity']:.3f}",
                "none" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}",
            )
            for row in self.rows()
        ]
        body = "".join(_html_row("td", row) for row in rows)
        return f"<table>{_html_row('th', heads)}{body}</table>"


def stratify(
    assessment: Assessment,
    column: str,
    *,
    lesion_values: Mapping[str, LesionValues] | None = None,
    exam_values: Mapping[str, ExamValues] | None = None,
    rates: Sequence[float] = STRATA_RATES,
    executor: Executor | None = None,
) -> Strata:
    """Read a result by the values of a column.

    Parameters
    ----------
    column
        ``size``, or a name in one of the next two.
    lesion_values
        Columns of lesions: name to (exam, lesion) to value. See `lesion_columns`.
    exam_values
        Columns of exams: name to exam to value.
    rates
        False positives an exam.
    executor
        Shares the draws among threads or processes; changes no number.

    Returns
    -------
    Lesions and exams whose value is absent, None, NaN or empty are the stratum ``unknown``. Intervals are of the
    assessment's own draws, none if it has none: each draw sets its own threshold.

    Raises
    ------
    AssessmentError
        No column, or more than one, has that name.
    """
    of_lesions = {SIZE: _sizes(assessment), **(lesion_values or {})}
    of_exams = dict(exam_values or {})
    _require_column(column, of_lesions, of_exams)
    reader = _Reader.of(assessment, rates, executor)
    strata = _by_exam(reader, of_exams[column]) if column in of_exams else _by_lesion(reader, of_lesions[column])
    every_lesion, every_exam = np.ones(len(assessment.lesions), np.bool_), np.ones(len(assessment.exam_ids), np.bool_)
    return Strata(
        column,
        "exam" if column in of_exams else "lesion",
        tuple(rates),
        reader.thresholds,
        tuple(strata),
        reader.read(WHOLE, every_lesion, every_exam),
        assessment.choices(),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """What strata are read from."""

    assessment: Assessment
    rates: tuple[float, ...]
    thresholds: tuple[float | None, ...]
    executor: Executor | None

    @classmethod
    def of(cls, assessment: Assessment, rates: Sequence[float], executor: Executor | None) -> _Reader:
        points = [assessment.froc.operating_point(rate) for rate in rates]
        return cls(assessment, tuple(rates), tuple(point.threshold for point in points), executor)

    def read(self, name: str, is_lesion: Flags, is_exam: Flags | None) -> Stratum:
        """The stratum of some lesions, and of some exams if it is one of exams."""
        one = self.assessment
        sample = self._sample(is_lesion, None)
        own = None if is_exam is None else self._sample(is_lesion, is_exam)
        participants = sample.lesions if own is None else own.exams
        return Stratum(
            name,
            None if own is None else int(own.exams.sum()),
            int(np.count_nonzero(participants)),
            int(sample.lesions.sum()),
            int(sample.lesions.sum()) - len(sample.lesion_scores),
            self._counts_from(sample.lesion_scores),
            None if own is None else self._counts_from(own.false_scores),
            self._reading(sample, len(one.exam_ids)),
            None if own is None else self._reading(own, int(own.exams.sum())),
        )

    def _sample(self, is_lesion: Flags, is_exam: Flags | None) -> Sample:
        one = self.assessment
        return sample_of(
            one.marks,
            one.lesions,
            one.matching,
            one.participants,
            one.policy,
            is_lesion=is_lesion,
            is_exam=is_exam,
        )

    def _counts_from(self, scores: Floats) -> tuple[int, ...]:
        """How many scores are at or above each threshold."""
        return tuple(0 if least is None else int(np.sum(scores >= least)) for least in self.thresholds)

    def _reading(self, sample: Sample, exam_count: int) -> Reading:
        froc = Froc.of_scores(
            sample.lesion_scores,
            sample.false_scores,
            lesion_count=int(sample.lesions.sum()),
            exam_count=exam_count,
            interpolation=sample.interpolation,
        )
        sensitivity = tuple(froc.sensitivity_at(rate) for rate in self.rates)
        draws, confidence = self.assessment.draws, self.assessment.confidence
        if draws is None:
            return Reading(sensitivity, (None,) * len(self.rates), froc.cpm, None)
        rates = tuple(sorted({*CPM_RATES, *self.rates}))
        again = draw(sample, rates, count=draws.count, seed=draws.seed, method=draws.method, executor=self.executor)
        intervals = tuple(again.mean_interval([rate], confidence) for rate in self.rates)
        return Reading(sensitivity, intervals, froc.cpm, again.cpm_interval(confidence))


def _by_exam(reader: _Reader, values: ExamValues) -> list[Stratum]:
    one = reader.assessment
    of_exam = stratum_names(values.get(exam_id) for exam_id in one.exam_ids)
    of_lesion = of_exam[one.lesions.exam]
    return [reader.read(name, of_lesion == name, of_exam == name) for name in in_order(of_exam.tolist())]


def _by_lesion(reader: _Reader, values: LesionValues) -> list[Stratum]:
    lesions = reader.assessment.lesions
    names = stratum_names(values.get(key) for key in _lesion_keys(reader.assessment))
    return [reader.read(name, names == name, None) for name in in_order(names[~lesions.is_excluded].tolist())]


def _lesion_keys(assessment: Assessment) -> Iterator[tuple[str, str]]:
    lesions = assessment.lesions
    for exam, lesion_id in zip(lesions.exam.tolist(), lesions.lesion_id.tolist(), strict=True):
        yield assessment.exam_ids[exam], lesion_id


def _sizes(assessment: Assessment) -> LesionValues:
    bands = map(size_band, assessment.lesions.diameter_mm.tolist())
    return dict(zip(_lesion_keys(assessment), bands, strict=True))


def _require_column(column: str, of_lesions: Mapping[str, LesionValues], of_exams: Mapping[str, ExamValues]) -> None:
    if column in of_lesions and column in of_exams:
        raise AssessmentError(f"column {column!r} is one of lesions and one of exams; give one of them another name")
    if column not in of_lesions and column not in of_exams:
        raise AssessmentError(
            f"no column {column!r}; there are {', '.join(of_lesions)} of lesions"
            + (f" and {', '.join(of_exams)} of exams" if of_exams else ", and none of exams")
        )


def _counts(stratum: Stratum) -> dict[str, int | None]:
    return {
        "exams": stratum.exams,
        "participants": stratum.participants,
        "lesions": stratum.lesions,
        "missed": stratum.missed,
    }


def _ends(prefix: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        f"{prefix}low": interval.low if interval else None,
        f"{prefix}high": interval.high if interval else None,
    }


def _html_row(cell: str, values: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{html.escape(value)}</{cell}>' for value in values)}</tr>"
