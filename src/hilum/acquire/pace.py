"""How fast a source is asked: a limit of bytes a second, pauses it asks for, and growing waits after failures."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with a source that fails.

    Attributes
    ----------
    attempts
        Requests without any progress before an item is refused.
    first_wait_s, longest_wait_s
        Bound of the random wait after the first failure, doubled at each further one, and the bound of all waits.
    """

    attempts: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def wait_s(self, failures: int) -> float:
        """Give a random wait after so many failures: over the whole range, so that clients part ("full jitter").

        References
        ----------
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        bound = min(self.longest_wait_s, self.first_wait_s * 2.0 ** (failures - 1))
        return random.uniform(0, bound)  # noqa: S311 - spreads requests, guards nothing


CREDIT_S = 0.25
"""Time in which nothing came that may be made up for: the pauses between files, not those of a night."""


class Budget:
    """When bytes may go on that are not to be more than so many a second."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._paid_until_s: float | None = None

    def wait_s(self, count_bytes: int, now_s: float) -> float:
        """Give how long to wait after bytes that came by now, by any clock."""
        paid_until_s = now_s if self._paid_until_s is None else max(now_s - CREDIT_S, self._paid_until_s)
        self._paid_until_s = paid_until_s + count_bytes / self._bytes_per_s
        return self._paid_until_s - now_s


class Stopped(Exception):  # noqa: N818 - no error: somebody asked to stop
    """The pull was asked to stop; what was received is kept."""


class Pace:
    """What all connections of a pull share; every wait ends at once when `stop` is called."""

    def __init__(self, bytes_per_s: float | None = None, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._budget = None if bytes_per_s is None else Budget(bytes_per_s)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._held_until = 0.0

    def stop(self) -> None:
        """End all waits, and the pull."""
        self._stopped.set()

    def enter(self) -> None:
        """Wait before a request until no pause holds.

        Raises
        ------
        Stopped
            The pull was asked to stop.
        """
        self._sleep(self._held_until - time.monotonic())

    def spend(self, count_bytes: int) -> None:
        """Wait until the bytes received keep to the limit.

        Raises
        ------
        Stopped
            The pull was asked to stop.
        """
        if self._budget is None:
            self._sleep(0)
            return
        with self._lock:
            wait_s = self._budget.wait_s(count_bytes, time.monotonic())
        self._sleep(wait_s)

    def back_off(self, failures: int, asked_wait_s: float) -> None:
        """Wait after a failure; a pause that the source asks for holds all connections.

        Raises
        ------
        Stopped
            The pull was asked to stop.
        """
        if asked_wait_s > 0:
            with self._lock:
                pause_s = min(asked_wait_s, self.patience.longest_wait_s)
                self._held_until = max(self._held_until, time.monotonic() + pause_s)
        self._sleep(self.patience.wait_s(failures))

    def wait_or_raise(self, error: SourceError, failures: int) -> None:
        """Wait after a failure that may pass, or raise it where it will not, or was seen too often."""
        if not error.may_pass or failures >= self.patience.attempts:
            raise error
        self.back_off(failures, error.wait_s)

    def persist(self, request: Callable[[], Given]) -> Given:
        """Give what a request gives, made again while it fails in a way that may pass.

        Raises
        ------
        SourceError
            It failed otherwise, or as often as patience allows.
        Stopped
            The pull was asked to stop.
        """
        failures = 0
        while True:
            self.enter()
            try:
                return request()
            except SourceError as error:
                failures += 1
                self.wait_or_raise(error, failures)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise Stopped
