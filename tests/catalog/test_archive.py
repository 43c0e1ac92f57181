from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from hilum.catalog import Archive, Snapshot
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.model.tables import CATALOG_TABLES, CHECKS, SERIES

if TYPE_CHECKING:
    from pathlib import Path

Put = Callable[..., None]

ROW = {
    "collection_id": "c",
    "PatientID": "P1",
    "StudyInstanceUID": "1.1",
    "SeriesInstanceUID": "1.1.1",
    "image_kind": "axial",
    "instance_count": 1,
    "size_bytes": 10,
}


def rows(*uids: str, collection_id: str = "c") -> pa.Table:
    return pa.Table.from_pylist([ROW | {"collection_id": collection_id, "SeriesInstanceUID": uid} for uid in uids])


def commit(archive: Archive, *uids: str, collection_id: str = "c") -> Snapshot:
    table = rows(*uids, collection_id=collection_id)
    return archive.update(collection_id, lambda _: {"series": table}, note=f"put {len(uids)}")


def uids(archive: Archive) -> list[str]:
    return archive.query("SELECT SeriesInstanceUID AS uid FROM series ORDER BY uid").column("uid").to_pylist()  # type: ignore[no-any-return]


def files_of(archive: Archive) -> set[Path]:
    return {path for path in archive.path.rglob("*") if path.is_file()}


class TestMaking:
    def test_a_new_archive_has_every_table_empty_and_with_its_columns(self, archive: Archive) -> None:
        for table in CATALOG_TABLES:
            assert archive.query(f"SELECT * FROM {table.name}").column_names == table.column_names
            assert archive.snapshot().table(table.name).schema == table.arrow_schema()
            assert archive.snapshot().table(table.name).num_rows == 0

    def test_parents_are_made_and_an_empty_folder_will_do(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        assert Archive.create(tmp_path / "a").path == tmp_path / "a"
        assert Archive.create(tmp_path / "b" / "c").path == tmp_path / "b" / "c"

    def test_a_second_time_is_refused(self, archive: Archive) -> None:
        with pytest.raises(ArchiveError, match="is an archive already"):
            Archive.create(archive.path)

    def test_a_folder_with_other_things_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").touch()
        with pytest.raises(ArchiveError, match=r"not empty \(it holds 'photo.jpg'\)"):
            Archive.open_or_create(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]

    def test_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ArchiveError, match="is a file"):
            Archive.create(tmp_path / "file")

    def test_what_a_crashed_making_left_is_taken_up(self, archive: Archive) -> None:
        (archive.path / "hilum.json").rename(archive.path / "hilum.json.1.unfinished")
        again = Archive.open_or_create(archive.path)
        assert uids(again) == []

    def test_open_or_create_opens_what_is_there(self, archive: Archive) -> None:
        commit(archive, "1.2")
        assert uids(Archive.open_or_create(archive.path)) == ["1.2"]

    def test_an_archive_crosses_a_process_border(self, archive: Archive) -> None:
        commit(archive, "1.2")
        assert uids(archive) == ["1.2"]
        assert uids(pickle.loads(pickle.dumps(archive))) == ["1.2"]


