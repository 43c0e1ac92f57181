from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hilum.catalog import Archive
from hilum.cli.app import app, register_verbs
from hilum.cli.demo import MADE, MARKER, REPORT, steps
from hilum.cohort import Cohort
from hilum.errors import ConfigError
from hilum.publish.release import find_release
from hilum.publish.results import read_result

if TYPE_CHECKING:
    from typer.testing import Result

Done = subprocess.CompletedProcess[str]

register_verbs()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was interrupted: half a collection, an archive that cannot be opened, an old report."""
    folder = tmp_path_factory.mktemp("work") / "demo"
    for name in ("phantom/CT Lymph Nodes/MED_LYMPH_099", "archive/runs/classic"):
        (folder / name).mkdir(parents=True)
    (folder / "phantom" / "CT Lymph Nodes" / "MED_LYMPH_099" / "000000.dcm").write_bytes(b"half")
    (folder / "archive" / "runs" / "classic" / "run.json").write_text("{")
    (folder / REPORT).write_text("old")
    (folder / "notes.txt").write_text("mine")
    (folder / MARKER).write_text("{}")
    return folder


@pytest.fixture(scope="module")
def first(folder: Path) -> Done:
    """A demo in a process of its own: it serves an archive, and a process serves one."""
    hilum = Path(sys.executable).with_name("hilum")
    words = [str(hilum), "demo", str(folder), "--participants", "6", "--seed", "2"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_demo_runs_from_files_to_the_report(first: Done, folder: Path) -> None:
    assert first.returncode == 0, first.stderr
    assert f"Open the report: {(folder / REPORT).resolve()}\n" in first.stdout
    page = (folder / REPORT).read_text()
    assert "No figure here is a result on patients" in page
    assert page.count("<img") >= 9
    assert re.search(r'class="curve" d="M', page)


def test_it_ends_with_a_release_and_a_result_on_the_site(first: Done, folder: Path) -> None:
    archive = folder / "archive"
    assert first.stdout.rstrip().endswith(f"hilum serve --archive {archive}")
    assert find_release(Archive.open(archive), "phantom_lymph_nodes@1").counts.participants == 6
    assert (archive / "serve" / "hilum.sqlite3").is_file()
    result = read_result(Archive.open(archive), "classic")
    assert (result.collection_ids, result.report_description) == (("phantom_lymph_nodes",), "classic: score at least ")
    assert "No figure here is a result on patients" in result.notice
    assert {"region", "fold"} <= {one["column"] for one in result.strata}


def test_each_step_is_told_as_a_command_and_the_real_collections_are_counted(first: Done, folder: Path) -> None:
    for step in steps(folder, 6, 2):
        assert f"$ {step.command}\n" in first.stdout
        assert step.heading in first.stdout
    assert "110,179" in first.stdout  # images of CT Lymph Nodes
    assert "65,177" in first.stdout  # localizers of NLST
    assert "no result on patients" in first.stdout


def test_the_twins_are_one_person_and_stay_together(first: Done, folder: Path) -> None:
    archive = Archive.open(folder / "archive")
    persons = {entry.PatientID: entry.person_id for entry in Cohort.load(archive, "persons").entries}
    assert persons["ABD_LYMPH_001"] == persons["MED_LYMPH_002"]
    assert len(set(persons.values())) == 5


def test_an_earlier_demo_is_made_anew_and_what_is_not_its_own_stays(first: Done, folder: Path) -> None:
    assert first.returncode == 0
    assert not (folder / "phantom" / "CT Lymph Nodes" / "MED_LYMPH_099").exists()
    assert "seed 2" in (folder / "phantom" / "README.txt").read_text()
    assert (folder / "notes.txt").read_text() == "mine"
    assert json.loads((folder / MARKER).read_text())["seed"] == 2


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "phantom").mkdir()
    (tmp_path / "phantom" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="holds no demo"):
        run("demo", str(tmp_path))
    assert (tmp_path / "phantom" / "thesis.tex").read_text() == "years of work"
    assert not (tmp_path / MARKER).exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        run("demo", str(tmp_path / "demo"))


def test_the_report_can_be_made_again_by_hand(first: Done, folder: Path, tmp_path: Path) -> None:
    archive = str(folder / "archive")
    out = tmp_path / "mine.html"
    words = ("report", "classic", "--archive", archive, "--out", str(out), "--hit", "within-lesion-radius")
    done = run(*words, "--title", "My title", "--bootstraps", "0", "--pictures", "1")
    assert done.exit_code == 0
    page = out.read_text()
    assert "<h1>My title</h1>" in page
    assert "within the lesion" in page
    assert page.count("<img") <= 9
    assert run("report", "classic", "--archive", archive, "--out", str(out), "--hit", "by-chance").exit_code == 2


def test_what_the_demo_clears_away_is_what_it_makes(first: Done, folder: Path) -> None:
    assert set(MADE) | {MARKER} <= {path.name for path in folder.iterdir()}
