"""The scan of a folder: every file found, those that are new or changed read, the rest left alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from hilum.index.batch import Batch, read_batch
from hilum.index.files import find_files
from hilum.index.record import pack_records, unpack_records
from hilum.index.refused import RefusedFile
from hilum.work import map_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.index.files import FoundFile
    from hilum.index.journal import Journal

FILES_PER_BATCH = 200
"""About 10 ms of work: enough to make the 50 µs of starting a task small, few enough to share among workers."""

FILES_PER_TICK = 500
"""Unchanged files between two reports of progress."""

DEPENDENT_CHECKS = frozenset({"duplicate-instance", "conflicting-instance"})
"""Refusals for the sake of another file: reconsidered as soon as any file has changed or gone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog knows of a file.

    Attributes
    ----------
    size_bytes, modified_ns
        As they were when it was read; None: look at it again.
    series_uid
        Series that holds it; empty if it was refused.
    refused
        The refusal, if it was.
    """

    size_bytes: int | None
    modified_ns: int | None
    series_uid: str = ""
    refused: RefusedFile | None = None


@dataclass(slots=True)
class Scan:
    """What a scan found.

    Attributes
    ----------
    root
        The folder.
    unchanged
        Paths of known instances that are as they were.
    changed
        Paths of known instances that are not.
    packed
        SeriesInstanceUID (empty where a record has none) to packed records of new and changed files.
    refusals
        All files refused for themselves, those known and unchanged included.
    passed_over
        Kind to number of files.
    record_count
        Records in `packed`.
    files_found, files_read, files_taken_up
        Files in the folder; those whose header was read now; those that an interrupted run had read.
    """

    root: str
    unchanged: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    packed: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    refusals: list[RefusedFile] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    record_count: int = 0
    files_found: int = 0
    files_read: int = 0
    files_taken_up: int = 0


def scan_folder(
    folder: Path,
    *,
    known: Mapping[str, Known],
    journal: Journal | None,
    executor: Executor,
    workers: int,
    few: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Scan:
    """Scan a folder.

    Parameters
    ----------
    known
        What the catalog knows of the folder's files, by path below it; files that are as they were are not opened.
    journal
        Where batches that are read are kept, and what interrupted runs left there.
    executor, workers
        What runs the reading, and how many at once.
    few
        Up to so many files are read in this process.
    on_progress
        Told how many more files were found, every now and then.
    """
    scanner = _Scanner(
        folder,
        known=known,
        journal=journal,
        executor=executor,
        workers=workers,
        few=few,
        on_progress=on_progress or _nothing,
    )
    return scanner.run()


class _Scanner:
    """One scan under way."""

    def __init__(
        self,
        folder: Path,
        *,
        known: Mapping[str, Known],
        journal: Journal | None,
        executor: Executor,
        workers: int,
        few: int,
        on_progress: Callable[[int], None],
    ) -> None:
        self._folder = folder
        self._known = known
        self._journal = journal
        self._executor = executor
        self._workers = workers
        self._few = few
        self._on_progress = on_progress
        self._scan = Scan(str(folder))
        self._left = _Left(journal)
        self._dependent: list[FoundFile] = []

    def run(self) -> Scan:
        """Scan, and give what was found."""
        scan = self._scan
        self._read(self._files_to_read())
        kept_before = sum(1 for known in self._known.values() if known.refused is None)
        if len(scan.unchanged) < kept_before:
            self._read(self._dependent)
        else:
            refused = (self._known[file.path].refused for file in self._dependent)
            scan.refusals += [refusal for refusal in refused if refusal is not None]
        for uid, packed, count in self._left.packed():
            scan.packed[uid].append(packed)
            scan.record_count += count
        return scan

    def _files_to_read(self) -> Iterator[FoundFile]:
        """Go through the folder; settle what needs no reading, give what does."""
        scan = self._scan
        for file in find_files(self._folder):
            scan.files_found += 1
            if scan.files_found % FILES_PER_TICK == 0:
                self._on_progress(FILES_PER_TICK)
            if file.problem is not None:
                check, reason = file.problem
                scan.refusals.append(
                    RefusedFile.of(scan.root, file.path, check, reason, size_bytes=None, modified_ns=None)
                )
            elif file.passed_over is not None:
                scan.passed_over[file.passed_over] += 1
            elif not self._is_known(file):
                yield file
        self._on_progress(scan.files_found % FILES_PER_TICK)

    def _is_known(self, file: FoundFile) -> bool:
        """Whether the catalog or an interrupted run has the file as it is; if so, settle it."""
        known = self._known.get(file.path)
        if known is not None and (known.size_bytes, known.modified_ns) == (file.size_bytes, file.modified_ns):
            if known.refused is None:
                self._scan.unchanged.add(file.path)
            elif known.refused.check in DEPENDENT_CHECKS:
                self._dependent.append(file)
            else:
                self._scan.refusals.append(known.refused)
            return True
        if known is not None and known.refused is None:
            self._scan.changed.add(file.path)
        if not self._left.take(file):
            return False
        self._scan.files_taken_up += 1
        if (refusal := self._left.refusals.get(file.path)) is not None:
            self._scan.refusals.append(refusal)
        return True

    def _read(self, files: Iterable[FoundFile]) -> None:
        scan = self._scan
        batches = map_batches(
            partial(read_batch, scan.root),
            files,
            executor=self._executor,
            batch_size=FILES_PER_BATCH,
            workers=self._workers,
            few=self._few,
        )
        for batch in batches:
            if self._journal is not None:
                self._journal.append(batch.to_plain())
            for uid, packed in batch.packed.items():
                scan.packed[uid].append(packed)
            scan.refusals += batch.refusals
            scan.passed_over += batch.passed_over
            scan.record_count += len(batch.states)
            scan.files_read += len(batch.states) + len(batch.refusals)


class _Left:
    """The batches that interrupted runs left, and which of their files are still as they were."""

    def __init__(self, journal: Journal | None) -> None:
        self._batches = [Batch.from_plain(plain) for plain in (journal.left if journal is not None else [])]
        self._batch_of = {path: number for number, batch in enumerate(self._batches) for path in batch.states}
        self._taken: dict[int, set[str]] = defaultdict(set)
        self.refusals = {refusal.path: refusal for batch in self._batches for refusal in batch.refusals}

    def take(self, file: FoundFile) -> bool:
        """Whether the file was read and is as it was; its record is taken up then."""
        state = (file.size_bytes, file.modified_ns)
        number = self._batch_of.get(file.path)
        if number is not None and self._batches[number].states[file.path] == state:
            self.refusals.pop(file.path, None)
            self._taken[number].add(file.path)
            return True
        refusal = self.refusals.get(file.path)
        return refusal is not None and (refusal.size_bytes, refusal.modified_ns) == state

    def packed(self) -> Iterator[tuple[str, bytes, int]]:
        """SeriesInstanceUID, packed records and their number, of the files taken."""
        for number, paths in self._taken.items():
            batch = self._batches[number]
            for uid, packed in batch.packed.items():
                records = unpack_records(packed)
                taken = [record for record in records if record["path"] in paths]
                if taken:
                    yield uid, packed if len(taken) == len(records) else pack_records(taken), len(taken)


def _nothing(count: int) -> None:
    """Report progress to nobody."""
