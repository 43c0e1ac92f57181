"""Pulling: all wanted series of a source into a folder, verified, noted in its ledger, taken up where it broke off."""

from __future__ import annotations

import errno
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from hilum.acquire.backlog import Backlog
from hilum.acquire.job import Job
from hilum.acquire.joint_md5 import JointMd5
from hilum.acquire.ledger import open_ledger
from hilum.acquire.names import require_safe
from hilum.acquire.pace import Pace, Stopped
from hilum.acquire.packed import each_once
from hilum.acquire.report import PullReport, Tally
from hilum.acquire.transfer import Transfer
from hilum.errors import ArchiveError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hilum.acquire.source import Source
    from hilum.acquire.wanted import WantedSeries

CONNECTIONS = 16
"""Requests at once: with files of half a megabyte, enough for 1 Gbit/s over a line of 60 ms."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def pull(
    wanted: Sequence[WantedSeries],
    source: Source,
    folder: Path,
    *,
    folder_of: Callable[[WantedSeries], str],
    connections: int = CONNECTIONS,
    pace: Pace | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PullReport:
    """Download series into a folder; again, to get what is missing or new.

    A series whose number of files is known is not asked for again once it is whole: one look at size and time of
    change of its files suffices. Any other is listed again.

    Parameters
    ----------
    wanted
        What to download; a series that stands in it twice is one.
    folder_of
        Gives the folder of a series below `folder`, with ``/`` between parts; each series has one of its own.
    connections
        Requests at once.
    on_progress
        Told bytes and series as they come; called by several threads, one at a time.

    Raises
    ------
    ArchiveError
        There is no room left, or another pull works in the folder; what was received is kept.
    """
    started_s = time.monotonic()
    # Two threads on one series would write into the same files.
    wanted = each_once(wanted)
    report = PullReport(series_asked=len(wanted))
    tally = Tally(report, on_progress)
    pace = pace or Pace()
    with open_ledger(folder) as ledger:
        transfer = Transfer(source, ledger, pace, tally.count_bytes, JointMd5())
        backlog = Backlog(partial(_begin, transfer, tally, series, folder, folder_of) for series in wanted)
        try:
            _work_together(backlog, transfer, connections)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise ArchiveError(f"no room left in {folder}; free some space and pull again: it goes on") from error
    report.seconds = time.monotonic() - started_s
    return report


def _begin(
    transfer: Transfer, tally: Tally, series: WantedSeries, root: Path, folder_of: Callable[[WantedSeries], str]
) -> Sequence[Callable[[], None]]:
    """Begin with a series; give the tasks that fetch its files. One that cannot be begun is refused."""
    try:
        return Job(transfer, tally, series, root, require_safe(folder_of(series))).begin()
    except SourceError as error:
        tally.refuse(series.key, error)
        tally.end_series(is_whole=False)
        return ()


def _work_together(backlog: Backlog, transfer: Transfer, connections: int) -> None:
    """Work the backlog off with several threads; all end soon when one fails or the user interrupts."""
    failures: list[BaseException] = []
    pace = transfer.pace

    def work() -> None:
        try:
            backlog.work()
            transfer.joint.finish()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failures.append(error)
            pace.stop()
            backlog.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(1, connections))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        pace.stop()
        backlog.close()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
