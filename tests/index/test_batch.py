from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders import CtSeries
from hilum.index.batch import Batch, read_batch
from hilum.index.files import FoundFile, find_files

NOBODY = 65534


def read(folder: Path) -> Batch:
    return read_batch(str(folder), list(find_files(folder)))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("notes.txt", b"words", "text"),
        ("empty.txt", b"", "text"),
        ("Makefile", b"all:\n\ttrue\n", "text"),
        ("export", b"PK\x03\x04" + bytes(400), "archive"),
        ("photo", b"\xff\xd8\xff" + bytes(400), "picture"),
    ],
)
def test_what_is_of_another_kind_is_passed_over(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    batch = read(tmp_path)
    assert batch.passed_over == {kind: 1}
    assert not batch.refusals
    assert not batch.states


@pytest.mark.parametrize(
    ("name", "content", "check"),
    [
        ("0001.dcm", b"", "empty-file"),
        ("0001", b"", "empty-file"),
        ("0001.dcm", b"<html>504 Gateway Time-out</html>", "not-dicom"),
        ("0001", bytes(4000), "not-dicom"),
        ("0001", bytes(100), "not-dicom"),
        ("0001.txt", bytes(128) + b"DICM\x08\0\x05\0CS\x0a\0ISO", "truncated-header"),
    ],
)
def test_what_may_be_a_damaged_image_is_refused(tmp_path: Path, name: str, content: bytes, check: str) -> None:
    (tmp_path / name).write_bytes(content)
    batch = read(tmp_path)
    [refusal] = batch.refusals
    assert (refusal.check, refusal.path, refusal.item) == (check, name, str(tmp_path / name))
    assert (refusal.size_bytes, refusal.modified_ns) == (len(content), (tmp_path / name).stat().st_mtime_ns)
    assert not batch.passed_over


def test_a_dicom_file_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    names = ["scan.txt", "IM1", "archive.zip", "DICOMDIR"]
    CtSeries().write(tmp_path, names=names)
    assert set(read(tmp_path).states) == set(names)


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    [path] = CtSeries(shape=(1, 2, 2)).write(tmp_path)
    path.write_bytes(path.read_bytes()[132:])
    assert list(read(tmp_path).states) == ["000000.dcm"]


def test_a_batch_crosses_json(tmp_path: Path) -> None:
    CtSeries().write(tmp_path)
    (tmp_path / "bad.dcm").write_bytes(b"")
    batch = read(tmp_path)
    assert Batch.from_plain(json.loads(json.dumps(batch.to_plain()))) == batch


def test_a_file_that_vanishes_is_refused_and_looked_at_again(tmp_path: Path) -> None:
    batch = read_batch(str(tmp_path), [FoundFile("gone.dcm", 5, 6)])
    [refusal] = batch.refusals
    assert (refusal.check, refusal.size_bytes, refusal.modified_ns) == ("broken-link", None, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights away")
def test_a_file_without_permission_is_refused_and_looked_at_again(tmp_path: Path) -> None:
    CtSeries(shape=(1, 2, 2)).write(tmp_path)
    (tmp_path / "000000.dcm").chmod(0)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    code = (
        "import os, sys; from hilum.index.batch import read_batch; from hilum.index.files import FoundFile\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "batch = read_batch(sys.argv[1], [FoundFile('000000.dcm', 5, 6)])\n"
        "print([(r.check, r.reason, r.size_bytes) for r in batch.refusals])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(
        [("unreadable-file", "Permission denied: give this user the right to read it", None)]
    )
