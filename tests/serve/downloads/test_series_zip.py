"""The ZIP of a series: the same bytes each time, and any part of them."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.acquire.unzip import unzip
from hilum.errors import ArchiveError
from hilum.model.instances import Instances
from hilum.serve.downloads import series_zip
from hilum.serve.downloads.members import by_place, by_uid, files_of
from hilum.serve.downloads.series_zip import SeriesZip
from serve.downloads.conftest import write_file

if TYPE_CHECKING:
    from hilum.serve.downloads.members import FileMember


def zip_of(files: list[FileMember], *, licence: str = "cite us", with_hashes: bool = True) -> SeriesZip:
    return SeriesZip(files, [file.changed_at() or 0 for file in files], licence=licence, with_hashes=with_hashes)


def whole(zipped: SeriesZip) -> bytes:
    return b"".join(zipped.pieces())


def test_it_holds_licence_files_and_hashes_in_order(files: list[FileMember]) -> None:
    content = whole(zip_of(files))

    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.testzip() is None
        assert read.namelist() == ["LICENSE", *(file.name for file in files), "md5hashes.csv"]
        assert read.read("LICENSE") == b"cite us"
        rows = list(csv.reader(read.read("md5hashes.csv").decode().splitlines()))
    hashes = [[file.name, hashlib.md5(Path(file.path).read_bytes()).hexdigest()] for file in files]
    assert rows == [["Filename", "MD5Hash"], *hashes]


def test_it_is_unpacked_while_it_arrives(files: list[FileMember]) -> None:
    arriving = (whole(zip_of(files))[start : start + 999] for start in range(0, 20_000, 999))

    found = {member.name: b"".join(member.chunks) for member in unzip(arriving, "test")}

    assert {file.name: found[file.name] for file in files} == {
        file.name: Path(file.path).read_bytes() for file in files
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_part_is_that_part_of_the_whole(files: list[FileMember], data: st.DataObject) -> None:
    content = whole(zip_of(files))
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))

    # What another worker remembers does not help this one.
    series_zip._remembered.cache_clear()
    assert b"".join(zip_of(files).pieces(start, stop)) == content[start:stop]


@pytest.mark.parametrize("with_hashes", [True, False])
def test_its_length_is_known_before(files: list[FileMember], with_hashes: bool) -> None:
    zipped = zip_of(files, with_hashes=with_hashes)

    assert zipped.size_bytes == len(whole(zipped))


def test_a_part_reads_no_file_that_it_does_not_hold(files: list[FileMember]) -> None:
    series_zip._remembered.cache_clear()

    list(zip_of(files).pieces(0, 40))
    assert series_zip._remembered.cache_info().misses == 0
    list(zip_of(files).pieces())
    list(zip_of(files).pieces())
    assert series_zip._remembered.cache_info().misses == len(files)


def test_its_tag_changes_with_all_that_changes_its_bytes(tmp_path: Path) -> None:
    files = [write_file(tmp_path / "1", "1.dcm", 10)]
    tags = [zip_of(files).entity_tag, zip_of(files, licence="x").entity_tag]
    tags += [zip_of(files, with_hashes=False).entity_tag]
    os.utime(files[0].path, ns=(0, 12345))
    tags += [zip_of(files).entity_tag, zip_of([write_file(tmp_path / "1", "2.dcm", 10)]).entity_tag]

    assert len(set(tags)) == len(tags)
    assert zip_of(files).entity_tag == zip_of(files).entity_tag


def test_a_file_that_goes_or_shrinks_meanwhile_ends_it_in_its_middle(tmp_path: Path) -> None:
    file = write_file(tmp_path / "1", "1.dcm", 3_000_000)
    pieces = zip_of([file], with_hashes=False).pieces()
    next(pieces), next(pieces), next(pieces)
    next(pieces)
    os.truncate(file.path, 10)
    with pytest.raises(ArchiveError, match="shorter"):
        list(pieces)

    with pytest.raises(ArchiveError, match="not as it was"):
        whole(zip_of([file]))
    Path(file.path).unlink()
    with pytest.raises(ArchiveError, match="not where it was") as caught:
        whole(zip_of([file]))
    assert str(tmp_path) not in str(caught.value)


def test_files_are_named_after_uid_or_place_and_never_twice() -> None:
    uids = ["1.2", "1.2", "../x", None]
    instances = Instances({"SOPInstanceUID": uids, "root": ["/r"] * 4, "path": list("abcd"), "size_bytes": [1] * 4})

    by_name = [file.name for file in files_of(instances, "f/", by_uid)]
    assert by_name[:2] == ["f/1.2.dcm", "f/1.2~2.dcm"]
    assert all(name.count("/") == 1 and ".." not in name for name in by_name)
    assert len(set(by_name)) == 4
    assert [file.name for file in files_of(instances, naming=by_place)] == [f"1-00{n}.dcm" for n in (1, 2, 3, 4)]
    assert next(files_of(instances)).path == "/r/a"
