"""One series on its way: what of it is here, what is fetched, and how it ends."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hilum.acquire.draft import draft_of, settle_together, sha256_if_same
from hilum.acquire.ledger import REFUSED, WHOLE
from hilum.acquire.names import require_safe
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hilum.acquire.ledger import FileEntry
    from hilum.acquire.report import Tally
    from hilum.acquire.transfer import Transfer, Unproven
    from hilum.acquire.wanted import WantedFile, WantedSeries

_TAKEN = (IsADirectoryError, NotADirectoryError, FileExistsError)
"""Raised where a file is to come and a folder lies, or the other way round."""


class Job:
    """A series that is asked for.

    Parameters
    ----------
    transfer, tally
        How it is fetched, and where it is counted.
    series
        What is asked for.
    root, folder
        Folder of the downloads, and the folder of the series below it.
    """

    def __init__(self, transfer: Transfer, tally: Tally, series: WantedSeries, root: Path, folder: str) -> None:
        self._transfer = transfer
        self._tally = tally
        self._series = series
        self._folder = root / folder
        self._entry = transfer.ledger.begin(series, transfer.source.name, folder)
        self._known: dict[str, FileEntry] = {}
        self._received: dict[str, Path] = {}
        self._adopted: dict[str, Path] = {}
        self._present: frozenset[str] = frozenset()
        self._is_refused = False
        self._lock = threading.Lock()
        self._tasks_left = 0

    def begin(self) -> Sequence[Callable[[], None]]:
        """Look at what is here and list the rest, unless all is here; give the tasks that fetch what is missing.

        Raises
        ------
        SourceError
            The series cannot be listed, or the listing cannot be right.
        """
        self._known = self._ledger_files()
        here = {name for name, entry in self._known.items() if entry.state == WHOLE and self._is_here(entry)}
        was_whole = self._entry.state == WHOLE and self._entry.is_unchanged and here == self._known.keys()
        # A series that states its number of files does not change under its UID; a folder may have grown.
        is_settled = was_whole and self._series.instance_count is not None
        listed = None if is_settled else self._transfer.list_files(self._series)
        if listed is None and not was_whole:
            return [self._fetch_stream]
        missing = [] if listed is None else self._missing(listed, here)
        self._tally.count_files(fetched=0, kept=len(self._known) - len(missing))
        if not missing:
            self._end()
        self._tasks_left = len(missing)
        return [partial(self._fetch, file) for file in missing]

    def _missing(self, listed: Sequence[WantedFile], here: set[str]) -> list[WantedFile]:
        """Files to fetch of a listing; what cannot be fetched is refused at once."""
        safe = self._safe(listed)
        if len({file.name for file in safe}) != len(safe):
            raise SourceError(f"{self._series.key}: the source lists a file twice", check="name-twice")
        if not listed:
            raise SourceError(
                f"{self._series.key}: the source lists no file of it; is its name or location right?",
                check="empty-series",
            )
        self._check_amount(listed)
        self._drop_drafts(safe)
        self._transfer.ledger.ask(self._entry.series_id, safe, self._known)
        self._known = self._ledger_files()
        missing = [file for file in safe if file.name not in here or self._known[file.name].state != WHOLE]
        self._present = _present(self._folder, missing)
        return missing

    def _drop_drafts(self, files: Sequence[WantedFile]) -> None:
        """Remove what an earlier run left of files that have changed since, unless a hash tells in the end."""
        known = self._known
        changed = [file for file in files if file.hash is None and not _is_of(known.get(file.name), file)]
        present = _present(self._folder, changed)
        for file in changed:
            if (draft := draft_of(file.name)) in present:
                (self._folder / draft).unlink()

    def _safe(self, listed: Sequence[WantedFile]) -> list[WantedFile]:
        safe = []
        for file in listed:
            try:
                require_safe(file.name)
                safe.append(file)
            except SourceError as error:
                self._refuse(self._series.key, error)
        return safe

    def _check_amount(self, listed: Sequence[WantedFile]) -> None:
        """Refuse a listing that is not as the series was described; its files are fetched all the same."""
        expected = self._series.instance_count
        if expected is not None and len(listed) != expected:
            self._refuse(
                self._series.key,
                SourceError(
                    f"{self._series.key}: {expected:,} files were asked for, the source lists {len(listed):,}; refresh"
                    " the index or manifest it was asked by",
                    check="wrong-count",
                ),
            )

    def _fetch(self, file: WantedFile) -> None:
        self._settle(file, partial(self._fetch_or_adopt, file))

    def _settle(self, file: WantedFile, get: Callable[[], Unproven | None]) -> None:
        """Get a file, or refuse it; the last of the series ends it."""
        came = None
        try:
            came = get()
        except SourceError as error:
            self._refuse_file(file, error)
        except _TAKEN as error:
            self._refuse_file(file, _taken(file.name, error))
        if came is not None:
            self._transfer.joint.hand_in(came.held, lambda md5: self._settle(file, partial(self._prove, came, md5)))
            return
        with self._lock:
            self._tasks_left -= 1
            is_last = not self._tasks_left
        if is_last:
            self._end()

    def _fetch_or_adopt(self, file: WantedFile) -> Unproven | None:
        path, known = self._folder / file.name, self._known[file.name]
        if file.name in self._present:
            _require_no_folder(path)
        proven = file
        if known.sha256 is not None:
            # Received before, and moved, touched, or named just when the pull was killed: its own digest tells.
            proven = replace(file, size_bytes=known.received_bytes, hash=f"sha256:{known.sha256.hex()}")
        sha256 = sha256_if_same(path, proven) if file.name in self._present else None
        if sha256 is not None:
            size_bytes = path.stat().st_size
            self._transfer.ledger.receive(self._entry.series_id, file.name, size_bytes, sha256, is_provable=True)
            self._adopted[file.name] = path
            return None
        came = self._transfer.receive_file(self._series, self._entry.series_id, file, path, known)
        if came is None:
            self._received[file.name] = path
        return came

    def _prove(self, came: Unproven, md5: bytes) -> None:
        self._transfer.prove(self._series, self._entry.series_id, came, md5)
        self._received[came.file.name] = came.path

    def _fetch_stream(self) -> None:
        try:
            names = self._transfer.receive_stream(self._series, self._entry.series_id, self._folder)
            received = {name: self._folder / name for name in names}
            for path in received.values():
                _require_no_folder(path)
            self._received = received
        except SourceError as error:
            self._refuse(self._series.key, error)
        except _TAKEN as error:
            self._refuse(self._series.key, _taken(self._series.key, error))
        self._end()

    def _refuse_file(self, file: WantedFile, error: SourceError) -> None:
        self._transfer.ledger.refuse(self._entry.series_id, file.name, str(error))
        self._refuse(f"{self._series.key.rstrip('/')}/{file.name}", error)

    def _refuse(self, item: str, error: SourceError) -> None:
        self._is_refused = True
        self._tally.refuse(item, error)

    def _end(self) -> None:
        """Bring what came to disk under its names, then note it: never more than is there."""
        settle_together(self._received.values())
        times = {name: path.stat().st_mtime_ns for name, path in (self._received | self._adopted).items()}
        self._transfer.ledger.settle(self._entry.series_id, times)
        self._transfer.ledger.end(self._entry.series_id, REFUSED if self._is_refused else WHOLE)
        self._tally.count_files(fetched=len(self._received), kept=len(self._adopted))
        self._tally.end_series(is_whole=not self._is_refused)

    def _ledger_files(self) -> dict[str, FileEntry]:
        return self._transfer.ledger.files(self._entry.series_id)

    def _is_here(self, entry: FileEntry) -> bool:
        """Whether a whole file is as it was left: of its size and time of change."""
        try:
            status = (self._folder / entry.name).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (entry.received_bytes, entry.modified_ns)


def _require_no_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def _taken(item: str, error: OSError) -> SourceError:
    where = error.filename or item
    return SourceError(
        f"{item}: {where}: {error.strerror}: a file and a folder of one name; move away what is there",
        check="name-taken",
    )


def _is_of(known: FileEntry | None, file: WantedFile) -> bool:
    return known is not None and known.is_of(file)


def _present(folder: Path, files: Sequence[WantedFile]) -> frozenset[str]:
    """Names of files of which something lies there already: a look a folder costs less than one a file."""
    found: set[str] = set()
    for part in {file.name.rpartition("/")[0] for file in files}:
        with suppress(FileNotFoundError, NotADirectoryError):
            found |= {f"{part}/{name}".lstrip("/") for name in os.listdir(folder / part)}  # noqa: PTH208 - names alone
    return frozenset(found)
