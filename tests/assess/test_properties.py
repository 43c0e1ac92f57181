"""What must always hold of an assessment, and the same result from a slow reference after the definitions."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.assess import LUNA16, Assessment, Policy, WithinLesionRadius, assess, candidate_stage
from hilum.assess.froc import RATES
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from hilum.assess.policy import Interpolation, SharedMark

EXAMS = ("a", "b", "c", "d")

points = st.tuples(*[st.integers(0, 4).map(float)] * 3)
marks = st.lists(
    st.builds(Mark, st.sampled_from(EXAMS), points, st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.9])), max_size=25
)


@st.composite
def _lesions(draw: st.DrawFn, most: int = 8) -> list[Lesion]:
    count = draw(st.integers(0, most))
    return [
        Lesion(
            draw(st.sampled_from(EXAMS)),
            str(number),
            draw(points),
            diameter_mm=draw(st.sampled_from([None, -1.0, 2.0, 3.0, 5.0])),
            is_excluded=draw(st.booleans()) and draw(st.booleans()),
        )
        for number in range(count)
    ]


lesions = _lesions()
policies = st.builds(
    Policy,
    shared_mark=st.sampled_from(["nearest-lesion", "every-lesion"]),
    redundant=st.sampled_from(["neither", "false-positive"]),
    max_marks_per_exam=st.sampled_from([None, 1, 3]),
    cap_ties=st.sampled_from(["kept", "dropped"]),
    interpolation=st.sampled_from(["step", "linear"]),
)


def distance2(mark: Mark, lesion: Lesion) -> float:
    return sum((a - b) ** 2 for a, b in zip(mark.position_mm, lesion.position_mm, strict=True))


def is_hit(mark: Mark, lesion: Lesion) -> bool:
    diameter = lesion.diameter_mm if lesion.diameter_mm is not None and lesion.diameter_mm >= 0 else 10.0
    return mark.exam_id == lesion.exam_id and distance2(mark, lesion) < (diameter / 2) ** 2


def lesion_scores(lesions: Sequence[Lesion], marks: Sequence[Mark], shared: str) -> dict[tuple[str, str], float]:
    """Score at which each hit lesion is hit."""
    best: dict[tuple[str, str], float] = {}
    for mark in marks:
        hit = [lesion for lesion in lesions if not lesion.is_excluded and is_hit(mark, lesion)]
        if shared == "nearest-lesion":
            hit = sorted(hit, key=lambda lesion: (distance2(mark, lesion), lesion.position_mm, lesion.lesion_id))[:1]
        for lesion in hit:
            name = (lesion.exam_id, lesion.lesion_id)
            best[name] = max(best.get(name, mark.score), mark.score)
    return best


def false_scores(lesions: Sequence[Lesion], marks: Sequence[Mark]) -> list[float]:
    return [mark.score for mark in marks if not any(is_hit(mark, lesion) for lesion in lesions)]


def ignored_count(lesions: Sequence[Lesion], marks: Sequence[Mark]) -> int:
    hits = [{lesion.is_excluded for lesion in lesions if is_hit(mark, lesion)} for mark in marks]
    return Counter(map(frozenset, hits))[frozenset({True})]


def sensitivity(lesions: Sequence[Lesion], marks: Sequence[Mark], exams: int, shared: str, rate: str) -> Fraction:
    """Best sensitivity of any threshold whose false positives do not exceed the rate."""
    hit = lesion_scores(lesions, marks, shared).values()
    false = false_scores(lesions, marks)
    total = sum(not lesion.is_excluded for lesion in lesions)
    allowed = [
        sum(score >= threshold for score in hit)
        for threshold in {mark.score for mark in marks}
        if sum(score >= threshold for score in false) <= Fraction(rate) * exams
    ]
    return Fraction(max(allowed, default=0), total)


def assessed(lesions: Sequence[Lesion], marks: Sequence[Mark], policy: Policy, bootstraps: int = 0) -> Assessment:
    return assess(lesions, marks, EXAMS, hit=WithinLesionRadius(), policy=policy, bootstraps=bootstraps)


def outcomes(rows: Sequence[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(sorted(row.items())) for row in rows)


@given(lesions, marks, policies)
def test_every_mark_and_every_lesion_has_one_state(lesions: list[Lesion], marks: list[Mark], policy: Policy) -> None:
    counts = assessed(lesions, marks, policy).counts
    assert counts.true_positives + counts.missed == counts.lesions
    assert counts.lesions + counts.excluded_findings == len(lesions)
    counted = counts.true_positives - counts.shared + counts.false_positives + counts.redundant + counts.ignored
    assert counted == counts.marks
    assert counts.marks + counts.beyond_cap == len(marks)
    assert policy.shared_mark == "every-lesion" or counts.shared == 0
    assert counts.true_positives <= counts.reached <= counts.lesions


@given(lesions, marks, policies, st.randoms(use_true_random=False))
def test_the_order_of_lesions_marks_and_exams_does_not_matter(
    lesions: list[Lesion], marks: list[Mark], policy: Policy, chance: random.Random
) -> None:
    result = assess(lesions, marks, EXAMS, hit=WithinLesionRadius(), policy=policy, bootstraps=20)
    other = assess(
        chance.sample(lesions, len(lesions)),
        chance.sample(marks, len(marks)),
        chance.sample(EXAMS, len(EXAMS)),
        hit=WithinLesionRadius(),
        policy=policy,
        bootstraps=20,
    )
    assert result.to_json() == other.to_json()
    assert outcomes(result.mark_rows()) == outcomes(other.mark_rows())
    assert outcomes(result.lesion_rows()) == outcomes(other.lesion_rows())


@given(lesions, marks, st.sampled_from(["nearest-lesion", "every-lesion"]))
@settings(max_examples=300)
def test_equals_the_slow_reference(lesions: list[Lesion], marks: list[Mark], shared: SharedMark) -> None:
    result = assessed(lesions, marks, Policy(shared_mark=shared))
    expected = lesion_scores(lesions, marks, shared)
    hit = {(row["exam_id"], row["lesion_id"]): row["score"] for row in result.lesion_rows() if row["state"] == "hit"}
    assert hit == expected
    assert result.counts.false_positives == len(false_scores(lesions, marks))
    assert result.counts.ignored == ignored_count(lesions, marks)
    if result.counts.lesions:
        for rate in RATES:
            exact = sensitivity(lesions, marks, len(EXAMS), shared, str(rate))
            assert result.froc.sensitivity_at(rate) == float(exact)
    else:
        assert result.cpm is None


@given(lesions, marks, policies)
def test_the_curve_rises(lesions: list[Lesion], marks: list[Mark], policy: Policy) -> None:
    froc = assessed(lesions, marks, policy).froc
    steps = list(zip(froc.thresholds, froc.true_positives, froc.false_positives, strict=True))
    for (score, true, false), (next_score, next_true, next_false) in itertools.pairwise(steps):
        assert score > next_score
        assert true <= next_true
        assert false <= next_false
        assert true + false < next_true + next_false
    read = [froc.sensitivity_at(rate) or 0.0 for rate in RATES]
    assert read == sorted(read)


@given(lesions, marks, st.sampled_from(["step", "linear"]), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_a_false_mark_never_raises_sensitivity(
    lesions: list[Lesion], marks: list[Mark], interpolation: Interpolation, score: float
) -> None:
    policy = Policy(interpolation=interpolation)
    before = assessed(lesions, marks, policy).froc
    after = assessed(lesions, [*marks, Mark("b", (500.0, 500.0, 500.0), score)], policy).froc
    for rate in RATES:
        assert (after.sensitivity_at(rate) or 0.0) <= (before.sensitivity_at(rate) or 0.0) + 1e-12


@given(lesions, marks)
def test_an_operating_point_is_what_its_threshold_gives(lesions: list[Lesion], marks: list[Mark]) -> None:
    result = assessed(lesions, marks, Policy())
    for point in result.operating_points:
        kept = [mark for mark in marks if point.threshold is not None and mark.score >= point.threshold]
        counts = assessed(lesions, kept, Policy()).counts
        assert (counts.true_positives, counts.false_positives) == (point.true_positives, point.false_positives)
        assert counts.false_positives <= point.rate * len(EXAMS)
        assert point.sensitivity is None or point.sensitivity == counts.true_positives / counts.lesions


@given(lesions, marks)
def test_what_all_marks_reach_is_the_candidate_stage(lesions: list[Lesion], marks: list[Mark]) -> None:
    stage = candidate_stage(lesions, marks, EXAMS, hit=WithinLesionRadius())
    every = assessed(lesions, marks, Policy(shared_mark="every-lesion")).counts
    nearest = assessed(lesions, marks, Policy()).counts
    assert stage.recalled == every.true_positives == every.reached == nearest.reached
    assert stage.false_positives == every.false_positives == nearest.false_positives
    assert stage.marks == stage.on_lesions + stage.false_positives + stage.ignored


@given(lesions, marks)
def test_luna16s_preset_never_keeps_more_than_its_cap(lesions: list[Lesion], marks: list[Mark]) -> None:
    many = marks * 9
    result = assessed(lesions, many, LUNA16)
    kept = Counter(row["exam_id"] for row in result.mark_rows() if row["state"] != "beyond cap")
    assert max(kept.values(), default=0) <= 100
