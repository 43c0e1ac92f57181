"""How far a pull is: a bar in a terminal; in a log, of a pull that runs for days, a line every few minutes."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hilum.cli.output import tell
from hilum.disk import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hilum.acquire.plan import Plan

    OnProgress = Callable[[int, int], None]

LINE_EVERY_S = 300.0
"""Between two lines in a log: a day of them is read in a minute."""


@contextmanager
def pull_progress(plan: Plan) -> Iterator[OnProgress]:
    """Show on stderr how far a pull is; what is given is told bytes and series as they come, one call at a time."""
    if sys.stderr.isatty():
        with _bar(plan) as on_progress:
            yield on_progress
    else:
        yield ProgressLines(plan).come


@contextmanager
def _bar(plan: Plan) -> Iterator[OnProgress]:
    """Show bytes, series, rate and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    series = TextColumn("{task.fields[done]:,} of {task.fields[wanted]:,} series")
    columns = (series, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        total = None if plan.unsized_series else plan.missing_bytes
        task = bar.add_task("pull", total=total, done=0, wanted=plan.series)
        done = 0

        def on_progress(count_bytes: int, count_series: int) -> None:
            nonlocal done
            done += count_series
            bar.update(task, advance=count_bytes, done=done)

        yield on_progress


class ProgressLines:
    """Lines that say how far a pull is, seldom enough for a log.

    Parameters
    ----------
    plan
        What is to come.
    every_s
        Seconds between two lines; a pull that is shorter is told by its report alone.
    """

    def __init__(self, plan: Plan, every_s: float = LINE_EVERY_S) -> None:
        self._plan = plan
        self._every_s = every_s
        self._series = 0
        self._bytes = 0
        self._told_at_s = time.monotonic()
        self._told_bytes = 0

    def come(self, count_bytes: int, count_series: int) -> None:
        """Count what came, and tell it when it is time."""
        self._bytes += count_bytes
        self._series += count_series
        now_s = time.monotonic()
        if now_s - self._told_at_s >= self._every_s:
            self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        rate = (self._bytes - self._told_bytes) / max(now_s - self._told_at_s, 1e-3)
        known = "" if self._plan.unsized_series else f" of {size_text(self._plan.missing_bytes)}"
        tell(
            f"{self._series:,} of {self._plan.series:,} series, {size_text(self._bytes)}{known} came,"
            f" {size_text(rate)}/s"
        )
        self._told_at_s, self._told_bytes = now_s, self._bytes
