from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from builders import SHARED_DATA, needs_shared_data
from detect.conftest import WORKERS
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cohort import Criteria, build_cohort
from hilum.detect.application import apply_model
from hilum.detect.classic import MODEL_FILE
from hilum.errors import DetectorError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from detect.conftest import Collection
    from hilum.detect.runs import Run


def test_marks_of_a_cohort_and_a_warning_that_it_was_trained_on(collection: Collection, trained: Run) -> None:
    run = apply_model(collection.archive, collection.cohort, model="trained", run_name="applied", settings=WORKERS)
    assert (run.plan.kind, run.plan.model, run.plan.method) == ("application", "trained", "classic")
    assert run.plan.parameters == trained.plan.parameters
    assert set(run.seen_in_training) == set(collection.cohort.series_uids)
    assert {mark.exam_id for mark in run.marks()} == set(collection.cohort.series_uids)
    assert run.lesions() == []


@pytest.mark.usefixtures("trained")
def test_marks_of_one_series(collection: Collection) -> None:
    uid = collection.cohort.series_uids[0]
    steps: list[int] = []
    run = apply_model(
        collection.archive, [uid, uid], model="trained", run_name="one", settings=WORKERS, on_progress=steps.append
    )
    assert [series.series_uid for series in run.series] == [uid]
    assert sum(steps) == 1
    marks = run.marks()
    assert marks == sorted(marks, key=lambda mark: -mark.score)
    again = apply_model(collection.archive, [uid], model="trained", run_name="one", settings=WORKERS)
    assert again == run
    with pytest.raises(DetectorError, match="has no model"):
        apply_model(collection.archive, [uid], model="one", run_name="x")


@pytest.mark.usefixtures("trained")
def test_unknown_names_are_told(collection: Collection) -> None:
    with pytest.raises(NotFoundError, match="trained"):
        apply_model(collection.archive, collection.cohort, model="absent", run_name="x")
    with pytest.raises(NotFoundError, match=r"1\.2\.3"):
        apply_model(collection.archive, ["1.2.3"], model="trained", run_name="x")


def test_a_tampered_model_is_refused(collection: Collection, trained: Run) -> None:
    path = trained.folder.model / MODEL_FILE
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1])
        with pytest.raises(DetectorError, match="not as it was saved"):
            apply_model(collection.archive, collection.cohort, model="trained", run_name="x")
    finally:
        path.write_bytes(content)


@needs_shared_data
def test_it_runs_on_a_real_chest(tmp_path: Path, trained: Run) -> None:
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, SHARED_DATA / "cmb_crc_chest", "cmb_crc", settings=WORKERS)
    (archive.path / "runs").mkdir(exist_ok=True)
    (archive.path / "runs" / "trained").symlink_to(trained.folder.root)
    cohort = build_cohort(archive, "chest", Criteria(volume_only=True))
    run = apply_model(archive, cohort, model="trained", run_name="chest", settings=WORKERS)
    series = archive.series(cohort.series_uids[0])
    assert run.refusals() == []
    assert run.seen_in_training == ()
    assert 0 < len(run.marks()) <= 100
    assert series.geometry.contains([mark.position_mm for mark in run.marks()]).all()
    assert json.loads(run.folder.record.read_text())["kind"] == "application"
