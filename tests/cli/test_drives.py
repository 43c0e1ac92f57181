"""Drives from the command line: packed, taken in, indexed; what is wrong is told and the status says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hilum.catalog import Archive
from hilum.cli.app import app, register_verbs
from publish.releasing import make_archive
from publish.releasing import release as make_release
from publish.shipping import COLLECTION, SLICES, write_release

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from hilum.publish.release import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_release(tmp_path_factory.mktemp("release"))


def invoke(*words: object) -> Result:
    register_verbs()
    return CliRunner().invoke(app, [str(word) for word in words])


def packed(release: Release, *options: object) -> Result:
    archive = release.folder.parents[2]
    return invoke("pack", f"{COLLECTION}@1", "--archive", archive, "--capacity", "4TB", *options)


def test_without_a_folder_only_the_split_is_shown(release: Release, tmp_path: Path) -> None:
    shown = packed(release, "--json", "--packing-list", tmp_path / "list.csv")
    assert shown.exit_code == 0
    (row,) = json.loads(shown.stdout)
    assert (row["drive"], row["participants"], row["from"], row["to"]) == ("1 of 1", len(SLICES), "P1", "P5")
    assert "bag" not in row
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 1 + len(SLICES) + 1


def test_a_drive_is_packed_taken_in_and_indexed(release: Release, tmp_path: Path) -> None:
    done = packed(release, "--out", tmp_path / "drive", "--request", "REQ-7", "--date", "2026-03-04")
    assert (done.exit_code, "finished" in done.stdout) == (0, True)
    taken = invoke("receive", tmp_path / "drive", "--archive", tmp_path / "mine", "--digest", release.digest)
    assert taken.exit_code == 0, taken.output
    archive = Archive.open(tmp_path / "mine")
    assert {series.participant_id for series in archive.series_where()} == set(SLICES)
    assert all(path.is_relative_to(tmp_path / "drive") for s in archive.series_where() for path in s.instances.paths())
    receipt = json.loads((tmp_path / "mine" / "receipts" / f"{COLLECTION}-1-drive-1-of-1.json").read_text())
    assert (receipt["is_whole"], receipt["request"]) == (True, "REQ-7")


def test_a_damaged_drive_is_told_not_indexed_and_the_status_says_so(release: Release, tmp_path: Path) -> None:
    packed(release, "--out", tmp_path / "drive", "--link")
    file = next(iter(release.files({"P2"})))
    (bag,) = (tmp_path / "drive").iterdir()
    path = bag / "data" / file.path
    path.unlink()
    path.write_bytes(b"damaged")
    taken = invoke("receive", tmp_path / "drive", "--archive", tmp_path / "mine", "--json")
    assert taken.exit_code == 1
    assert f"damaged-file: data/{file.path}: sha256 is" in taken.stderr
    (receipt,) = json.loads(taken.stdout)
    assert receipt["is_whole"] is False
    assert Archive.open(tmp_path / "mine").series_where() == []


def test_licence_and_citation_come_with_a_drive_and_another_licence_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    words = tmp_path / "archive" / "collections" / "trial.toml"
    words.parent.mkdir()
    words.write_text('title = "Chest CT"\nauthors = ["Trial Team"]\nlicence = "CC BY-NC 4.0"\n')
    make_release(archive, "1")
    invoke("pack", "1", "--archive", archive.path, "--capacity", "1GB", "--out", tmp_path / "drive", "--link")
    mine = tmp_path / "mine"
    taken = invoke("receive", tmp_path / "drive", "--archive", mine)
    assert taken.exit_code == 0, taken.output
    assert "trial.toml written" in taken.stderr
    assert invoke("cite", "trial", "--archive", mine).stdout.startswith("Trial Team. (n.d.). Chest CT [Data set].")
    (row,) = json.loads(invoke("collections", "--archive", mine, "--json").stdout)
    assert row["licence"] == "CC BY-NC 4.0"
    again = tmp_path / "again"
    Archive.create(again)
    (again / "collections").mkdir()
    (again / "collections" / "trial.toml").write_text('licence = "CC BY 4.0"\n')
    refused = invoke("receive", tmp_path / "drive", "--archive", again)
    assert refused.exit_code == 1
    assert "licence-conflict: collection trial: this archive says CC BY 4.0" in refused.stderr
    assert Archive.open(again).series_where() == []


def test_without_an_archive_a_drive_is_only_verified(release: Release, tmp_path: Path) -> None:
    packed(release, "--out", tmp_path / "drive", "--link")
    taken = invoke("receive", tmp_path / "drive", "--receipts", tmp_path / "receipts")
    assert taken.exit_code == 0
    assert [path.suffix for path in (tmp_path / "receipts").iterdir()] == [".json"]


@pytest.mark.parametrize(
    ("text", "is_good"), [("4TB", True), ("3.6 TiB", True), ("500gb", True), ("4 terabytes", False), ("", False)]
)
def test_a_capacity_is_a_number_and_a_unit(release: Release, text: str, is_good: bool) -> None:
    archive = release.folder.parents[2]
    shown = invoke("pack", f"{COLLECTION}@1", "--archive", archive, "--capacity", text)
    assert shown.exit_code == (0 if is_good else 2)
    assert is_good or "expected a size such as 4TB" in " ".join(shown.output.replace("│", "").split())


def test_a_drive_that_the_split_has_not_is_wrong_usage(release: Release) -> None:
    shown = packed(release, "--drive", "2")
    assert shown.exit_code == 2
    assert "the split has 1 drives" in " ".join(shown.output.replace("│", "").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none",), "none is not there"),
        (("list.csv",), "is a file"),
        ((".", "--packing-list", "none.csv"), "none.csv"),
        ((".", "--digest", "64ff050d9c7e4461"), "expected the 64 digits"),
    ],
)
def test_a_slip_is_told_before_the_drive_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").touch()
    done = invoke("receive", *words, "--archive", "mine")
    assert done.exit_code
    assert said in done.output + str(done.exception)
    assert not (tmp_path / "mine").exists()


def test_a_digest_may_be_written_in_capitals(release: Release, tmp_path: Path) -> None:
    packed(release, "--out", tmp_path / "drive")
    taken = invoke("receive", tmp_path / "drive", "--receipts", tmp_path, "--digest", f" {release.digest.upper()} ")
    assert taken.exit_code == 0, taken.output
