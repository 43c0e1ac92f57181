"""What the connections of a pull do next: files of the series that are begun, then the next series."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Backlog:
    """Tasks for several threads; a series is begun only when no file of one is left to fetch, so that few wait.

    Parameters
    ----------
    beginnings
        One task a series, which gives the tasks of its files.
    """

    def __init__(self, beginnings: Iterable[Callable[[], Sequence[Callable[[], None]]]]) -> None:
        self._beginnings = iter(beginnings)
        self._ready: deque[Callable[[], None]] = deque()
        self._beginning = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def work(self) -> None:
        """Do tasks until none is left; for each thread."""
        while (task := self._take()) is not None:
            task()

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _take(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._is_closed:
                if self._ready:
                    return self._ready.popleft()
                beginning = next(self._beginnings, None)
                if beginning is not None:
                    self._beginning += 1
                    return lambda: self._begin(beginning)
                if not self._beginning:
                    return None
                self._changed.wait()
        return None

    def _begin(self, beginning: Callable[[], Sequence[Callable[[], None]]]) -> None:
        tasks: Sequence[Callable[[], None]] = ()
        try:
            tasks = beginning()
        finally:
            with self._changed:
                self._ready.extend(tasks)
                self._beginning -= 1
                self._changed.notify_all()
