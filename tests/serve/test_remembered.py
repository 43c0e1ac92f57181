"""What was looked up holds until somebody writes, and for a moment at most."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hilum.serve import remembered
from hilum.serve.remembered import REMEMBERED, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.serve.revision import Revision


class Asker:
    """Looks values up, and counts how often."""

    def __init__(self, revision: Revision | None) -> None:
        self.remembered: Remembered[str] = Remembered(revision)
        self.count = 0
        self.value: str | None = "value"
        self.meanwhile: Callable[[], object] = lambda: None

    def ask(self, key: object = "key") -> str | None:
        return asyncio.run(self.remembered.get(key, self._look_up))

    async def _look_up(self) -> str | None:
        self.count += 1
        self.meanwhile()
        return self.value


class State:
    """A database that is another whenever its number is."""

    number: int | None = 1

    async def now(self) -> int | None:
        return self.number


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def asker(state: State, monkeypatch: pytest.MonkeyPatch) -> Asker:
    """Ask where no time passes that counts: the machine may be busy."""
    monkeypatch.setattr(remembered, "REMEMBERED_S", 3600)
    return Asker(state)


def test_what_is_remembered_is_not_looked_up_again(asker: Asker) -> None:
    assert [asker.ask(), asker.ask(), asker.ask("another"), asker.ask()] == ["value"] * 4
    assert asker.count == 2


def test_whatever_is_written_ends_it(asker: Asker, state: State) -> None:
    asker.ask()
    state.number, asker.value = 2, None
    assert asker.ask() is None


def test_what_is_written_while_it_is_looked_up_ends_it(asker: Asker, state: State) -> None:
    asker.meanwhile = lambda: setattr(state, "number", asker.count)
    state.number = 0
    asker.ask()
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


def test_where_nobody_can_say_what_changed_it_is_looked_up(asker: Asker, state: State) -> None:
    state.number = None
    for one in (asker, Asker(None)):
        assert [one.ask(), one.ask()] == ["value"] * 2
        assert one.count == 2
