"""AFROC curves and the areas under them: by hand, and against the definition over all pairs."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.assess import Assessment, Policy, WithinDistance, assess
from hilum.assess.afroc import AFROC_KINDS, AfrocKind
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    import random

HIT = WithinDistance(5)
FAR = 500.0


def lesion(exam: str, x: float = 0.0) -> Lesion:
    return Lesion(exam, f"at {x}", (x, 0.0, 0.0))


def mark(exam: str, x: float, score: float) -> Mark:
    return Mark(exam, (x, 0.0, 0.0), score)


def worked() -> Assessment:
    """Exam a: lesions at 0.9 and missed, false at 0.95; b: lesion at 0.5; c, d, e without: false at 0.7, none, 0.3."""
    lesions = [lesion("a", 0.0), lesion("a", 50.0), lesion("b", 0.0)]
    marks = [
        mark("a", 0.0, 0.9),
        mark("a", FAR, 0.95),
        mark("b", 0.0, 0.5),
        mark("c", FAR, 0.7),
        mark("c", 2 * FAR, 0.6),
        mark("e", FAR, 0.3),
    ]
    return assess(lesions, marks, [*"abcde"], hit=HIT, bootstraps=0)


@pytest.mark.parametrize(
    ("kind", "exams", "area"),
    [
        # Exams without lesions score 0.7, none and 0.3: the lesions win over 3, 1/2 (none against none) and 2 of them.
        ("AFROC", 3, Fraction(11, 2) / 9),
        # Exam a's lesions weigh a half each, b's one.
        ("wAFROC", 3, (Fraction(7, 2) / 2 + 2) / 6),
        # With a's 0.95 and b's none: the lesions win over 4, 1 and 3 of five.
        ("AFROC1", 5, Fraction(8, 15)),
        ("wAFROC1", 5, (Fraction(5, 2) + 3) / 10),
    ],
)
def test_areas_worked_by_hand(kind: AfrocKind, exams: int, area: Fraction) -> None:
    curve = worked().afroc_curves[kind]
    assert curve is not None
    assert (curve.exam_count, curve.lesion_count) == (exams, 3)
    assert curve.area == float(area)


def test_curves_worked_by_hand() -> None:
    curves = worked().afroc_curves
    plain, weighted, every = curves["AFROC"], curves["wAFROC"], curves["AFROC1"]
    assert plain is not None
    assert weighted is not None
    assert every is not None
    assert plain.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.5, 0.3]  # 0.6 is not its exam's highest
    assert plain.false_positive_fraction.tolist() == [0, 0, 1 / 3, 1 / 3, 2 / 3]
    assert plain.lesion_fraction.tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert weighted.lesion_fraction.tolist() == [0, 0.25, 0.25, 0.75, 0.75]
    assert every.thresholds.tolist() == [math.inf, 0.95, 0.9, 0.7, 0.5, 0.3]
    assert every.false_positive_fraction.tolist() == [0, 0.2, 0.2, 0.4, 0.4, 0.6]


def test_a_tie_counts_half() -> None:
    result = assess([lesion("a")], [mark("a", 0.0, 0.5), mark("b", FAR, 0.5)], ["a", "b"], hit=HIT, bootstraps=0)
    assert {curve.area for kind, curve in result.afroc_curves.items() if curve and kind in ("AFROC", "wAFROC")} == {0.5}


@pytest.mark.parametrize(("score", "area"), [(0.9, 1.0), (0.1, 0.0)])
def test_a_perfect_and_a_perverse_detector(score: float, area: float) -> None:
    result = assess([lesion("a")], [mark("a", 0.0, score), mark("b", FAR, 0.5)], ["a", "b"], hit=HIT, bootstraps=0)
    curve = result.afroc_curves["AFROC"]
    assert curve is not None
    assert curve.area == area


def test_without_marks_the_area_is_a_half() -> None:
    result = assess([lesion("a")], [], ["a", "b"], hit=HIT, bootstraps=0)
    assert [curve and curve.area for curve in result.afroc_curves.values()] == [0.5] * 4
    assert any("0.5 by definition" in note for note in result.notes)


def test_without_lesions_there_is_no_curve() -> None:
    result = assess([], [mark("a", 0.0, 0.5)], ["a"], hit=HIT, bootstraps=0)
    assert set(result.afroc_curves.values()) == {None}
    assert any("so are AFROC" in note for note in result.notes)


def test_where_every_exam_has_a_lesion_only_the_curves_over_all_exams_are_defined() -> None:
    result = assess([lesion("a")], [mark("a", 0.0, 0.5), mark("a", FAR, 0.4)], ["a"], hit=HIT, bootstraps=0)
    assert [kind for kind, curve in result.afroc_curves.items() if curve] == ["AFROC1", "wAFROC1"]
    assert any("every exam has a lesion: AFROC and wAFROC" in note for note in result.notes)
    found = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert [curve["kind"] for curve in found["afroc_curves"]] == ["AFROC1", "wAFROC1"]
    assert {row["figure"]: row["value"] for row in found["figures_of_merit"]}["area under AFROC"] is None


def test_an_exam_with_excluded_findings_only_is_one_without_lesions() -> None:
    excluded = Lesion("b", "x", (0.0, 0.0, 0.0), is_excluded=True)
    marks = [mark("a", 0.0, 0.5), mark("b", 0.0, 0.9), mark("b", FAR, 0.2)]
    curve = assess([lesion("a"), excluded], marks, ["a", "b"], hit=HIT, bootstraps=0).afroc_curves["AFROC"]
    assert curve is not None
    assert (curve.exam_count, curve.area) == (1, 1.0)  # the ignored mark at 0.9 is no false positive


EXAMS = ("a", "b", "c", "d")
scores = st.sampled_from([-1.0, 0.0, 0.2, 0.5, 0.5, 0.9])
places = st.sampled_from([0.0, 3.0, 40.0, 80.0, FAR])
marks = st.lists(st.builds(mark, st.sampled_from(EXAMS), places, scores), max_size=20)
lesions = st.sets(st.tuples(st.sampled_from(EXAMS), st.sampled_from([0.0, 40.0, 80.0])), max_size=8).map(
    lambda found: [lesion(*one) for one in sorted(found)]
)
policies = st.sampled_from([Policy(), Policy(redundant="false-positive"), Policy(shared_mark="every-lesion")])


def area_over_pairs(result: Assessment, kind: AfrocKind) -> Fraction | None:
    """The figure of merit as it is defined: each lesion against each exam's highest false mark, from the outcomes."""
    false = {"false positive"} | ({"redundant"} if result.policy.redundant == "false-positive" else set())
    hit = [(row["exam_id"], -math.inf if row["score"] is None else row["score"]) for row in result.lesion_rows()]
    exams = [exam for exam in EXAMS if kind.endswith("1") or exam not in {exam for exam, _ in hit}]
    highest = [
        max((r["score"] for r in result.mark_rows() if r["exam_id"] == exam and r["state"] in false), default=-math.inf)
        for exam in exams
    ]
    if not hit or not exams:
        return None
    of_exam = {exam: sum(other == exam for other, _ in hit) for exam, _ in hit}
    weight = {
        exam: Fraction(1, count * len(of_exam)) if kind.startswith("w") else Fraction(1, len(hit))
        for exam, count in of_exam.items()
    }
    wins = (
        weight[exam] * (Fraction(1, 2) if score == other else Fraction(int(score > other)))
        for (exam, score), other in itertools.product(hit, highest)
    )
    return sum(wins, Fraction(0)) / len(exams)


