"""Verifying: every damaged, missing and extra file is named, a flipped bit always; interrupted, it goes on."""

from __future__ import annotations

import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hilum.errors import ConfigError
from hilum.publish.reread import Batch, open_whole, reread_each
from hilum.publish.stored import stored_files
from hilum.publish.verify import NOTES_HOLD_S, Verified, notes_path, verify_release
from kills import is_killed_after
from publish.releasing import release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.publish.release import Release

KILLS, KILLS_A_ROUND = 100, 5


def verified(made: Release, at: Path | None = None) -> Verified:
    with ThreadPoolExecutor(1) as executor:
        return verify_release(made, notes=notes_path(made), executor=executor, workers=1, at=at)


def found(made: Release, at: Path | None = None) -> list[tuple[str, str]]:
    return [(one.check, one.item) for one in verified(made, at).refusals]


def note_all_whole(made: Release, folder: Path) -> None:
    """Note what a verification has noted that was killed before its end; of so few files it is one batch."""
    (files,) = stored_files(made)
    batch = Batch(0, [str(folder / path) for path in files.paths], files.sha256, b"")
    (read,) = reread_each([batch])
    with open_whole(notes_path(made)) as whole:
        whole.keep(read.number, read.state)


@pytest.fixture
def drive(archive: Archive, beside: Path, tmp_path: Path) -> tuple[Release, Path]:
    """A release, and a copy of its files under their names in it."""
    made = release(archive, "1", beside=(beside,))
    folder = tmp_path / "drive"
    for file in made.files():
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.place, target)
    return made, folder


def test_a_whole_release_is_found_whole(drive: tuple[Release, Path]) -> None:
    made, folder = drive
    for at in (None, folder):
        result = verified(made, at)
        assert result.is_whole
        assert (result.files, result.size_bytes) == (10, made.counts.size_bytes)
        assert result.parts == len(made.parts)
    assert not list(made.folder.parent.glob(".1.verifying*"))


def test_a_flipped_bit_is_always_found(drive: tuple[Release, Path]) -> None:
    made, folder = drive
    draw = random.Random(7)
    files = [file for file in made.files() if file.size_bytes]
    for _ in range(25):
        file = draw.choice(files)
        path = folder / file.path
        whole, times = path.read_bytes(), path.stat()
        at, bit = draw.randrange(len(whole)), draw.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert found(made, folder) == [("damaged", file.path)]
        path.write_bytes(whole)


def test_what_is_missing_cut_or_extra_is_named(drive: tuple[Release, Path]) -> None:
    made, folder = drive
    first, second = [file.path for file in made.files()][:2]
    (folder / first).unlink()
    (folder / second).write_bytes((folder / second).read_bytes()[:-1])
    (folder / "more.txt").write_text("x")
    assert found(made, folder) == [("damaged", second), ("extra", "more.txt"), ("missing", first)]


def test_damage_of_the_release_itself_is_named(drive: tuple[Release, Path]) -> None:
    made, _ = drive
    (made.folder / "citation.txt").write_text("cite nobody")
    (made.folder / "check.json").unlink()
    (made.folder / "tables" / "stray").write_text("")
    next((made.folder / "catalog" / "data").glob("series*")).write_bytes(b"")
    assert found(made) == [
        ("damaged", "catalog"),
        ("damaged", "citation.txt"),
        ("extra", "tables/stray"),
        ("missing", "check.json"),
    ]


@pytest.mark.parametrize("name", ["places.parquet", "tables/files-*.parquet"])
def test_without_the_list_of_files_the_list_is_named(drive: tuple[Release, Path], name: str) -> None:
    made, _ = drive
    path = next(made.folder.glob(name))
    path.write_bytes(b"PAR1")
    assert found(made) == [("damaged", str(path.relative_to(made.folder)))]


def test_an_interrupted_verification_goes_on_and_a_new_one_begins_anew(drive: tuple[Release, Path]) -> None:
    made, folder = drive
    file = next(made.files(["P2"]))
    path = folder / file.path
    note_all_whole(made, folder)
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(whole[:-1] + b"?")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert found(made, folder) == []
    assert found(made, folder) == [("damaged", file.path)]


@pytest.mark.parametrize("noted_s", [-8 * 86_400, 8 * 86_400])
def test_an_old_interruption_or_one_of_the_future_is_not_gone_on_from(
    drive: tuple[Release, Path], noted_s: int
) -> None:
    made, folder = drive
    file = next(made.files(["P2"]))
    path = folder / file.path
    notes = notes_path(made)
    note_all_whole(made, folder)
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(whole[:-1] + b"?")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    at_s = time.time() + noted_s
    os.utime(notes, (at_s, at_s))
    assert found(made, folder) == [("damaged", file.path)]


def test_notes_take_nothing_else_with_them(drive: tuple[Release, Path], tmp_path: Path) -> None:
    made, folder = drive
    mine = [tmp_path / name for name in ("notes.txt", "notes-of-mine", "notes")]
    for path in mine:
        path.write_text("precious")
    long_ago_s = time.time() - 2 * NOTES_HOLD_S
    os.utime(mine[2], (long_ago_s, long_ago_s))
    with ThreadPoolExecutor(1) as executor, pytest.raises(ConfigError, match="something else, which stays"):
        verify_release(made, notes=mine[2], executor=executor, workers=1, at=folder)
    mine.pop().unlink()
    with ThreadPoolExecutor(1) as executor:
        assert verify_release(made, notes=tmp_path / "notes", executor=executor, workers=1, at=folder).is_whole
    assert [path.read_text() for path in mine] == ["precious"] * 2
    assert not (tmp_path / "notes").exists()


def test_a_verification_killed_anywhere_goes_on_and_finds_the_same(archive: Archive, memory_path: Path) -> None:
    made = release(archive, "1")
    folder, notes = memory_path / "drive", memory_path / "notes"
    for file in made.files():
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.place, target)
    damaged = next(made.files(["P2"])).path
    (folder / damaged).write_bytes(b"damaged")

    def is_found() -> bool:
        with ThreadPoolExecutor(1) as executor:
            result = verify_release(made, notes=notes, executor=executor, workers=1, at=folder)
        return result.files == made.counts.files and [one.item for one in result.refusals] == [damaged]

    start = time.perf_counter()
    assert is_found()
    usual_s = time.perf_counter() - start
    generator = random.Random(10)
    killed = 0
    while killed < KILLS:
        for _ in range(KILLS_A_ROUND):
            killed += is_killed_after(generator.uniform(0, usual_s), is_found)
        assert is_found()
        assert not list(memory_path.glob("notes*"))
