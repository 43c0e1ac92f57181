"""What was looked up holds until somebody writes, and for a moment at most."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hilum.serve import remembered
from hilum.serve.remembered import REMEMBERED, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Asker:
    """Looks values up, and counts how often."""

    def __init__(self, database: Path | None) -> None:
        self.remembered: Remembered[str] = Remembered(database)
        self.count = 0
        self.value: str | None = "value"
        self.meanwhile: Callable[[], object] = lambda: None

    def ask(self, key: object = "key") -> str | None:
        return asyncio.run(self.remembered.get(key, self._look_up))

    async def _look_up(self) -> str | None:
        self.count += 1
        self.meanwhile()
        return self.value


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "some where?#.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.executescript("PRAGMA journal_mode=WAL; CREATE TABLE rights (name TEXT)")
    return path


@pytest.fixture
def other(database: Path) -> Iterator[sqlite3.Connection]:
    """Another connection, as another thread or process has it."""
    with closing(sqlite3.connect(database)) as opened:
        yield opened


@pytest.fixture
def asker(database: Path, monkeypatch: pytest.MonkeyPatch) -> Asker:
    """Ask where no time passes that counts: the machine may be busy."""
    monkeypatch.setattr(remembered, "REMEMBERED_S", 3600)
    return Asker(database)


def test_what_is_remembered_is_not_looked_up_again(asker: Asker) -> None:
    assert [asker.ask(), asker.ask(), asker.ask("another"), asker.ask()] == ["value"] * 4
    assert asker.count == 2


def test_whatever_is_written_ends_it(asker: Asker, other: sqlite3.Connection) -> None:
    asker.ask()
    other.execute("INSERT INTO rights VALUES ('of nobody')")
    asker.ask()
    assert asker.count == 1, "what is not committed is not there"
    other.commit()
    asker.value = None
    assert asker.ask() is None


def test_what_is_written_while_it_is_looked_up_ends_it(asker: Asker, other: sqlite3.Connection) -> None:
    def write() -> None:
        other.execute("INSERT INTO rights VALUES ('of nobody')")
        other.commit()

    asker.meanwhile = write
    asker.ask()
    asker.meanwhile = lambda: None
    asker.ask()
    assert asker.count == 2


def test_time_ends_it(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    asker.ask()
    monkeypatch.setattr(remembered, "REMEMBERED_S", 0)
    asker.ask()
    assert asker.count == 2


def test_nothing_is_not_remembered(asker: Asker) -> None:
    asker.value = None
    assert [asker.ask(), asker.ask()] == [None, None]
    assert asker.count == 2


def test_so_many_are_remembered(asker: Asker) -> None:
    for number in range(REMEMBERED * 3):
        asker.ask(number)
    asker.ask(number)
    assert asker.count == REMEMBERED * 3
    assert len(asker.remembered._kept) <= REMEMBERED


def test_where_nobody_can_say_what_changed_it_is_looked_up(tmp_path: Path) -> None:
    for database in (None, tmp_path / "absent.sqlite3"):
        asker = Asker(database)
        assert [asker.ask(), asker.ask()] == ["value"] * 2
        assert asker.count == 2
    assert not (tmp_path / "absent.sqlite3").exists()


def test_a_database_that_is_shut_is_not_waited_for(asker: Asker, other: sqlite3.Connection) -> None:
    other.executescript("PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE")
    assert [asker.ask(), asker.ask()] == ["value"] * 2
    assert asker.count == 2
    other.rollback()
    assert [asker.ask(), asker.ask()] == ["value"] * 2
    assert asker.count == 3
