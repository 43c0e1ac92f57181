"""Zips unpacked while they arrive: equal to zipfile's, and refused when anything is missing."""

from __future__ import annotations

import io
import itertools
import random
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquire.zips import Forward, streamed_zip
from hilum.acquire.unzip import Limits, unzip
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

contents = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=8),
    st.binary(max_size=3000) | st.integers(1, 10**6).map(bytes),
    max_size=5,
)


def _zip(files: Mapping[str, bytes], *, is_streamed: bool = True, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    if is_streamed:
        return streamed_zip(files.items(), method)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return target.getvalue()


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _read(data: bytes, size: int = 1000, limits: Limits | None = None) -> dict[str, bytes]:
    return {member.name: b"".join(member.chunks) for member in unzip(_cut(data, size), "here", limits)}


def _measure(data: bytes, limits: Limits, unpacked: list[int]) -> None:
    for member in unzip(_cut(data, 4096), "here", limits):
        unpacked.extend(len(piece) for piece in member.chunks)


@given(files=contents, size=st.integers(1, 5000), is_streamed=st.booleans())
def test_files_come_as_they_went(files: dict[str, bytes], size: int, is_streamed: bool) -> None:
    assert _read(_zip(files, is_streamed=is_streamed), size) == files


def test_stored_files_with_known_sizes() -> None:
    files = {"a": b"x" * 100, "b/c": b""}
    assert _read(_zip(files, is_streamed=False, method=zipfile.ZIP_STORED)) == files


def test_zip64_headers() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file, file.open("big", "w", force_zip64=True) as member:
        member.write(b"y" * 5000)
    assert _read(target.getvalue()) == {"big": b"y" * 5000}
    forward: Any = Forward()
    with zipfile.ZipFile(forward, "w", zipfile.ZIP_DEFLATED) as file, file.open("big", "w", force_zip64=True) as member:
        member.write(b"y" * 5000)
    assert _read(bytes(forward.written)) == {"big": b"y" * 5000}


def test_folders_are_passed_over() -> None:
    assert _read(_zip({"folder/": b"", "folder/a": b"1"})) == {"folder/a": b"1"}


def test_a_member_that_nobody_reads_is_passed_over() -> None:
    names = [member.name for member in unzip(_cut(_zip({"a": bytes(9999), "b": b"2"}), 100), "here")]
    assert names == ["a", "b"]


@given(data=st.data())
def test_a_cut_zip_is_never_whole(data: st.DataObject) -> None:
    whole = _zip({"a": bytes(range(256)) * 20, "b": b"b" * 999, "md5hashes.csv": b"x"})
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(SourceError) as caught:
        _read(cut)
    assert caught.value.may_pass
    assert caught.value.check in {"cut-zip", "bad-zip", "no-zip"}


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_changes_a_file(place: int, bit: int) -> None:
    files = {"a": bytes(range(256)) * 20, "b": b"b" * 999}
    whole = bytearray(_zip(files))
    whole[place % len(whole)] ^= 1 << bit
    try:
        found = _read(bytes(whole))
    except SourceError:
        return
    assert list(found.values()) == list(files.values())


def test_an_error_page_is_no_zip() -> None:
    with pytest.raises(SourceError, match=r"expected a zip, found b'<html>500") as caught:
        _read(b"<html>500 Internal Server Error</html>")
    assert caught.value.check == "no-zip"
    assert caught.value.may_pass


def test_a_page_in_the_middle_of_a_zip() -> None:
    whole = _zip({"a": bytes(5000), "b": bytes(5000)})
    with pytest.raises(SourceError, match="the zip"):
        _read(whole[: len(whole) // 3] + b"<html>500 Internal Server Error</html>")


def test_a_directory_of_other_files() -> None:
    one, two = _zip({"a": b"1"}), _zip({"a": b"1", "b": b"2"})
    with pytest.raises(SourceError, match="lists 2 files at its end, 1 others came"):
        _read(one[: one.index(b"PK\x01\x02")] + two[two.index(b"PK\x01\x02") :])


def test_an_empty_zip_has_no_files() -> None:
    assert _read(_zip({})) == {}


@pytest.mark.parametrize(
    "limits", [Limits(size_bytes=10**6), Limits(ratio=100, ratio_from_bytes=10**6), Limits(members=0)]
)
def test_bombs_are_refused_before_they_go_off(limits: Limits) -> None:
    unpacked: list[int] = []
    with pytest.raises(SourceError, match="taken for a bomb") as caught:
        _measure(_zip({"bomb": bytes(50_000_000)}), limits, unpacked)
    assert sum(unpacked) < 2_000_000
    assert not caught.value.may_pass


def test_encrypted_zips_are_refused() -> None:
    whole = bytearray(_zip({"a": b"1"}))
    whole[6] |= 1
    with pytest.raises(SourceError, match="is encrypted"):
        _read(bytes(whole))


def test_methods_that_cannot_be_streamed_are_refused() -> None:
    with pytest.raises(SourceError, match="packed by method 0"):
        _read(_zip({"a": b"1"}, method=zipfile.ZIP_STORED))
    with pytest.raises(SourceError, match="packed by method 12"):
        _read(_zip({"a": b"1"}, method=zipfile.ZIP_BZIP2))


def test_a_directory_without_end_is_not_read() -> None:
    whole = _zip({"a": b"1"})
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    arriving = itertools.chain([whole[:start]], itertools.repeat(whole[start:end]))
    with pytest.raises(SourceError, match="lists 2 files at its end"):
        list(unzip(arriving, "here"))


def test_deflated_nothing_without_end_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.acquire.unzip.SPARE_BYTES", 1 << 20)
    whole = _zip({"a": b"1"})
    empty_blocks = b"\x00\x00\x00\xff\xff" * 10_000
    arriving = itertools.chain([whole[:31]], itertools.repeat(empty_blocks))
    with pytest.raises(SourceError, match="taken for a bomb"):
        list(unzip(arriving, "here", Limits(size_bytes=1000)))


def test_a_zip_cut_anywhere_is_never_whole() -> None:
    files = {f"{number}.dcm": random.Random(number).randbytes(9000) + bytes(9000) for number in range(12)}
    for whole in (
        _zip(files),
        _zip(files, is_streamed=False),
        _zip(files, is_streamed=False, method=zipfile.ZIP_STORED),
    ):
        for length in [*range(0, len(whole), 1000), *range(len(whole) - 30, len(whole))]:
            with pytest.raises(SourceError):
                _read(whole[:length], 4096)
        assert _read(whole, 4096) == files


def test_what_zips_hide_comes_as_files_and_nothing_else() -> None:
    """Links, zips in zips, and a comment: content is content."""
    target = io.BytesIO()
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("inner.zip", _zip({"a": b"1"}))
        file.comment = b"PK\x05\x06" * 100
    assert _read(target.getvalue()) == {"link.dcm": b"/etc/passwd", "inner.zip": _zip({"a": b"1"})}