class TestOpening:
    def test_no_archive(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveError, match=r"is no archive: it has no hilum\.json"):
            Archive.open(tmp_path)
        with pytest.raises(ArchiveError, match="is no archive: there is no such folder"):
            Archive.open(tmp_path / "mistyped")

    def test_a_newer_format_version_says_so(self, archive: Archive) -> None:
        (archive.path / "hilum.json").write_text('{"format_version": 2}')
        for way in (Archive.open, Archive.open_or_create):
            with pytest.raises(ArchiveError, match="has format version 2, this hilum reads up to 1: update hilum"):
                way(archive.path)

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", '{"version": 1}', '{"format_version": "1"}', '{"format_version": 0}']
    )
    def test_a_damaged_marker(self, archive: Archive, content: str) -> None:
        (archive.path / "hilum.json").write_text(content)
        with pytest.raises(ArchiveError, match=r"hilum\.json"):
            Archive.open(archive.path)

    @pytest.mark.parametrize("content", ["", "000007-12345678", "\x00\x00", "../../etc"])
    def test_a_damaged_pointer_names_the_newest_snapshot(self, archive: Archive, content: str) -> None:
        newest = commit(archive, "1.2")
        (archive.path / "catalog" / "CURRENT").write_text(content)
        with pytest.raises(ArchiveError, match=f"write {newest.snapshot_id} into it"):
            Archive.open(archive.path).query("SELECT 1 AS one")

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text[: len(text) // 2],
            lambda text: text[:0],
            lambda text: f"[{text}]",
            lambda text: text.replace('"rows": 1', '"rows": 2'),
            lambda text: text.replace('"rows"', '"row"'),
        ],
    )
    def test_a_damaged_manifest(self, archive: Archive, change: Callable[[str], str]) -> None:
        snapshot = commit(archive, "1.2")
        manifest = archive.path / "catalog" / "snapshots" / f"{snapshot.snapshot_id}.json"
        manifest.write_text(change(manifest.read_text()))
        with pytest.raises(ArchiveError, match=r"is damaged .*restore it from a copy, or index the collection again"):
            Archive.open(archive.path).snapshot()

    def test_a_missing_file(self, archive: Archive) -> None:
        snapshot = commit(archive, "1.2")
        (archive.path / "catalog" / "data" / snapshot.files[0].name).unlink()
        opened = Archive.open(archive.path)
        missing = r"is missing: snapshot 000001-.* 1 rows of 'series' of collection 'c'"
        with pytest.raises(ArchiveError, match=missing):
            opened.query("SELECT 1 AS one")
        with pytest.raises(ArchiveError, match=missing):
            opened.snapshot().table("series")

    def test_a_short_and_a_changed_file(self, archive: Archive) -> None:
        snapshot = commit(archive, "1.2")
        path = archive.path / "catalog" / "data" / snapshot.files[0].name
        content = path.read_bytes()
        path.write_bytes(content[:-10])
        with pytest.raises(ArchiveError, match=r"bytes, expected"):
            archive.snapshot().table("series")
        path.write_bytes(bytes(len(content)))
        with pytest.raises(ArchiveError, match="is damaged"):
            archive.snapshot().table("series")
        with pytest.raises(ArchiveError, match="SHA-256"):
            archive.snapshot().verify()
        path.write_bytes(content)
        archive.snapshot().verify()


