"""The minimum size: what small lesions count as, and that it is said and counted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.assess import Policy, WithinDistance, assess, judged_lesions, why_not_comparable
from hilum.assess.columns import LesionColumns
from hilum.assess.minimum_size import judge_sizes
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from hilum.assess.policy import Role

HIT = WithinDistance(5)
TEN = Policy(min_short_axis_mm=10.0)


def lesion(name: str, x: float = 0.0, *, is_excluded: bool = False, **sizes: float) -> Lesion:
    return Lesion("e", name, (x, 0.0, 0.0), is_excluded=is_excluded, **sizes)  # type: ignore[arg-type]


LESIONS = [
    lesion("large", 0.0, short_axis_mm=10.0),
    lesion("small", 20.0, short_axis_mm=9.99, long_axis_mm=30.0),
    lesion("unknown", 40.0),
]
MARKS = [Mark("e", (one.position_mm[0], 0.0, 0.0), 0.5) for one in LESIONS]


@pytest.mark.parametrize(
    ("smaller", "unknown", "states", "lesions"),
    [
        ("excluded", "lesion", ["true positive", "ignored", "true positive"], ["hit", "excluded", "hit"]),
        ("lesion", "excluded", ["true positive", "true positive", "ignored"], ["hit", "hit", "excluded"]),
        ("background", "lesion", ["true positive", "false positive", "true positive"], ["hit", "hit"]),
        ("background", "background", ["true positive", "false positive", "false positive"], ["hit"]),
        ("excluded", "background", ["true positive", "ignored", "false positive"], ["hit", "excluded"]),
    ],
)
def test_each_role(smaller: Role, unknown: Role, states: list[str], lesions: list[str]) -> None:
    policy = replace(TEN, smaller=smaller, unknown_size=unknown)
    result = assess(LESIONS, MARKS, ["e"], hit=HIT, policy=policy, bootstraps=0)
    assert [row["state"] for row in result.mark_rows()] == states
    assert [row["state"] for row in result.lesion_rows()] == lesions
    assert (result.counts.smaller, result.counts.unknown_size) == (1, 1)
    assert result.counts.background == len(LESIONS) - len(lesions)
    assert result.counts.lesions + result.counts.excluded_findings + result.counts.background == len(LESIONS)


def test_without_a_minimum_every_lesion_counts() -> None:
    result = assess(LESIONS, MARKS, ["e"], hit=HIT, policy=Policy(smaller="background"), bootstraps=0)
    assert result.counts.true_positives == 3
    assert (result.counts.smaller, result.counts.unknown_size, result.counts.background) == (0, 0, 0)
    assert result.choices()["small lesions"] == "no minimum: lesions and excluded findings as their list has them"


def test_the_rule_is_written_into_the_result_and_its_effect_counted() -> None:
    result = assess(LESIONS, MARKS, ["e"], hit=HIT, policy=TEN, bootstraps=0)
    assert result.choices()["small lesions"] == (
        "short axis under 10 mm: excluded findings, marks on which are ignored; unknown: lesions"
    )
    assert result.to_json()["policy"]["min_short_axis_mm"] == 10.0
    assert any(note.startswith("1 lesions have a short axis under 10 mm") for note in result.notes)
    assert any(note.startswith("1 lesions have no short axis; they count as lesions") for note in result.notes)


def test_results_with_another_minimum_are_not_comparable() -> None:
    nine = replace(TEN, min_short_axis_mm=9.0)
    one, two = (assess(LESIONS, MARKS, ["e"], hit=HIT, policy=policy, bootstraps=0) for policy in (TEN, nine))
    assert any("small lesions" in reason for reason in why_not_comparable(one, two, ("ten", "nine")))


@pytest.mark.parametrize(
    ("sizes", "is_small"),
    [
        ({"short_axis_mm": 9.0, "diameter_mm": 30.0}, True),  # the short axis decides
        ({"diameter_mm": 9.0}, True),  # the axes of a sphere are its diameter
        ({"diameter_mm": 10.0}, False),
        ({"diameter_mm": -1.0}, False),  # LUNA16: unknown
        ({"long_axis_mm": 5.0}, False),  # a long axis alone is no short axis
        ({"short_axis_mm": 0.0}, True),
    ],
)
def test_what_a_short_axis_is(sizes: dict[str, Any], is_small: bool) -> None:
    assert [one.is_excluded for one in judged_lesions([Lesion("e", "1", (0.0, 0.0, 0.0), **sizes)], TEN)] == [is_small]


@pytest.mark.parametrize("role", ["excluded", "lesion", "background"])
def test_an_excluded_finding_stays_one_whatever_its_size(role: Role) -> None:
    findings = [lesion("small", short_axis_mm=3.0, is_excluded=True), lesion("unknown", is_excluded=True)]
    policy = replace(TEN, smaller=role, unknown_size=role)
    assert judged_lesions(findings, policy) == findings
    _, counts = judge_sizes(LesionColumns.of(findings, ["e"]), policy)
    assert (counts.smaller, counts.unknown, counts.background) == (0, 0, 0)


roles = st.sampled_from(["excluded", "lesion", "background"])
sizes = st.one_of(st.none(), st.floats(-1, 30))


@given(st.lists(st.tuples(sizes, sizes, st.booleans()), max_size=8), st.floats(0.1, 30), roles, roles)
def test_lesions_and_columns_are_judged_alike(
    found: list[tuple[float | None, float | None, bool]], least: float, smaller: Role, unknown: Role
) -> None:
    policy = Policy(min_short_axis_mm=least, smaller=smaller, unknown_size=unknown)
    lesions = [
        Lesion("e", str(number), (0.0, 0.0, 0.0), short_axis_mm=short, diameter_mm=diameter, is_excluded=is_excluded)
        for number, (short, diameter, is_excluded) in enumerate(found)
    ]
    columns, counts = judge_sizes(LesionColumns.of(lesions, ["e"]), policy)
    judged = judged_lesions(lesions, policy)
    assert columns.lesion_id.tolist() == [one.lesion_id for one in judged]
    assert columns.is_excluded.tolist() == [one.is_excluded for one in judged]
    assert len(judged) + counts.background == len(lesions)


@pytest.mark.parametrize(
    "settings", [{"min_short_axis_mm": 0.0}, {"min_short_axis_mm": math.nan}, {"smaller": "gone"}, {"unknown_size": ""}]
)
def test_a_rule_that_is_none_is_a_mistake_of_the_caller(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Policy(**settings)  # type: ignore[arg-type]
