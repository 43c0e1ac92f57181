from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from builders import CtSeries
from hilum.cli.index import collection_of
from hilum.cli.output import FAILURE, LINES_TOLD, OK, REFUSED, USAGE


def hilum(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from hilum.cli.app import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HILUM_WORKERS": "1"},
    )


def test_a_folder_is_indexed_into_a_new_archive_and_again(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "My CT-scans")
    done = hilum("index", tmp_path / "My CT-scans", "--archive", tmp_path / "a")
    assert done.returncode == OK, done.stderr
    header, row = done.stdout.splitlines()
    assert header.split()[:4] == ["collection", "files", "kept", "refused"]
    assert row.split()[:4] == ["my_ct_scans", "4", "4", "0"]
    done = hilum("index", tmp_path / "My CT-scans", "--archive", tmp_path / "a", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["files_read"], report["instances_kept"]) == (OK, 0, 4)


def test_refusals_are_told_and_counted_and_set_the_status(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "ct")
    for number in range(LINES_TOLD + 3):
        (tmp_path / "ct" / f"bad{number:02d}.dcm").touch()
    done = hilum("index", tmp_path / "ct", "--archive", tmp_path / "a", "--collection", "other")
    assert done.returncode == REFUSED
    assert f"refused: {LINES_TOLD + 3} empty-file" in done.stderr
    assert done.stderr.count("the file is empty") == LINES_TOLD
    assert "... and 3 more" in done.stderr
    done = hilum("index", tmp_path / "ct", "--archive", tmp_path / "a", "--collection", "other", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == REFUSED
    assert len(report["refusals"]) == LINES_TOLD + 3
    assert set(report["refusals"][0]) >= {"item", "check", "reason"}


@pytest.mark.parametrize(("name", "words"), [("empty", "no DICOM file found"), ("none", "not there")])
def test_a_folder_without_dicom_is_a_failure(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    done = hilum("index", tmp_path / name, "--archive", tmp_path / "a")
    assert (done.returncode, done.stdout) == (FAILURE, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_path_makes_no_archive(tmp_path: Path) -> None:
    hilum("index", tmp_path / "none", "--archive", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_empty_folder_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = hilum("index", tmp_path / "empty", "--archive", tmp_path / "a", "--allow-empty")
    assert done.returncode == OK


def test_a_collection_without_a_usable_name_is_wrong_usage(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "ct")
    done = hilum("index", tmp_path / "ct", "--archive", tmp_path / "a", "--collection", "Lung CT")
    assert done.returncode == USAGE
    assert "expected lower case" in done.stderr


@pytest.mark.parametrize(
    ("name", "collection_id"),
    [("NLST", "nlst"), ("CT Lymph Nodes", "ct_lymph_nodes"), ("manifest-1680.03", "manifest_1680_03"), ("_a_", "a")],
)
def test_a_collection_is_named_after_its_folder(tmp_path: Path, name: str, collection_id: str) -> None:
    assert collection_of(tmp_path / name) == collection_id


def test_a_folder_without_letters_names_no_collection() -> None:
    with pytest.raises(typer.BadParameter, match="name one with --collection"):
        collection_of(Path("/"))
