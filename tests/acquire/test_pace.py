from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.pace import CREDIT_S, Budget, Pace, Patience, Stopped
from hilum.errors import SourceError


@given(st.integers(1, 60))
def test_waits_grow_to_a_bound(failures: int) -> None:
    patience = Patience(first_wait_s=0.5, longest_wait_s=60)
    assert 0 <= patience.wait_s(failures) <= min(60.0, 0.5 * 2.0 ** (failures - 1))


def test_without_a_limit_nothing_waits_and_a_stop_ends_all() -> None:
    pace = Pace()
    pace.spend(10**12)
    pace.stop()
    for wait in (pace.enter, lambda: pace.spend(1), lambda: pace.back_off(1, 0)):
        with pytest.raises(Stopped):
            wait()


def test_bytes_are_held_to_the_limit() -> None:
    pace = Pace(bytes_per_s=1_000_000)
    start = time.monotonic()
    for _ in range(10):
        pace.spend(10_000)
    assert time.monotonic() - start >= 0.1


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 2)), min_size=1, max_size=30))
def test_the_limit_is_kept_over_any_time_and_short_pauses_are_made_up_for(pieces: list[tuple[int, float]]) -> None:
    rate, budget, now_s, came_bytes = 10**6, Budget(10**6), 0.0, 0
    history = [(0.0, 0)]
    for count_bytes, pause_s in pieces:
        came_bytes += count_bytes
        now_s += max(0.0, budget.wait_s(count_bytes, now_s))
        assert all(came_bytes - before <= rate * (now_s - at_s + CREDIT_S) + 1 for at_s, before in history)
        history.append((now_s, came_bytes))
        now_s += pause_s
    if all(pause_s <= min(CREDIT_S, count_bytes / rate) for count_bytes, pause_s in pieces):
        assert history[-1][0] <= came_bytes / rate + 0.001


def test_a_pause_that_a_source_asks_for_holds_every_connection() -> None:
    pace = Pace(patience=Patience(first_wait_s=0, longest_wait_s=0.2))
    pace.back_off(1, asked_wait_s=1000)
    start = time.monotonic()
    pace.enter()
    assert time.monotonic() - start >= 0.1, "the pause is bounded by the longest wait, and kept"


@pytest.mark.parametrize(
    ("failures", "may_pass", "requests"), [(2, True, 3), (3, True, 3), (1, False, 1), (0, True, 1)]
)
def test_a_request_is_made_again_while_its_failure_may_pass(failures: int, may_pass: bool, requests: int) -> None:
    pace = Pace(patience=Patience(attempts=3, first_wait_s=0, longest_wait_s=0))
    made = []

    def request() -> str:
        made.append(1)
        if len(made) <= failures:
            raise SourceError("not now", check="status-503", may_pass=may_pass)
        return "given"

    if failures < requests:
        assert pace.persist(request) == "given"
    else:
        with pytest.raises(SourceError, match="not now"):
            pace.persist(request)
    assert len(made) == requests


def test_a_stop_ends_a_wait_that_has_begun() -> None:
    pace = Pace(bytes_per_s=1)
    timer = threading.Timer(0.05, pace.stop)
    timer.start()
    with pytest.raises(Stopped):
        pace.spend(10_000)
    timer.join()
