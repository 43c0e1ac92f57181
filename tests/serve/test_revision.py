"""The state of a database is another after every commit, and the same until then."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hilum.serve.options import Options
from hilum.serve.revision import PostgresRevision, SqliteRevision, revision_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
def revision(database: Path) -> Iterator[SqliteRevision]:
    """What a server asks until it ends."""
    asked = SqliteRevision(database)
    yield asked
    assert asked._connection is not None
    asked._connection.close()


def state(revision: SqliteRevision) -> int | None:
    return asyncio.run(revision.now())


def test_a_commit_changes_it_and_nothing_else(revision: SqliteRevision, other: sqlite3.Connection) -> None:
    first = state(revision)
    other.execute("SELECT * FROM rights").fetchall()
    other.execute("INSERT INTO rights VALUES ('of nobody')")
    assert first is not None
    assert state(revision) == first
    other.commit()
    second = state(revision)
    assert second != first
    assert state(revision) == second
    other.execute("INSERT INTO rights VALUES ('of somebody')")
    other.rollback()
    assert state(revision) == second
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.execute("DELETE FROM rights")
    other.commit()
    assert state(revision) not in {first, second}


def test_nobody_waits_for_a_database_that_is_shut(revision: SqliteRevision, other: sqlite3.Connection) -> None:
    other.executescript("PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE")
    assert state(revision) is None
    other.rollback()
    assert state(revision) is not None


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert state(SqliteRevision(tmp_path / "absent.sqlite3")) is None
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_answer_has_no_state() -> None:
    assert asyncio.run(PostgresRevision("postgresql://nobody@127.0.0.1:1/nothing").now()) is None


def test_each_database_has_its_own(tmp_path: Path) -> None:
    assert isinstance(revision_of(Options(archive=str(tmp_path))), SqliteRevision)
    assert isinstance(revision_of(Options(database="postgresql://ann@127.0.0.1/site")), PostgresRevision)
    assert revision_of(Options()) is None
