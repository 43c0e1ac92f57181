"""Several methods on the same exams, lesions and policy: differences, their intervals, and whether they are chance."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hilum.assess.bootstrap import Draws, draw
from hilum.assess.comparable import why_not_comparable
from hilum.assess.froc import CPM_RATES
from hilum.assess.intervals import METHOD_WORDS, Interval, IntervalMethod
from hilum.assess.permutation import EXCHANGE_WORDS, Exchange, holm, p_value, permuted_differences
from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from hilum.assess.assessment import Assessment

COMPARISON_RATES = (1.0, 4.0)
"""False positives an exam at which methods are compared besides the CPM, unless others are named."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What methods are compared on: the mean sensitivity at some numbers of false positives an exam."""

    name: str
    rates: tuple[float, ...]

    @classmethod
    def at(cls, rate: float) -> Endpoint:
        """The sensitivity at one of them."""
        return cls(f"sensitivity at {rate:g} false positives an exam", (rate,))


CPM = Endpoint("CPM", CPM_RATES)


@dataclass(frozen=True, slots=True)
class Value:
    """What a method reaches on an endpoint; the interval is None without draws."""

    method: str
    endpoint: str
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two methods on an endpoint.

    Attributes
    ----------
    first, second
        Names of the methods.
    endpoint
        ``CPM``, or the sensitivity at a number of false positives an exam.
    first_value, second_value, difference
        What they reach, and first minus second.
    interval
        Of the difference, from paired draws; None without draws.
    p_value
        Two-sided, of the permutation test.
    holm_p_value
        The same, corrected for all differences of the comparison.
    """

    first: str
    second: str
    endpoint: str
    first_value: float
    second_value: float
    difference: float
    interval: Interval | None
    p_value: float
    holm_p_value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods held against each other.

    Attributes
    ----------
    values
        A method and endpoint each.
    differences
        A pair of methods and endpoint each.
    exam_count, participant_count, lesion_count
        What all methods were assessed on.
    choices
        Every choice the numbers depend on, in words.
    """

    values: tuple[Value, ...]
    differences: tuple[Difference, ...]
    exam_count: int
    participant_count: int
    lesion_count: int
    choices: Mapping[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """A row a difference."""
        return [_with_ends(asdict(difference)) for difference in self.differences]

    def value_rows(self) -> list[dict[str, Any]]:
        """A row a method and endpoint."""
        return [_with_ends(asdict(value)) for value in self.values]

    def to_json(self) -> dict[str, Any]:
        """The comparison in values that JSON has."""
        return {
            "choices": dict(self.choices),
            "counts": {
                "exams": self.exam_count,
                "participants": self.participant_count,
                "lesions": self.lesion_count,
            },
            "methods": self.value_rows(),
            "differences": self.rows(),
        }

    def _repr_html_(self) -> str:
        heads = ("methods", "endpoint", "difference", "interval", "p", "p (Holm)")
        rows = [
            (
                f"{one.first} − {one.second}",
                one.endpoint,
                f"{one.difference:+.3f}",
                f"{one.interval.low:+.3f} to {one.interval.high:+.3f}" if one.interval else "none",
                f"{one.p_value:.4f}",
                f"{one.holm_p_value:.4f}",
            )
            for one in self.differences
        ]
        body = "".join(_html_row("td", row) for row in rows)
        return (
            f"<p>{self.lesion_count} lesions in {self.exam_count} exams of {self.participant_count} participants</p>"
            f"<table>{_html_row('th', heads)}{body}</table>"
        )


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals and p values are made; parameters as `compare`."""

    bootstraps: int
    permutations: int
    seed: int
    confidence: float
    interval: IntervalMethod
    exchange: Exchange

    def __post_init__(self) -> None:
        if self.permutations < 1 or self.bootstraps < 0 or not 0 < self.confidence < 1:
            raise ValueError(
                f"permutations {self.permutations}, bootstraps {self.bootstraps}, confidence {self.confidence}: "
                "expected at least 1, at least 0, and between 0 and 1"
            )
        if self.interval not in METHOD_WORDS or self.exchange not in EXCHANGE_WORDS:
            raise ValueError(
                f"interval {self.interval!r}, exchange {self.exchange!r}: expected percentile or bca, ranks or scores"
            )

    def in_words(self, difference_count: int) -> dict[str, str]:
        """Each choice and what was chosen."""
        confidence = (
            f"{self.confidence:.0%} {METHOD_WORDS[self.interval]} interval of {self.bootstraps} paired draws of "
            f"participants, seed {self.seed}"
        )
        return {
            "confidence": confidence if self.bootstraps else "none",
            "test": f"two-sided, {self.permutations} permutations over participants, seed {self.seed}; p = (1 + as "
            "extreme) / (1 + permutations)",
            "exchanged": EXCHANGE_WORDS[self.exchange],
            "correction": f"Holm, for {difference_count} differences",
        }


@dataclass(frozen=True, slots=True)
class _Method:
    """A method under comparison; draws are None if none were asked for."""

    name: str
    assessment: Assessment
    draws: Draws | None

    def reach(self, endpoint: Endpoint) -> float:
        """What the method reaches on an endpoint; there must be lesions."""
        froc = self.assessment.froc
        return float((froc.cpm if endpoint == CPM else froc.sensitivity_at(endpoint.rates[0])) or 0.0)

    def value(self, endpoint: Endpoint, confidence: float) -> Value:
        """The same, with its interval."""
        interval = self.draws.mean_interval(endpoint.rates, confidence) if self.draws else None
        return Value(self.name, endpoint.name, self.reach(endpoint), interval)


def compare(
    assessments: Mapping[str, Assessment],
    *,
    rates: Sequence[float] = COMPARISON_RATES,
    reference: str | None = None,
    bootstraps: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
    interval: IntervalMethod = "percentile",
    exchange: Exchange = "ranks",
    executor: Executor | None = None,
) -> Comparison:
    """Compare methods on the CPM and on the sensitivity at some numbers of false positives an exam.

    Parameters
    ----------
    assessments
        Name of each method to its assessment; at least two.
    rates
        False positives an exam; empty: only the CPM is compared.
    reference
        The method that all others are held against; None: each pair.
    bootstraps
        Paired draws for the intervals; 0: none.
    permutations
        For the p values, at least 1; the least p possible is 1 / (permutations + 1).
    seed
        Equal seeds give equal results, on any machine.
    confidence
        Coverage of the intervals, between 0 and 1.
    interval
        ``percentile`` or ``bca``.
    exchange
        What a permutation exchanges: ``ranks``, whatever scales the methods score on, or ``scores``.
    executor
        Shares the work among threads or processes; changes no number.

    Raises
    ------
    AssessmentError
        There are fewer than two methods, the reference is none of them, there are no lesions, or exams, lesions,
        criterion or policy of two methods differ.
    """
    how = Resampling(bootstraps, permutations, seed, confidence, interval, exchange)
    pairs = _pairs(tuple(assessments), reference)
    _refuse_incomparable(assessments)
    endpoints = (CPM, *(Endpoint.at(rate) for rate in rates))
    methods = {name: _method(name, one, endpoints, how, executor) for name, one in assessments.items()}
    found = [
        difference
        for first, second in pairs
        for difference in _differences(methods[first], methods[second], endpoints, how, executor)
    ]
    corrected = holm([difference.p_value for difference in found])
    any_one = next(iter(assessments.values()))
    return Comparison(
        tuple(method.value(endpoint, confidence) for method in methods.values() for endpoint in endpoints),
        tuple(replace(one, holm_p_value=p) for one, p in zip(found, corrected, strict=True)),
        any_one.counts.exams,
        any_one.counts.participants,
        any_one.counts.lesions,
        {"hit criterion": any_one.criterion, **any_one.policy.in_words(), **how.in_words(len(found))},
    )


def _pairs(names: tuple[str, ...], reference: str | None) -> list[tuple[str, str]]:
    if len(names) < 2:
        raise AssessmentError(f"found {len(names)} method(s); expected at least two to compare")
    if reference is None:
        return list(combinations(names, 2))
    if reference not in names:
        raise AssessmentError(f"reference {reference!r}: expected one of the methods {', '.join(map(repr, names))}")
    return [(name, reference) for name in names if name != reference]


def _refuse_incomparable(assessments: Mapping[str, Assessment]) -> None:
    (name, first), *others = assessments.items()
    for other_name, other in others:
        if reasons := why_not_comparable(first, other, (name, other_name)):
            raise AssessmentError(
                f"{name!r} and {other_name!r} cannot be compared, as they differ in {'; in '.join(reasons)}. "
                "Assess both on the same exams, lesions and choices"
            )
    if not first.counts.lesions:
        raise AssessmentError("there are no lesions: methods have no sensitivity to compare")


def _method(
    name: str, assessment: Assessment, endpoints: Sequence[Endpoint], how: Resampling, executor: Executor | None
) -> _Method:
    if not how.bootstraps:
        return _Method(name, assessment, None)
    draws = draw(
        assessment.sample,
        _rates(endpoints),
        count=how.bootstraps,
        seed=how.seed,
        method=how.interval,
        executor=executor,
    )
    return _Method(name, assessment, draws)


def _differences(
    first: _Method, second: _Method, endpoints: Sequence[Endpoint], how: Resampling, executor: Executor | None
) -> list[Difference]:
    """A pair of methods on each endpoint, p values not corrected yet."""
    rates = _rates(endpoints)
    found, permuted = permuted_differences(
        first.assessment.sample,
        second.assessment.sample,
        rates,
        count=how.permutations,
        seed=how.seed,
        exchange=how.exchange,
        executor=executor,
    )
    draws = first.draws.minus(second.draws) if first.draws and second.draws else None
    differences = []
    for endpoint in endpoints:
        columns = [rates.index(rate) for rate in endpoint.rates]
        p = p_value(float(found[columns].mean()), permuted[:, columns].mean(axis=1))
        one, two = first.reach(endpoint), second.reach(endpoint)
        interval = draws.mean_interval(endpoint.rates, how.confidence) if draws else None
        differences.append(Difference(first.name, second.name, endpoint.name, one, two, one - two, interval, p, p))
    return differences


def _rates(endpoints: Sequence[Endpoint]) -> tuple[float, ...]:
    return tuple(sorted({rate for endpoint in endpoints for rate in endpoint.rates}))


def _with_ends(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the ends of its interval as columns, where the interval stood."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key == "interval":
            flat |= {"low": value["low"], "high": value["high"]} if value else {"low": None, "high": None}
        else:
            flat[key] = value
    return flat


def _html_row(cell: str, values: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{html.escape(value)}</{cell}>' for value in values)}</tr>"
