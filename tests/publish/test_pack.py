"""Drives packed: valid bags, equal at every repeat, unfinished while a file is not what the release has."""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import bagit
import pytest

from hilum.errors import ArchiveError
from hilum.publish.drives import CLUSTER_BYTES, LINES_BYTES, MARGIN_BYTES, plan_drives
from hilum.publish.pack import bag_name, pack_drive
from hilum.publish.release import read_release
from hilum.publish.shipment import Shipment, read_packing_list
from kills import is_killed_after
from publish.releasing import release as release_small
from publish.shipping import SLICES, write_release

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.publish.drives import Drive
    from hilum.publish.pack import Packed
    from hilum.publish.release import Release

SHIPMENT = Shipment(date(2026, 3, 4), request="REQ-7", recipient="Dr. A, Chest Lab")
KILLS, KILLS_A_ROUND = 200, 5


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def own_release(release: Release, tmp_path: Path) -> Release:
    """The release with files of its own, which a test may damage."""
    root = release.folder.parents[3]
    shutil.copytree(root / "archive", tmp_path / "archive")
    shutil.copytree(root / "files", tmp_path / "files")
    copied = read_release(tmp_path / "archive" / release.folder.relative_to(root / "archive"))
    _move_places(copied, str(root), str(tmp_path))
    return copied


def _move_places(release: Release, old: str, new: str) -> None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = release.folder / "places.parquet"
    table = pq.read_table(path)
    moved = pc.replace_substring(table.column("place"), old, new)
    pq.write_table(table.set_column(table.schema.get_field_index("place"), "place", moved), path)


def two_drives(release: Release) -> tuple[Drive, ...]:
    room_bytes = 14 * (CLUSTER_BYTES + LINES_BYTES)
    drives = plan_drives(release, MARGIN_BYTES + sum(part.size_bytes for part in release.parts) + room_bytes)
    assert len(drives) == 2
    return drives


def pack_all(release: Release, out: Path, *, link: bool = False) -> list[Packed]:
    drives = two_drives(release)
    return [pack_drive(release, drives, drive.number, out, SHIPMENT, link=link) for drive in drives]


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("link", [False, True])
def test_each_drive_is_a_valid_bag(release: Release, tmp_path: Path, link: bool) -> None:
    for packed in pack_all(release, tmp_path, link=link):
        assert packed.refusals == ()
        bag = bagit.Bag(str(packed.bag))
        assert bag.validate()
        assert set(bag.algorithms) == {"sha256", "sha512"}
        assert bag.info["Payload-Oxum"] == f"{packed.size_bytes}.{packed.files}"
        assert bag.info["Bag-Group-Identifier"] == release.digest
        assert bag.info["Hilum-Recipient"] == "Dr. A, Chest Lab"


def test_the_drives_hold_every_file_once_and_whole_participants(release: Release, tmp_path: Path) -> None:
    first, second = (packed.bag for packed in pack_all(release, tmp_path))
    names = [{name for name in content(bag) if name.startswith("data/")} for bag in (first, second)]
    assert not names[0] & names[1]
    assert {f"data/{file.path}" for file in release.files()} == names[0] | names[1]
    people = [{name.split("/")[2] for name in some if name.count("/") > 3} for some in names]
    assert not people[0] & people[1]
    assert people[0] | people[1] == set(SLICES)


def test_beside_the_payload_lie_the_list_the_release_and_a_text_for_people(release: Release, tmp_path: Path) -> None:
    packed, _ = pack_all(release, tmp_path)
    listed = read_packing_list(packed.bag / "packing-list.csv")
    assert sum(share.files for share in listed) == release.counts.files
    assert {share.drive for share in listed} == {1, 2}
    assert read_release(packed.bag / "release").digest == release.digest
    text = (packed.bag / "README.txt").read_text()
    assert "drive 1 of 2" in text
    assert "Request: REQ-7" in text
    assert release.digest in text


def test_a_linked_file_is_the_same_file(release: Release, tmp_path: Path) -> None:
    packed, _ = pack_all(release, tmp_path, link=True)
    file = next(iter(release.files({"P1"})))
    assert (packed.bag / "data" / file.path).samefile(file.place)


def test_of_a_symbolic_link_the_file_is_linked(own_release: Release, tmp_path: Path) -> None:
    file = next(iter(own_release.files({"P1"})))
    Path(file.place).rename(tmp_path / "elsewhere")
    Path(file.place).symlink_to(tmp_path / "elsewhere")
    packed = pack_drive(own_release, two_drives(own_release), 1, tmp_path / "out", SHIPMENT, link=True)
    path = packed.bag / "data" / file.path
    assert not path.is_symlink()
    assert path.samefile(tmp_path / "elsewhere")


def test_files_of_another_disk_cannot_be_linked_and_it_is_told(
    own_release: Release, tmp_path: Path, memory_path: Path
) -> None:
    if tmp_path.stat().st_dev == memory_path.stat().st_dev:
        pytest.skip("there is one disk only")
    with pytest.raises(ArchiveError, match="without --link it is copied"):
        pack_drive(own_release, two_drives(own_release), 1, memory_path / "out", SHIPMENT, link=True)


