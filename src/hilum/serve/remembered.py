"""What was looked up in the database, remembered for as long as that has not changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from hilum.serve.revision import Revision

Value = TypeVar("Value")

REMEMBERED_S = 1
"""What ends by the clock alone (a session, a grant, a token that expires) ends so much later at most."""

REMEMBERED = 128
"""Values kept at once; with one more all are forgotten, and looked up again."""


class _Kept(NamedTuple, Generic[Value]):
    value: Value
    revision: str | int
    since: float


class Remembered(Generic[Value]):
    """Values by key, each until anything at all is written to the database, and for a second at most.

    To be asked in one event loop only.

    Parameters
    ----------
    revision
        State of the database; None: nobody can tell it, and nothing is remembered.
    """

    def __init__(self, revision: Revision | None) -> None:
        self._revision = revision
        self._kept: dict[Hashable, _Kept[Value]] = {}

    async def get(self, key: Hashable, look_up: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """Give a value that still holds, or look it up; None, which is not remembered, if there is none."""
        # What is written while it is looked up may not be in it: the revision is that of before.
        now = time.monotonic()
        revision = await self._revision.now() if self._revision else None
        kept = self._kept.get(key)
        if kept is not None and kept.revision == revision and now - kept.since < REMEMBERED_S:
            return kept.value
        value = await look_up()
        if value is not None and revision is not None:
            if len(self._kept) >= REMEMBERED:
                self._kept.clear()
            self._kept[key] = _Kept(value, revision, now)
        return value
