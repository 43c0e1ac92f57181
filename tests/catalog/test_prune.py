"""Old snapshots removed: nothing that is needed, the rest with its files, and the history goes on."""

from __future__ import annotations

import errno
import fcntl
import json
import pickle
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from hilum.catalog import Archive
from hilum.catalog import prune as prune_module
from hilum.catalog.prune import plan_pruning, prune
from hilum.catalog.reader import Reader
from hilum.errors import ArchiveError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Put = Callable[..., None]

NO_AGE = timedelta(0)


@pytest.fixture
def ids(archive: Archive, put: Put) -> list[str]:
    """Five snapshots, the newest first: the last three each replaced the only series."""
    for number in range(1, 5):
        put({"SeriesInstanceUID": f"1.1.{number}"})
    return [snapshot.snapshot_id for snapshot in archive.snapshots()]


def files(archive: Archive) -> set[str]:
    return {path.name for path in (archive.path / "catalog" / "data").iterdir()}


def test_all_but_the_newest_go_with_their_files(archive: Archive, ids: list[str]) -> None:
    newest = {file.name for one in ids[:2] for file in archive.snapshot(one).files}
    planned = plan_pruning(archive, {}, keep=2, min_age=NO_AGE)
    assert [one.snapshot_id for one in archive.snapshots()] == ids, "a plan removes nothing"

    done = prune(archive, {}, keep=2, min_age=NO_AGE)

    assert planned == done
    assert [one.snapshot_id for one in done.snapshots] == ids[2:]
    assert [one.snapshot_id for one in archive.snapshots()] == ids[:2]
    assert files(archive) == newest
    assert (done.files, done.size_bytes > 0) == (2, True)
    archive.snapshot().verify()


def test_what_something_names_stays_readable(archive: Archive, ids: list[str]) -> None:
    done = prune(archive, {ids[2]: ["cohort chest", "run classic"]}, keep=1, min_age=NO_AGE)
    assert [(one.item, one.reason) for one in done.refusals] == [(ids[2], "named by cohort chest, run classic")]
    assert [one.snapshot_id for one in archive.snapshots()] == [ids[0], ids[2]]
    archive.snapshot(ids[2]).verify()


def test_one_that_is_meant_goes_alone_and_the_current_never(archive: Archive, ids: list[str]) -> None:
    done = prune(archive, {}, keep=10, wanted=[ids[0], ids[1]])
    assert [one.snapshot_id for one in done.snapshots] == [ids[1]]
    assert [(one.item, one.reason) for one in done.refusals] == [(ids[0], "current")]
    with pytest.raises(NotFoundError, match=f"snapshot {ids[1]} was removed at .*, by hilum catalog prune"):
        archive.snapshot(ids[1])
    with pytest.raises(NotFoundError, match="was removed at"):
        prune(archive, {}, keep=1, wanted=[ids[1]])
    with pytest.raises(NotFoundError, match="no snapshot 000099-x"):
        prune(archive, {}, keep=1, wanted=["000099-x"])


def test_a_file_that_a_remaining_snapshot_shares_stays(archive: Archive, put: Put) -> None:
    put({"collection_id": "a"})
    put({"collection_id": "b"})
    done = prune(archive, {}, keep=1, min_age=NO_AGE)
    assert done.files == 0
    archive.snapshot().verify()
    assert archive.query("SELECT count(*) AS n FROM series").to_pylist() == [{"n": 2}]


def test_commits_and_prunings_follow_each_other(archive: Archive, ids: list[str], put: Put) -> None:
    prune(archive, {}, keep=1, min_age=NO_AGE)
    put({"SeriesInstanceUID": "1.1.9"})
    put({"SeriesInstanceUID": "1.1.10"})
    prune(archive, {}, keep=1, min_age=NO_AGE)
    assert len(archive.snapshots()) == 1
    assert archive.snapshot().number == 6
    assert set(json.loads((archive.path / "catalog" / "pruned.json").read_bytes())) > set(ids)


def test_a_manifest_that_is_lost_is_still_told_from_one_that_was_removed(archive: Archive, ids: list[str]) -> None:
    prune(archive, {}, keep=10, wanted=[ids[2]])
    (archive.path / "catalog" / "snapshots" / f"{ids[3]}.json").unlink()
    with pytest.raises(NotFoundError, match=f"no snapshot {ids[3]}"):
        archive.snapshots()
    (archive.path / "catalog" / "pruned.json").write_text("[1]")
    with pytest.raises(ArchiveError, match=r"pruned\.json is damaged"):
        archive.snapshots()


def test_less_than_the_current_one_cannot_be_kept(archive: Archive) -> None:
    with pytest.raises(ValueError, match="keep=0"):
        plan_pruning(archive, {}, keep=0)


