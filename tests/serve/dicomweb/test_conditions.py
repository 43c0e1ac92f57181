"""What is asked for on a condition: a part, or nothing that is known already."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hilum.serve.dicomweb.conditions import Part, not_modified, part_of
from hilum.serve.dicomweb.problem import ProblemError

TAG = '"state"'


def asked(value: str, length: int = 100, tag: str = TAG, **headers: str) -> Part | None:
    fields = {"Range": value} | {name.replace("_", "-"): text for name, text in headers.items()}
    return part_of(RequestFactory().get("/", headers=fields), length, tag)


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
        ("Bytes=5-6", 5, 7),
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
    with pytest.raises(ProblemError) as refused:
        asked(value)
    assert (refused.value.status, refused.value.headers) == (416, {"Content-Range": "bytes */100"})


def test_a_part_of_another_state_gives_the_whole() -> None:
    assert asked("bytes=5-", If_Range=TAG) == Part(5, 100, 100)
    assert asked("bytes=5-", If_Range='"another"') is None
    assert asked("bytes=5-", If_Range=f"W/{TAG}") is None
    assert asked("bytes=5-", If_Range="Sun, 22 Nov 2026 03:14:00 GMT") is None


def test_of_what_has_no_tag_nobody_knows_the_state() -> None:
    assert asked("bytes=5-", tag="") == Part(5, 100, 100)
    for state in (TAG, "", "Sun, 22 Nov 2026 03:14:00 GMT"):
        assert asked("bytes=5-", tag="", If_Range=state) is None


def test_only_get_has_parts() -> None:
    assert part_of(RequestFactory().head("/", headers={"Range": "bytes=500-"}), 100, TAG) is None


@pytest.mark.parametrize(("known", "is_known"), [(TAG, True), (f'"a", W/{TAG}', True), ("*", True), ('"a"', False)])
def test_who_has_it_gets_nothing(known: str, is_known: bool) -> None:
    answer = not_modified(RequestFactory().get("/", headers={"If-None-Match": known}), TAG)

    assert (answer is not None) == is_known
    if answer is not None:
        assert (answer.status_code, answer["ETag"]) == (304, TAG)


@given(st.text(max_size=40), st.integers(0, 1000))
def test_any_header_gives_a_part_within_or_none(value: str, length: int) -> None:
    try:
        found = asked(value.replace("\r", "").replace("\n", ""), length)
    except ProblemError:
        return
    assert found is None or 0 <= found.start < found.stop <= length
