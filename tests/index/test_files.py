from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from hilum.index.files import FoundFile, find_files, is_named_dicom, kind_of_content, kind_of_name

if TYPE_CHECKING:
    from pathlib import Path


def found(folder: Path) -> dict[str, FoundFile]:
    files = list(find_files(folder))
    by_path = {file.path: file for file in files}
    assert len(by_path) == len(files)
    return by_path


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"content of " + path.encode())


def test_files_are_found_at_every_depth_in_order(tmp_path: Path) -> None:
    put(tmp_path, "b", "a/z/1", "a/2", "a/z/y/x/3", "c.dcm")
    assert list(found(tmp_path)) == ["b", "c.dcm", "a/2", "a/z/1", "a/z/y/x/3"]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    put(tmp_path, "a")
    os.utime(tmp_path / "a", ns=(1, 123_456_789))
    assert found(tmp_path)["a"] == FoundFile("a", len(b"content of a"), 123_456_789)


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert not found(tmp_path)


def test_hidden_files_and_what_lies_in_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, ".DS_Store", "._1.dcm", ".git/objects/ab", "a/.b/c", "plain")
    assert {path for path, file in found(tmp_path).items() if file.passed_over == "hidden"} == {
        ".DS_Store",
        "._1.dcm",
        ".git/objects/ab",
        "a/.b/c",
    }
    assert found(tmp_path)["plain"].passed_over is None


def test_a_loop_of_links_ends_and_each_file_is_found_once(tmp_path: Path) -> None:
    put(tmp_path, "b/c/file")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "c" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to(tmp_path / "b" / "self")
    files = found(tmp_path)
    assert set(files) == {"b/c/file", "b/self"}
    assert files["b/self"].problem is not None
    assert files["b/self"].problem[0] == "broken-link"


def test_a_folder_outside_is_reached_through_a_link(tmp_path: Path) -> None:
    put(tmp_path, "outside/file")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    assert list(found(tmp_path / "inside")) == ["link/file"]


def test_a_link_to_nowhere_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none")
    assert found(tmp_path)["link"].problem == (
        "broken-link",
        "No such file or directory: the link leads nowhere, or the file is gone; remove it or index again",
    )


def test_pipes_and_sockets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        assert {file.passed_over for file in found(tmp_path).values()} == {"special"}


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/a\xff", "wb"):  # noqa: PTH123 - a Path cannot say it as clearly
        pass
    [file] = find_files(tmp_path)
    assert file.path == "a\\udcff"
    assert file.problem is not None
    assert file.problem[0] == "undecodable-path"


def test_a_folder_that_may_not_be_listed_is_found_as_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "closed/1", "open/2")

    def scandir(path: Path, listed: Any = os.scandir) -> Any:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files = found(tmp_path)
    assert set(files) == {"closed", "open/2"}
    assert files["closed"].problem == ("unreadable-file", "Permission denied: give this user the right to read it")


def test_the_folder_of_an_archive_is_not_entered(tmp_path: Path) -> None:
    put(tmp_path, "archive/hilum.json", "archive/catalog/data/a.parquet", "1.dcm")
    assert list(found(tmp_path)) == ["1.dcm"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("LICENSE", "text"),
        ("a/b/readme.md", "text"),
        ("md5hashes.csv", "table"),
        ("metadata.json", "table"),
        ("series.zip", "archive"),
        ("1.dcm.gz", "archive"),
        ("mask.nii.gz", "volume"),
        ("scan.nrrd", "volume"),
        ("IMG.PNG", "picture"),
        ("DICOMDIR", "dicomdir"),
        ("points.mps", "table"),
        ("IM0001", None),
        ("1.2.840.10008.1", None),
        ("1.dcm", None),
        (".zip", None),
    ],
)
def test_a_name_shows_a_kind(name: str, kind: str | None) -> None:
    assert kind_of_name(name) == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest", "archive"),
        (b"\x1f\x8b\x08", "archive"),
        (b"\x89PNG\r\n", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"plain words,\r\n1,2,3\n", "text"),
        (b"<html>", "text"),
        (b"", None),
        (bytes(132), None),
        (b"\x08\x00\x05", None),
        ("Übung".encode("latin-1"), None),
    ],
)
def test_the_first_bytes_show_a_kind(content: bytes, kind: str | None) -> None:
    assert kind_of_content(content) == kind


@pytest.mark.parametrize(
    ("name", "is_named"), [("a.DCM", True), ("x/1.ima", True), ("dcm", False), ("a.dcm.txt", False)]
)
def test_a_name_says_dicom(name: str, is_named: bool) -> None:
    assert is_named_dicom(name) == is_named
