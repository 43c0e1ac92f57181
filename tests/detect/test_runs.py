from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hilum.catalog import Archive
from hilum.detect.runs import Plan, Run, RunFolder, RunSeries, list_runs, list_unfinished, run_folder
from hilum.errors import ArchiveError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(
    name="r",
    kind="training",
    method="classic",
    version="1",
    parameters={"seed": 0, "reach_mm": [6.0, 15.0]},
    cohort="all",
    cohort_id="abc",
    snapshot_id="000001-abc",
    lesions_sha256="def",
    folds=2,
    seed=0,
    model="",
    model_created_at="",
    series=(RunSeries("1.2", "P1", 0), RunSeries("1.3", "P2", None)),
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.create(tmp_path / "archive")


def test_a_plan_survives_json() -> None:
    assert Plan.from_dict(json.loads(json.dumps(PLAN.to_dict()))) == PLAN


def test_differences_are_named() -> None:
    assert PLAN.differences(PLAN) == []
    assert PLAN.differences(replace(PLAN, folds=3, series=PLAN.series[:1])) == ["folds", "series"]


def test_an_absent_run_is_told_with_the_ones_there(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match=r"no run 'r'.*none yet"):
        Run.load(archive, "r")
    assert list_runs(archive) == list_unfinished(archive) == []


def test_an_unfinished_run_is_told(archive: Archive) -> None:
    plan = run_folder(archive, "r").plan
    plan.parent.mkdir(parents=True)
    plan.write_text("{}")
    with pytest.raises(NotFoundError, match="not finished"):
        Run.load(archive, "r")
    assert list_unfinished(archive) == ["r"]


@pytest.mark.parametrize(
    ("content", "message"), [("{", "damaged"), ("{}", "damaged"), ('{"format_version": 99}', "update hilum")]
)
def test_a_damaged_or_newer_record_is_told(archive: Archive, content: str, message: str) -> None:
    record = run_folder(archive, "r").record
    record.parent.mkdir(parents=True)
    record.write_text(content)
    with pytest.raises(ArchiveError, match=message):
        Run.load(archive, "r")


@pytest.mark.parametrize("uid", ["1.2.3", "../../etc/passwd", "a/b", "", "x" * 500])
def test_a_uid_never_leaves_the_folder(tmp_path: Path, uid: str) -> None:
    folder = RunFolder(tmp_path)
    assert folder.prepared(uid).parent == tmp_path / "work" / "prepared"
    assert folder.detections(uid).name.isascii()
    assert len(folder.detections(uid).name) < 64
