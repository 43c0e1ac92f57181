"""Targets that cannot be written: every verb that writes says so, ends with status 3, and leaves nothing half."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hilum.cli.output import FAILURE, OK
from publish.shipping import COLLECTION, write_release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OWN_MOUNTS = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
"""Runs a program with mounts of its own, which end with it."""

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
"""Mounts the folder named first read-only, over itself; file modes would not do, for they do not bind root."""


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and not subprocess.run([*OWN_MOUNTS, "true"], capture_output=True).returncode


pytestmark = pytest.mark.skipif(not can_mount(), reason="no mounts of one's own here")


def hilum(*words: str | Path, read_only: Path | None = None) -> tuple[int, str]:
    """Exit status and stderr of ``hilum``, to which a folder is read-only."""
    before = [] if read_only is None else [*OWN_MOUNTS, "sh", "-c", READ_ONLY, str(read_only)]
    program = [sys.executable, "-c", "from hilum.cli.app import main; main()", *map(str, words)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HILUM_")}
    done = subprocess.run([*before, *program], capture_output=True, text=True, env=kept | {"HILUM_WORKERS": "1"})
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a release, a drive of it, a drive and a pull that were begun, and an empty folder."""
    root = tmp_path_factory.mktemp("read-only")
    write_release(root)
    pack = ("pack", "1", "--archive", root / "archive", "--capacity", "1GB")
    assert hilum(*pack, "--out", root / "drive")[0] == OK
    shutil.copytree(root / "drive", root / "begun")
    next((root / "begun").glob("*/bagit.txt")).unlink()
    assert hilum("pull", root / "files", "--to", root / "pulled")[0] == OK
    next((root / "pulled").rglob("*.dcm")).unlink()
    (root / "empty").mkdir()
    return root


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("empty", ("pull", "{files}", "--to", "{empty}")),
        ("empty", ("pull", "{files}", "--to", "{empty}/below")),
        ("pulled", ("pull", "{files}", "--to", "{pulled}")),
        ("archive", ("release", COLLECTION, "2", "--notes", "x", "--with-errors", "--archive", "{archive}")),
        ("archive", ("verify", "1", "--archive", "{archive}")),
        ("empty", ("pack", "1", "--archive", "{archive}", "--capacity", "1GB", "--out", "{empty}")),
        ("begun", ("pack", "1", "--archive", "{archive}", "--capacity", "1GB", "--out", "{begun}")),
        ("empty", ("receive", "{drive}", "--receipts", "{empty}")),
        ("archive", ("receive", "{drive}", "--archive", "{archive}")),
    ],
)
def test_it_is_one_clear_line_and_nothing_is_left(place: Path, folder: str, words: Sequence[str]) -> None:
    named = {path.name: path for path in place.iterdir()}
    before = content(place / folder)
    status, said = hilum(*(word.format(**named) for word in words), read_only=place / folder)
    assert status == FAILURE, said
    error = said.splitlines()[-1]
    assert error.startswith("error: ")
    assert str(place / folder) in error
    assert "ead-only" in error
    assert "Traceback" not in said
    assert content(place / folder) == before


def test_what_only_reads_needs_no_writing(place: Path) -> None:
    bag = next((place / "drive").iterdir())
    assert hilum("receive", bag, "--receipts", place / "receipts", read_only=place / "drive")[0] == OK
    notes = ("--notes", place / "notes")
    assert hilum("verify", "1", "--archive", place / "archive", *notes, read_only=place / "archive")[0] == OK
