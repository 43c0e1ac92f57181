"""``hilum report``: a page of one method or of several, and what it refuses. Runs of an archive: test_demo.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from hilum.cli import report as verb
from hilum.errors import AssessmentError
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

EXAMS = [f"e{number}" for number in range(6)]
LESIONS = [
    Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=size, label="hilar")
    for exam, size in zip(EXAMS, (8.0, 12.0, 12.0, 18.0, 18.0, 30.0), strict=True)
]
FALSE = [Mark(exam, (90.0, 0.0, 0.0), 0.1) for exam in EXAMS]
GOOD = [*FALSE, *(Mark(exam, (1.0, 0.0, 0.0), 0.9) for exam in EXAMS)]
POOR = [*FALSE, Mark("e0", (1.0, 0.0, 0.0), 0.9)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lesion_table(tmp_path / "lesions.csv", LESIONS)
    write_mark_table(tmp_path / "good.csv", GOOD)
    write_mark_table(tmp_path / "poor.csv", POOR)
    lines = ["exam_id,participant_id,scanner", *(f"{exam},p{exam},S{int(exam[1]) % 2}" for exam in EXAMS)]
    (tmp_path / "exams.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def invoke(folder: Path, *arguments: object, methods: tuple[str, ...] = ("good.csv",), exams: bool = True) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    given = [
        *(folder / name for name in methods), "--lesions", folder / "lesions.csv", "--out", folder / "page.html",
        "--bootstraps", 50, "--permutations", 63, *(("--exams", folder / "exams.csv") if exams else ()), *arguments,
    ]  # fmt: skip
    return CliRunner().invoke(app, ["report", *map(str, given)], env={"HILUM_ARCHIVE": ""})


def text(folder: Path) -> str:
    """The words of the page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (folder / "page.html").read_text().split("<main>")[1]))


def test_a_page_of_a_file_has_its_strata_lists_and_provenance(folder: Path) -> None:
    done = invoke(folder, "--at-rate", 1, "--by", "scanner", "--title", "My title")
    assert done.exit_code == 0, done.output
    page = text(folder)
    assert "My title" in page
    assert "6 exams of 6 persons, 6 lesions" in page
    assert "within 15 mm" in page
    assert "Under 10 mm 1 / 1" in page
    assert "S0 3 exams, 0.00 FP an exam 3 / 3" in page
    assert "List of all 6" in page
    assert "none shown as pictures" in page
    assert re.search(r"Marks good\.csv \(SHA-256 [0-9a-f]{16}\)", page)
    assert str(folder) not in page


def test_a_page_of_several_methods_compares_them(folder: Path) -> None:
    done = invoke(folder, methods=("good.csv", "poor.csv"))
    assert done.exit_code == 0, done.output
    page = text(folder)
    assert "Comparison of good and poor" in page
    assert "A − B good minus poor" in page
    assert "+0.833" in page
    assert "corrected by Holm, for 3 differences" in page
    assert "Where poor comes from" in page


def test_methods_that_are_not_comparable_are_refused_with_the_reason(folder: Path) -> None:
    write_mark_table(folder / "more.csv", [*GOOD, Mark("e9", (0.0, 0.0, 0.0), 0.5)])
    error = invoke(folder, methods=("good.csv", "more.csv"), exams=False).exception
    assert isinstance(error, AssessmentError)
    assert "'good' and 'more' cannot be compared, as they differ in exams: 1 only in 'more'" in str(error)
    assert not (folder / "page.html").exists()


def test_refused_lines_are_said_in_the_page_and_by_the_exit_status(folder: Path) -> None:
    with (folder / "good.csv").open("a") as file:
        file.write("e1,nan,0,0,0.5\n")
    assert isinstance(invoke(folder).exception, Exception)
    done = invoke(folder, "--lenient")
    assert done.exit_code == 1
    assert "Lines of the files that were refused and are not counted: 1." in text(folder)


@pytest.mark.parametrize(
    ("methods", "arguments", "reason"),
    [
        (("good.csv", "good.csv"), (), "expected each method once"),
        (("good.csv", "poor.csv"), ("--by", "scanner"), "strata are of one method"),
        (("good.csv",), ("--hit", "by-chance"), "by-chance"),
    ],
)
def test_wrong_usage_is_said(folder: Path, methods: tuple[str, ...], arguments: tuple[str, ...], reason: str) -> None:
    done = invoke(folder, *arguments, methods=methods)
    assert done.exit_code == 2
    assert reason in re.sub(r"[\s│]+", " ", done.output)


def test_a_column_that_no_lesion_or_exam_has_is_refused(folder: Path) -> None:
    error = invoke(folder, "--by", "kernel").exception
    assert isinstance(error, AssessmentError)
    assert "no column 'kernel'" in str(error)
