"""Files and folders of a command line: refused before the work, and told in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hilum.cli.places import require_folder, require_target, require_writable, said_of
from hilum.errors import ConfigError


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "work as the user"),
        (errno.EROFS, "read-only"),
        (errno.EEXIST, "a file of that name is there"),
        (errno.ENOSPC, "no room is left"),
    ],
)
def test_an_error_of_the_system_names_the_file_and_what_to_do(number: int, advice: str) -> None:
    said = said_of(OSError(number, os.strerror(number), "/data/ct"))
    assert said.startswith("/data/ct: ")
    assert advice in said
    assert "Errno" not in said


def test_an_error_without_a_file_or_of_another_kind_is_told_as_it_is() -> None:
    assert said_of(OSError("the pipe broke")) == "the pipe broke"
    assert "Too many open files" in said_of(OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/data/ct"))


def test_a_folder_must_be_there_and_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    require_folder(tmp_path, "the files")
    with pytest.raises(ConfigError, match=r"none is not there; name the folder with the files"):
        require_folder(tmp_path / "none", "the files")
    with pytest.raises(ConfigError, match="is a file"):
        require_folder(tmp_path / "file", "the files")


def test_a_folder_to_write_into_may_be_new_but_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    require_target(tmp_path)
    require_target(tmp_path / "new")
    with pytest.raises(ConfigError, match="file is a file"):
        require_target(tmp_path / "file")


def test_folders_above_a_result_are_made(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "below" / "report.html")
    assert (tmp_path / "new" / "below").is_dir()
    require_writable(None)


@pytest.mark.parametrize("name", ["", "file/report.html"])
def test_a_result_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="folder"):
        require_writable(tmp_path / name)


def test_where_nothing_may_be_written_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        require_writable(Path("/proc/none/report.html"))
