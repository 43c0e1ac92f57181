from __future__ import annotations

import os
from contextlib import suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.names import LONGEST_NAME_BYTES, Names, require_safe
from hilum.errors import SourceError

NAMES = st.lists(st.sampled_from(["..", ".", "", "a", "b c", ".x", "é", "\\", "\n", "C:", "x.unfinished"])).map(
    "/".join
)


@pytest.mark.parametrize("name", ["000000.dcm", "a/b/1-001.dcm", "uid 1,2 (3).dcm", "é.dcm"])
def test_a_usual_name_is_given_as_it_came(name: str) -> None:
    assert require_safe(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", ".hilum-ledger.sqlite", "a\\..\\x", "a\nb", "a\x00b"),
        *("x.dcm.unfinished", "n" * (LONGEST_NAME_BYTES + 1), "a/", "\ud800.dcm"),
    ],
)
def test_a_name_that_could_do_harm_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="nothing is written under it") as error:
        require_safe(name)
    assert (error.value.check, error.value.may_pass) == ("bad-name", False)


@given(NAMES | st.text())
def test_no_name_that_passes_leads_out_of_its_folder(name: str) -> None:
    try:
        require_safe(name)
    except SourceError:
        return
    path = PurePosixPath(os.path.normpath(f"/folder/{name}"))
    assert path.is_relative_to("/folder")
    assert path != PurePosixPath("/folder")


@given(st.lists(NAMES, max_size=6))
def test_names_of_a_stream_never_get_into_each_other(names: list[str]) -> None:
    taken, kept = Names(), []
    for name in names:
        with suppress(SourceError):
            kept.append(taken.take(name))
    assert len(set(kept)) == len(kept)
    assert not any(one.startswith(f"{other}/") for one in kept for other in kept)


@pytest.mark.parametrize(
    ("first", "second", "check"),
    [("a", "a", "name-twice"), ("a", "a/b", "name-taken"), ("a/b/c", "a/b", "name-taken"), ("a", "..", "bad-name")],
)
def test_a_name_that_another_has_is_refused(first: str, second: str, check: str) -> None:
    taken = Names()
    taken.take(first)
    with pytest.raises(SourceError) as error:
        taken.take(second)
    assert error.value.check == check
