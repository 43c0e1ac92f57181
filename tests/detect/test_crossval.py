from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyarrow import parquet

from detect.conftest import FOLDS, WORKERS
from hilum.cohort.splits import Part
from hilum.config import Settings
from hilum.detect.crossval import cross_validate, step_count
from hilum.detect.runs import Run, list_runs, list_unfinished, run_folder
from hilum.errors import ArchiveError, ConfigError, DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detect.conftest import Collection
    from hilum.catalog import Archive
    from hilum.model.findings import Lesion, Mark

HIT_MM = 10.0


def sensitivity(lesions: list[Lesion], marks: list[Mark], false_marks_per_exam: int) -> float:
    """Share of lesions with a mark nearby among the surest few of its exam."""
    hits = 0
    for lesion in lesions:
        own = sorted((mark for mark in marks if mark.exam_id == lesion.exam_id), key=lambda mark: -mark.score)
        near = [np.linalg.norm(np.subtract(mark.position_mm, lesion.position_mm)) < HIT_MM for mark in own]
        hits += any(near[:false_marks_per_exam])
    return hits / len(lesions)


def shuffled(marks: list[Mark]) -> list[Mark]:
    """The same marks with the scores of others: what chance would give."""
    scores = np.random.default_rng(0).permutation([mark.score for mark in marks])
    return [replace(mark, score=float(score)) for mark, score in zip(marks, scores, strict=True)]


def test_it_finds_nodes_of_unseen_persons_far_better_than_chance(collection: Collection, trained: Run) -> None:
    found = sensitivity(collection.lesions, trained.marks(), 4)
    assert found >= 0.7
    assert found > 2 * sensitivity(collection.lesions, shuffled(trained.marks()), 4)


def test_the_run_says_how_it_was_made(collection: Collection, trained: Run) -> None:
    plan = trained.plan
    assert (plan.kind, plan.method, plan.version, plan.cohort) == ("training", "classic", "1", "all")
    assert plan.cohort_id == collection.cohort.cohort_id
    assert plan.parameters["seed"] == 0
    assert [series.series_uid for series in trained.series] == list(collection.cohort.series_uids)
    assert {series.fold for series in trained.series} == set(range(FOLDS))
    assert {lesion.lesion_id for lesion in trained.lesions()} == {lesion.lesion_id for lesion in collection.lesions}
    assert {mark.exam_id for mark in trained.marks()} == set(collection.cohort.series_uids)
    metadata = parquet.read_schema(trained.folder.marks).metadata
    about = json.loads(metadata[b"hilum_run"])
    assert (about["method"], about["cohort"], about["parameters"]) == ("classic", "all", plan.parameters)
    assert not trained.folder.work.exists()
    assert "trained" in list_runs(collection.archive)


def test_the_same_seed_gives_the_same_marks_on_any_number_of_workers(collection: Collection, trained: Run) -> None:
    steps: list[int] = []
    again = cross_validate(
        collection.archive,
        collection.cohort,
        collection.lesions[::-1],
        run_name="again",
        folds=FOLDS,
        settings=Settings(workers=1),
        on_progress=steps.append,
    )
    assert again.marks() == trained.marks()
    assert sum(steps) == step_count(collection.cohort, FOLDS)


def test_a_finished_run_is_given_as_it_is(collection: Collection, trained: Run) -> None:
    before = trained.folder.marks.stat().st_mtime_ns
    again = cross_validate(
        collection.archive, collection.cohort, collection.lesions, run_name="trained", folds=FOLDS, settings=WORKERS
    )
    assert again == trained
    assert trained.folder.marks.stat().st_mtime_ns == before


@pytest.mark.usefixtures("trained")
def test_other_settings_under_the_same_name_are_refused(collection: Collection) -> None:
    with pytest.raises(ArchiveError, match=r"with other seed|with other parameters.*seed"):
        cross_validate(
            collection.archive, collection.cohort, collection.lesions, run_name="trained", folds=FOLDS, seed=9
        )
    with pytest.raises(ArchiveError, match="lesions_sha256"):
        cross_validate(collection.archive, collection.cohort, collection.lesions[1:], run_name="trained", folds=FOLDS)


def test_lesions_of_other_exams_are_refused(collection: Collection) -> None:
    stranger = replace(collection.lesions[0], exam_id="PHANTOM_001")
    with pytest.raises(DetectorError, match="'PHANTOM_001'"):
        cross_validate(collection.archive, collection.cohort, [stranger], run_name="x")


def test_more_folds_than_persons_and_odd_names_are_refused(collection: Collection) -> None:
    with pytest.raises(ConfigError):
        cross_validate(collection.archive, collection.cohort, collection.lesions, run_name="x", folds=99)
    with pytest.raises(ConfigError):
        cross_validate(collection.archive, collection.cohort, collection.lesions, run_name="../x")
    assert list_unfinished(collection.archive) == []


def test_no_lesions_at_all_are_told_before_any_work(collection: Collection) -> None:
    excluded = [replace(lesion, is_excluded=True) for lesion in collection.lesions]
    for lesions in ([], excluded):
        with pytest.raises(DetectorError, match="nothing to learn from"):
            cross_validate(collection.archive, collection.cohort, lesions, run_name="empty", folds=FOLDS)
    assert list_unfinished(collection.archive) == []


