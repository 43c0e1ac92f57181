"""Whole participants onto drives: nobody is divided, nothing is left out, and the split is always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.errors import ArchiveError
from hilum.publish.drives import CLUSTER_BYTES, LINES_BYTES, MARGIN_BYTES, plan_drives
from publish.shipping import COLLECTION, SLICES, write_release

if TYPE_CHECKING:
    from hilum.publish.drives import Drive
    from hilum.publish.release import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_release(tmp_path_factory.mktemp("release"))


def overhead(release: Release) -> int:
    return MARGIN_BYTES + sum(part.size_bytes for part in release.parts)


def participants(drives: tuple[Drive, ...]) -> list[list[str | None]]:
    return [[share.participant_id for share in drive.shares] for drive in drives]


def test_everything_fits_on_one_large_drive(release: Release) -> None:
    (drive,) = plan_drives(release, 10**9)
    assert (drive.number, drive.of) == (1, 1)
    assert participants((drive,)) == [[*SLICES, None]]
    assert drive.files == sum(SLICES.values()) + 1 == release.counts.files
    assert drive.size_bytes == release.counts.size_bytes


def test_a_share_takes_whole_clusters_and_its_lines(release: Release) -> None:
    (drive,) = plan_drives(release, 10**9)
    share = drive.shares[0]
    # A CT slice of 16 x 16 pixels, 1.3 kB, takes one cluster.
    assert share.files == SLICES["P1"]
    assert share.room_bytes == SLICES["P1"] * (CLUSTER_BYTES + LINES_BYTES)
    (coarse,) = plan_drives(release, 10**9, cluster_bytes=131_072)
    assert coarse.shares[0].room_bytes == SLICES["P1"] * (131_072 + LINES_BYTES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(room_files=st.integers(min_value=9, max_value=30))
def test_any_capacity_keeps_participants_whole_and_in_order(release: Release, room_files: int) -> None:
    room_bytes = room_files * (CLUSTER_BYTES + LINES_BYTES)
    drives = plan_drives(release, overhead(release) + room_bytes)
    assert [name for names in participants(drives) for name in names] == [*SLICES, None]
    assert [(drive.number, drive.of) for drive in drives] == [(n + 1, len(drives)) for n in range(len(drives))]
    assert all(sum(share.room_bytes for share in drive.shares) <= room_bytes for drive in drives)
    assert drives == plan_drives(release, overhead(release) + room_bytes)


def test_a_participant_larger_than_a_drive_is_named(release: Release) -> None:
    capacity = overhead(release) + 8 * (CLUSTER_BYTES + LINES_BYTES)
    with pytest.raises(ArchiveError, match=r"P2 takes .* has room for .* take larger drives"):
        plan_drives(release, capacity)


def test_the_collection_is_said_of_each_share(release: Release) -> None:
    (drive,) = plan_drives(release, 10**9)
    assert {share.collection_id for share in drive.shares} == {COLLECTION}
    assert drive.shares[-1].name == f"files of {COLLECTION} that belong to no participant"