def test_a_repeat_gives_the_same_bytes_and_a_finished_drive_is_left_alone(release: Release, tmp_path: Path) -> None:
    first = pack_all(release, tmp_path / "one")
    again = pack_all(release, tmp_path / "one")
    pack_all(release, tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert [packed.written for packed in first] == [packed.files for packed in first]
    assert [packed.written for packed in again] == [0, 0]


def test_a_finished_drive_is_not_taken_for_the_answer_to_another_request(release: Release, tmp_path: Path) -> None:
    pack_all(release, tmp_path)
    with pytest.raises(ArchiveError, match="finished, for request 'REQ-7', now 'REQ-8'"):
        pack_drive(release, two_drives(release), 1, tmp_path, replace(SHIPMENT, request="REQ-8"))


def test_a_file_that_changed_since_the_release_keeps_the_bag_unfinished(own_release: Release, tmp_path: Path) -> None:
    file = next(iter(own_release.files({"P1"})))
    whole = Path(file.place).read_bytes()
    Path(file.place).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    drives = two_drives(own_release)
    packed = pack_drive(own_release, drives, 1, tmp_path / "out", SHIPMENT)
    (refusal,) = packed.refusals
    assert (refusal.item, refusal.check) == (file.place, "changed-file")
    assert not (packed.bag / "bagit.txt").exists()
    assert not (packed.bag / "data" / file.path).exists()
    Path(file.place).write_bytes(whole)
    mended = pack_drive(own_release, drives, 1, tmp_path / "out", SHIPMENT)
    assert (mended.written, mended.refusals) == (1, ())
    assert bagit.Bag(str(mended.bag)).validate()


def test_a_missing_file_is_named(own_release: Release, tmp_path: Path) -> None:
    file = next(iter(own_release.files({"P1"})))
    Path(file.place).unlink()
    (refusal,) = pack_drive(own_release, two_drives(own_release), 1, tmp_path / "out", SHIPMENT).refusals
    assert (refusal.item, refusal.check) == (file.place, "missing-file")


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_packed(own_release: Release, tmp_path: Path) -> None:
    file = next(iter(own_release.files({"P1"})))
    Path(file.place).unlink()
    Path(file.place).mkdir()
    packed = pack_drive(own_release, two_drives(own_release), 1, tmp_path / "out", SHIPMENT)
    (refusal,) = packed.refusals
    assert (refusal.item, refusal.check) == (file.place, "unreadable-file")
    assert packed.written == packed.files - 1


def test_what_a_killed_packing_left_is_replaced_and_no_file_it_links_to_is_changed(
    own_release: Release, tmp_path: Path
) -> None:
    drives = two_drives(own_release)
    bag = tmp_path / "out" / bag_name(own_release, drives[0])
    half, linked, *_ = own_release.files({"P1"})
    (bag / "data" / half.path).parent.mkdir(parents=True)
    (bag / "data" / half.path).write_bytes(b"half")
    os.link(linked.place, bag / "data" / linked.path)
    whole = Path(linked.place).read_bytes()
    packed = pack_drive(own_release, drives, 1, tmp_path / "out", SHIPMENT)
    assert packed.refusals == ()
    assert bagit.Bag(str(packed.bag)).validate()
    assert Path(linked.place).read_bytes() == whole
    assert not (bag / "data" / linked.path).samefile(linked.place)


def test_two_names_that_the_drive_takes_for_one_are_told_before_anything_is_copied(
    archive: Archive, beside: Path, tmp_path: Path
) -> None:
    (beside / "readme.TXT").write_text("another")
    made = release_small(archive, "1", beside=(beside,))
    drives = plan_drives(made, 10**9)
    bag = tmp_path / "out" / bag_name(made, drives[0])
    bag.mkdir(parents=True)
    (bag / "PACKING.LOCK").touch()  # as if the file system took both spellings for one
    with pytest.raises(ArchiveError, match=r"README\.txt and .*readme\.TXT, which this drive"):
        pack_drive(made, drives, 1, tmp_path / "out", SHIPMENT)
    assert not (bag / "data").exists()


def test_too_little_room_is_said_before_anything_is_copied(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(ArchiveError, match=r"bytes are to be copied and 10 are free"):
        pack_all(release, tmp_path)
    assert not list(tmp_path.rglob("*.dcm"))


def test_a_folder_begun_for_another_split_is_refused(own_release: Release, tmp_path: Path) -> None:
    drives = two_drives(own_release)
    file = next(iter(own_release.files({"P1"})))
    Path(file.place).unlink()
    pack_drive(own_release, drives, 1, tmp_path / "out", SHIPMENT)
    other = tuple(reversed(drives))
    (tmp_path / "out" / bag_name(own_release, drives[0])).rename(tmp_path / "out" / bag_name(own_release, other[0]))
    with pytest.raises(ArchiveError, match="begun for another release or another split"):
        pack_drive(own_release, other, 1, tmp_path / "out", SHIPMENT)


def test_a_target_that_cannot_be_written_is_an_error(release: Release, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OSError, match="out"):
        pack_all(release, tmp_path / "out")


def test_packing_that_is_killed_anywhere_ends_with_the_same_bytes(release: Release, memory_path: Path) -> None:
    drives = plan_drives(release, 10**9)
    out = memory_path / "out"

    def is_packed_whole() -> bool:
        return not pack_drive(release, drives, 1, out, SHIPMENT).refusals

    start = time.perf_counter()
    assert is_packed_whole()
    usual_s = time.perf_counter() - start
    expected = content(out)
    generator = random.Random(8)
    killed = 0
    while killed < KILLS:
        shutil.rmtree(out)
        for _ in range(KILLS_A_ROUND):
            killed += is_killed_after(generator.uniform(0, 0.7 * usual_s), is_packed_whole)
        assert is_packed_whole()
        assert content(out) == expected
