from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.phantom.plan import plan_collection


def test_twins_are_those_of_the_real_collection() -> None:
    exams = plan_collection(24, seed=1)
    twins = [tuple(p.participant_id for p in exam.participants) for exam in exams if len(exam.participants) == 2]
    assert twins == [
        ("MED_LYMPH_002", "ABD_LYMPH_001"),
        ("MED_LYMPH_004", "ABD_LYMPH_003"),
        ("MED_LYMPH_006", "ABD_LYMPH_005"),
    ]
    assert sum(len(exam.participants) for exam in exams) == 24


@given(st.integers(2, 998))
def test_every_participant_is_there_once(count: int) -> None:
    exams = plan_collection(count, seed=0)
    names = [participant.participant_id for exam in exams for participant in exam.participants]
    assert len(names) == len(set(names)) == count
    assert len({exam.scan.number for exam in exams}) == len(exams)
    assert all(exam.scan.regions == tuple(p.region for p in exam.participants) for exam in exams)


def test_some_scans_have_no_large_node() -> None:
    exams = plan_collection(24, seed=1)
    assert 2 <= sum(not exam.scan.has_large_nodes for exam in exams) <= 6


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (999, 0), (4, -1)])
def test_what_cannot_be_planned_is_refused(count: int, seed: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        plan_collection(count, seed)
