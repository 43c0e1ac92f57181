"""Old snapshots removed: nothing that is needed, the rest with its files, and the history goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hilum.catalog.prune import plan_pruning, prune
from hilum.errors import ArchiveError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive

    Put = Callable[..., None]


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
    planned = plan_pruning(archive, {}, keep=2)
    assert [one.snapshot_id for one in archive.snapshots()] == ids, "a plan removes nothing"

    done = prune(archive, {}, keep=2)

    assert planned == done
    assert [one.snapshot_id for one in done.snapshots] == ids[2:]
    assert [one.snapshot_id for one in archive.snapshots()] == ids[:2]
    assert files(archive) == newest
    assert (done.files, done.size_bytes > 0) == (2, True)
    archive.snapshot().verify()


def test_what_something_names_stays_readable(archive: Archive, ids: list[str]) -> None:
    done = prune(archive, {ids[2]: ["cohort chest", "run classic"]}, keep=1)
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
    done = prune(archive, {}, keep=1)
    assert done.files == 0
    archive.snapshot().verify()
    assert archive.query("SELECT count(*) AS n FROM series").to_pylist() == [{"n": 2}]


def test_commits_and_prunings_follow_each_other(archive: Archive, ids: list[str], put: Put) -> None:
    prune(archive, {}, keep=1)
    put({"SeriesInstanceUID": "1.1.9"})
    put({"SeriesInstanceUID": "1.1.10"})
    prune(archive, {}, keep=1)
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
