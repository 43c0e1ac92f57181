"""Indexing as its user meets it: real folders, real processes, killed ones among them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from builders import SHARED_DATA, UID_ROOT, CtSeries, needs_shared_data
from hilum.catalog import Archive
from hilum.catalog.folder import IndexReport, index_folder
from hilum.config import Settings
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.index.checks import BY_NAME
from hilum.index.journal import open_journal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.catalog import Snapshot

MANY = 800
DISK_BYTES = 6_000
"""Room on a full disk: enough for a journal of nothing, not for one of `MANY` headers nor for their snapshot."""

ONE_WORKER = Settings(workers=1)
RUN = """
import sys
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.config import Settings
if __name__ == "__main__":
    if len(sys.argv) > 4:
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)
    report = index_folder(Archive.open(sys.argv[1]), sys.argv[2], sys.argv[3], settings=Settings(workers=1))
    print(report.files_read, report.files_taken_up)
"""


def index(archive: Archive, folder: Path, collection_id: str = "c", **options: Any) -> IndexReport:
    report = index_folder(archive, folder, collection_id, settings=ONE_WORKER, **options)
    assert report.files_found == report.instances_kept + report.files_refused + report.files_passed_over
    assert not list((archive.path / "journal").iterdir())
    check_whole(archive)
    return report


def check_whole(archive: Archive) -> None:
    """The rows of the tables agree with each other."""
    snapshot = archive.snapshot()
    snapshot.verify()
    kept: dict[tuple[str, str], int] = {}
    for series in archive.series_where():
        instances = series.instances
        assert series["instance_count"] == len(instances) == len(set(instances.column("SOPInstanceUID")))
        assert set(instances.column("SeriesInstanceUID")) == {series.uid}
        for root in instances.column("root"):
            kept[series["collection_id"], root] = kept.get((series["collection_id"], root), 0) + 1
    refused: dict[tuple[str, str], int] = {}
    for row in snapshot.table("refusals").to_pylist():
        assert row["check"] in BY_NAME
        refused[row["collection_id"], row["root"]] = refused.get((row["collection_id"], row["root"]), 0) + 1
    for row in snapshot.table("scans").to_pylist():
        place = row["collection_id"], row["root"]
        assert row["instances_kept"] == kept.get(place, 0)
        assert row["files_refused"] == refused.get(place, 0)
        assert row["files_found"] == row["instances_kept"] + row["files_refused"] + row["files_passed_over"]


def rows(archive: Archive, table: str = "series") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = archive.snapshot().table(table).to_pylist()
    return found


def series_uid(number: int) -> str:
    return f"{UID_ROOT}.7.{number}"


def write_series(folder: Path, *numbers: int, slices: int = 4, **fields: Any) -> None:
    for number in numbers:
        CtSeries(shape=(slices, 4, 4), series_uid=series_uid(number), **fields).write(folder / f"s{number}")


def content(snapshot: Snapshot) -> Mapping[str, list[dict[str, Any]]]:
    """What a snapshot says, save for times of the run."""
    return {
        name: [{key: value for key, value in row.items() if key not in {"finished_at", "files_read"}} for row in table]
        for name in ("series", "checks", "refusals", "scans")
        if (table := snapshot.table(name).to_pylist()) is not None
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two series, a text, an empty file."""
    write_series(tmp_path / "data", 1, 2)
    (tmp_path / "data" / "LICENSE").write_text("free")
    (tmp_path / "data" / "bad.dcm").touch()
    return tmp_path / "data"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten series of `MANY` files together."""
    folder = tmp_path_factory.mktemp("many")
    write_series(folder, *range(3, 13), slices=MANY // 10)
    return folder


class TestOneFolder:
    def test_the_first_time_all_is_read(self, archive: Archive, folder: Path) -> None:
        report = index(archive, folder)
        assert (report.files_found, report.instances_kept, report.files_refused, report.files_passed_over) == (
            10,
            8,
            1,
            1,
        )
        assert (report.files_read, report.series, report.passed_over) == (9, 2, {"text": 1})
        assert [refusal.check for refusal in report.refusals] == ["empty-file"]
        assert [row["SeriesInstanceUID"] for row in rows(archive)] == [series_uid(1), series_uid(2)]
        assert all(row["is_volume"] for row in rows(archive))
        assert report.snapshot_id == archive.snapshot().snapshot_id
        assert archive.series(series_uid(1)).instances.paths()[0] == folder / "s1" / "000000.dcm"

    def test_nothing_new_is_not_read_and_makes_no_snapshot(self, archive: Archive, folder: Path) -> None:
        first = index(archive, folder)
        again = index(archive, folder)
        assert again.files_read == 0
        assert (again.instances_kept, again.files_refused, again.series) == (8, 1, 2)
        assert again.snapshot_id == first.snapshot_id

    def test_nothing_is_copied_or_changed(self, archive: Archive, folder: Path) -> None:
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
        index(archive, folder)
        after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
        assert before == after

    def test_new_files_join_their_series(self, archive: Archive, folder: Path) -> None:
        whole = CtSeries(shape=(6, 4, 4), series_uid=series_uid(1))
        index(archive, folder)
        whole.write(folder / "more", names=[f"m{number}" for number in range(6)])
        for number in range(4):
            (folder / "more" / f"m{number}").unlink()
        report = index(archive, folder)
        assert report.files_read == 2
        assert [row["slice_count"] for row in rows(archive)] == [6, 4]

    def test_changed_files_replace_what_they_were(self, archive: Archive, folder: Path) -> None:
        index(archive, folder)
        CtSeries(shape=(4, 4, 4), series_uid=series_uid(2), description="again").write(folder / "s2")
        report = index(archive, folder)
        assert (report.files_read, report.files_gone) == (4, 0)
        assert [row["SeriesDescription"] for row in rows(archive)] == ["chest", "again"]

    def test_deleted_files_leave_and_their_series_is_put_together_anew(self, archive: Archive, folder: Path) -> None:
        index(archive, folder)
        (folder / "s1" / "000001.dcm").unlink()
        shutil.rmtree(folder / "s2")
        report = index(archive, folder)
        assert (report.files_read, report.files_gone, report.instances_kept) == (0, 5, 3)
        [row] = rows(archive)
        assert (row["slice_count"], row["not_volume_check"]) == (3, "missing-slices")
        assert [row["check"] for row in rows(archive, "checks")] == ["missing-slices"]

    def test_an_index_in_steps_is_the_index_at_once(self, archive: Archive, tmp_path: Path, folder: Path) -> None:
        index(archive, folder)
        write_series(folder, 3, override={"KVP": None})
        (folder / "s1" / "000003.dcm").unlink()
        index(archive, folder)
        (folder / "bad.dcm").unlink()
        (folder / "s2" / "000000.dcm").write_bytes(b"")
        index(archive, folder)
        at_once = Archive.create(tmp_path / "at_once")
        index(at_once, folder)
        assert content(archive.snapshot()) == content(at_once.snapshot())

    def test_a_copy_takes_the_place_of_the_file_that_is_gone(self, archive: Archive, folder: Path) -> None:
        shutil.copytree(folder / "s1", folder / "copy")
        first = index(archive, folder)
        assert {refusal.path.split("/")[0] for refusal in first.refusals} == {"bad.dcm", "s1"}
        shutil.rmtree(folder / "copy")
        report = index(archive, folder)
        assert (report.files_read, report.instances_kept) == (4, 8)
        assert archive.series(series_uid(1)).instances.paths()[0].parent.name == "s1"

    def test_copies_are_not_read_again_while_nothing_changes(self, archive: Archive, folder: Path) -> None:
        shutil.copytree(folder / "s1", folder / "copy")
        index(archive, folder)
        assert index(archive, folder).files_read == 0

    def test_a_file_that_became_readable_is_taken(
        self, archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hidden = folder / "s1"

        def scandir(path: Path, listed: Any = os.scandir) -> Any:
            if Path(path) == hidden:
                raise PermissionError(13, "Permission denied")
            return listed(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", scandir)
            first = index(archive, folder)
        assert {(refusal.path, refusal.check) for refusal in first.refusals} >= {("s1", "unreadable-file")}
        assert index(archive, folder).instances_kept == 8

    def test_missing_uids_are_refused_once_and_not_read_again(self, archive: Archive, folder: Path) -> None:
        [path] = CtSeries(shape=(1, 4, 4), series_uid="1.5").write(folder / "odd")
        path.write_bytes(
            path.read_bytes().replace(b"SOPInstanceUID", b"").replace(b"\x08\0\x18\0UI", b"\x08\0\x19\0UI")
        )
        assert {refusal.check for refusal in index(archive, folder).refusals} == {"empty-file", "missing-uid"}
        again = index(archive, folder)
        assert (again.files_read, again.files_refused) == (0, 2)


class TestBadFolders:
    def test_an_empty_folder(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(NotFoundError, match="no DICOM file found: the folder is empty"):
            index(archive, tmp_path / "empty")
        assert archive.snapshot().number == 0

    def test_a_folder_of_other_files(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "texts").mkdir()
        (tmp_path / "texts" / "a.txt").write_text("words")
        with pytest.raises(NotFoundError, match=r"1 files, all of other kinds \(1 text\)"):
            index(archive, tmp_path / "texts")

    def test_a_folder_that_is_not_there_or_a_file(self, archive: Archive, folder: Path) -> None:
        with pytest.raises(NotFoundError, match="not there"):
            index(archive, folder / "none")
        with pytest.raises(NotFoundError, match="is a file"):
            index(archive, folder / "LICENSE")

    def test_a_collection_without_a_usable_name(self, archive: Archive, folder: Path) -> None:
        with pytest.raises(ConfigError, match="expected lower case"):
            index(archive, folder, "My Scans!")

    def test_an_unmounted_drive_does_not_empty_the_catalog(self, archive: Archive, folder: Path) -> None:
        index(archive, folder)
        shutil.rmtree(folder)
        folder.mkdir()
        with pytest.raises(NotFoundError, match="is a drive not mounted"):
            index(archive, folder)
        assert len(rows(archive)) == 2
        report = index(archive, folder, may_be_empty=True)
        assert (report.files_gone, rows(archive)) == (8, [])

    def test_a_folder_of_damaged_files_only_keeps_their_refusals(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "bad").mkdir()
        (tmp_path / "bad" / "1.dcm").write_bytes(b"<html>")
        report = index(archive, tmp_path / "bad")
        assert (report.instances_kept, report.files_refused) == (0, 1)
        assert [row["path"] for row in rows(archive, "refusals")] == ["1.dcm"]


class TestSeveralFolders:
    def test_a_series_that_spans_two_is_put_together_from_both(self, archive: Archive, tmp_path: Path) -> None:
        whole = CtSeries(shape=(6, 4, 4))
        whole.write(tmp_path / "a")
        whole.write(tmp_path / "b")
        for number in range(6):
            (tmp_path / "ab"[number % 2] / f"{number:06d}.dcm").unlink()
        index(archive, tmp_path / "a")
        assert rows(archive)[0]["slice_count"] == 3
        index(archive, tmp_path / "b")
        [row] = rows(archive)
        assert (row["slice_count"], row["slice_spacing_mm"], row["is_volume"]) == (6, 2.0, True)
        assert {scan["instances_kept"] for scan in rows(archive, "scans")} == {3}
        shutil.rmtree(tmp_path / "a")
        (tmp_path / "a").mkdir()
        index(archive, tmp_path / "a", may_be_empty=True)
        assert rows(archive)[0]["slice_count"] == 3

    def test_other_folders_keep_their_rows_as_they_are(self, archive: Archive, tmp_path: Path) -> None:
        write_series(tmp_path / "a", 1)
        write_series(tmp_path / "b", 2)
        index(archive, tmp_path / "a")
        [before] = rows(archive)
        index(archive, tmp_path / "b")
        assert before in rows(archive)

    def test_a_copy_in_another_folder_is_refused_until_the_first_is_gone(
        self, archive: Archive, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "a", 1)
        write_series(tmp_path / "b", 1)
        index(archive, tmp_path / "a")
        assert index(archive, tmp_path / "b").files_refused == 4
        assert index(archive, tmp_path / "b").files_read == 0
        shutil.rmtree(tmp_path / "a")
        (tmp_path / "a").mkdir()
        index(archive, tmp_path / "a", may_be_empty=True)
        assert rows(archive) == []
        assert index(archive, tmp_path / "b").instances_kept == 4

    def test_a_copy_that_comes_first_by_path_takes_over(self, archive: Archive, tmp_path: Path) -> None:
        write_series(tmp_path / "a", 1)
        write_series(tmp_path / "b", 1)
        index(archive, tmp_path / "b")
        assert index(archive, tmp_path / "a").instances_kept == 4
        assert [(row["root"][-1], row["path"]) for row in rows(archive, "refusals")] == [
            ("b", f"s1/00000{number}.dcm") for number in range(4)
        ]
        assert index(archive, tmp_path / "b").files_refused == 4

    def test_one_folder_in_two_collections(self, archive: Archive, folder: Path) -> None:
        index(archive, folder, "one")
        index(archive, folder, "two")
        assert len(rows(archive)) == 4

    def test_what_an_imported_index_says_of_a_series_stays(self, archive: Archive, put: Any, folder: Path) -> None:
        put({"SeriesInstanceUID": series_uid(1), "licence": "CC BY 4.0", "source_url": "s3://b/1/*"})
        put_row = rows(archive)[0]
        index(archive, folder)
        row = next(row for row in rows(archive) if row["SeriesInstanceUID"] == series_uid(1))
        assert (row["licence"], row["source_url"]) == (put_row["licence"], put_row["source_url"])
        assert row["instance_count"] == 4


class TestProcesses:
    def start(self, archive: Archive, folder: Path, collection_id: str = "c") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, str(archive.path), str(folder), collection_id],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @pytest.mark.parametrize("collections", [("c", "c"), ("c", "d")])
    def test_two_at_once_lose_nothing(self, archive: Archive, tmp_path: Path, collections: tuple[str, str]) -> None:
        for number, name in enumerate("ab"):
            write_series(tmp_path / name, *range(10 * number, 10 * number + 5))
        runs = [self.start(archive, tmp_path / name, c) for name, c in zip("ab", collections, strict=True)]
        for run in runs:
            _, errors = run.communicate(timeout=120)
            assert run.returncode == 0, errors
        assert len(rows(archive)) == 10
        assert archive.snapshot().number == 2
        check_whole(archive)

    def test_two_at_once_in_one_folder_agree(self, archive: Archive, folder: Path) -> None:
        for run in [self.start(archive, folder) for _ in range(2)]:
            _, errors = run.communicate(timeout=120)
            assert run.returncode == 0, errors
        assert len(rows(archive)) == 2
        check_whole(archive)
        assert index(archive, folder).files_read == 0

    @pytest.mark.parametrize("seed", range(5))
    def test_a_killed_run_leaves_the_last_snapshot_whole_and_is_taken_up(
        self, archive: Archive, tmp_path: Path, many: Path, seed: int
    ) -> None:
        write_series(tmp_path / "data", 1, 2)
        index(archive, tmp_path / "data")
        before = archive.snapshot()
        for path in many.iterdir():
            (tmp_path / "data" / path.name).symlink_to(path)
        run = self.start(archive, tmp_path / "data")
        draw = random.Random(seed)
        journal = archive.path / "journal"
        while run.poll() is None and sum(path.read_bytes().count(b"\n") for path in journal.glob("*.jsonl")) < seed:
            time.sleep(0.001)
        time.sleep(draw.random() * 0.05)
        with suppress(ProcessLookupError):  # it may have ended
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        archive.snapshot().verify()
        with open_journal(journal, "c", str(tmp_path / "data")) as left:
            journaled = sum(len(batch["states"]) for batch in left.left)
        is_committed = archive.snapshot() != before
        report = index(archive, tmp_path / "data")
        if is_committed:
            assert (report.files_read, report.files_taken_up) == (0, 0)
        else:
            assert (report.files_read, report.files_taken_up) == (MANY - journaled, journaled)
        assert len(rows(archive)) == 12
        at_once = Archive.create(tmp_path / "at_once")
        index(at_once, tmp_path / "data")
        assert content(archive.snapshot()) == content(at_once.snapshot())

    @pytest.mark.parametrize(("is_known", "file"), [(False, "journal"), (True, "series-c")])
    def test_a_full_disk_leaves_the_last_snapshot_whole(
        self, archive: Archive, tmp_path: Path, many: Path, is_known: bool, file: str
    ) -> None:
        folder = tmp_path / "data"
        write_series(folder, 1, 2)
        if is_known:
            (folder / "many").symlink_to(many)
        index(archive, folder)
        before = archive.snapshot()
        (folder / "many").symlink_to(many) if not is_known else shutil.rmtree(folder / "s2")
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(archive.path), str(folder), "c", str(DISK_BYTES)],
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        assert "ArchiveError" in done.stderr.splitlines()[-1]
        assert file in done.stderr.splitlines()[-1]
        assert archive.snapshot() == before
        before.verify()
        assert index(archive, folder).series == (11 if is_known else 12)

    def test_a_worker_that_dies_is_told(self, archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from concurrent.futures.process import BrokenProcessPool

        def broken(*_: Any, **__: Any) -> None:
            raise BrokenProcessPool("a child died")

        monkeypatch.setattr("hilum.catalog.folder.scan_folder", broken)
        with pytest.raises(ArchiveError, match="index again"):
            index_folder(archive, folder, "c", settings=ONE_WORKER)
        assert archive.snapshot().number == 0


@needs_shared_data
def test_every_real_file_is_accounted_for(archive: Archive) -> None:
    report = index(archive, SHARED_DATA, "shared")
    assert report.files_found == sum(1 for path in SHARED_DATA.rglob("*") if path.is_file())
    assert {refusal.check for refusal in report.refusals} == {"missing-uid", "conflicting-instance"}
    uids_absent = [refusal for refusal in report.refusals if refusal.check == "missing-uid"]
    assert {Path(refusal.item).parent.name for refusal in uids_absent} == {"example_ct_dicom"}
    assert "archive" not in report.passed_over
