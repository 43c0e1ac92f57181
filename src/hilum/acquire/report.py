"""What a pull did, counted while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.errors import SourceError


@dataclass
class PullReport:
    """What a pull did; ``series_asked`` is always the sum of the next two.

    Attributes
    ----------
    series_asked, series_whole, series_refused
        Series asked for; those that are here whole and verified now; those that are not.
    files_fetched, files_kept
        Files that came now; files that were whole already.
    bytes_fetched
        Bytes that came now, those of failed requests included.
    seconds
        How long it took.
    refusals
        What is missing, and why: a series, or a file as ``SERIES/FILE``.
    """

    series_asked: int = 0
    series_whole: int = 0
    series_refused: int = 0
    files_fetched: int = 0
    files_kept: int = 0
    bytes_fetched: int = 0
    seconds: float = 0.0
    refusals: list[Refusal] = field(default_factory=list)


class Tally:
    """The report of a pull that runs, written by all of its threads.

    Parameters
    ----------
    report
        What is counted into.
    on_progress
        Told bytes and series as they come, one call at a time.
    """

    def __init__(self, report: PullReport, on_progress: Callable[[int, int], None] | None) -> None:
        self._report = report
        self._on_progress = on_progress
        self._lock = threading.Lock()

    def count_bytes(self, count: int) -> None:
        """Count bytes that came."""
        with self._lock:
            self._report.bytes_fetched += count
            if self._on_progress is not None:
                self._on_progress(count, 0)

    def count_files(self, *, fetched: int, kept: int) -> None:
        """Count files that came, and files that were here."""
        with self._lock:
            self._report.files_fetched += fetched
            self._report.files_kept += kept

    def refuse(self, item: str, error: SourceError) -> None:
        """Note what is not to be had."""
        with self._lock:
            self._report.refusals.append(Refusal(item, error.check, str(error)))

    def end_series(self, *, is_whole: bool) -> None:
        """Count a series that is done with."""
        with self._lock:
            self._report.series_whole += is_whole
            self._report.series_refused += not is_whole
            if self._on_progress is not None:
                self._on_progress(0, 1)
