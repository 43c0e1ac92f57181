"""``hilum compare``: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import typer
from typer.testing import CliRunner

from hilum.cli import compare as verb
from hilum.errors import AssessmentError
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

EXAMS = [f"e{number}" for number in range(6)]
LESIONS = [Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=10.0) for exam in EXAMS]
FALSE = [Mark(exam, (90.0, 0.0, 0.0), 0.1) for exam in EXAMS]
GOOD = [*FALSE, *(Mark(exam, (1.0, 0.0, 0.0), 0.9) for exam in EXAMS)]
POOR = [*FALSE, Mark("e0", (1.0, 0.0, 0.0), 0.9)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lesion_table(tmp_path / "lesions.csv", LESIONS)
    write_mark_table(tmp_path / "good.csv", GOOD)
    write_mark_table(tmp_path / "poor.csv", POOR)
    return tmp_path


def invoke(folder: Path, *arguments: object, methods: tuple[str, ...] = ("good.csv", "poor.csv")) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    given = [
        *(folder / name for name in methods), "--lesions", folder / "lesions.csv", "--hit", "within-distance:5",
        "--bootstraps", 50, "--permutations", 63, *arguments,
    ]  # fmt: skip
    return CliRunner().invoke(app, ["compare", *map(str, given)], env={"HILUM_ARCHIVE": ""})


def test_differences_intervals_and_p(folder: Path) -> None:
    result = invoke(folder, "--json", "--rate", 0.5)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["format"] == "hilum comparison 1"
    assert [row["endpoint"] for row in found["differences"]] == ["CPM", "sensitivity at 0.5 false positives an exam"]
    for row in found["differences"]:
        assert (row["first"], row["second"]) == ("good", "poor")
        assert row["difference"] == pytest.approx(5 / 6)
        assert row["low"] <= row["difference"] <= row["high"]
        assert 1 / 64 <= row["p_value"] <= row["holm_p_value"] <= 1
    assert found["counts"] == {"exams": 6, "participants": 6, "lesions": 6}


def test_the_table_and_every_file(folder: Path) -> None:
    outs = [argument for name in ("c.json", "c.md", "c.csv", "c.xlsx") for argument in ("--out", folder / name)]
    result = invoke(folder, *outs, "--interval", "bca")
    assert result.exit_code == 0, result.output
    for text in ("good - poor", "0.833333", "p (Holm)", "6 lesions in 6 exams", "Holm, for 3 differences", "BCa"):
        assert text in result.stdout
    assert json.loads((folder / "c.json").read_text())["counts"]["exams"] == 6
    assert "good − poor" in (folder / "c.md").read_text(encoding="utf-8")
    with (folder / "c.csv").open() as file:
        assert [row["second"] for row in csv.DictReader(file)] == ["poor"] * 3
    assert openpyxl.load_workbook(folder / "c.xlsx")["TP"].max_row == 1 + 6 + 1


def test_each_pair_or_against_a_reference(folder: Path) -> None:
    write_mark_table(folder / "third.csv", GOOD[:-1])
    methods = ("good.csv", "poor.csv", "third.csv")
    pairs = json.loads(invoke(folder, "--json", methods=methods).stdout)["differences"]
    assert len(pairs) == 9
    against = json.loads(invoke(folder, "--json", "--reference", "poor", methods=methods).stdout)["differences"]
    assert [(row["first"], row["second"]) for row in against[::3]] == [("good", "poor"), ("third", "poor")]


def test_files_of_one_name_keep_their_folders(folder: Path) -> None:
    (folder / "other").mkdir()
    write_mark_table(folder / "other" / "good.csv", POOR)
    row = json.loads(invoke(folder, "--json", methods=("good.csv", "other/good.csv")).stdout)["differences"][0]
    assert (row["first"], row["second"]) == (str(folder / "good.csv"), str(folder / "other" / "good.csv"))


def test_what_is_not_comparable_is_said(folder: Path) -> None:
    write_mark_table(folder / "more.csv", [*GOOD, Mark("e9", (0.0, 0.0, 0.0), 0.5)])
    error = invoke(folder, methods=("good.csv", "more.csv")).exception
    assert isinstance(error, AssessmentError)
    assert "'good' and 'more' cannot be compared" in str(error)
    assert "exams: 1 only in 'more', as 'e9'" in str(error)


def test_marks_without_scores_are_refused(folder: Path) -> None:
    (folder / "points.csv").write_text("exam_id,x_mm,y_mm,z_mm\ne1,1,0,0\n")
    error = invoke(folder, methods=("good.csv", "points.csv")).exception
    assert isinstance(error, AssessmentError)
    assert "points: marks without scores" in str(error)


@pytest.mark.parametrize(
    ("methods", "arguments", "message"),
    [
        (("good.csv",), (), "at least two different methods"),
        (("good.csv", "good.csv"), (), "at least two different methods"),
        (("good.csv", "poor.csv"), ("--out", "table.pdf"), ".json, .csv, .md, .xlsx"),
    ],
)
def test_wrong_usage(folder: Path, methods: tuple[str, ...], arguments: tuple[str, ...], message: str) -> None:
    result = invoke(folder, *arguments, methods=methods)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
