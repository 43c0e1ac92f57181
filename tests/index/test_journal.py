from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import ArchiveError
from hilum.index.journal import open_journal

if TYPE_CHECKING:
    from pathlib import Path

BATCHES: list[dict[str, Any]] = [
    {"states": {"a": [1, 2]}, "packed": {"1.2": "é\n"}},
    {"states": {}, "packed": {}},
    {"states": {"b": [3, 4]}},
]


def left(folder: Path, collection_id: str = "c", root: str = "/r") -> list[Any]:
    with open_journal(folder, collection_id, root) as journal:
        return journal.left


def interrupt(folder: Path, *batches: Any) -> Path:
    """A run that appends batches and is gone; its journal."""
    with open_journal(folder, "c", "/r") as journal:
        for batch in batches:
            journal.append(batch)
    return max(folder.iterdir())


def test_a_finished_run_leaves_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path, "c", "/r") as journal:
        journal.append(BATCHES[0])
        journal.remove()
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_leaves_its_batches_to_the_next(tmp_path: Path) -> None:
    interrupt(tmp_path, *BATCHES)
    assert left(tmp_path) == BATCHES


def test_several_interrupted_runs_leave_theirs_in_order_and_are_removed_together(tmp_path: Path) -> None:
    for batch in BATCHES:
        interrupt(tmp_path, batch)
    with open_journal(tmp_path, "c", "/r") as journal:
        assert journal.left == BATCHES
        journal.remove()
    assert not list(tmp_path.iterdir())


def test_another_folder_or_collection_is_left_alone(tmp_path: Path) -> None:
    interrupt(tmp_path, *BATCHES)
    assert left(tmp_path, root="/other") == []
    assert left(tmp_path, collection_id="other") == []
    assert left(tmp_path) == BATCHES


def test_a_run_that_is_alive_keeps_its_journal_to_itself(tmp_path: Path) -> None:
    with open_journal(tmp_path, "c", "/r") as alive:
        alive.append(BATCHES[0])
        with open_journal(tmp_path, "c", "/r") as second:
            assert second.left == []
            second.remove()
        assert len(list(tmp_path.iterdir())) == 1
    assert left(tmp_path) == [BATCHES[0]]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_torn_tail_costs_its_batch_only(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("journal")
    path = interrupt(folder, *BATCHES)
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    assert left(folder) == BATCHES[: whole[:size].count(b"\n")]


def test_a_damaged_line_costs_its_batch_only(tmp_path: Path) -> None:
    path = interrupt(tmp_path, *BATCHES)
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"states", b"stales")
    path.write_bytes(b"\n".join(lines))
    assert left(tmp_path) == [BATCHES[0], BATCHES[2]]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_journal(tmp_path, "c", "/r") as journal:
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(ArchiveError, match="No space left on device"):
            journal.append(BATCHES[0])
