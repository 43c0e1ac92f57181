"""Drives received: every flaw is found and named, a kill costs nothing, the receipt says what was there."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from hilum.errors import FormatError, NotFoundError
from hilum.publish.bag import ALGORITHMS, manifest_line, manifest_name, read_manifest, tag_manifest_name
from hilum.publish.digests import digest_file
from hilum.publish.drives import Drive, Share, plan_drives
from hilum.publish.pack import STATE_NAME, pack_drive
from hilum.publish.receive import Receipt, collections_on, find_bags, verify_bag, write_receipt
from hilum.publish.shipment import LIST_NAME, Shipment, packing_list, read_packing_list
from kills import is_killed_after
from publish.shipping import COLLECTION, SLICES, write_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.publish.release import Release

FILES = sum(SLICES.values()) + 1
FLIPS = 40
KILLS, KILLS_A_ROUND = 200, 5


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def packed_bag(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    drives = plan_drives(release, 10**9)
    shipment = Shipment(date(2026, 3, 4), request="REQ-7", recipient="Dr. A")
    return pack_drive(release, drives, 1, tmp_path_factory.mktemp("drive"), shipment).bag


@pytest.fixture
def bag(packed_bag: Path, tmp_path: Path) -> Path:
    """A copy of the drive, which a test may damage."""
    return shutil.copytree(packed_bag, tmp_path / "drive" / packed_bag.name)


def received(bag: Path, **options: object) -> Receipt:
    return verify_bag(bag, bag.parent / "notes.sqlite", **options)  # type: ignore[arg-type]


def problems(receipt: Receipt) -> set[tuple[str, str]]:
    return {(problem.item, problem.check) for problem in receipt.problems}


def test_a_whole_drive_gives_a_receipt_without_problems(bag: Path, release: Release) -> None:
    receipt = received(bag, digest=release.digest)
    assert receipt.problems == ()
    assert receipt.is_whole
    assert (receipt.release, receipt.drive, receipt.request) == (f"{COLLECTION}@1", "1 of 1", "REQ-7")
    assert (receipt.files, receipt.verified, receipt.size_bytes) == (FILES, FILES, release.counts.size_bytes)
    assert not (bag.parent / "notes.sqlite").exists()


def test_progress_counts_every_file_once(bag: Path) -> None:
    steps: list[int] = []
    received(bag, on_progress=steps.append)
    assert sum(steps) == FILES


def is_found_whole(bag: Path) -> bool:
    """Whether nothing is found; manifests and information that cannot be read any more are something."""
    try:
        return received(bag).is_whole
    except FormatError:
        (bag.parent / "notes.sqlite").unlink(missing_ok=True)
        return False


def test_a_flipped_bit_is_always_found(bag: Path) -> None:
    generator = random.Random(5)
    files = sorted(path for path in bag.rglob("*") if path.is_file())
    for _ in range(FLIPS):
        path = generator.choice(files)
        content = path.read_bytes()
        at = generator.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << generator.randrange(8)]) + content[at + 1 :])
        assert not is_found_whole(bag), f"a bit of byte {at} of {path}"
        path.write_bytes(content)
    assert is_found_whole(bag)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda file, _: file.unlink(), ("missing-file", True)),
        (lambda file, _: file.write_bytes(file.read_bytes()[:-1]), ("damaged-file", True)),
        (lambda file, _: file.with_name("more.dcm").write_bytes(b"x"), ("extra-file", False)),
    ],
)
def test_a_missing_damaged_or_extra_file_is_named(
    bag: Path, release: Release, damage: Callable[[Path, Path], None], expected: tuple[str, bool]
) -> None:
    file = next(iter(release.files({"P3"})))
    path = bag / "data" / file.path
    damage(path, bag)
    check, is_counted = expected
    name = f"data/{file.path}" if is_counted else f"data/{Path(file.path).with_name('more.dcm').as_posix()}"
    found = problems(received(bag))
    assert (name, check) in found
    assert ((f"{COLLECTION} P3", "not-as-listed") in found) is is_counted


def test_a_drive_of_another_release_is_told_by_its_digest(bag: Path) -> None:
    found = received(bag, digest="ab" * 32)
    assert ("release", "other-release") in problems(found)


def test_a_packing_list_that_was_agreed_on_decides(bag: Path, tmp_path: Path) -> None:
    lines = (bag / "packing-list.csv").read_text().splitlines()
    agreed = tmp_path / "agreed.csv"
    agreed.write_text("\n".join(line for line in lines if ",P2," not in line) + "\n")
    assert problems(received(bag, approved=agreed)) == {(f"{COLLECTION} P2", "not-listed")}
    agreed.write_text("\n".join([*lines, f"1,{COLLECTION},P9,3,300"]) + "\n")
    assert problems(received(bag, approved=agreed)) == {(f"{COLLECTION} P9", "not-as-listed")}


def test_a_list_that_is_none_is_refused(bag: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("participant\nP1\n")
    with pytest.raises(FormatError, match=r"list\.csv:1: found participant; expected drive"):
        received(bag, approved=tmp_path / "list.csv")


def test_a_file_of_no_release_is_found_though_the_manifests_name_it(bag: Path, release: Release) -> None:
    stray = bag / "data" / COLLECTION / "P1" / "stray.dcm"
    stray.write_bytes(b"not of the release")
    for algorithm in ALGORITHMS:
        with (bag / manifest_name(algorithm)).open("a") as manifest:
            manifest.write(manifest_line(getattr(digest_file(stray), algorithm), f"data/{COLLECTION}/P1/stray.dcm"))
    checks = {check for _, check in problems(received(bag))}
    assert "not-released" in checks
    assert "damaged-file" in checks, "the manifest itself is guarded too"


def forge(bag: Path, *names: str) -> None:
    """Make the tag manifests fit to what lies in the bag now, as a forger would."""
    for algorithm in ALGORITHMS:
        path = bag / tag_manifest_name(algorithm)
        digests = dict(read_manifest(bag, path.name))
        for name in names:
            digests[name] = getattr(digest_file(bag / name), algorithm)
        path.write_text("".join(manifest_line(digest, name) for name, digest in digests.items()))


def test_a_forged_table_is_found_though_all_manifests_fit(bag: Path, release: Release) -> None:
    table = next((bag / "release" / "tables").glob("files*")).relative_to(bag).as_posix()
    rows = parquet.read_table(bag / table)
    parquet.write_table(rows, bag / table, compression="none")
    forge(bag, table)
    assert problems(received(bag, digest=release.digest)) == {(table, "damaged")}


def test_notes_of_another_drive_of_the_same_name_are_worth_nothing(bag: Path, tmp_path: Path) -> None:
    notes = bag.parent / "notes.sqlite"
    (bag / LIST_NAME).rename(tmp_path / LIST_NAME)
    with pytest.raises(FormatError, match="expected a packing list"):
        verify_bag(bag, notes)
    assert notes.exists()
    other = shutil.copytree(bag, tmp_path / "other" / bag.name)
    (tmp_path / LIST_NAME).rename(other / LIST_NAME)
    file = next((other / "data").rglob("*.dcm"))
    times, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (file.relative_to(other).as_posix(), "damaged-file") in problems(verify_bag(other, notes))


def test_what_is_a_link_is_not_taken_for_a_file_of_the_drive(bag: Path, release: Release, tmp_path: Path) -> None:
    one, other = (bag / "data" / file.path for file in list(release.files({"P3"}))[:2])
    one.rename(tmp_path / "moved")
    one.symlink_to(tmp_path / "moved")
    other.unlink()
    os.mkfifo(other)
    names = {path.relative_to(bag).as_posix() for path in (one, other)}
    found = problems(received(bag))
    assert {(name, "not-a-file") for name in names} <= found
    folder = one.parent
    folder.rename(tmp_path / "folder")
    folder.symlink_to(tmp_path / "folder")
    assert (folder.relative_to(bag).as_posix(), "linked-folder") in problems(received(bag))


def test_information_that_was_edited_is_told_and_leads_nowhere(bag: Path, tmp_path: Path) -> None:
    path = bag / "bag-info.txt"
    text = path.read_text().replace("Bag-Count: 1 of 1", "Bag-Count: one")
    path.write_text(text.replace(f"External-Identifier: {COLLECTION}@1", "External-Identifier: ../../elsewhere"))
    receipt = received(bag)
    assert {("bag-info.txt", "damaged-file"), (f"{COLLECTION} P1", "not-listed")} <= problems(receipt)
    assert write_receipt(receipt, tmp_path / "a" / "b").parent == tmp_path / "a" / "b"


def test_a_participant_of_any_name_stands_in_the_packing_list(tmp_path: Path) -> None:
    shares = tuple(Share("trial", name, 1, 2, 3) for name in ("a\nb", "a\x85b", 'a"b', "a,b", "\u2028", "é", "e\u0301"))
    (tmp_path / "list.csv").write_bytes(packing_list([Drive(1, 1, shares)]).encode())
    listed = read_packing_list(tmp_path / "list.csv")
    assert [one.participant_id for one in listed] == [share.participant_id for share in shares]


def test_a_folder_that_nobody_may_look_into_is_passed_over(bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bag.parent / "lost+found").mkdir()
    stat = os.stat

    def refuse(path: Any, *more: Any, **options: Any) -> os.stat_result:
        if "lost+found/" in os.fspath(path):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *more, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert find_bags(bag.parent) == [bag]


def test_bags_are_found_on_the_drive_and_one_that_is_not_ended_is_refused(bag: Path) -> None:
    assert find_bags(bag) == find_bags(bag.parent) == [bag]
    (bag / "bagit.txt").unlink()
    with pytest.raises(NotFoundError, match="no bag there"):
        find_bags(bag.parent)
    (bag / STATE_NAME).write_bytes(b"")
    with pytest.raises(NotFoundError, match="its packing has not ended"):
        find_bags(bag.parent)


def test_the_receipt_is_kept_as_json(bag: Path, tmp_path: Path) -> None:
    receipt = received(bag)
    path = write_receipt(receipt, tmp_path / "receipts")
    assert path.name == f"{COLLECTION}-1-drive-1-of-1.json"
    kept = json.loads(path.read_text())
    assert kept["is_whole"] is True
    assert kept["digest"] == receipt.digest
    assert collections_on(bag) == [COLLECTION]


def test_a_clock_set_back_does_not_hide_a_change_between_two_runs(bag: Path, release: Release) -> None:
    notes = bag.parent / "notes.sqlite"
    (bag / LIST_NAME).rename(bag.parent / LIST_NAME)
    with pytest.raises(FormatError, match="expected a packing list"):
        verify_bag(bag, notes)
    (bag.parent / LIST_NAME).rename(bag / LIST_NAME)
    assert notes.exists()
    path = bag / "data" / next(iter(release.files({"P3"}))).path
    content, before = path.read_bytes(), path.stat()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, (before.st_atime, before.st_mtime - 86_400))
    assert (str(path.relative_to(bag)), "damaged-file") in problems(received(bag))


def test_verification_that_is_killed_anywhere_goes_on_and_finds_the_same(packed_bag: Path, memory_path: Path) -> None:
    bag = shutil.copytree(packed_bag, memory_path / packed_bag.name)
    next(bag.rglob("*P3*/**/*.dcm")).write_bytes(b"damaged")
    notes = memory_path / "notes.sqlite"
    start = time.perf_counter()
    expected = problems(verify_bag(bag, notes))
    usual_s = time.perf_counter() - start
    assert expected
    generator = random.Random(9)
    killed = 0
    while killed < KILLS:
        for _ in range(KILLS_A_ROUND):
            delay_s = generator.uniform(0, usual_s)
            killed += is_killed_after(delay_s, lambda: problems(verify_bag(bag, notes)) == expected)
        assert problems(verify_bag(bag, notes)) == expected
        assert not notes.exists()
