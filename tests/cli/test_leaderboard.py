"""``hilum leaderboard``: runs ranked, and why others are apart."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from hilum.catalog import Archive
from hilum.cli import leaderboard as verb
from hilum.detect.runs import Plan, Run, RunSeries, run_folder
from hilum.errors import NotFoundError
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

EXAMS = ("a", "b", "c")
LESIONS = [Lesion("a", "1", (0.0, 0.0, 0.0)), Lesion("b", "1", (0.0, 0.0, 0.0))]
MARKS = [Mark("a", (1.0, 0.0, 0.0), 0.9), Mark("b", (1.0, 0.0, 0.0), 0.8)]


def write_run(archive: Archive, name: str, marks: list[Mark], exams: tuple[str, ...] = EXAMS) -> None:
    folder = run_folder(archive, name)
    folder.root.mkdir(parents=True)
    plan = Plan(
        name=name, kind="training", method="classic", version="1", parameters={}, cohort="all", cohort_id="c1",
        snapshot_id="", lesions_sha256="l1", folds=3, seed=0, model="", model_created_at="",
        series=tuple(RunSeries(uid, f"person-{uid}") for uid in exams),
    )  # fmt: skip
    write_mark_table(folder.marks, marks)
    write_lesion_table(folder.lesions, [lesion for lesion in LESIONS if lesion.exam_id in exams])
    folder.refusals.write_text("[]")
    folder.record.write_bytes(Run(folder, plan, datetime.now(UTC), "0").to_json())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive.create(tmp_path / "archive")
    write_run(made, "good", MARKS)
    write_run(made, "poor", MARKS[:1])
    write_run(made, "fewer", MARKS, EXAMS[:2])
    return made


def invoke(archive: Archive, *arguments: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return CliRunner().invoke(app, ["leaderboard", *map(str, arguments)], env={"HILUM_ARCHIVE": str(archive.path)})


def add(archive: Archive, run: str, hit: str = "within-distance:5") -> Result:
    return invoke(archive, "add", run, "--hit", hit, "--bootstraps", 20)


def test_runs_are_ranked_and_others_are_apart_with_the_reason(archive: Archive) -> None:
    assert "put one there" in invoke(archive, "show").stdout
    for run in ("poor", "good", "fewer"):
        result = add(archive, run)
        assert result.exit_code == 0, result.output
    first, second = json.loads(invoke(archive, "show", "--json").stdout)
    assert [(entry["rank"], entry["run"], entry["cpm"]) for entry in first["entries"]] == [
        (1, "good", 1.0), (2, "poor", 0.5),
    ]  # fmt: skip
    assert (first["not_comparable_with_first"], second["not_comparable_with_first"]) == (
        [], ["exams: 1 only in 'good', as 'c'"],
    )  # fmt: skip
    shown = invoke(archive).stdout
    assert "Board 1: 3 exams of 3 persons, 2 lesions, within 5 mm" in shown
    assert "not comparable with board 1: exams: 1 only in 'good', as 'c'" in shown


def test_where_a_run_is_gone_the_record_says_why(archive: Archive) -> None:
    add(archive, "good")
    add(archive, "fewer")
    add(archive, "poor")
    shutil.rmtree(archive.path / "runs" / "fewer")
    _, other = json.loads(invoke(archive, "show", "--json").stdout)
    assert other["not_comparable_with_first"] == ["exams: 3 of 'good' and 2 of 'fewer' are not the same"]


def test_another_criterion_is_another_board(archive: Archive) -> None:
    add(archive, "good")
    assert "Board 1: 3 exams" in add(archive, "good", "within-distance:6").stdout
    _, other = json.loads(invoke(archive, "show", "--json").stdout)
    (reason,) = other["not_comparable_with_first"]
    assert reason.startswith('hit criterion: "within 5 mm')


def test_a_run_is_removed_and_an_unknown_one_is_an_error(archive: Archive) -> None:
    add(archive, "good")
    assert invoke(archive, "remove", "good").exit_code == 0
    assert json.loads(invoke(archive, "show", "--json").stdout) == []
    for arguments in (("remove", "good"), ("add", "unheard", "--hit", "within-distance:5")):
        assert isinstance(invoke(archive, *arguments).exception, NotFoundError)


def test_entries_added_at_the_same_time_are_all_kept(archive: Archive) -> None:
    names = [f"run-{number}" for number in range(6)]

    def change(name: str) -> None:
        verb._change(archive.path, lambda board: board.with_entry(_entry(name)))

    with ThreadPoolExecutor(6) as executor:
        list(executor.map(change, names))
    assert sorted(entry.run for entry in verb._read(archive.path).entries) == names


def _entry(name: str):  # type: ignore[no-untyped-def]
    from hilum.assess.leaderboard import Entry

    return Entry(name, {}, "", {}, {"hit criterion": "x"}, "", "", 1, 1, 1, 0.5, None, None, "")
