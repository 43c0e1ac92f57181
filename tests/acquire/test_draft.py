"""Files being received: whatever pieces they come in, and wherever they lie."""

from __future__ import annotations

import hashlib
import mmap
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hilum.acquire.draft import FEW_FILES, HEAD_BYTES, Draft, draft_of, settle_together
from hilum.acquire.wanted import WantedFile
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = mmap.PAGESIZE
BUFFER_BYTES = 4 * HEAD_BYTES
SIZES = (0, 1, PAGE, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + PAGE, HEAD_BYTES + PAGE + 1, BUFFER_BYTES, 600_001)


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, memory_path: Path) -> Path:
    return tmp_path if request.param == "disk" else memory_path


def wanted(content: bytes) -> WantedFile:
    return WantedFile("a.dcm", len(content), f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}")


def in_pages(content: bytes, size: int) -> Iterator[memoryview]:
    """Pieces that lie one after the other at the beginning of the same pages, as those of a connection do."""
    buffer = mmap.mmap(-1, BUFFER_BYTES)
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]


def received(path: Path, content: bytes, pieces: Iterator[memoryview] | Sequence[bytes]) -> bytes:
    """What lies in the draft after pieces were written; its size and hash were those of the content."""
    with Draft(path, wanted(content)) as draft:
        for piece in pieces:
            draft.write(piece)
        draft.verify()
        assert draft.sha256 == hashlib.sha256(content).digest()
    return Path(draft_of(path)).read_bytes()


@pytest.mark.parametrize("size", SIZES)
def test_pieces_in_pages_make_the_same_file_as_any_others(folder: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    for number, length in enumerate((BUFFER_BYTES, 3 * PAGE, HEAD_BYTES + 1)):
        assert received(folder / f"{number}.dcm", content, in_pages(content, length)) == content
    assert received(folder / "bytes.dcm", content, [content[:777], content[777:]]) == content


@pytest.mark.parametrize("left", [5, PAGE, HEAD_BYTES + PAGE])
def test_a_draft_is_gone_on_with_wherever_it_ended(folder: Path, left: int) -> None:
    content = random.Random(left).randbytes(600_001)
    path = folder / "a.dcm"
    with Draft(path, wanted(content)) as draft:
        draft.write(content[:left])
    with Draft(path, wanted(content)) as draft:
        draft.take_up()
        assert draft.size_bytes == left
        for piece in in_pages(content[left:], BUFFER_BYTES):
            draft.write(piece)
        draft.verify()


def test_a_piece_too_many_is_not_written(tmp_path: Path) -> None:
    content = bytes(HEAD_BYTES * 3)
    with Draft(tmp_path / "a.dcm", wanted(content)) as draft:
        draft.write(content)
        with pytest.raises(SourceError, match="more than the") as error:
            draft.write(b"x")
    assert error.value.check == "wrong-size"
    assert Path(draft_of(tmp_path / "a.dcm")).stat().st_size == len(content)


@pytest.mark.parametrize("count", [0, 1, FEW_FILES, FEW_FILES + 1, 40])
def test_drafts_get_their_names_together(tmp_path: Path, count: int) -> None:
    paths = [tmp_path / f"s{number % 2}" / f"{number}.dcm" for number in range(count)]
    for path in paths:
        with Draft(path, wanted(path.name.encode())) as draft:
            draft.write(path.name.encode())
    settle_together(paths)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)
    assert all(path.read_text() == path.name for path in paths)
