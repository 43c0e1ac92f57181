"""Connections against a server that sends, byte for byte, what a test has written down."""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from acquire.scripted import saying
from hilum.acquire.connections import BUFFER_BYTES, Connections
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acquire.scripted import Request


@dataclass
class Script:
    """What is sent on each connection, an answer a request, before it is closed; and what was asked."""

    url: str
    answers: Sequence[Sequence[bytes]]
    requests: list[tuple[int, list[str]]] = field(default_factory=list)

    def play(self, listener: socket.socket) -> None:
        for number, answers in enumerate(self.answers):
            with listener.accept()[0] as connection, connection.makefile("rb") as asked:
                for answer in answers:
                    if not (lines := list(iter(asked.readline, b"\r\n")))[-1]:
                        break
                    self.requests.append((number, [line.decode().rstrip() for line in lines]))
                    with suppress(ConnectionError):  # of whoever has read enough
                        connection.sendall(answer)


@contextmanager
def playing(*answers: Sequence[bytes]) -> Iterator[Script]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        script = Script(f"http://127.0.0.1:{listener.getsockname()[1]}", answers)
        thread = threading.Thread(target=script.play, args=(listener,))
        thread.start()
        try:
            yield script
        finally:
            thread.join(timeout=10)
            assert not thread.is_alive(), "a connection that was written down was never made"


def sent(body: bytes, *lines: str, length: int | None = None) -> bytes:
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def got(connections: Connections, url: str) -> bytes:
    with connections.get(url, {}, url) as answer:
        return b"".join(bytes(chunk) for chunk in answer.chunks)


def check_of(connections: Connections, url: str) -> str:
    with pytest.raises(SourceError) as error:
        got(connections, url)
    return error.value.check


def test_requests_follow_each_other_on_one_connection() -> None:
    connections = Connections()
    with playing([sent(b"one"), sent(b""), sent(b"three")]) as script:
        assert [got(connections, f"{script.url}/{name}?q=1") for name in "abc"] == [b"one", b"", b"three"]
        assert [(number, lines[0]) for number, lines in script.requests] == [
            (0, f"GET /{name}?q=1 HTTP/1.1") for name in "abc"
        ]


def test_headers_are_sent_and_given_by_their_names() -> None:
    connections = Connections()
    with playing([sent(b"x", 'ETag:  "a" ', "X-Odd: b:c")]) as script:
        with connections.get(f"{script.url}/a", {"Range": "bytes=5-"}, "a") as answer:
            assert (answer.status, answer.reason) == (200, "OK")
            assert (answer.headers["etag"].strip(), answer.headers["x-odd"]) == ('"a"', "b:c")
        lines = script.requests[0][1]
    assert {"Range: bytes=5-", "Accept-Encoding: identity", f"Host: {script.url[7:]}"} <= set(lines)


@pytest.mark.parametrize("size", [BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES + 5])
def test_a_long_body_comes_in_full_buffers(size: int) -> None:
    body = random.Random(size).randbytes(size)
    connections = Connections()
    with playing([sent(body), sent(b"next")]) as script:
        with connections.get(f"{script.url}/a", {}, "a") as answer:
            pieces = [bytes(chunk) for chunk in answer.chunks]
        assert got(connections, f"{script.url}/b") == b"next"
    assert b"".join(pieces) == body
    assert {len(piece) for piece in pieces[:-1]} <= {BUFFER_BYTES}


def test_what_came_before_a_connection_broke_is_given() -> None:
    connections = Connections()
    with playing([sent(b"half", length=8)], [sent(b"whole")]) as script:
        with connections.get(f"{script.url}/a", {}, "s3://b/a") as answer:
            came = bytes(next(answer.chunks))
            with pytest.raises(SourceError) as error:
                next(answer.chunks)
        assert got(connections, f"{script.url}/a") == b"whole"
    assert (came, error.value.check, error.value.may_pass) == (b"half", "cut-connection", True)
    assert str(error.value).startswith("s3://b/a: ")


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    connections = Connections()
    with playing([sent(b"one")], [sent(b"two")]) as script:
        assert got(connections, f"{script.url}/a") == b"one"
        assert got(connections, f"{script.url}/b") == b"two"


