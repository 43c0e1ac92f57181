from __future__ import annotations

import os
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from builders import CtSeries
from hilum.index import scan as scan_module
from hilum.index.journal import open_journal
from hilum.index.record import unpack_records
from hilum.index.refused import RefusedFile
from hilum.index.scan import Known, Scan, scan_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hilum.index.journal import Journal


def scan(folder: Path, known: Mapping[str, Known] | None = None, journal: Journal | None = None) -> Scan:
    with ThreadPoolExecutor(2) as executor:
        found = scan_folder(folder, known=known or {}, journal=journal, executor=executor, workers=2)
    told = found.unchanged | set(paths(found)) | {refusal.path for refusal in found.refusals}
    assert found.files_found == len(told) + found.passed_over.total()
    assert found.record_count == len(paths(found))
    return found


def paths(found: Scan) -> list[str]:
    return [record["path"] for parts in found.packed.values() for part in parts for record in unpack_records(part)]


def known_of(folder: Path, *names: str, check: str | None = None) -> dict[str, Known]:
    known = {}
    for name in names:
        status = (folder / name).stat()
        size, time = status.st_size, status.st_mtime_ns
        refused = (
            RefusedFile.of(str(folder), name, check, "reason", size_bytes=size, modified_ns=time) if check else None
        )
        known[name] = Known(size, time, "" if check else "1.1", refused)
    return known


class ExplodingExecutor(Executor):
    """An executor that gives in after some batches, as a run that is killed."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def submit(self, function: Callable[..., Any], /, *items: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.batches == 0:
            future.set_exception(KeyboardInterrupt())
        else:
            self.batches -= 1
            future.set_result(function(*items, **named))
        return future


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "FILES_PER_BATCH", 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten slices, a text, an empty file."""
    CtSeries(shape=(10, 4, 4)).write(tmp_path / "data")
    (tmp_path / "data" / "LICENSE").write_text("free")
    (tmp_path / "data" / "bad.dcm").touch()
    return tmp_path / "data"


def test_everything_is_read_the_first_time(folder: Path) -> None:
    found = scan(folder)
    assert (found.files_found, found.files_read, len(paths(found))) == (12, 11, 10)
    assert [(refusal.path, refusal.check) for refusal in found.refusals] == [("bad.dcm", "empty-file")]
    assert found.passed_over == {"text": 1}


def test_what_is_known_and_unchanged_is_not_opened(folder: Path) -> None:
    known = known_of(folder, *(f"{index:06d}.dcm" for index in range(10)))
    known |= known_of(folder, "bad.dcm", check="empty-file")
    found = scan(folder, known)
    assert (found.files_read, paths(found), found.unchanged) == (0, [], set(known) - {"bad.dcm"})
    assert [refusal.path for refusal in found.refusals] == ["bad.dcm"]


def test_what_has_changed_is_read_again(folder: Path) -> None:
    known = known_of(folder, "000000.dcm", "000001.dcm", "000002.dcm")
    os.utime(folder / "000000.dcm", ns=(1, 1))
    with (folder / "000001.dcm").open("ab") as file:
        file.write(b"\0\0")
    found = scan(folder, known)
    assert found.changed == {"000000.dcm", "000001.dcm"}
    assert found.unchanged == {"000002.dcm"}
    assert "000002.dcm" not in paths(found)


def test_what_is_gone_is_neither_unchanged_nor_read(folder: Path) -> None:
    known = known_of(folder, "000000.dcm")
    (folder / "000000.dcm").unlink()
    found = scan(folder, known)
    assert not found.unchanged
    assert "000000.dcm" not in paths(found)


@pytest.mark.parametrize("check", ["duplicate-instance", "conflicting-instance"])
def test_a_duplicate_is_left_alone_until_something_is_gone(folder: Path, check: str) -> None:
    known = known_of(folder, "000000.dcm") | known_of(folder, "000001.dcm", check=check)
    found = scan(folder, known)
    assert "000001.dcm" not in paths(found)
    assert check in {refusal.check for refusal in found.refusals}
    (folder / "000000.dcm").unlink()
    found = scan(folder, known)
    assert "000001.dcm" in paths(found)
    assert check not in {refusal.check for refusal in found.refusals}


def test_a_refusal_without_a_state_is_looked_at_again(folder: Path) -> None:
    refused = RefusedFile.of(str(folder), "000000.dcm", "unreadable-file", "", size_bytes=None, modified_ns=None)
    found = scan(folder, {"000000.dcm": Known(None, None, refused=refused)})
    assert "000000.dcm" in paths(found)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("batches", [0, 1, 3, 5])
def test_an_interrupted_scan_is_taken_up_without_reading_a_file_twice(
    folder: Path, tmp_path: Path, batches: int
) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        open_journal(tmp_path / "journal", "c", "r") as journal,
    ):
        scan_folder(folder, known={}, journal=journal, executor=ExplodingExecutor(batches), workers=1)
    with open_journal(tmp_path / "journal", "c", "r") as journal:
        read_before = sum(len(batch["states"]) + len(batch["refusals"]) for batch in journal.left)
        found = scan(folder, journal=journal)
    assert found.files_taken_up == read_before
    assert found.files_read == 11 - read_before
    assert sorted(paths(found)) == sorted(paths(scan(folder)))
    assert len(found.refusals) == 1


@pytest.mark.usefixtures("small_batches")
def test_what_changes_after_an_interruption_is_read_again(folder: Path, tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal", "c", "r") as journal:
        scan(folder, journal=journal)
    os.utime(folder / "000003.dcm", ns=(5, 5))
    (folder / "000004.dcm").unlink()
    CtSeries(shape=(1, 4, 4), series_uid="1.9").write(folder, names=["bad.dcm"])
    with open_journal(tmp_path / "journal", "c", "r") as journal:
        found = scan(folder, journal=journal)
    assert (found.files_taken_up, found.files_read) == (8, 2)
    assert sorted(paths(found)) == [f"{index:06d}.dcm" for index in range(10) if index != 4] + ["bad.dcm"]
    assert not found.refusals


def test_progress_counts_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "FILES_PER_TICK", 5)
    told: list[int] = []
    with ThreadPoolExecutor(1) as executor:
        scan_folder(folder, known={}, journal=None, executor=executor, workers=1, on_progress=told.append)
    assert sum(told) == 12