def test_what_was_current_until_lately_stays(archive: Archive, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    done = prune(archive, {}, keep=2)
    assert done.snapshots == ()
    assert [(one.item, one.check) for one in done.refusals] == [(one, "recent") for one in ids[2:]]
    assert "less than 24 h ago" in done.refusals[0].reason
    assert len(archive.snapshots()) == 5

    # An hour after the second newest came, the third was not current for an hour, and those before it for longer.
    came = [archive.snapshot(one).created_at for one in ids]
    monkeypatch.setattr(prune_module, "datetime", Clock(came[1] + timedelta(hours=1) - timedelta(microseconds=1)))
    done = prune(archive, {}, keep=1, min_age=timedelta(hours=1))
    assert [one.item for one in done.refusals] == ids[1:3]
    assert [one.snapshot_id for one in done.snapshots] == ids[3:]

    done = prune(archive, {}, keep=1, wanted=[ids[2]])
    assert [one.snapshot_id for one in done.snapshots] == [ids[2]], "what is named goes at any age"


class Clock:
    """What `datetime` is to pruning, at a time of the test's choosing."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self, _: object) -> datetime:
        return self.time


COUNT = "SELECT count(*) AS n FROM series"


def test_what_is_read_stays_until_nobody_reads_it(archive: Archive, ids: list[str]) -> None:
    snapshot = archive.snapshot(ids[1])
    reader = Reader(archive.snapshot(ids[2]))

    done = prune(archive, {}, keep=1, min_age=NO_AGE)

    assert [(one.item, one.check) for one in done.refusals] == [(ids[1], "held"), (ids[2], "held")]
    assert "somebody reads it" in done.refusals[0].reason
    assert [one.snapshot_id for one in done.snapshots] == ids[3:]
    assert reader.query(COUNT).to_pylist() == [{"n": 1}]
    snapshot.verify()
    assert [one.snapshot_id for one in archive.snapshots()] == ids[:3]

    del reader
    assert [one.item for one in prune(archive, {}, keep=1, wanted=ids[1:3]).refusals] == [ids[1]]
    del snapshot
    assert prune(archive, {}, keep=1, min_age=NO_AGE).refusals == ()
    assert len(archive.snapshots()) == 1


def test_an_archive_holds_nothing_between_its_questions(archive: Archive, ids: list[str], put: Put) -> None:
    asked = Archive.open(archive.path)
    assert asked.query(COUNT).to_pylist() == [{"n": 1}]
    put({"SeriesInstanceUID": "1.1.9"})
    done = prune(archive, {}, keep=1, min_age=NO_AGE)
    assert done.refusals == ()
    assert asked.query(COUNT).to_pylist() == [{"n": 1}]


def test_a_plan_frees_what_it_looked_at_and_a_copy_of_a_snapshot_holds_nothing(
    archive: Archive, ids: list[str]
) -> None:
    assert plan_pruning(archive, {}, keep=1, min_age=NO_AGE) == plan_pruning(archive, {}, keep=1, min_age=NO_AGE)
    copy = pickle.loads(pickle.dumps(archive.snapshot(ids[2])))
    assert copy == archive.snapshot(ids[2])
    assert prune(archive, {}, keep=1, min_age=NO_AGE).refusals == ()


HOLD = """
import sys, time
from hilum.catalog import Archive
snapshot = Archive.open(sys.argv[1]).snapshot(sys.argv[2])
print("held", flush=True)
time.sleep(600)
"""


def test_a_reader_that_is_killed_lets_go(archive: Archive, ids: list[str]) -> None:
    command = [sys.executable, "-c", HOLD, str(archive.path), ids[2]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "held\n"
        before = prune(archive, {}, keep=10, wanted=[ids[2]])
        reader.kill()
    assert [one.check for one in before.refusals] == ["held"]
    assert prune(archive, {}, keep=10, wanted=[ids[2]]).refusals == ()


def test_whoever_begins_to_read_while_it_goes_keeps_it_or_is_told(
    archive: Archive, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    note = prune_module._note

    def begun(*arguments: object) -> None:
        """Somebody begins to read after the plan was made, and before it is done."""
        note(*arguments)  # type: ignore[arg-type]
        held.append(archive.snapshot(ids[3]))

    monkeypatch.setattr(prune_module, "_note", begun)
    done = prune(archive, {}, keep=1, min_age=NO_AGE)
    assert [(one.item, one.check) for one in done.refusals] == [(ids[3], "held")]
    assert [one.snapshot_id for one in done.snapshots] == [*ids[1:3], ids[4]]
    held[0].verify()
    assert [one.snapshot_id for one in archive.snapshots()] == [ids[0], ids[3]]
    with pytest.raises(NotFoundError, match="was removed at"):
        archive.snapshot(ids[2])


@contextmanager
def going_on(work: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Do something again and again on a thread; give what it raised."""
    is_over, raised = Event(), list[BaseException]()

    def repeat() -> None:
        try:
            while not is_over.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    thread = Thread(target=repeat)
    thread.start()
    try:
        yield raised
    finally:
        is_over.set()
        thread.join()


def test_nobody_misses_a_file_while_others_commit_and_prune(archive: Archive, put: Put) -> None:
    put({"SeriesInstanceUID": "1.1.0"})

    def read() -> None:
        snapshot = Archive.open(archive.path).snapshot()
        assert snapshot.table("series").num_rows == 1
        snapshot.verify()

    other = Archive.open(archive.path)
    with going_on(read) as raised, going_on(lambda: other.query(COUNT)) as also_raised:
        for number in range(1, 30):
            put({"SeriesInstanceUID": f"1.1.{number}"})
            prune(archive, {}, keep=1, min_age=NO_AGE)
    assert raised == also_raised == []


def test_without_locks_everything_is_read_and_the_age_protects(
    archive: Archive, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(file: object, operation: int) -> None:
        if isinstance(file, int):  # a manifest; the lock of who commits is a file object
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    held = archive.snapshot(ids[2])
    held.verify()
    assert {one.check for one in prune(archive, {}, keep=1).refusals} == {"recent"}
    held.verify()
    assert prune(archive, {}, keep=1, min_age=NO_AGE).refusals == ()
