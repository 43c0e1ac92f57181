"""Extra files: each is named, whatever its name, and none of the release's is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from hilum.publish.extra import extra_files
from publish.releasing import release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.publish.release import Release

NAMES = (
    ".hidden",
    "trial-more/a",
    "trial.txt",
    "trial/ANNOTATIONS",
    "trial/P1/a\nb",
    "trial/P1/Ä.dcm",
    "trial/P1/\udcff.dcm",
    "trial/P10/a",
    "trial/P2/.unfinished",
    "zz",
)


@pytest.fixture
def made(archive: Archive) -> Release:
    return release(archive, "1")


def lay(made: Release, folder: Path, more: tuple[str, ...] = ()) -> None:
    for name in (*(file.path for file in made.files()), *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_of_the_release_are_not_extra(made: Release, tmp_path: Path) -> None:
    lay(made, tmp_path / "at")
    assert list(extra_files(made, tmp_path / "at")) == []
    next((tmp_path / "at").rglob("*.dcm")).unlink()
    assert list(extra_files(made, tmp_path / "at")) == []


def test_all_others_are_named_once(made: Release, tmp_path: Path) -> None:
    lay(made, tmp_path / "at", NAMES)
    found = list(extra_files(made, tmp_path / "at"))
    assert sorted(one.item for one in found) == sorted(NAMES)
    assert {one.check for one in found} == {"extra"}


def test_linked_folders_are_not_gone_into_and_dangling_links_are_extra(made: Release, tmp_path: Path) -> None:
    lay(made, tmp_path / "at")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    (tmp_path / "at" / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "at" / "nowhere").symlink_to("nothing")
    assert [one.item for one in extra_files(made, tmp_path / "at")] == ["nowhere"]


def test_a_folder_that_cannot_be_looked_into_is_named(
    made: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(made, tmp_path / "at", ("closed/a", "zz"))
    scandir = os.scandir

    def refuse(folder: Any) -> Any:
        if isinstance(folder, bytes) and folder.endswith(b"closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = [(one.item, one.check) for one in extra_files(made, tmp_path / "at")]
    assert found == [("closed/", "unreadable-folder"), ("zz", "extra")]
