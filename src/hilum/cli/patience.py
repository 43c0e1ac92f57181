"""What the user hears while a source fails: at once that it is tried again, and soon if nobody is there at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hilum.acquire.pace import Pace, Stopped
from hilum.cli.output import tell
from hilum.errors import SourceError

if TYPE_CHECKING:
    from hilum.acquire.pace import Patience

TOLD_EVERY_S = 30.0
"""Between two lines about waits: the first shows that something is wrong, the others that it still is."""

UNREACHABLE = "cut-connection"
"""The check that says that a server did not answer at all."""


class ToldPace(Pace):
    """A pace that tells why nothing comes, and ends the pull of a source that nobody reaches.

    Parameters
    ----------
    hopeless
        Items given up for want of a connection, with not a byte between them, after which the others are not tried:
        without network each would wait for half a minute, and a collection for hours.
    """

    def __init__(
        self, bytes_per_s: float | None = None, patience: Patience | None = None, *, hopeless: int = 16
    ) -> None:
        super().__init__(bytes_per_s, patience)
        self.hopeless = hopeless
        self._given_up: list[SourceError] = []
        self._told_at_s = -TOLD_EVERY_S

    def spend(self, count_bytes: int) -> None:
        """Wait until the bytes received keep to the limit: somebody is there."""
        self._given_up.clear()
        super().spend(count_bytes)

    def wait_or_raise(self, error: SourceError, failures: int) -> None:
        """Wait after a failure, and tell of it; give up the item, or the pull, where it was seen too often."""
        try:
            if error.may_pass and failures < self.patience.attempts:
                self._tell(error)
            super().wait_or_raise(error, failures)
        except SourceError:
            self._give_up(error)
            raise

    def require_reached(self) -> None:
        """Refuse to go on where the source was not reached.

        Raises
        ------
        SourceError
            So many items were given up for want of a connection that the others were not tried.
        """
        if len(self._given_up) >= self.hopeless:
            raise SourceError(
                f"{self._given_up[-1]}: nothing comes from there. Is there a network, does it need a proxy"
                " (HTTPS_PROXY)? The same command goes on from here",
                check=UNREACHABLE,
            )

    def _give_up(self, error: SourceError) -> None:
        if error.check != UNREACHABLE:
            return
        self._given_up.append(error)
        if len(self._given_up) >= self.hopeless:
            self.stop()
            raise Stopped

    def _tell(self, error: SourceError) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s >= TOLD_EVERY_S:
            self._told_at_s = now_s
            tell(f"waiting: {error}; it is asked again, {self.patience.attempts} times at most")
