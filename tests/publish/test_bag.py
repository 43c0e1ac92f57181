"""Texts of a bag: what is written is read, and a line that is none of a manifest is named."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import FormatError
from hilum.publish.bag import information_text, manifest_line, read_information, read_manifest

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
PATHS = st.lists(NAMES.filter(lambda name: name not in {".", ".."} and name.strip() == name), min_size=1, max_size=3)


@given(parts=PATHS)
def test_any_path_comes_back_from_a_manifest(parts: list[str]) -> None:
    path = "/".join(["data", *parts])
    with TemporaryDirectory() as folder:
        Path(folder, "manifest-sha256.txt").write_text(manifest_line("ab" * 32, path), encoding="utf-8", newline="")
        assert list(read_manifest(Path(folder), "manifest-sha256.txt")) == [(path, "ab" * 32)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("abc  data/a\n", r"manifest-sha256\.txt:1: found 'abc  data/a.*expected 64 digits"),
        (f"{'ab' * 32}\n", "expected 64 digits and a path"),
        (f"{'ab' * 32}  ../escape\n", "leaves the bag"),
        (f"{'ab' * 32}  /etc/passwd\n", "leaves the bag"),
        (f"{'ab' * 32}  data/a%0A/../../b\n", "leaves the bag"),
    ],
)
def test_a_line_that_is_none_of_a_manifest_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "manifest-sha256.txt").write_text(line)
    with pytest.raises(FormatError, match=reason):
        list(read_manifest(tmp_path, "manifest-sha256.txt"))


def test_information_leaves_empty_values_out_and_keeps_values_on_one_line(tmp_path: Path) -> None:
    text = information_text([("Bag-Count", "1 of 2"), ("Hilum-Request", ""), ("Note", "two\nlines: here")])
    assert text == "Bag-Count: 1 of 2\nNote: two lines: here\n"
    (tmp_path / "bag-info.txt").write_text(text)
    assert read_information(tmp_path) == {"Bag-Count": "1 of 2", "Note": "two lines: here"}


def test_a_folded_line_of_information_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bag-info.txt").write_text("Note: one\n  and two\n")
    assert read_information(tmp_path) == {"Note": "one and two"}


@pytest.mark.parametrize(("text", "reason"), [(None, "cannot be read"), ("no name here\n", "expected NAME: VALUE")])
def test_information_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "bag-info.txt").write_text(text)
    with pytest.raises(FormatError, match=reason):
        read_information(tmp_path)
