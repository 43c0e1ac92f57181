"""Batches read again: what is wrong in them is named, and a batch that was whole is passed over while it looks so."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.errors import Refusal
from hilum.publish.hashing import Hashed
from hilum.publish.reread import Batch, open_whole, reread_each

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, contents: list[bytes]) -> Batch:
    places = [folder / f"{number}.dcm" for number in range(len(contents))]
    for place, content in zip(places, contents, strict=True):
        place.write_bytes(content)
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    return Batch(3, [str(place) for place in places], digests, b"")


def swap(path: Path, content: bytes) -> None:
    """Change a file so that neither its size nor its time tells."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_what_is_wrong_is_named_by_its_place_in_the_batch(tmp_path: Path) -> None:
    batch = written(tmp_path, [b"one", b"two", b"three", b""])
    (tmp_path / "1.dcm").write_bytes(b"owt")
    (tmp_path / "2.dcm").unlink()
    (read,) = reread_each([batch])
    (first, damaged), (second, missing) = read.wrong
    assert (read.number, read.state, first, second) == (3, b"", 1, 2)
    assert isinstance(damaged, Hashed)
    assert damaged.sha256 == hashlib.sha256(b"owt").hexdigest()
    assert isinstance(missing, Refusal)
    assert missing.check == "missing-file"


def test_a_batch_that_was_whole_is_passed_over_while_sizes_and_times_are_the_same(tmp_path: Path) -> None:
    batch = written(tmp_path, [b"one", b"two"])
    (whole,) = reread_each([batch])
    assert whole.state
    assert not whole.wrong
    again = replace(batch, noted=whole.state)
    swap(tmp_path / "1.dcm", b"owt")
    assert reread_each([again]) == [whole]
    (tmp_path / "1.dcm").touch()
    assert [index for index, _ in reread_each([again])[0].wrong] == [1]
    (tmp_path / "1.dcm").unlink()
    assert [index for index, _ in reread_each([again])[0].wrong] == [1]


def test_notes_of_other_files_or_of_other_digests_are_worth_nothing(tmp_path: Path) -> None:
    batch = written(tmp_path, [b"one", b"two"])
    (whole,) = reread_each([batch])
    for other in (
        replace(batch, sha256=batch.sha256[::-1], noted=whole.state),
        replace(batch, places=batch.places[::-1], noted=whole.state),
    ):
        assert [index for index, _ in reread_each([other])[0].wrong] == [0, 1]


def test_notes_of_whole_batches_are_there_when_they_are_opened_again(tmp_path: Path) -> None:
    with open_whole(tmp_path / "notes") as whole:
        whole.keep(7, b"old")
        whole.keep(7, b"new")
    with open_whole(tmp_path / "notes") as whole:
        assert (whole.state(7), whole.state(8)) == (b"new", b"")
