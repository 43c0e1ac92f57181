"""A ZIP made while it is sent: a bag that BagIt's own library finds whole, in little memory."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import bagit
import pytest

from hilum.errors import ArchiveError
from hilum.publish.bag import DECLARATION, DECLARATION_TEXT
from hilum.serve.downloads import bag_zip
from hilum.serve.downloads.bag_zip import zip_bytes, zip_pieces
from hilum.serve.downloads.members import FileMember, TextMember
from serve.downloads.conftest import write_file

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [TextMember(DECLARATION, DECLARATION_TEXT.encode()), TextMember("LICENCES.md", b"cite us")]
END = [TextMember("NOT-INCLUDED.csv", b"none")]


@pytest.fixture
def payload(files: list[FileMember]) -> list[FileMember]:
    return [FileMember(f"data/a b/ö/{file.name}", file.path, file.size_bytes) for file in files]


def test_it_is_a_valid_bag(payload: list[FileMember], tmp_path: Path) -> None:
    content = b"".join(zip_pieces(TEXTS, payload, lambda: END))

    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.testzip() is None
        read.extractall(tmp_path)
    bag = bagit.Bag(str(tmp_path))
    bag.validate(processes=1)
    assert len(list(bag.payload_files())) == len(payload)
    assert (tmp_path / "NOT-INCLUDED.csv").read_bytes() == b"none"


@pytest.mark.parametrize("held_bytes", [1, bag_zip.HELD_BYTES])
def test_its_length_is_known_before(
    payload: list[FileMember], held_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its lists lie in memory or on the disk."""
    monkeypatch.setattr(bag_zip, "HELD_BYTES", held_bytes)

    for texts, files, closing in ((TEXTS, payload, END), (TEXTS, payload, []), ([], [], [])):
        content = b"".join(zip_pieces(texts, files, partial(list, closing)))
        assert zip_bytes(texts, files, closing) == len(content)
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    file = write_file(tmp_path / "large", "data/large.dcm", 1)
    os.truncate(file.path, 64_000_000)
    large = FileMember(file.name, file.path, 64_000_000)

    tracemalloc.start()
    sent = sum(map(len, zip_pieces(TEXTS, [large])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sent == zip_bytes(TEXTS, [large])
    assert peak < 8_000_000


def test_a_file_that_changes_while_it_is_sent_ends_the_zip_in_its_middle(tmp_path: Path) -> None:
    file = write_file(tmp_path / "1", "data/1.dcm", 3_000_000)
    pieces = zip_pieces([], [file])
    next(pieces)
    next(pieces)
    write_file(tmp_path / "2", "", 2_999_999)
    (tmp_path / "1").write_bytes((tmp_path / "2").read_bytes() + b"x")

    with pytest.raises(ArchiveError, match="changed while it was sent"):
        list(pieces)
