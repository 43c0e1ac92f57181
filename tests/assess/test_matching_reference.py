"""Every state and every pairing against a slow reference after the definitions, on small cases full of ties."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.assess import Policy, WithinDistance, assess
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess.policy import CapTies, SharedMark
    from hilum.model.findings import Point

EXAMS = ("a", "b")
REACH_MM = 2.5

# Few places and scores: most cases have equal scores, equal distances and marks on several lesions.
points = st.tuples(st.integers(0, 4).map(float), st.integers(0, 2).map(float), st.just(0.0))
marks = st.lists(st.builds(Mark, st.sampled_from(EXAMS), points, st.sampled_from([0.2, 0.5, 0.9])), max_size=14)
places = st.sets(st.tuples(st.sampled_from(EXAMS), points), max_size=7)


@st.composite
def lesions(draw: st.DrawFn) -> list[Lesion]:
    found = sorted(draw(places))
    excluded = draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
    return [
        Lesion(exam, f"{number}", place, is_excluded=is_excluded)
        for number, ((exam, place), is_excluded) in enumerate(zip(found, excluded, strict=True))
    ]


@dataclass(frozen=True)
class Reference:
    """States by walking through the definitions, lesion by lesion and mark by mark."""

    lesions: Sequence[Lesion]
    marks: Sequence[Mark]
    shared: SharedMark

    def on(self, mark: Mark, *, is_excluded: bool) -> list[Lesion]:
        """What of the exam lies within reach, nearest first."""
        near = [
            lesion
            for lesion in self.lesions
            if lesion.exam_id == mark.exam_id
            and lesion.is_excluded == is_excluded
            and squared(mark.position_mm, lesion.position_mm) < REACH_MM**2
        ]
        return sorted(near, key=lambda lesion: (squared(mark.position_mm, lesion.position_mm), lesion.position_mm))

    def may_count_for(self, mark: Mark) -> list[Lesion]:
        on = self.on(mark, is_excluded=False)
        return on[:1] if self.shared == "nearest-lesion" else on

    def counting(self, lesion: Lesion) -> int | None:
        """Number of the mark that counts for a lesion: best score, then nearest, then first by position."""
        able = [number for number, mark in enumerate(self.marks) if lesion in self.may_count_for(mark)]

        def place(number: int) -> tuple[float, float, Point]:
            mark = self.marks[number]
            return -mark.score, squared(mark.position_mm, lesion.position_mm), mark.position_mm

        return min(able, key=place) if able else None

    def lesion_rows(self) -> Counter[tuple[object, ...]]:
        rows = []
        for lesion in self.lesions:
            number = None if lesion.is_excluded else self.counting(lesion)
            state = "excluded" if lesion.is_excluded else "missed" if number is None else "hit"
            score = None if number is None else self.marks[number].score
            rows.append((lesion.exam_id, lesion.lesion_id, state, score))
        return Counter(rows)

    def mark_rows(self) -> Counter[tuple[object, ...]]:
        """Equal marks cannot be told apart: which of them counts does not matter."""
        counts_for: dict[int, list[Lesion]] = {}
        for lesion in self.lesions:
            number = None if lesion.is_excluded else self.counting(lesion)
            if number is not None:
                counts_for.setdefault(number, []).append(lesion)
        rows = []
        for number, mark in enumerate(self.marks):
            on = self.on(mark, is_excluded=False)
            excluded = self.on(mark, is_excluded=True)
            if number in counts_for:
                of = [lesion for lesion in on if lesion in counts_for[number]]
                found: tuple[str, str | None] = ("true positive", of[0].lesion_id)
            elif on:
                found = ("redundant", on[0].lesion_id)
            else:
                found = ("ignored", excluded[0].lesion_id) if excluded else ("false positive", None)
            rows.append((mark.exam_id, mark.position_mm, mark.score, *found))
        return Counter(rows)


def squared(one: Point, other: Point) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def best_of_each_exam(marks: Sequence[Mark], cap: int, ties: CapTies) -> list[Mark]:
    """The marks within the cap, by sorting each exam's scores."""
    kept = []
    for mark in marks:
        scores = sorted((other.score for other in marks if other.exam_id == mark.exam_id), reverse=True)
        if len(scores) <= cap or (mark.score > scores[cap] if ties == "dropped" else mark.score >= scores[cap - 1]):
            kept.append(mark)
    return kept


@given(lesions(), marks, st.sampled_from(["nearest-lesion", "every-lesion"]))
@settings(max_examples=400)
def test_every_state_and_pairing(lesions: list[Lesion], marks: list[Mark], shared: SharedMark) -> None:
    result = assess(
        lesions, marks, EXAMS, hit=WithinDistance(REACH_MM), policy=Policy(shared_mark=shared), bootstraps=0
    )
    expected = Reference(lesions, marks, shared)
    assert expected.lesion_rows() == Counter(
        (row["exam_id"], row["lesion_id"], row["state"], row["score"]) for row in result.lesion_rows()
    )
    assert expected.mark_rows() == Counter(
        (row["exam_id"], (row["x_mm"], row["y_mm"], row["z_mm"]), row["score"], row["state"], row["lesion_id"])
        for row in result.mark_rows()
    )


@given(lesions(), marks, st.sampled_from(["kept", "dropped"]), st.integers(1, 4))
def test_a_cap_is_assessing_the_marks_it_keeps(
    lesions: list[Lesion], marks: list[Mark], ties: CapTies, cap: int
) -> None:
    policy = Policy(max_marks_per_exam=cap, cap_ties=ties)
    capped = assess(lesions, marks, EXAMS, hit=WithinDistance(REACH_MM), policy=policy, bootstraps=0)
    kept = best_of_each_exam(marks, cap, ties)
    alone = assess(lesions, kept, EXAMS, hit=WithinDistance(REACH_MM), bootstraps=0)
    assert capped.counts.beyond_cap == len(marks) - len(kept)
    assert capped.lesion_rows() == alone.lesion_rows()
    assert [row for row in capped.mark_rows() if row["state"] != "beyond cap"] == alone.mark_rows()