@given(lesions, marks, policies)
def test_areas_equal_the_definition_over_all_pairs(lesions: list[Lesion], marks: list[Mark], policy: Policy) -> None:
    result = assess(lesions, marks, EXAMS, hit=HIT, policy=policy, bootstraps=0)
    for kind in AFROC_KINDS:
        expected, curve = area_over_pairs(result, kind), result.afroc_curves[kind]
        assert (curve and curve.area) == (None if expected is None else float(expected))


@given(lesions, marks)
def test_the_area_is_that_under_points_and_the_line_to_one_one(lesions: list[Lesion], marks: list[Mark]) -> None:
    for curve in assess(lesions, marks, EXAMS, hit=HIT, bootstraps=0).afroc_curves.values():
        if curve is None:
            continue
        across, up = curve.false_positive_fraction.tolist(), curve.lesion_fraction.tolist()
        assert (across[0], up[0]) == (0.0, 0.0)
        assert across == sorted(across)
        assert up == sorted(up)
        assert max(across[-1], up[-1]) <= 1.0
        points = list(zip([*across, 1.0], [*up, 1.0], strict=True))
        trapezoids = ((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in itertools.pairwise(points))
        assert curve.area == pytest.approx(math.fsum(trapezoids), abs=1e-12)


@given(lesions, marks, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(lesions: list[Lesion], marks: list[Mark], chance: random.Random) -> None:
    one = assess(lesions, marks, EXAMS, hit=HIT, bootstraps=0)
    two = assess(
        chance.sample(lesions, len(lesions)), chance.sample(marks, len(marks)), EXAMS[::-1], hit=HIT, bootstraps=0
    )
    assert [curve and curve.to_json() for curve in one.afroc_curves.values()] == [
        curve and curve.to_json() for curve in two.afroc_curves.values()
    ]


@given(lesions, marks)
def test_a_false_mark_on_an_exam_without_lesions_never_raises_the_area(
    lesions: list[Lesion], marks: list[Mark]
) -> None:
    exams = [*EXAMS, "free"]
    before = assess(lesions, marks, exams, hit=HIT, bootstraps=0).afroc_curves
    after = assess(lesions, [*marks, mark("free", FAR, 0.4)], exams, hit=HIT, bootstraps=0).afroc_curves
    for kind in AFROC_KINDS:
        one, two = before[kind], after[kind]
        assert (one is None) == (two is None)
        assert one is None or two is None or two.area <= one.area
