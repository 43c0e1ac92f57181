from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.multipart import LONGEST_HEAD_BYTES, MultipartReader, boundary_of
from hilum.errors import SourceError

BOUNDARY = b"=-b"


def written(parts: list[bytes], preamble: bytes = b"") -> bytes:
    body = b"".join(b"\r\n--" + BOUNDARY + b"\r\nContent-Type: x\r\n\r\n" + part for part in parts)
    return preamble + (body if preamble else body[2:]) + b"\r\n--" + BOUNDARY + b"--\r\n"


def read(body: bytes, step: int) -> list[bytes]:
    pieces = (body[place : place + step] for place in range(0, len(body), step))
    return [b"".join(part) for part in MultipartReader(pieces, BOUNDARY, "server").parts()]


@given(
    st.lists(st.lists(st.sampled_from([b"\r\n", b"--", b"=-", b"\r", b"abc", b"\x00"])).map(b"".join), max_size=4),
    st.integers(1, 50),
    st.sampled_from([b"", b"preamble"]),
)
def test_parts_come_as_they_were_written_however_the_bytes_are_cut(
    parts: list[bytes], step: int, preamble: bytes
) -> None:
    if not parts and not preamble:
        return  # no part at all has no first boundary to begin with
    assert read(written(parts, preamble), step) == parts


@given(
    st.lists(st.sampled_from([b"--", b"=-b", b"\r\n", b"\r\n--=-b", b"\r\n\r\n", b"x"]), max_size=12).map(b"".join),
    st.integers(1, 9),
)
def test_what_comes_does_not_depend_on_how_the_bytes_are_cut(body: bytes, step: int) -> None:
    try:
        whole = read(body, len(body) + 1)
    except SourceError:
        with pytest.raises(SourceError):
            read(body, step)
    else:
        assert read(body, step) == whole


@given(st.integers(0, 60))
def test_an_answer_that_ends_early_is_never_taken_for_whole(length: int) -> None:
    body = written([b"one", b"two"])
    cut = body[: min(length, len(body) - len(b"--\r\n") - 1)]
    with pytest.raises(SourceError) as error:
        read(cut, 7)
    assert (error.value.check, error.value.may_pass) == ("cut-connection", True)


def test_a_head_without_end_is_refused() -> None:
    body = b"--" + BOUNDARY + b"x" * (LONGEST_HEAD_BYTES + 10)
    with pytest.raises(SourceError, match="no end"):
        read(body, 5000)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ('multipart/related; type="application/dicom"; boundary="a-b"', b"a-b"),
        ("Multipart/Related;boundary=a-b;x=y", b"a-b"),
        ("application/dicom", None),
        ("multipart/related", None),
        ('multipart/related; boundary=""', None),
        ('multipart/related; type="application/dicom; boundary=no"; boundary="a;b"', b"a;b"),
        ('multipart/related; xboundary=no; BOUNDARY="a b" ; x=y', b"a b"),
        (r'multipart/related; boundary="a\"b"', b'a"b'),
    ],
)
def test_the_boundary_is_found(content_type: str, expected: bytes | None) -> None:
    assert boundary_of(content_type) == expected
