"""What is to be looked at: the series of a folder, an archive or a cohort, and what indexing found in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.catalog.folder import require_folder
from hilum.check.finding import Finding
from hilum.check.subject import Subject
from hilum.cohort import Cohort, cohort_series
from hilum.errors import NotFoundError
from hilum.index.assemble import assemble
from hilum.index.record import unpack_records
from hilum.index.scan import scan_folder
from hilum.model.series import Series
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from hilum.catalog import Archive, Snapshot

READABLE_CHECKS = frozenset({"missing-uid", "bad-uid", "duplicate-instance", "conflicting-instance"})
"""Refusals of files whose header can be read: it is checked all the same."""


SERIES_AT_ONCE = 500
"""Series whose rows are in memory at once: with packed instances of 300 slices each about 10 MB."""

Indexed = dict[str, list[tuple[str, str]]]
"""SeriesInstanceUID to the checks of indexing that it failed, each with what was found."""


_INDEXED_SQL = """
SELECT "SeriesInstanceUID" AS uid, "check", detail FROM checks
WHERE collection_id = ? AND "SeriesInstanceUID" IN (SELECT unnest(?))"""


@dataclass(slots=True)
class Collected:
    """What is to be looked at.

    Attributes
    ----------
    name
        What it is: a folder, an archive and what of it.
    series
        The series, as often as they are gone through.
    indexed_of
        What indexing found in some series of a collection.
    refused_of
        Rows of what it refused in a collection.
    collection_ids
        Collections of the series, as far as they were gone through.
    """

    name: str
    series: Iterable[Series]
    indexed_of: Callable[[str, list[str]], Indexed]
    refused_of: Callable[[str], Iterable[Mapping[str, Any]]]
    collection_ids: set[str] = field(default_factory=set)

    def subjects(self, tell: Callable[[Iterable[Finding]], None]) -> Iterator[Subject]:
        """Everything to look at, a series or a folder of loose files each.

        Parameters
        ----------
        tell
            Told the findings of series whose files are not here, and of files in none.
        """
        for some in _in_parts(self.series):
            for collection_id, of_collection in groupby(some, key=lambda one: str(one["collection_id"])):
                self.collection_ids.add(collection_id)
                yield from self._of_series(collection_id, list(of_collection), tell)
        refused = _Refused()
        for row in (row for each in sorted(self.collection_ids) for row in self.refused_of(each)):
            refused.add(row)
        tell(refused.findings())
        yield from refused.subjects()

    def _of_series(
        self, collection_id: str, series: list[Series], tell: Callable[[Iterable[Finding]], None]
    ) -> Iterator[Subject]:
        indexed = self.indexed_of(collection_id, [one.uid for one in series])
        for one in series:
            found = indexed.get(one.uid, [])
            if one["instances"] is None:
                tell(Finding(check, one.uid, detail) for check, detail in found)
            else:
                yield Subject.of_series(one, found)


class _Refused:
    """What was refused, a folder at a time: counts, and the files whose header can be read."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._firsts: dict[tuple[str, str], str] = {}
        self._loose: dict[str, list[Path]] = defaultdict(list)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row of the refusals."""
        check, path = row["check"], Path(row["root"], row["path"])
        place = str(path.parent)
        self._counts[check, place] += 1
        self._firsts.setdefault((check, place), f"{path.name}: {row['reason']}")
        if check in READABLE_CHECKS:
            self._loose[place].append(path)

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each check and folder."""
        for (check, place), count in self._counts.items():
            detail = f"{count} {'file' if count == 1 else 'files'}, such as {self._firsts[check, place]}"
            yield Finding(check, place, detail, place)

    def subjects(self) -> Iterator[Subject]:
        """Give the files whose header can be read, a folder at a time."""
        return (Subject(place, tuple(paths)) for place, paths in sorted(self._loose.items()))


def collect_folder(
    folder: Path, *, executor: Executor, workers: int, on_progress: Callable[[int], None] | None = None
) -> Collected:
    """Scan a folder and put its files together to series, without an archive.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    require_folder(folder)
    scan = scan_folder(
        folder.resolve(), known={}, journal=None, executor=executor, workers=workers, on_progress=on_progress
    )
    packed = (one for of_series in scan.packed.values() for one in of_series)
    assembly = assemble("", (record for one in packed for record in unpack_records(one)))
    indexed: Indexed = defaultdict(list)
    for row in assembly.checks:
        indexed[row["SeriesInstanceUID"]].append((row["check"], row["detail"]))
    refusals = [
        {"root": one.root, "path": one.path, "check": one.check, "reason": one.reason}
        for one in (*scan.refusals, *assembly.refusals)
    ]
    return Collected(str(folder), assembly.series, lambda _, __: indexed, lambda _: refusals, {""})


def collect_archive(archive: Archive, series: Iterable[Series], *, name: str) -> Collected:
    """Take series of an archive, and what indexing found in them and refused beside them.

    Parameters
    ----------
    series
        Those to look at, each time it is gone through; refused files are told of their collections.
    """
    snapshot = archive.snapshot()

    def indexed_of(collection_id: str, uids: list[str]) -> Indexed:
        indexed: Indexed = defaultdict(list)
        for row in archive.query(_INDEXED_SQL, [collection_id, uids]).to_pylist():
            indexed[row["uid"]].append((row["check"], row["detail"]))
        return indexed

    def refused_of(collection_id: str) -> Iterator[Mapping[str, Any]]:
        for batch in snapshot.batches("refusals", ["root", "path", "check", "reason"], collection_id):
            yield from batch.to_pylist()

    return Collected(name, series, indexed_of, refused_of)


@dataclass(frozen=True)
class ArchiveSeries:
    """The series of a collection of an archive, or of all, each time they are gone through.

    Attributes
    ----------
    snapshot
        State of the archive.
    collection_id
        The collection; None for all.
    """

    snapshot: Snapshot
    collection_id: str | None

    def __len__(self) -> int:
        files = (file for file in self.snapshot.files if file.table == SERIES.name)
        return sum(file.rows for file in files if self.collection_id in {None, file.collection_id})

    def __iter__(self) -> Iterator[Series]:
        columns = SERIES.column_names
        for batch in self.snapshot.batches(SERIES.name, columns, self.collection_id, rows=SERIES_AT_ONCE):
            yield from map(Series, batch.to_pylist())


def series_of_archive(archive: Archive, collection_id: str | None) -> ArchiveSeries:
    """Give the series of a collection, or of all.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = ArchiveSeries(archive.snapshot(), collection_id)
    if not len(found):
        what = f"no series of collection {collection_id!r}" if collection_id else "no series"
        raise NotFoundError(f"{archive.path}: {what}; hilum collections lists what is there")
    return found


@dataclass(frozen=True)
class CohortSeries:
    """The series of a cohort of an archive, each time they are gone through."""

    archive: Archive
    cohort: Cohort

    def __len__(self) -> int:
        return len(self.cohort.entries)

    def __iter__(self) -> Iterator[Series]:
        return cohort_series(self.archive, self.cohort)


def series_of_cohort(archive: Archive, name: str) -> CohortSeries:
    """Give the series of a cohort.

    Raises
    ------
    NotFoundError
        There is no such cohort.
    """
    return CohortSeries(archive, Cohort.load(archive, name))


def _in_parts(series: Iterable[Series]) -> Iterator[list[Series]]:
    remaining = iter(series)
    while some := list(islice(remaining, SERIES_AT_ONCE)):
        yield some