def test_a_server_that_hangs_up_is_asked_once() -> None:
    connections = Connections()
    with playing([b""]) as script:
        assert check_of(connections, f"{script.url}/a") == "cut-connection"
    assert len(script.requests) == 1
    assert check_of(connections, f"{script.url}/a") == "cut-connection", "nobody listens there any more"


@pytest.mark.parametrize(
    "first",
    [
        sent(b"one", "Connection: close"),
        sent(b"one").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["close", "1.0"],
)
def test_a_connection_on_which_nothing_can_follow_is_not_kept(first: bytes) -> None:
    connections = Connections()
    with playing([first], [sent(b"two")]) as script:
        assert [got(connections, f"{script.url}/{name}") for name in "ab"] == [b"one", b"two"]
    assert [number for number, _ in script.requests] == [0, 1]


def test_an_answer_that_is_not_read_to_its_end_gives_up_its_connection() -> None:
    connections = Connections()
    with playing([sent(b"error")], [sent(b"two")]) as script:
        with connections.get(f"{script.url}/a", {}, "a") as answer:
            assert answer.status == 200
        assert got(connections, f"{script.url}/b") == b"two"


def test_what_only_says_to_go_on_is_passed_over() -> None:
    connections = Connections()
    with playing([b"HTTP/1.1 100 Continue\r\n\r\n" + sent(b"one")]) as script:
        assert got(connections, f"{script.url}/a") == b"one"


def test_an_answer_without_length_is_read_by_its_chunks_and_its_cut_is_told() -> None:
    connections = Connections()
    chunked = b"HTTP/1.1 503 Slow Down\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n2\r\nab\r\n"
    with playing([chunked + b"0\r\n\r\n", sent(b"two")], [chunked]) as script:
        with connections.get(f"{script.url}/a", {}, "a") as answer:
            assert (answer.status, answer.reason, answer.headers["retry-after"]) == (503, "Slow Down", "3")
            assert b"".join(map(bytes, answer.chunks)) == b"ab"
        assert got(connections, f"{script.url}/b") == b"two"
        assert check_of(connections, f"{script.url}/c") == "cut-connection"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000])
def test_what_is_no_answer_is_told(answer: bytes) -> None:
    connections = Connections()
    with playing([answer]) as script:
        assert check_of(connections, f"{script.url}/a") == "bad-answer"


def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.acquire.trickle.PATIENCE_S", 0.05)

    def drip(request: Request) -> Iterator[bytes]:
        yield sent(b"", length=20)
        for _ in range(20):
            time.sleep(0.02)
            yield b"x"

    with saying(drip) as server, pytest.raises(SourceError, match="bytes came in") as error:
        got(Connections(), f"{server.url}/a")
    assert (error.value.check, error.value.may_pass) == ("cut-connection", True)


def test_a_failure_of_whoever_reads_is_not_taken_for_one_of_the_connection() -> None:
    connections = Connections()
    with (
        playing([sent(b"one")]) as script,
        pytest.raises(OSError, match="disk full"),
        connections.get(f"{script.url}/a", {}, "a"),
    ):
        raise OSError("disk full")


def test_a_proxy_of_the_environment_is_asked_for_the_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing([sent(b"one"), sent(b"two")]) as script:
        monkeypatch.setenv("http_proxy", script.url.replace("://", "://me:my%20word@"))
        monkeypatch.setenv("no_proxy", "")
        connections = Connections()
        assert got(connections, "http://s3.example/b/a") == b"one"
        assert got(connections, "http://s3.example/b/c") == b"two"
    lines = script.requests[0][1]
    assert lines[0] == "GET http://s3.example/b/a HTTP/1.1"
    assert {"Host: s3.example", "Proxy-Authorization: Basic bWU6bXkgd29yZA=="} <= set(lines)


def test_hosts_that_need_no_proxy_are_asked_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    connections = Connections()
    with playing([sent(b"one")]) as script:
        assert got(connections, f"{script.url}/a") == b"one"


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConfigError, match=r"socks5://127\.0\.0\.1.*http://"):
        got(Connections(), "http://s3.example/b/a")
