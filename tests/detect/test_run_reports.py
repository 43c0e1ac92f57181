"""The marks of a run as structured reports."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
import pytest

from builders import dicom_errors
from findings.ohif import ohif_measurements
from hilum.detect.run_reports import write_run_reports
from hilum.detect.runs import RunFolder
from hilum.errors import NotFoundError
from hilum.findings.anatomy import LYMPH_NODE
from hilum.findings.structured_report_reading import read_structured_report
from hilum.findings.tables import write_mark_table

if TYPE_CHECKING:
    from pathlib import Path

    from detect.conftest import Collection
    from hilum.detect.runs import Run
    from hilum.model.findings import Mark


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy of the run in a folder of its own, whose marks may be changed."""
    shutil.copytree(trained.folder.root, tmp_path / "run")
    return replace(trained, folder=RunFolder(tmp_path / "run"))


def high(run: Run, count: int = 9) -> float:
    """A threshold that leaves a few marks: a run has hundreds."""
    return sorted(mark.score for mark in run.marks())[-count]


def expected(run: Run, threshold: float) -> dict[str, list[Mark]]:
    found: dict[str, list[Mark]] = {}
    for mark in sorted(run.marks(), key=lambda mark: -mark.score):
        if mark.score >= threshold:
            found.setdefault(mark.series_uid, []).append(mark)
    return found


def test_each_series_with_marks_gets_a_valid_report(collection: Collection, run: Run, tmp_path: Path) -> None:
    threshold = high(run)
    written = write_run_reports(collection.archive, run, tmp_path / "out", threshold=threshold, kind=LYMPH_NODE)
    marks = expected(run, threshold)
    assert {report.series_uid: report.mark_count for report in written.reports} == {
        uid: len(found) for uid, found in marks.items()
    }
    assert len(written.reports) + len(written.without_marks) == len(run.series)
    assert written.refusals == ()
    for report in written.reports:
        assert report.path.name == f"{report.series_uid}.sr.dcm"
        found = read_structured_report(report.path, collection.archive.series(report.series_uid))
        assert [replace(mark, exam_id=report.series_uid) for mark in marks[report.series_uid]] == list(found.marks)
    assert dicom_errors(written.reports[0].path) == []


def test_a_report_says_what_made_its_marks(collection: Collection, run: Run, tmp_path: Path) -> None:
    threshold = high(run)
    written = write_run_reports(collection.archive, run, tmp_path / "out", threshold=threshold, kind=LYMPH_NODE)
    dataset = pydicom.dcmread(written.reports[0].path)
    assert dataset.SeriesDescription == f"trained: score at least {threshold:g}"
    assert dataset.ContentDate == f"{run.created_at:%Y%m%d}"
    shown = ohif_measurements(dataset)[0]
    assert (shown.tool, shown.finding) == ("Probe", "Lymph node")
    assert shown.label == f"Lymph node 1: score {shown.numbers['Score']:.4g}"
    group = dataset.ContentSequence[-1].ContentSequence[0]
    said = [item.TextValue for item in group.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "111002"]
    assert said[:2] == ["run = trained", f"threshold = {threshold!r}"]
    assert said[-1].startswith("settings = {")


def test_a_repeat_gives_the_same_files(collection: Collection, run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run_reports(collection.archive, run, tmp_path / name, threshold=high(run))
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]
    assert files[0]


def test_some_series_only_and_none_without_marks(collection: Collection, run: Run, tmp_path: Path) -> None:
    threshold = high(run)
    uid = next(iter(expected(run, threshold)))
    written = write_run_reports(collection.archive, run, tmp_path / "out", threshold=threshold, series_uids=[uid, uid])
    assert [report.series_uid for report in written.reports] == [uid]
    none = write_run_reports(collection.archive, run, tmp_path / "none", threshold=1e9)
    assert (none.reports, len(none.without_marks)) == ((), len(run.series))
    assert not (tmp_path / "none").exists()
    with pytest.raises(NotFoundError, match=r"series 1\.2\.3: not among the \d+ of run 'trained'"):
        write_run_reports(collection.archive, run, tmp_path / "out", threshold=0.5, series_uids=["1.2.3"])


def test_marks_outside_their_series_and_series_that_are_gone_are_refused(
    collection: Collection, run: Run, tmp_path: Path
) -> None:
    first, second = sorted({mark.series_uid for mark in run.marks()})[:2]
    inside = next(mark for mark in run.marks() if mark.series_uid == first)
    outside = replace(inside, position_mm=(0.0, 0.0, 5000.0), score=inside.score + 1)
    gone = next(mark for mark in run.marks() if mark.series_uid == second)
    write_mark_table(run.folder.marks, [inside, outside, gone])
    moved = collection.archive.series(second).instances.paths()[0]
    moved.rename(moved.with_suffix(".away"))
    try:
        written = write_run_reports(collection.archive, run, tmp_path / "out", threshold=-1.0)
    finally:
        moved.with_suffix(".away").rename(moved)
    assert [(report.series_uid, report.mark_count) for report in written.reports] == [(first, 1)]
    assert [(refusal.item, refusal.check) for refusal in written.refusals] == [
        (f"{first}: mark 1", "outside-volume"),
        (second, "report-not-written"),
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{first}.sr.dcm"]
