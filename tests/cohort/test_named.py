"""What names cohorts and snapshots: found in every kind of record, and none passed over unread."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cohort.test_cohort import COHORT
from hilum.catalog import Archive
from hilum.cohort.named import named_snapshots, naming_cohort
from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    found = Archive.create(tmp_path / "archive")
    COHORT.save(found)
    return found


def record(archive: Archive, name: str, **values: Any) -> None:
    path = archive.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def test_nothing_names_a_new_cohort(archive: Archive) -> None:
    assert naming_cohort(archive, "chest") == []


def test_splits_releases_and_runs_name_a_cohort(archive: Archive) -> None:
    record(archive, "cohorts/chest.splits/by-person.json")
    (archive.path / "releases" / "chest" / "1").mkdir(parents=True)
    (archive.path / "releases" / "chest.lock").touch()
    record(archive, "runs/done/run.json", cohort="chest")
    record(archive, "runs/begun/work/plan.json", cohort="chest")
    record(archive, "runs/other/run.json", cohort="belly")
    assert naming_cohort(archive, "chest") == ["split by-person", "release chest 1", "run begun", "run done"]


def test_cohorts_runs_and_results_name_snapshots(archive: Archive) -> None:
    replace(COHORT, name="belly", snapshot_id="000002-abcdef02").save(archive)
    record(archive, "runs/done/run.json", snapshot_id="000002-abcdef02")
    record(archive, "results/first/result.json", provenance={"catalog snapshot": "000003-abcdef03"})
    record(archive, "results/second/result.json", provenance={})
    assert named_snapshots(archive) == {
        "000001-abcdef01": ["cohort chest"],
        "000002-abcdef02": ["cohort belly", "run done"],
        "000003-abcdef03": ["result first"],
    }


def test_a_record_that_cannot_be_read_stops_the_search(archive: Archive) -> None:
    record(archive, "runs/done/run.json")
    (archive.path / "runs" / "done" / "run.json").write_text("{")
    with pytest.raises(ArchiveError, match=r"run\.json cannot be read"):
        naming_cohort(archive, "chest")
    with pytest.raises(ArchiveError, match=r"run\.json cannot be read"):
        named_snapshots(archive)
