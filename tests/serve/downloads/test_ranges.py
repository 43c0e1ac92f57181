"""Which part of an answer is asked for."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hilum.serve.downloads.ranges import Part, UnsatisfiableError, part_of

TAG = '"state"'


def asked(value: str, length: int = 100, **headers: str) -> Part | None:
    fields = {"Range": value} | {name.replace("_", "-"): text for name, text in headers.items()}
    return part_of(RequestFactory().get("/", headers=fields), length, TAG)


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=10-", 10, 100),
        ("bytes=10-5000", 10, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-1000", 0, 100),
        ("bytes= 5 - 6", 5, 7),
    ],
)
def test_a_part_is_told(value: str, start: int, stop: int) -> None:
    found = asked(value)

    assert found == Part(start, stop, 100)
    assert found is not None
    assert found.content_range == f"bytes {start}-{stop - 1}/100"


@pytest.mark.parametrize("value", ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"])
def test_what_is_no_single_range_gives_the_whole(value: str) -> None:
    assert asked(value) is None


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_part_behind_the_end_cannot_be_had(value: str) -> None:
    with pytest.raises(UnsatisfiableError):
        asked(value)


def test_a_part_of_another_state_gives_the_whole() -> None:
    assert asked("bytes=5-", If_Range=TAG) == Part(5, 100, 100)
    assert asked("bytes=5-", If_Range='"another"') is None
    assert asked("bytes=5-", If_Range=f"W/{TAG}") is None
    assert asked("bytes=5-", If_Range="Sun, 22 Nov 2026 03:14:00 GMT") is None


@given(st.text(max_size=40), st.integers(0, 1000))
def test_any_header_gives_a_part_within_or_none(value: str, length: int) -> None:
    try:
        found = asked(value.replace("\r", "").replace("\n", ""), length)
    except UnsatisfiableError:
        return
    assert found is None or 0 <= found.start < found.stop <= length