class TestUpdating:
    def test_rows_of_a_collection_are_replaced_and_the_others_stay(self, archive: Archive) -> None:
        commit(archive, "1.1", "1.2")
        commit(archive, "2.1", collection_id="other")
        commit(archive, "1.3")
        assert uids(archive) == ["1.3", "2.1"]
        assert archive.snapshot().table("series", "c").column("SeriesInstanceUID").to_pylist() == ["1.3"]
        assert archive.snapshot().collection_ids == ["c", "other"]

    def test_tables_that_are_not_named_keep_their_rows(self, archive: Archive) -> None:
        check = {"collection_id": "c", "SeriesInstanceUID": "1.1", "check": "gap", "severity": "error", "detail": "x"}
        archive.update("c", lambda _: {"checks": pa.Table.from_pylist([check], CHECKS.arrow_schema())}, note="checks")
        commit(archive, "1.1")
        assert archive.snapshot().table("checks").to_pylist() == [check]

    def test_an_empty_table_removes_the_rows(self, archive: Archive) -> None:
        commit(archive, "1.1")
        archive.update("c", lambda _: {"series": SERIES.arrow_schema().empty_table()}, note="empty")
        assert uids(archive) == []

    def test_nothing_changed_is_no_new_snapshot(self, archive: Archive) -> None:
        first = commit(archive, "1.1")
        assert commit(archive, "1.1").snapshot_id == first.snapshot_id
        assert archive.update("c", lambda _: {}, note="nothing").snapshot_id == first.snapshot_id

    def test_batches_give_what_the_table_gives(self, archive: Archive) -> None:
        table = rows(*(f"1.{i}" for i in range(100)))
        archive.update("c", lambda _: {"series": iter(table.to_batches(max_chunksize=7))}, note="batches")
        assert archive.snapshot().table("series").num_rows == 100
        batches = archive.snapshot().batches("series", ["SeriesInstanceUID"])
        assert sum(batch.num_rows for batch in batches) == 100

    def test_several_collections_in_one_step(self, archive: Archive) -> None:
        commit(archive, "0.1", collection_id="b")
        changes = [(name, {"series": rows(f"{name}.1", collection_id=name)}) for name in ("a", "b")]
        archive.update_all(lambda _: changes, note="both")
        assert uids(archive) == ["a.1", "b.1"]
        assert len(archive.snapshots()) == 3

    def test_the_change_sees_the_newest_snapshot(self, archive: Archive) -> None:
        stale = Archive.open(archive.path)
        stale.snapshot()
        commit(archive, "1.1")
        seen: list[int] = []

        def change(newest: Snapshot) -> dict[str, pa.Table]:
            seen.append(newest.row_count("series"))
            return {}

        stale.update("c", change, note="look")
        assert seen == [1]

    def test_an_open_archive_sees_what_another_commits(self, archive: Archive) -> None:
        assert uids(archive) == []
        commit(Archive.open(archive.path), "1.1")
        assert uids(archive) == ["1.1"]

    def test_old_snapshots_stay_readable(self, archive: Archive) -> None:
        first = commit(archive, "1.1")
        commit(archive, "1.2", "1.3")
        assert archive.snapshot(first.snapshot_id).table("series").column("SeriesInstanceUID").to_pylist() == ["1.1"]
        history = archive.snapshots()
        assert [snapshot.row_count("series") for snapshot in history] == [2, 1, 0]
        assert [snapshot.parent for snapshot in history] == [history[1].snapshot_id, history[2].snapshot_id, None]
        assert [snapshot.note for snapshot in history] == ["put 2", "put 1", "made"]
        with pytest.raises(NotFoundError, match="no snapshot 000009-none"):
            archive.snapshot("000009-none")

    def test_files_of_other_collections_are_shared(self, archive: Archive) -> None:
        first = commit(archive, "1.1")
        second = commit(archive, "2.1", collection_id="other")
        assert set(first.files) < set(second.files)

    @pytest.mark.parametrize("name", ["", "NLST", "ct-lymph", "../x", "a b", "_x"])
    def test_a_collection_has_a_plain_name(self, archive: Archive, name: str) -> None:
        with pytest.raises(ConfigError, match="lower case letters, digits and underscores"):
            archive.update(name, lambda _: {}, note="x")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"nonsense": 1}, "has no columns"),
            ({"collection_id": "other"}, "rows of collections"),
            ({"PatientID": None}, "'PatientID' is required"),
        ],
    )
    def test_rows_must_be_as_the_table_demands(self, archive: Archive, change: dict[str, Any], message: str) -> None:
        table = pa.Table.from_pylist([ROW | change])
        with pytest.raises(ValueError, match=message):
            archive.update("c", lambda _: {"series": table}, note="x")
        assert uids(archive) == []

    def test_an_unknown_table_is_a_mistake(self, archive: Archive) -> None:
        with pytest.raises(ValueError, match="no table 'serious'"):
            archive.update("c", lambda _: {"serious": rows("1.1")}, note="x")
        with pytest.raises(ValueError, match="no table 'serious'"):
            archive.snapshot().table("serious")

    def test_a_change_that_fails_leaves_all_as_it_was(self, archive: Archive) -> None:
        commit(archive, "1.1")
        before = files_of(archive)

        def change(_: Snapshot) -> dict[str, pa.Table]:
            raise RuntimeError("broken")

        with pytest.raises(RuntimeError, match="broken"):
            archive.update("c", change, note="x")
        assert files_of(archive) == before
        commit(archive, "1.2")
        assert uids(archive) == ["1.2"]

    def test_threads_and_processes_lose_no_commit(self, archive: Archive) -> None:
        code = (
            "import sys, pyarrow as pa; from hilum.catalog import Archive\n"
            "archive = Archive.open(sys.argv[1])\n"
            "for i in range(5):\n"
            "    row = eval(sys.argv[2]) | {'collection_id': sys.argv[3], 'SeriesInstanceUID': f'{sys.argv[3]}.{i}'}\n"
            "    def add(newest):\n"
            "        old = newest.table('series', sys.argv[3])\n"
            "        return {'series': pa.Table.from_pylist(old.to_pylist() + [row], schema=old.schema)}\n"
            "    archive.update(sys.argv[3], add, note='x')\n"
        )
        # Two processes add to one collection, a third to another, two threads of this process to others.
        names = ["p", "p", "q"]
        words = [sys.executable, "-c", code, str(archive.path), repr(ROW)]
        running = [subprocess.Popen([*words, name], stderr=subprocess.PIPE) for name in names]
        threads = [
            Thread(target=commit, args=(Archive.open(archive.path), "1.1"), kwargs={"collection_id": name})
            for name in ("t", "u")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for process in running:
            assert process.communicate()[1] == b""
        expected = [f"p.{i}" for i in range(5)] * 2 + [f"q.{i}" for i in range(5)] + ["1.1", "1.1"]
        assert uids(archive) == sorted(expected)
        assert len(archive.snapshots()) == 1 + 15 + 2


class TestSeries:
    def test_by_uid(self, archive: Archive, put: Put) -> None:
        put({"SeriesInstanceUID": "1.1"}, {"SeriesInstanceUID": "1.2", "PatientID": "P2"})
        assert archive.series("1.2").participant_id == "P2"
        with pytest.raises(NotFoundError, match=r"no series 1\.3"):
            archive.series("1.3")

    def test_of_two_collections_the_one_with_files_is_given(self, archive: Archive, put: Put) -> None:
        put({"collection_id": "a"}, {"collection_id": "b", "instances": b"here"}, {"collection_id": "c"})
        assert archive.series("1.1.1")["collection_id"] == "b"

    def test_by_condition_with_bound_values(self, archive: Archive, put: Put) -> None:
        put(*({"SeriesInstanceUID": f"1.{i}", "SliceThickness": i / 2} for i in range(6)))
        found = archive.series_where("SliceThickness > ? ORDER BY SliceThickness DESC", [1.5])
        assert [series.uid for series in found] == ["1.5", "1.4"]
        assert len(archive.series_where()) == 6
        assert archive.series_where("PatientID = ?", ["' OR true --"]) == []


KILLER = """
import os, signal, sys
import pyarrow as pa
from hilum.catalog import Archive

steps = int(sys.argv[2])

def dying(call):
    def counted(*args, **options):
        global steps
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        steps -= 1
        return call(*args, **options)
    return counted

os.fsync, os.replace = dying(os.fsync), dying(os.replace)
row = eval(sys.argv[3]) | {"SeriesInstanceUID": "9.9"}
Archive.open(sys.argv[1]).update("c", lambda _: {"series": pa.Table.from_pylist([row])}, note="killed")
"""


def test_a_kill_at_any_step_leaves_the_last_snapshot_or_the_new_one_whole(archive: Archive) -> None:
    commit(archive, "1.1")
    commit(archive, "2.1", collection_id="other")
    survived = 0
    for step in range(30):
        words = [sys.executable, "-c", KILLER, str(archive.path), str(step), repr(ROW)]
        done = subprocess.run(words, capture_output=True, text=True)
        opened = Archive.open(archive.path)
        for snapshot in opened.snapshots():
            snapshot.verify()
        assert uids(opened) in (["1.1", "2.1"], ["2.1", "9.9"])
        if done.returncode == 0:
            survived = step
            break
        assert done.returncode == -9, done.stderr
        commit(opened, "1.1")
        assert uids(opened) == ["1.1", "2.1"]
        assert not [path for path in files_of(opened) if path.suffix == ".unfinished"]
    assert survived >= 6  # file, manifest and pointer: each brought to disk, with its folder
    named = {
        file["name"]
        for path in archive.path.rglob("snapshots/*.json")
        for file in json.loads(path.read_text())["files"]
    }
    assert {path.name for path in archive.path.glob("catalog/data/*")} == named


def test_files_stay_while_a_manifest_cannot_be_read(archive: Archive) -> None:
    first = commit(archive, "1.1")
    commit(archive, "1.2")
    manifest = archive.path / "catalog" / "snapshots" / f"{first.snapshot_id}.json"
    manifest.write_text("{")
    commit(archive, "1.3")
    assert (archive.path / "catalog" / "data" / first.files[0].name).exists()
    assert uids(archive) == ["1.3"]


FULL_DISK = """
import resource, signal, sys
import pyarrow as pa
from hilum.catalog import Archive
from hilum.errors import ArchiveError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
row = eval(sys.argv[3])
try:
    table = pa.Table.from_pylist([row | {"SeriesInstanceUID": f"9.{i}"} for i in range(1000)])
    Archive.open(sys.argv[1]).update("c", lambda _: {"series": table}, note="full")
except ArchiveError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("room", [100, 2_000, 20_000])
def test_no_room_on_the_disk_leaves_the_archive_as_it_was(archive: Archive, room: int) -> None:
    commit(archive, "1.1")
    before = files_of(archive)
    words = [sys.executable, "-c", FULL_DISK, str(archive.path), str(room), repr(ROW)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "no room left to write" in done.stderr
    assert "free some space and run again" in done.stderr
    assert files_of(archive) == before
    assert uids(archive) == ["1.1"]


def test_no_room_for_the_manifest_leaves_the_archive_as_it_was(archive: Archive) -> None:
    # So many collections that the manifest is longer than a Parquet file of one row, which still fits.
    names = [f"c{i}" for i in range(150)]
    archive.update_all(lambda _: [(name, {"series": rows("1.1", collection_id=name)}) for name in names], note="many")
    parquet = max(path.stat().st_size for path in archive.path.rglob("*.parquet"))
    manifest = max(path.stat().st_size for path in archive.path.rglob("snapshots/*.json"))
    assert manifest > parquet + 1000
    code = FULL_DISK.replace("range(1000)", "range(1)")
    words = [sys.executable, "-c", code, str(archive.path), str(manifest - 1000), repr(ROW)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert "no room left" in done.stderr
    assert ".json" in done.stderr
    assert len(uids(archive)) == 150
    commit(archive, "1.2")
    assert len(uids(archive)) == 151
    assert len(list(archive.path.glob("catalog/data/*"))) == 151
