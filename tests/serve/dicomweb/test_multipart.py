"""Parts are read the same however the stream is cut, and never beyond what was sent."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.serve.dicomweb import multipart
from hilum.serve.dicomweb.multipart import Reader, Writer
from hilum.serve.dicomweb.problem import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable


def dribbling(message: bytes, size: int) -> Callable[[int], bytes]:
    stream = BytesIO(message)
    return lambda count: stream.read(min(size, count))


def parts_of(message: bytes, boundary: str, size: int = 1 << 20) -> list[tuple[str, bytes]]:
    reader = Reader(dribbling(message, size), boundary)
    return [(part.headers.get("content-type", ""), b"".join(part.pieces())) for part in reader.parts()]


@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5), size=st.integers(1, 40))
def test_what_is_written_is_read_in_any_pieces(bodies: list[bytes], size: int) -> None:
    writer = Writer("application/dicom")
    message = b"".join(writer.head("application/dicom", "/a", len(body)) + body + b"\r\n" for body in bodies)
    found = parts_of(message + writer.end(), writer.boundary, size)
    assert found == [("application/dicom", body) for body in bodies]


@given(body=st.text(alphabet="\r\n-b", max_size=60), size=st.integers(1, 9))
def test_bodies_like_a_boundary_are_told_from_it(body: str, size: int) -> None:
    data = body.encode()
    if b"\r\n--bound" in b"\r\n" + data:
        return
    message = b"--bound\r\nContent-Type: a/b\r\n\r\n" + data + b"\r\n--bound--\r\n"
    assert parts_of(message, "bound", size) == [("a/b", data)]


def test_a_preamble_and_parts_that_are_not_read_are_passed_over() -> None:
    message = b"hello\r\n--b\r\nA: 1\r\n\r\none\r\n--b\r\nA: 2\r\n\r\ntwo\r\n--b--"
    reader = Reader(BytesIO(message).read, "b")
    assert [part.headers["a"] for part in reader.parts()] == ["1", "2"]


@pytest.mark.parametrize(
    "message",
    [b"", b"--b", b"--b\r\nA: 1\r\n\r\nno end", b"--b\r\nno header", b"--b--", b"--bA: 1\r\n\r\nx\r\n--b--"],
)
def test_messages_that_are_cut_off_are_refused(message: bytes) -> None:
    if message == b"--b--":
        assert parts_of(message, "b") == []
        return
    with pytest.raises(ProblemError):
        parts_of(message, "b")


def test_a_header_without_end_is_not_kept_in_memory() -> None:
    asked = []

    def endless(count: int) -> bytes:
        asked.append(count)
        return b"--b\r\n" if len(asked) == 1 else b"x" * 4096

    with pytest.raises(ProblemError):
        list(Reader(endless, "b").parts())
    assert len(asked) < multipart.MAX_HEADER_BYTES // 4096 + 4


@pytest.mark.parametrize("boundary", ["", "x" * 201, "a\r\nb", "ü"])
def test_boundaries_that_are_none_are_refused(boundary: str) -> None:
    with pytest.raises(ProblemError):
        Reader(BytesIO(b"").read, boundary)
