"""How two releases differ: what came, went, changed; a moved file is no change."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from builders import UID_ROOT
from hilum.cohort import Criteria, build_cohort
from hilum.errors import ConfigError
from hilum.publish.difference import compare
from publish.releasing import index_images, make_archive, release, write_series

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.publish.difference import Difference


def states(difference: Difference, level: str) -> dict[str, str]:
    return {change.item: change.state for change in difference.changes if change.level == level}


def test_what_came_went_and_changed_at_each_level(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, participants=4)
    before = release(archive, "1")
    shutil.rmtree(tmp_path / "images" / "P1")
    write_series(tmp_path / "images", 2, seed=99)
    (tmp_path / "images" / "P4" / "000002.dcm").unlink()
    write_series(tmp_path / "images", 5)
    index_images(archive, tmp_path / "images")
    difference = compare(before, release(archive, "2"))
    assert states(difference, "participant") == {"P1": "went", "P2": "changed", "P4": "changed", "P5": "came"}
    assert states(difference, "series") == {
        f"{UID_ROOT}.1.1": "went",
        f"{UID_ROOT}.2.1": "changed",
        f"{UID_ROOT}.4.1": "changed",
        f"{UID_ROOT}.5.1": "came",
    }
    assert difference.counts() == [
        {"level": "participant", "came": 1, "went": 1, "changed": 2, "moved": 0, "same": 1},
        {"level": "series", "came": 1, "went": 1, "changed": 2, "moved": 0, "same": 1},
        {"level": "file", "came": 3, "went": 4, "changed": 3, "moved": 0, "same": 5},
    ]
    details = {change.item: change.detail for change in difference.changes if change.level == "participant"}
    assert details == {"P1": "3 went", "P2": "3 changed", "P4": "1 went", "P5": "3 files came"}


def test_images_moved_to_another_folder_are_no_change(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    before = release(archive, "1")
    (tmp_path / "images" / "P1").rename(tmp_path / "images" / "elsewhere")
    index_images(archive, tmp_path / "images")
    difference = compare(before, release(archive, "2"))
    assert difference.changes == ()
    assert difference.remarks == ()


def test_files_beside_the_images_move_by_their_content(archive: Archive, beside: Path) -> None:
    before = release(archive, "1", beside=(beside,))
    (beside / "P1" / "points.txt").rename(beside / "P1" / "positions.txt")
    (beside / "new").mkdir()
    (beside / "P1" / "none.mps").rename(beside / "new" / "none.mps")
    (beside / "P1" / "empty.txt").write_text("")
    (beside / "README.txt").write_text("changed\n")
    difference = compare(before, release(archive, "2", beside=(beside,)))
    folder = "trial/ANNOTATIONS"
    assert states(difference, "file") == {
        f"{folder}/P1/positions.txt": "moved",
        f"{folder}/new/none.mps": "moved",
        f"{folder}/P1/empty.txt": "came",
        f"{folder}/README.txt": "changed",
    }
    moved = next(change for change in difference.changes if change.item.endswith("positions.txt"))
    assert moved.detail == f"from {folder}/P1/points.txt"
    assert states(difference, "participant") == {"P1": "changed"}


def test_an_empty_file_does_not_become_any_other_empty_file(archive: Archive, beside: Path) -> None:
    before = release(archive, "1", beside=(beside,))
    (beside / "P1" / "none.mps").rename(beside / "P1" / "nothing.txt")
    found = states(compare(before, release(archive, "2", beside=(beside,))), "file")
    assert set(found.values()) == {"came", "went"}


def test_a_release_does_not_differ_from_itself(archive: Archive) -> None:
    made = release(archive, "1")
    difference = compare(made, made)
    assert difference.changes == ()
    assert difference.remarks == ("the two are one and the same release",)


def test_both_directions_tell_the_same(archive: Archive, beside: Path) -> None:
    before, after = release(archive, "1"), release(archive, "2", beside=(beside,))
    turned = {"came": "went", "went": "came"}
    forth = states(compare(before, after), "file")
    back = states(compare(after, before), "file")
    assert forth == {item: turned.get(state, state) for item, state in back.items()}
    assert len(forth) == 4


def test_versions_of_two_things_are_not_compared(archive: Archive) -> None:
    build_cohort(archive, "some", Criteria()).save(archive)
    with pytest.raises(ConfigError, match="no versions of one thing"):
        compare(release(archive, "1"), release(archive, "1", name="some"))