def test_a_split_that_leaves_a_series_out_is_refused(collection: Collection) -> None:
    uids = collection.cohort.series_uids
    parts = [Part("a", uids[:2]), Part("b", uids[2:-1])]
    with pytest.raises(ConfigError, match="does not part the series of cohort"):
        cross_validate(collection.archive, collection.cohort, collection.lesions, run_name="parted", folds=parts)


def files_of(collection: Collection, series_uid: str) -> list[Path]:
    return collection.archive.series(series_uid).instances.paths()


@pytest.fixture
def broken_series(collection: Collection) -> Iterator[str]:
    """A series, one file of which is cut in its pixel data for the length of the test."""
    uid = collection.cohort.series_uids[3]
    path = files_of(collection, uid)[5]
    content, status = path.read_bytes(), path.stat()
    path.write_bytes(content[:-5000])
    yield uid
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_series_that_cannot_be_read_is_refused_and_counted(collection: Collection, broken_series: str) -> None:
    run = cross_validate(
        collection.archive, collection.cohort, collection.lesions, run_name="broken", folds=FOLDS, settings=WORKERS
    )
    assert [refusal.item for refusal in run.refusals()] == [broken_series]
    assert run.refusals()[0].reason
    assert len(run.series) + len(run.refusals()) == len(collection.cohort.entries)
    assert broken_series not in {mark.exam_id for mark in run.marks()}
    # Nothing is lost: the lesions of the refused series stay in the run's table.
    assert len(run.lesions()) == len(collection.lesions)


KILLED = """
import sys
from hilum.catalog import Archive
from hilum.cohort import Cohort
from hilum.config import Settings
from hilum.detect.crossval import cross_validate
from hilum.findings.reading import read_lesions

if __name__ == "__main__":
    archive = Archive.open(sys.argv[1])
    lesions = read_lesions(sys.argv[2]).lesions
    cohort = Cohort.load(archive, "all")
    cross_validate(archive, cohort, lesions, run_name="killed", folds=int(sys.argv[3]), settings=Settings(workers=2))
"""


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found] + [grand for child in found for grand in children_of(int(child))]


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_killed_run_goes_on_and_gives_the_same_marks(collection: Collection, trained: Run, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    arguments = [str(collection.archive.path), str(trained.folder.lesions), str(FOLDS)]
    process = subprocess.Popen([sys.executable, str(script), *arguments])
    done = run_folder(collection.archive, "killed").work / "prepared"
    wait_until(lambda: len(list(done.glob("*.npz"))) >= 2)
    workers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(is_running(worker) for worker in workers))
    assert "killed" in list_unfinished(collection.archive)

    run = _finish_without_what_is_done(collection.archive, collection)
    assert run.refusals() == []
    assert run.marks() == trained.marks()
    shutil.rmtree(run.folder.root)


def _finish_without_what_is_done(archive: Archive, collection: Collection) -> Run:
    """Go on with the images of finished series taken away: reading one of them again would refuse it."""
    folder = run_folder(archive, "killed")
    done = [uid for uid in collection.cohort.series_uids if folder.prepared(uid).exists()]
    assert len(done) >= 2
    hidden = [path for uid in done for path in files_of(collection, uid)]
    for path in hidden:
        path.rename(path.with_suffix(".hidden"))
    try:
        return cross_validate(
            archive, collection.cohort, collection.lesions, run_name="killed", folds=FOLDS, settings=WORKERS
        )
    finally:
        for path in hidden:
            path.with_suffix(".hidden").rename(path)


TOY = '''
import json
from hilum.detect.detector import Detection


class Toy:
    """Marks the mean place of the lesions it was trained on."""

    name, version = "toy", "7"

    def __init__(self, *, seed):
        self.place = None

    def parameters(self):
        return {}

    def fit(self, cases):
        lesions = [lesion for case in cases if case.load().shape for lesion in case.lesions]
        self.place = [sum(axis) / len(lesions) for axis in zip(*(lesion.position_mm for lesion in lesions))]

    def detect(self, volume):
        return [Detection(tuple(self.place), float(volume.shape[0]))]

    def save(self, folder):
        (folder / "place.json").write_text(json.dumps(self.place))

    def load(self, folder):
        self.place = json.loads((folder / "place.json").read_text())
'''


def test_a_detector_of_another_package_without_a_prepared_part(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hilum.detectors]\ntoy = toy_detector:Toy\n")
    (tmp_path / "toy_detector.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    run = cross_validate(
        collection.archive,
        collection.cohort,
        collection.lesions,
        run_name="toy",
        detector="toy",
        folds=FOLDS,
        settings=WORKERS,
    )
    assert (run.plan.method, run.plan.version) == ("toy", "7")
    assert len(run.marks()) == len(collection.cohort.entries)
    fold_of = {series.series_uid: series.fold for series in run.series}
    for mark in run.marks():
        others = [one.position_mm for one in collection.lesions if fold_of[one.exam_id] != fold_of[mark.exam_id]]
        np.testing.assert_allclose(mark.position_mm, np.mean(others, axis=0))
