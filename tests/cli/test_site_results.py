"""``hilum site results``: a file of marks on a small archive, frozen, listed, taken away. Runs: test_demo.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hilum.cli.app import app, register_verbs
from hilum.errors import ArchiveError, AssessmentError
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.publish.results import read_result
from publish.freezing import findings
from publish.releasing import make_archive

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from hilum.catalog import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path)


@pytest.fixture
def marks(archive: Archive, tmp_path: Path) -> Path:
    """A file of marks on the series of the archive, beside a file of lesions."""
    lesions, marks = findings([one.uid for one in archive.series_where()])
    write_lesion_table(tmp_path / "lesions.csv", lesions)
    write_mark_table(tmp_path / "marks.csv", marks)
    return tmp_path / "marks.csv"


def invoke(*words: object) -> Result:
    register_verbs()
    return CliRunner().invoke(app, ["site", "results", *map(str, words)])


def publish(marks: Path, archive: Archive, *words: object) -> Result:
    lesions = marks.with_name("lesions.csv")
    return invoke(
        "publish", marks, "--archive", archive.path, "--lesions", lesions, "--hit", "within-distance:1",
        "--bootstraps", 20, *words,
    )  # fmt: skip


def listed(archive: Archive) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(invoke("list", "--archive", archive.path, "--json").stdout)
    return found


def test_a_file_of_marks_is_published_listed_and_withdrawn(archive: Archive, marks: Path) -> None:
    done = publish(marks, archive, "--title", "Mine", "--at-rate", "2", "--at-rate", "0.5", "--by", "label")

    assert done.exit_code == 0, done.output
    assert "/results/marks/ to who sees all of trial" in done.stderr
    assert [(row["name"], row["title"], row["lesions"]) for row in listed(archive)] == [("marks", "Mine", 4)]
    result = read_result(archive, "marks")
    assert [one.rate for one in result.listed] == [0.5, 2.0]
    assert result.provenance["marks"].startswith("marks.csv (SHA-256 ")
    assert [one["column"] for one in result.strata] == ["size"]
    assert invoke("withdraw", "marks", "--archive", archive.path).exit_code == 0
    assert listed(archive) == []


def test_a_second_result_of_a_name_must_be_asked_for(archive: Archive, marks: Path) -> None:
    publish(marks, archive, "--name", "one")

    assert isinstance(publish(marks, archive, "--name", "one", "--title", "Two").exception, ArchiveError)
    assert publish(marks, archive, "--name", "one", "--title", "Two", "--replace").exit_code == 0
    assert [row["title"] for row in listed(archive)] == ["Two"]


def test_exams_without_a_series_need_a_collection(archive: Archive, marks: Path) -> None:
    lesions, found = findings(["case 1", "case 2"])
    write_lesion_table(marks.with_name("lesions.csv"), lesions)
    write_mark_table(marks, found)

    assert isinstance(publish(marks, archive).exception, AssessmentError)
    assert publish(marks, archive, "--collection", "trial").exit_code == 0


def test_a_result_that_cannot_be_read_is_told(archive: Archive, marks: Path) -> None:
    publish(marks, archive)
    (archive.path / "results" / "marks" / "result.json").write_text("{")

    told = invoke("list", "--archive", archive.path)

    assert told.exit_code == 1
    assert "refused marks: result-not-readable" in told.stderr
