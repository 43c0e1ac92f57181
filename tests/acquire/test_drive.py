"""Drives with links, pipes, odd names and files that change: nothing is passed over in silence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hilum.acquire.drive import CHUNK_BYTES, DriveSource
from hilum.acquire.pull import pull
from hilum.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.acquire.report import PullReport

WITHOUT_RIGHTS = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""Runs a program that may not read everything, though root starts it."""


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A drive with one series."""
    folder = tmp_path / "drive"
    (folder / "s1").mkdir(parents=True)
    (folder / "s1" / "a.dcm").write_bytes(b"a" * 1000)
    return folder


def pulled(drive: Path, target: Path) -> PullReport:
    source = DriveSource(drive)
    return pull(
        source.find(), source, target, folder_of=lambda series: series.location.removeprefix(f"{drive}/").strip("/")
    )


def checks(report: PullReport, drive: Path) -> dict[str, str]:
    return {refusal.item.removeprefix(f"{drive}/"): refusal.check for refusal in report.refusals}


def files(target: Path) -> dict[str, bytes]:
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*.dcm")}


def test_links_are_followed_and_each_folder_is_entered_once(drive: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.dcm").write_bytes(b"b")
    (drive / "s2").symlink_to(tmp_path / "other")
    (drive / "again").symlink_to(drive / "s1")
    (drive / "s1" / "up").symlink_to(drive)
    (drive / "s1" / "c.dcm").symlink_to(tmp_path / "other" / "b.dcm")
    assert pulled(drive, tmp_path / "to").refusals == []
    assert files(tmp_path / "to") == {"s1/a.dcm": b"a" * 1000, "s1/c.dcm": b"b", "s2/b.dcm": b"b"}


def test_links_to_nowhere_are_refused(drive: Path, tmp_path: Path) -> None:
    (drive / "s1" / "gone.dcm").symlink_to("nowhere.dcm")
    (drive / "s1" / "ring.dcm").symlink_to("ring.dcm")
    assert checks(pulled(drive, tmp_path / "to"), drive) == {"s1/gone.dcm": "not-found", "s1/ring.dcm": "not-found"}
    assert files(tmp_path / "to") == {"s1/a.dcm": b"a" * 1000}


def test_pipes_sockets_and_hidden_files_are_passed_over(drive: Path, tmp_path: Path) -> None:
    os.mkfifo(drive / "s1" / "pipe.dcm")
    (drive / ".trash").mkdir()
    (drive / ".trash" / "b.dcm").write_bytes(b"b")
    (drive / "s1" / ".b.dcm").write_bytes(b"b")
    with closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(os.path.relpath(drive / "s1" / "socket"))
    assert pulled(drive, tmp_path / "to").refusals == []
    assert files(tmp_path / "to") == {"s1/a.dcm": b"a" * 1000}


def test_names_that_are_no_text_are_refused_and_can_be_shown(drive: Path, tmp_path: Path) -> None:
    odd = drive / os.fsdecode(b"s\xff")
    odd.mkdir()
    (odd / "b.dcm").touch()
    (drive / "s1" / os.fsdecode(b"b\xff.dcm")).touch()
    report = pulled(drive, tmp_path / "to")
    assert checks(report, drive) == {"s\\xff/": "bad-name", "s1/": "bad-name"}
    for refusal in report.refusals:
        f"{refusal.item} {refusal.reason}".encode()
    assert files(tmp_path / "to") == {"s1/a.dcm": b"a" * 1000}


def test_a_folder_that_vanishes_is_refused(drive: Path, tmp_path: Path) -> None:
    source = DriveSource(drive)
    (series,) = source.find()
    (drive / "s1" / "a.dcm").unlink()
    (drive / "s1").rmdir()
    report = pull([series], source, tmp_path / "to", folder_of=lambda series: "s1")
    assert checks(report, drive) == {"s1/": "not-found"}


def test_a_folder_that_may_not_be_read_is_refused_and_the_rest_comes(drive: Path, tmp_path: Path) -> None:
    (drive / "s2").mkdir(mode=0)
    command = [sys.executable, "-c", "from hilum.cli.app import main; main()"]
    command += ["pull", str(drive), "--to", str(tmp_path / "to"), "--json"]
    ran = subprocess.run([*WITHOUT_RIGHTS, *command], capture_output=True, text=True, check=False)
    refusals = json.loads(ran.stdout)["refusals"]
    assert (ran.returncode, [refusal["check"] for refusal in refusals]) == (1, ["not-allowed"])
    assert list(files(tmp_path / "to").values()) == [b"a" * 1000]


def test_a_file_that_is_written_while_it_is_read_is_refused(drive: Path) -> None:
    path = drive / "s1" / "a.dcm"
    path.write_bytes(b"a" * 2 * CHUNK_BYTES)
    source = DriveSource(drive)
    (series,) = source.find()
    (file,) = source.list_files(series)
    with source.fetch(series, file, 0) as deliveries:
        chunks = next(deliveries).chunks
        assert len(next(chunks)) == CHUNK_BYTES
        with path.open("r+b") as content:
            content.write(b"b" * 2 * CHUNK_BYTES)
        os.utime(path, ns=(0, 0))
        with pytest.raises(SourceError) as error:
            list(chunks)
    assert (error.value.check, error.value.may_pass) == ("changed-meanwhile", False)
