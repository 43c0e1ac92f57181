"""What answers of web servers mean, and where a client lets itself be sent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquire.scripted import answer, endless, saying
from hilum.acquire.answers import errors_of, open_client, require_good, rows_of, shown, wait_s
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

TOKEN = {"Authorization": "Bearer secret"}


def moved(place: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {place}", status=status)


def asked(client: httpx.Client, url: str) -> httpx.Response:
    with errors_of(shown(url)):
        response = client.get(url)
    require_good(response, shown(url))
    return response


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_token_is_not_taken_to_another_server(status: str) -> None:
    with saying(lambda request: answer(b"here")) as other, open_client(headers=TOKEN) as client:
        with saying(lambda request: moved(f"{other.url}/there", status)) as server:
            assert asked(client, f"{server.url}/file").content == b"here"
        assert [request.headers.get("authorization") for request in server.requests] == ["Bearer secret"]
        assert ["authorization" in request.headers for request in other.requests] == [False]


def test_a_password_of_an_address_is_not_taken_to_another_server() -> None:
    with saying(lambda request: answer(b"here")) as other, open_client() as client:
        with saying(lambda request: moved(other.url)) as server:
            assert asked(client, server.url.replace("//", "//me:secret@")).content == b"here"
        assert ["authorization" in request.headers for request in other.requests] == [False]


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "ftp://example.org/a", "s3://bucket/a", "gopher://example.org/"]
)
def test_what_is_no_web_server_is_not_gone_to(place: str) -> None:
    with (
        saying(lambda request: moved(place)) as server,
        open_client() as client,
        pytest.raises(SourceError, match="no web server") as error,
    ):
        asked(client, server.url)
    assert not error.value.may_pass


@pytest.mark.parametrize("place", ["http://", "http://[", "//", "http://a b/", "http://\u00e9\u00e9:x/"])
def test_a_place_that_is_none_is_told(place: str) -> None:
    with saying(lambda request: moved(place)) as server, open_client() as client, pytest.raises(SourceError):
        asked(client, server.url)


@pytest.mark.parametrize("status", ["300 Multiple Choices", "302 Found", "304 Not Modified"])
def test_an_answer_that_sends_on_to_nowhere_is_told(status: str) -> None:
    with (
        saying(lambda request: answer(status=status)) as server,
        open_client() as client,
        pytest.raises(SourceError, match=status) as error,
    ):
        asked(client, server.url)
    assert not error.value.may_pass


def test_a_ring_of_redirects_ends() -> None:
    with (
        saying(lambda request: moved("/again")) as server,
        open_client() as client,
        pytest.raises(SourceError, match="redirects") as error,
    ):
        asked(client, server.url)
    assert not error.value.may_pass
    assert len(server.requests) < 30


@pytest.mark.parametrize("url", ["ftp://example.org/", "s3://bucket/", "example.org", "file:///etc/passwd"])
def test_an_address_that_no_client_knows_is_refused_at_once(url: str) -> None:
    with open_client() as client, pytest.raises(SourceError) as error:
        asked(client, url)
    assert not error.value.may_pass


@pytest.mark.parametrize(
    ("body", "may_be_empty", "expected"),
    [
        (b"[]", False, []),
        (b'[{"a": 1}]', False, [{"a": 1}]),
        (b" ", True, []),
        (b" ", False, None),
        (b"{}", True, None),
    ],
)
def test_rows_are_a_list_of_objects(body: bytes, may_be_empty: bool, expected: list[object] | None) -> None:
    with saying(lambda request: answer(body)) as server, open_client() as client:
        response = asked(client, server.url)
        if expected is not None:
            assert rows_of(response, "here", may_be_empty=may_be_empty) == expected
            return
        with pytest.raises(SourceError, match="here: expected a list as JSON") as error:
            rows_of(response, "here", may_be_empty=may_be_empty, may_pass=True)
    assert (error.value.check, error.value.may_pass) == ("bad-answer", True)


@pytest.mark.parametrize(("least_bytes", "is_given_up"), [(1 << 16, True), (1, False)])
def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, least_bytes: int, is_given_up: bool) -> None:
    monkeypatch.setattr("hilum.acquire.trickle.PATIENCE_S", 0.05)
    monkeypatch.setattr("hilum.acquire.trickle.LEAST_BYTES", least_bytes)

    def drip() -> Iterator[bytes]:
        yield answer(b"", length=20)
        for _ in range(20):
            time.sleep(0.02)
            yield b"x"

    with saying(lambda request: drip()) as server, open_client() as client:
        if not is_given_up:
            assert asked(client, server.url).content == b"x" * 20
            return
        with pytest.raises(SourceError, match="bytes came in") as error:
            asked(client, server.url)
    assert (error.value.check, error.value.may_pass) == ("cut-connection", True)


def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.acquire.answers.LONGEST_ROWS_BYTES", 1000)
    with (
        saying(lambda request: endless(b"[" + b" " * 10**6)) as server,
        open_client() as client,
        client.stream("GET", server.url) as response,
        pytest.raises(SourceError, match="at most 1,000 bytes"),
    ):
        rows_of(response, "here")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", 0), ("7", 7), ("-7", 0), ("1e3", 0), ("soon", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("9" * 500, float("inf")),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0), ("Sun, 06 Nov 2094 08:49:37 -9999999999", 0),
    ],
)  # fmt: skip
def test_a_wait_that_is_asked_for(header: str, expected: float) -> None:
    assert wait_s(header) == expected


def test_a_wait_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert 290 < wait_s(format_datetime(later, usegmt=True)) <= 300


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\w{3}, \d+ Nov \d+ [\d:]+ [-+]?\w+", fullmatch=True))
def test_no_header_breaks_the_waiting(header: str) -> None:
    assert wait_s(header) >= 0
