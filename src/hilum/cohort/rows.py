"""The rows of a cohort's series, from the snapshot the cohort was chosen from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.catalog.reader import Reader
from hilum.errors import ConfigError
from hilum.model.series import Series
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.catalog import Archive
    from hilum.cohort.cohort import Cohort

SERIES_AT_ONCE = 20_000
"""Rows in memory at once: with packed instances of 300 slices each about 200 MB; each time the table is scanned."""

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
    names = ", ".join(f'"{column}"' for column in dict.fromkeys((*KEY_COLUMNS, *columns)))
    sql = f"""
        SELECT {names} FROM series WHERE (collection_id, "SeriesInstanceUID") IN
            (SELECT (unnest($collections), unnest($uids)))"""  # noqa: S608 - column names of our own tables
    reader = Reader(archive.snapshot(cohort.snapshot_id))
    for start in range(0, len(cohort.entries), SERIES_AT_ONCE):
        entries = cohort.entries[start : start + SERIES_AT_ONCE]
        keys = {
            "collections": [entry.collection_id for entry in entries],
            "uids": [entry.SeriesInstanceUID for entry in entries],
        }
        rows = {row["SeriesInstanceUID"]: row for row in reader.query(sql, keys).to_pylist()}
        yield from (rows[uid] for uid in keys["uids"])


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
