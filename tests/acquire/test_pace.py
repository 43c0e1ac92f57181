from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.pace import Pace, Patience, Stopped
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
