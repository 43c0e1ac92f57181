"""``hilum train``, ``hilum detect`` and ``hilum runs``, as their user types them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from detect.phantoms import phantom_archive
from hilum.cli.app import app, register_verbs
from hilum.errors import ConfigError, DetectorError, NotFoundError
from hilum.findings.tables import write_lesion_table

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

COUNT = 4
register_verbs()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of phantoms, the cohort ``all``, and their lesions as a CSV."""
    made = tmp_path_factory.mktemp("cli")
    _, _, lesions = phantom_archive(made, COUNT)
    write_lesion_table(made / "lesions.csv", lesions)
    return made


def hilum(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--archive", str(folder / "archive")], env={"HILUM_WORKERS": "2"})


@pytest.fixture(scope="module")
def trained(folder: Path) -> Result:
    hilum(folder, "cohort", "split", "all", "--folds", "2", "--seed", "7", "--name", "halves")
    words = (
        "--cohort",
        "all",
        "--lesions",
        str(folder / "lesions.csv"),
        "--run",
        "first",
        "--split",
        "halves",
        "--json",
    )
    return hilum(folder, "train", *words)


def test_train_prints_the_run(trained: Result) -> None:
    assert trained.exit_code == 0, trained.output
    (row,) = json.loads(trained.stdout)
    assert (row["run"], row["kind"], row["method"], row["cohort"]) == ("first", "training", "classic", "all")
    assert (row["series"], row["refused"]) == (COUNT, 0)
    assert row["marks"] > 0


@pytest.mark.usefixtures("trained")
def test_runs_lists_and_shows(folder: Path) -> None:
    listed = hilum(folder, "runs", "--json")
    assert "first" in [row["run"] for row in json.loads(listed.stdout)]
    shown = json.loads(hilum(folder, "runs", "first", "--json").stdout)
    assert shown["parameters"]["classifier"]["trees"] > 0
    assert len(shown["series"]) == COUNT
    assert {series["person_id"] for series in shown["series"]} == {f"P{number}" for number in range(COUNT)}
    parts = json.loads((folder / "archive" / "cohorts" / "all.splits" / "halves.json").read_text())["parts"]
    for number, part in enumerate(parts):
        assert {one["series_uid"] for one in shown["series"] if one["fold"] == number} == set(part["series_uids"])
    table = hilum(folder, "runs", "first").stdout
    assert "classifier.trees" in table


@pytest.mark.usefixtures("trained")
def test_runs_shows_marks_the_surest_first(folder: Path) -> None:
    marks = json.loads(hilum(folder, "runs", "first", "--marks", "--json").stdout)
    scores = [mark["score"] for mark in marks]
    assert scores == sorted(scores, reverse=True)
    assert set(marks[0]) == {"SeriesInstanceUID", "x_mm", "y_mm", "z_mm", "score"}


@pytest.mark.usefixtures("trained")
def test_detect_on_a_series_says_that_it_was_seen_and_refuses_what_cannot_be_read(folder: Path) -> None:
    listed = json.loads(hilum(folder, "runs", "first", "--json").stdout)["series"]
    whole, broken = listed[0]["series_uid"], listed[1]["series_uid"]
    next((folder / "images" / listed[1]["person_id"]).glob("*.dcm")).unlink()
    found = hilum(folder, "detect", "--series", whole, "--series", broken, "--model", "first", "--run", "two", "--json")
    assert found.exit_code == 1, found.output
    (row,) = json.loads(found.stdout)
    assert (row["series"], row["refused"], row["model"]) == (1, 1, "first")
    assert f"refused {broken}" in found.stderr
    assert "trained on" in found.stderr


@pytest.mark.usefixtures("trained")
def test_wrong_words(folder: Path) -> None:
    assert hilum(folder, "detect", "--model", "first", "--run", "x").exit_code == 2
    assert hilum(folder, "runs", "--marks").exit_code == 2
    assert isinstance(hilum(folder, "runs", "absent").exception, NotFoundError)
    words = ("train", "--cohort", "all", "--lesions", str(folder / "lesions.csv"), "--run")
    assert isinstance(hilum(folder, *words, "x", "--detector", "clasic").exception, DetectorError)
    assert isinstance(hilum(folder, *words, "a/b").exception, ConfigError)


def test_the_network_detector_without_torch_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    words = ("--cohort", "all", "--lesions", str(folder / "lesions.csv"), "--run", "x", "--detector", "network")
    refused = hilum(folder, "train", *words)
    assert isinstance(refused.exception, ConfigError)
    assert 'pip install "hilum[torch]"' in str(refused.exception)
    assert not (folder / "archive" / "runs" / "x").exists()


@pytest.fixture
def score(folder: Path, trained: Result) -> str:
    """The score of the eighth mark of the run."""
    assert trained.exit_code == 0
    marks = json.loads(hilum(folder, "runs", "first", "--marks", "--json").stdout)
    return repr(marks[7]["score"])


def test_marks_of_a_run_are_written_one_report_a_series(folder: Path, score: str, tmp_path: Path) -> None:
    words = ("--to-dicom", str(tmp_path / "out"), "--threshold", score, "--finding", "lymph-node", "--json")
    result = hilum(folder, "runs", "first", *words)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert sorted(row["file"] for row in rows) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    assert sum(row["marks"] for row in rows) == 8


def test_series_without_marks_are_counted(folder: Path, score: str, tmp_path: Path) -> None:
    result = hilum(folder, "runs", "first", "--to-dicom", str(tmp_path / "out"), "--threshold", "9e9")
    assert result.exit_code == 0, score
    assert f"{COUNT} series have no mark with a score of 9e+09 or more: no report" in result.stderr


def test_reports_of_a_run_need_the_run_and_a_threshold(folder: Path, score: str, tmp_path: Path) -> None:
    result = hilum(folder, "runs", "first", "--to-dicom", str(tmp_path / "out"))
    assert result.exit_code == 2, score
    assert "marks have scores" in " ".join(result.stderr.split())
    assert hilum(folder, "runs", "--to-dicom", str(tmp_path / "out")).exit_code == 2


def test_reports_that_are_refused_show_in_the_exit_status(folder: Path, score: str, tmp_path: Path) -> None:
    (folder / "images").rename(tmp_path / "away")
    try:
        result = hilum(folder, "runs", "first", "--to-dicom", str(tmp_path / "out"), "--threshold", score)
    finally:
        (tmp_path / "away").rename(folder / "images")
    assert result.exit_code == 1
    assert "report-not-written" in result.stderr
