"""Answers made piece by piece: what is dropped half-way leaves no file open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hilum.serve.streaming import PIECE_BYTES, OpenFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> int:
    """A file of a piece and a half, open."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * PIECE_BYTES + b"b" * (PIECE_BYTES // 2))
    return os.open(path, os.O_RDONLY)


def is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


def test_a_part_is_read_and_the_file_closed(file: int) -> None:
    pieces = list(OpenFile(file).pieces(2, PIECE_BYTES))
    assert b"".join(pieces) == b"a" * (PIECE_BYTES - 2) + b"bb"
    assert not is_open(file)


def test_a_file_ends_where_it_ends(file: int) -> None:
    assert b"".join(OpenFile(file).pieces(PIECE_BYTES, 10 * PIECE_BYTES)) == b"b" * (PIECE_BYTES // 2)


@pytest.mark.parametrize("pieces_taken", [0, 1])
def test_what_is_dropped_is_closed(file: int, pieces_taken: int) -> None:
    pieces = OpenFile(file).pieces(0, 2 * PIECE_BYTES)
    for _ in range(pieces_taken):
        next(pieces)
    assert is_open(file)
    del pieces
    assert not is_open(file)
