"""Releases: whole or not there, never changed, of one digest for one content; killed 200 times."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import shutil
import signal
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from builders import UID_ROOT
from hilum.catalog import Archive
from hilum.check import Acceptance, Options, PixelReading
from hilum.cohort import Criteria, build_cohort
from hilum.errors import ArchiveError, ConfigError, FormatError, HilumError, NotFoundError
from hilum.publish.release import list_releases
from publish.releasing import DAY, index_images, make_archive, release, try_release, write_series

if TYPE_CHECKING:
    from pathlib import Path


def test_a_release_holds_every_file_with_its_digest(archive: Archive, beside: Path, small_archive: Path) -> None:
    made = release(archive, "1", beside=(beside,), notes="first")
    by_content = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in small_archive.rglob("*.dcm")}
    files = list(made.files())
    assert made.counts.files == len(files) == 10
    assert made.counts.participants == 2
    assert made.counts.series == 2
    assert made.counts.size_bytes == sum(file.size_bytes for file in files)
    images = [file for file in files if file.sop_uid]
    assert {file.sha256 for file in images} == set(by_content)
    assert all(str(by_content[file.sha256]) == file.place for file in images)
    assert made.notes == "first"
    assert made.released_on == DAY


def test_a_version_is_released_once(archive: Archive) -> None:
    digest = release(archive, "1").digest
    with pytest.raises(ArchiveError, match="never changes"):
        try_release(archive, "1")
    assert list_releases(archive)[0].digest == digest


def test_the_digest_is_of_content_version_notes_and_day_alone(archive: Archive, beside: Path) -> None:
    digest = release(archive, "1", beside=(beside,)).digest
    again = []
    for change in ({}, {"notes": "other"}, {"released_on": date(2021, 1, 1)}, {"beside": ()}):
        shutil.rmtree(archive.path / "releases")
        again.append(release(archive, "1", **{"beside": (beside,)} | change).digest)
    assert again[0] == digest
    assert len({digest, *again}) == 4


def test_the_digest_does_not_depend_on_where_the_files_lie(tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "there"):
        archive = make_archive(tmp_path / place)
        digests.add(release(archive, "1").digest)
    assert len(digests) == 1


def test_no_path_of_this_machine_is_under_the_digest(archive: Archive, tmp_path: Path, small_archive: Path) -> None:
    made = release(archive, "1", options=Options(PixelReading.SOME, with_thumbnails=True))
    for part in made.parts:
        content = (made.folder / part.path).read_bytes()
        assert str(small_archive).encode() not in content
        assert str(tmp_path).encode() not in content


def test_any_release_opens_as_an_archive_that_never_changes(archive: Archive, small_archive: Path) -> None:
    opened = release(archive, "1").archive()
    (series,) = opened.series_where("\"PatientID\" = 'P1'")
    assert all(path.exists() for path in series.instances.paths())
    with pytest.raises(ArchiveError, match="never changes"):
        index_images(opened, small_archive / "images")
    with pytest.raises(ArchiveError, match="never changes"):
        build_cohort(opened, "some", Criteria()).save(opened)
    with pytest.raises(ArchiveError, match="never changes"):
        try_release(opened, "2")


def test_a_file_that_is_not_as_indexed_stops_the_release(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    path = next((tmp_path / "images").rglob("*.dcm"))
    os.utime(path, ns=(0, 1))
    outcome = try_release(archive, "1")
    assert outcome.release is None
    assert [(one.check, one.item) for one in outcome.refusals] == [("changed-file", str(path))]
    path.unlink()
    assert [one.check for one in try_release(archive, "1").refusals] == ["missing-file"]
    assert list_releases(archive) == []
    assert list((archive.path / "releases" / "trial").iterdir()) == []


def test_open_errors_of_the_check_stop_the_release_accepted_ones_do_not(tmp_path: Path) -> None:
    write_series(tmp_path / "images", 3, InstitutionAddress="Main Street 1")
    archive = make_archive(tmp_path, participants=1)
    outcome = try_release(archive, "1", with_errors=False)
    assert outcome.release is None
    assert [one.check for one in outcome.refusals] == ["address"]
    acceptance = Acceptance("address", "*", "it is the sponsor's", "A. Steward", date(2020, 1, 1))
    made = release(archive, "1", with_errors=False, accepted=(acceptance,))
    assert made.check_counts["accepted"] == 1
    assert made.check_counts["error"] == 0


def test_a_cohort_is_its_series_wherever_they_lie_now(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    build_cohort(archive, "one", Criteria(where="PatientID = 'P2'")).save(archive)
    made = release(archive, "1", name="one")
    assert made.kind == "cohort"
    assert made.collection_ids == ("trial",)
    assert [one.participant_id for one in made.participants()] == ["P2"]
    shutil.rmtree(archive.path / "releases")
    (tmp_path / "images" / "P2").rename(tmp_path / "images" / "elsewhere")
    index_images(archive, tmp_path / "images")
    assert release(archive, "1", name="one").digest == made.digest


def test_a_cohort_whose_series_changed_or_went_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    build_cohort(archive, "both", Criteria()).save(archive)
    shutil.rmtree(tmp_path / "images" / "P1")
    (tmp_path / "images" / "P2" / "000002.dcm").unlink()
    index_images(archive, tmp_path / "images")
    outcome = try_release(archive, "1", name="both")
    assert outcome.release is None
    found = [(one.item, one.check) for one in outcome.refusals]
    assert found == [(f"{UID_ROOT}.1.1", "gone-series"), (f"{UID_ROOT}.2.1", "changed-series")]


def test_bad_names_and_lesions_are_refused_before_anything_is_there(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected letters"):
        try_release(archive, "../1")
    with pytest.raises(NotFoundError, match="no collection or cohort"):
        try_release(archive, "1", name="nothing")
    (tmp_path / "lesions.csv").write_text("what,is,this\n1,2,3\n")
    with pytest.raises(FormatError):
        try_release(archive, "1", lesions=tmp_path / "lesions.csv")
    assert list_releases(archive) == []


def test_two_folders_of_one_name_do_not_stand_beside_the_images(archive: Archive, beside: Path) -> None:
    with pytest.raises(ConfigError, match="rename it"):
        try_release(archive, "1", beside=(beside, beside))
    with pytest.raises(ConfigError, match="rename it"):
        try_release(archive, "1", beside=(beside / "P1",))
    (beside / "nothing").mkdir()
    with pytest.raises(NotFoundError, match="no file there"):
        try_release(archive, "1", beside=(beside / "nothing",))
    assert list_releases(archive) == []


def test_only_what_changed_is_read_again_for_the_next_version(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    before = {file.path: file.sha256 for file in release(archive, "1").files()}
    write_series(tmp_path / "images", 2, seed=99)
    index_images(archive, tmp_path / "images")
    unread = tmp_path / "images" / "P1" / "000000.dcm"
    times = unread.stat()
    unread.write_bytes(b"x" * times.st_size)
    os.utime(unread, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = {file.path: file.sha256 for file in release(archive, "2").files()}
    assert {path: digest for path, digest in after.items() if "/P1/" in path}.items() <= before.items()
    assert not {digest for path, digest in after.items() if "/P2/" in path} & set(before.values())


KILLS = 200


def in_child(archive: Archive, *, die_at: int | None = None) -> tuple[int, int]:
    """Release in a child process that kills itself at its nth event; give its status and how many events it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        events = 0

        def count(*_: object) -> None:
            nonlocal events
            events += 1
            if events == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        release(archive, "1")
        os.write(writing, str(events).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        counted = told.read()
    _, status = os.waitpid(child, 0)
    return status, int(counted or 0)


@pytest.mark.timeout(900)  # a busy machine is no failure
def test_killed_anywhere_nothing_is_seen_and_the_next_run_gives_the_same_digest(
    small_archive: Path, memory_path: Path
) -> None:
    archive = Archive.open(shutil.copytree(small_archive / "archive", memory_path / "archive"))
    digest = release(archive, "1").digest
    target = archive.path / "releases" / "trial" / "1"
    shutil.rmtree(archive.path / "releases")
    status, events = in_child(archive)
    assert status == 0
    assert events > KILLS / 2
    draw = random.Random(6)
    for _ in range(KILLS):
        shutil.rmtree(target, ignore_errors=True)
        if draw.random() < 0.2:
            shutil.rmtree(archive.path / "releases")
        status, _ = in_child(archive, die_at=draw.randrange(1, events + 1))
        assert not target.exists() or list_releases(archive)[0].digest == digest
    shutil.rmtree(target, ignore_errors=True)
    assert release(archive, "1").digest == digest
    assert [path.name for path in target.parent.iterdir()] == ["1"]


def test_a_full_disk_leaves_nothing_and_the_next_run_gives_the_same_digest(archive: Archive) -> None:
    digest = release(archive, "1").digest
    shutil.rmtree(archive.path / "releases" / "trial")
    child = os.fork()
    if child == 0:
        # No file may grow beyond this: what a disk without room does to the larger parts.
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        try:
            release(archive, "1")
        except (HilumError, OSError):
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert list_releases(archive) == []
    assert list((archive.path / "releases" / "trial").iterdir()) == []
    assert release(archive, "1").digest == digest
