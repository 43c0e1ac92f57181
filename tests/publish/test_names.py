"""Names of files in a release: on every file system, never two the same, none too long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import ArchiveError
from hilum.publish.names import MOST_LETTERS, require_names_apart, safe_name
from publish.releasing import release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive


@given(st.text(min_size=1))
def test_every_text_gives_a_name_that_every_file_system_takes(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9._= -]+", name)
    assert name[0] not in ". "
    assert name[-1] not in ". "


@given(st.text(), st.text())
def test_two_texts_never_give_one_name(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_usual_names_stay_as_they_are() -> None:
    assert safe_name("MED_LYMPH_001") == "MED_LYMPH_001"
    assert safe_name("50%=") == "50=25=3D"
    assert safe_name("1.2.840.10008") == "1.2.840.10008"
    assert safe_name("../a/b") == "=2E.=2Fa=2Fb"


def test_long_names_and_names_that_are_no_text_stay_apart() -> None:
    long = "\u30d5" * 64
    names = {safe_name(text) for text in (long, long + "x", "a" * 300, "a" * 299, "\udcff", "\udcfe", "ÿ")}
    assert len(names) == 7
    assert max(map(len, names)) <= MOST_LETTERS
    assert safe_name("a" * MOST_LETTERS) == "a" * MOST_LETTERS


def test_names_that_differ_only_in_case_are_told(archive: Archive, beside: Path) -> None:
    require_names_apart(release(archive, "1", beside=(beside,)))
    (beside / "readme.TXT").write_text("another")
    with pytest.raises(ArchiveError, match=r"trial/ANNOTATIONS/README\.txt and trial/ANNOTATIONS/readme\.TXT"):
        require_names_apart(release(archive, "2", beside=(beside,)))
