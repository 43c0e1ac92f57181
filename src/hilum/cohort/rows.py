"""The rows of a cohort's series, from the snapshot the cohort was chosen from."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hilum.errors import ConfigError, NotFoundError
from hilum.model.series import Series
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from hilum.catalog import Archive, Snapshot
    from hilum.cohort.cohort import Cohort

SERIES_AT_ONCE = 1000
"""Rows in memory as Python values at once; with packed instances of 300 slices each about 20 MB."""

KEY_COLUMNS = ("collection_id", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
NO_VALUE = "(none)"
"""Stratum of a series whose column is null."""


def cohort_rows(archive: Archive, cohort: Cohort, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give columns of each series of a cohort, beside `KEY_COLUMNS`, in the order of the cohort.

    Raises
    ------
    NotFoundError
        The cohort's snapshot is no longer in the archive.
    """
    names = list(dict.fromkeys((*KEY_COLUMNS, *columns)))
    snapshot = archive.snapshot(cohort.snapshot_id)
    for collection_id, entries in groupby(cohort.entries, key=attrgetter("collection_id")):
        uids = [entry.SeriesInstanceUID for entry in entries]
        batches = chosen_rows(snapshot, collection_id, names, frozenset(uids), rows=SERIES_AT_ONCE)
        yield from _in_order(uids, (row for batch in batches for row in batch.to_pylist()))


def chosen_rows(
    snapshot: Snapshot,
    collection_id: str,
    columns: Sequence[str],
    uids: AbstractSet[str] | None,
    *,
    rows: int,
) -> Iterator[pa.RecordBatch]:
    """Give columns of series of a collection in one pass over its table, in the order that this has.

    Parameters
    ----------
    columns
        SeriesInstanceUID among them.
    uids
        SeriesInstanceUIDs of the series; None: all.
    rows
        Rows that are given at once, at most.

    Raises
    ------
    ArchiveError
        A file of the snapshot is missing or damaged.
    """
    import pyarrow as pa

    for batch in snapshot.batches(SERIES.name, columns, collection_id, rows=rows):
        if uids is None:
            yield batch
            continue
        is_chosen = [uid in uids for uid in batch.column("SeriesInstanceUID").to_pylist()]
        if any(is_chosen):
            yield batch.filter(pa.array(is_chosen))


def _in_order(uids: Iterable[str], rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give rows in the order of `uids`; those that come too early wait: few, since a cohort has the table's order."""
    waiting: dict[str, dict[str, Any]] = {}
    for uid in uids:
        while uid not in waiting:
            row = next(rows, None)
            if row is None:
                raise NotFoundError(f"series {uid} of the cohort is not in its snapshot")
            waiting[row["SeriesInstanceUID"]] = row
        yield waiting.pop(uid)


def cohort_series(archive: Archive, cohort: Cohort) -> Iterator[Series]:
    """Give the series of a cohort, whole, in the order of the cohort.

    Raises
    ------
    NotFoundError
        The cohort's snapshot is no longer in the archive.
    """
    return (Series(row) for row in cohort_rows(archive, cohort, SERIES.column_names))


def column_values(archive: Archive, cohort: Cohort, column: str) -> dict[str, str]:
    """Give the value of a column, as text, for each SeriesInstanceUID of a cohort; `NO_VALUE` for null.

    Raises
    ------
    ConfigError
        The series table has no such column.
    NotFoundError
        The cohort's snapshot is no longer in the archive.
    """
    known = [found.name for found in SERIES.columns if found.type != "bytes"]
    if column not in known:
        raise ConfigError(f"no column {column!r} in the series table; it has {', '.join(known)}")
    rows = cohort_rows(archive, cohort, [column])
    return {row["SeriesInstanceUID"]: NO_VALUE if row[column] is None else str(row[column]) for row in rows}
