"""What is hit, false and missed at an operating point."""

from __future__ import annotations

import pytest

from hilum.assess import Policy, WithinDistance, assess
from hilum.assess.listing import KINDS, list_at
from hilum.model.findings import Lesion, Mark

LESIONS = [
    Lesion("a", "1", (0.0, 0.0, 0.0), diameter_mm=12.0),
    Lesion("a", "2", (50.0, 0.0, 0.0), diameter_mm=8.0),
    Lesion("b", "1", (0.0, 0.0, 0.0)),
    Lesion("b", "x", (90.0, 0.0, 0.0), is_excluded=True),
]
MARKS = [
    Mark("a", (1.0, 0.0, 0.0), 0.9),  # on a/1
    Mark("b", (40.0, 0.0, 0.0), 0.8),  # on nothing
    Mark("a", (51.0, 0.0, 0.0), 0.7),  # on a/2
    Mark("a", (50.5, 0.0, 0.0), 0.65),  # on a/2 again
    Mark("b", (41.0, 0.0, 0.0), 0.6),  # on nothing
    Mark("b", (90.0, 0.0, 0.0), 0.95),  # on the excluded finding
]


def names(rows: tuple[dict[str, object], ...]) -> list[str]:
    return [f"{row['exam_id']}/{row['lesion_id']}" for row in rows]


def test_the_lists_are_those_of_the_operating_point() -> None:
    result = assess(LESIONS, MARKS, ["a", "b"], hit=WithinDistance(5), bootstraps=0)
    strict, loose = list_at(result, 0), list_at(result, 0.5)
    assert (strict.threshold, names(strict.hits), names(strict.missed)) == (0.9, ["a/1"], ["a/2", "b/1"])
    assert strict.false_positives == ()
    assert (loose.threshold, names(loose.hits)) == (0.7, ["a/1", "a/2"])
    assert [row["score"] for row in loose.false_positives] == [0.8]
    assert [row["score"] for row in strict.missed] == [0.7, None]
    assert [len(loose.of_kind(kind)) for kind in KINDS] == [2, 1, 1]
    assert loose.to_json()["false_positives_per_exam"] == 0.5


@pytest.mark.parametrize("policy", [Policy(), Policy(redundant="false-positive")], ids=["neither", "false"])
@pytest.mark.parametrize("rate", [0, 0.25, 0.5, 1, 4])
def test_lists_are_as_long_as_the_operating_point_says(policy: Policy, rate: float) -> None:
    result = assess(LESIONS, MARKS, ["a", "b"], hit=WithinDistance(5), bootstraps=0, policy=policy)
    found, point = list_at(result, rate), result.froc.operating_point(rate)
    assert len(found.hits) == point.true_positives
    assert len(found.false_positives) == point.false_positives
    assert len(found.hits) + len(found.missed) == result.counts.lesions


def test_where_no_mark_may_count_all_lesions_are_missed() -> None:
    result = assess(LESIONS, [Mark("a", (20.0, 0.0, 0.0), 1.0)], ["a", "b"], hit=WithinDistance(5), bootstraps=0)
    found = list_at(result, 0)
    assert (found.threshold, found.hits, found.false_positives, len(found.missed)) == (None, (), (), 3)
