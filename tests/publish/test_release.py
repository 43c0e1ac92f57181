"""Reading releases: by reference, file by file and participant by participant; damage is told."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hilum.cohort import Criteria, build_cohort
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.publish.release import ParticipantFiles, find_release, list_releases, read_release
from publish.releasing import release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive


def test_files_are_given_by_participant(archive: Archive, beside: Path) -> None:
    made = release(archive, "1", beside=(beside,))
    files = list(made.files())
    assert [file.participant_id for file in files] == ["P1"] * 5 + ["P2"] * 4 + [None]
    assert [file.path for file in made.files(["P2"])] == [file.path for file in files[5:9]]
    assert [file.path for file in made.files([None])] == ["trial/ANNOTATIONS/README.txt"]
    assert [file.path for file in made.files(["P1", None])] == [file.path for file in (*files[:5], files[9])]
    assert list(made.files([])) == []


def test_what_there_is_of_each_participant(archive: Archive, beside: Path) -> None:
    made = release(archive, "1", beside=(beside,))
    sizes = {who: sum(file.size_bytes for file in made.files([who])) for who in ("P1", "P2", None)}
    counts = {"P1": 5, "P2": 4, None: 1}
    assert made.participants() == [ParticipantFiles("trial", who, counts[who], sizes[who]) for who in counts]


def test_a_release_is_found_by_name_and_version(archive: Archive) -> None:
    for version, day in (("10", date(2020, 1, 1)), ("9", date(2020, 1, 1)), ("old", date(2010, 1, 1))):
        release(archive, version, released_on=day)
    assert [one.version for one in list_releases(archive)] == ["old", "9", "10"]
    assert find_release(archive, "9").reference == "trial@9"
    assert find_release(archive, "trial@10").version == "10"
    with pytest.raises(NotFoundError, match="it has trial@old, trial@9, trial@10"):
        find_release(archive, "11")


def test_a_version_alone_will_not_do_where_there_are_two_names(archive: Archive) -> None:
    build_cohort(archive, "some", Criteria()).save(archive)
    release(archive, "1")
    release(archive, "1", name="some")
    with pytest.raises(ConfigError, match="NAME@1"):
        find_release(archive, "1")
    assert find_release(archive, "some@1").kind == "cohort"


def test_the_digest_is_what_sha256sum_checks(archive: Archive) -> None:
    made = release(archive, "1")
    assert hashlib.sha256((made.folder / "release.json").read_bytes()).hexdigest() == made.digest
    command = shutil.which("sha256sum")
    assert command is not None
    subprocess.run([command, "--check", "--status", "release.sha256"], cwd=made.folder, check=True)


def test_a_changed_record_is_told(archive: Archive) -> None:
    made = release(archive, "1")
    path = made.folder / "release.json"
    path.write_text(path.read_text().replace("test", "best"))
    with pytest.raises(ArchiveError, match="is damaged"):
        read_release(made.folder)


@pytest.mark.parametrize("path", ["/etc/passwd", "../2/release.json", "tables/../../x"])
def test_a_part_never_lies_outside_the_release(archive: Archive, path: str) -> None:
    made = release(archive, "1")
    record = json.loads((made.folder / "release.json").read_bytes())
    record["parts"][0]["path"] = path
    content = json.dumps(record).encode()
    (made.folder / "release.json").write_bytes(content)
    (made.folder / "release.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  release.json\n")
    with pytest.raises(ArchiveError, match="outside the release"):
        read_release(made.folder)


def test_what_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no release"):
        read_release(tmp_path)
