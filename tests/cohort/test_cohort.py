"""A cohort in the archive: written once, read whole, damage told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hilum.catalog import Archive
from hilum.cohort import Cohort, Criteria, Entry, FlowStep, list_cohorts
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from pathlib import Path

COHORT = Cohort(
    "chest",
    "000001-abcdef01",
    Criteria(kinds=(ImageKind.AXIAL,), one_per="exam"),
    (FlowStep("in c", 12_345, 30, 20), FlowStep("axial", 2, 2, 2)),
    (
        Entry("c", "P1", "1.1", "1.1.10", "P1", "only one"),
        Entry("c", 'Ä, "2"', "1.2", "1.1.9", "P1", "thinnest of 2: 1.25 mm"),
    ),
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.create(tmp_path / "archive")


def test_comes_back_from_the_archive(archive: Archive) -> None:
    path = COHORT.save(archive)
    assert path == archive.path / "cohorts" / "chest.json"
    assert Cohort.load(archive, "chest") == COHORT
    assert list_cohorts(archive) == ["chest"]


def test_has_the_id_that_sort_and_sha256sum_give() -> None:
    assert COHORT.cohort_id == hashlib.sha256(b"1.1.10\n1.1.9\n").hexdigest()


def test_id_does_not_depend_on_the_order() -> None:
    assert replace(COHORT, entries=COHORT.entries[::-1]).cohort_id == COHORT.cohort_id


def test_flow_in_a_line() -> None:
    assert COHORT.flow_text == "12,345 series in c -> 2 axial"


def test_file_is_json_with_an_entry_a_line() -> None:
    content = COHORT.to_json()
    values = json.loads(content)
    assert values["columns"][3] == "SeriesInstanceUID"
    assert [entry[3] for entry in values["entries"]] == list(COHORT.series_uids)
    assert sum(line.startswith(b"[") for line in content.splitlines()) == 2


def test_may_be_saved_again_if_it_is_the_same(archive: Archive) -> None:
    path = COHORT.save(archive)
    before = path.stat().st_mtime_ns
    assert COHORT.save(archive) == path
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "other",
    [
        replace(COHORT, entries=COHORT.entries[:1]),
        replace(COHORT, snapshot_id="000002-abcdef02"),
        replace(COHORT, criteria=Criteria()),
    ],
    ids=["series", "snapshot", "criteria"],
)
def test_never_changes(archive: Archive, other: Cohort) -> None:
    COHORT.save(archive)
    with pytest.raises(ArchiveError, match="a cohort 'chest' already"):
        other.save(archive)
    assert Cohort.load(archive, "chest") == COHORT


def test_unknown_names_those_there(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match="none yet; make one with: hilum cohort new"):
        Cohort.load(archive, "abdomen")
    COHORT.save(archive)
    with pytest.raises(NotFoundError, match=r"no cohort 'abdomen' .* it has chest"):
        Cohort.load(archive, "abdomen")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "-x"])
def test_name_that_is_no_file_name_is_refused(archive: Archive, name: str) -> None:
    with pytest.raises(ConfigError, match="expected letters, digits"):
        replace(COHORT, name=name)
    with pytest.raises(ConfigError, match="expected letters, digits"):
        Cohort.load(archive, name)


def test_holds_no_series_twice() -> None:
    with pytest.raises(ValueError, match="holds a series twice"):
        replace(COHORT, entries=(COHORT.entries[0], COHORT.entries[0]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"1.1.9"', b'"1.1.8"', "its series have id"),
        (b'"version": 1', b'"version": 2', "cohort of version 2; this hilum reads 1: update it"),
        (b'"flow"', b'"stream"', "is damaged"),
        (b'"axial"', b'"triaxial"', "is damaged"),
        (b"]\n}\n", b"", "is damaged"),
    ],
    ids=["series-changed", "newer", "flow-lost", "kind-unknown", "cut"],
)
def test_damaged_file_is_told_with_its_path(archive: Archive, old: bytes, new: bytes, message: str) -> None:
    path = COHORT.save(archive)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(ArchiveError, match=message) as caught:
        Cohort.load(archive, "chest")
    assert str(path) in str(caught.value)
