"""Who is the same person: links between PatientIDs, read from a table, and the persons they make."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hilum.cohort.cohort import Cohort

LINK_COLUMNS = ("PatientID", "same_person_as")


@dataclass(frozen=True, slots=True)
class Link:
    """Two PatientIDs that are one person.

    Attributes
    ----------
    PatientID, same_person_as
        The two, in any order.
    evidence
        What speaks for it, in a line.
    SeriesInstanceUID, same_series_as
        A series of each, which show it; empty where there is none.
    """

    PatientID: str
    same_person_as: str
    evidence: str = ""
    SeriesInstanceUID: str = ""
    same_series_as: str = ""


def read_links(path: Path, columns: tuple[str, str] = LINK_COLUMNS) -> tuple[Link, ...]:
    """Read a table of links.

    Parameters
    ----------
    path
        CSV with a header line, or Parquet if its name ends in ``.parquet``. A row whose second column is empty links
        nothing; further columns are not looked at.
    columns
        Names of the columns with the two PatientIDs.

    Raises
    ------
    FormatError
        The file is no such table or lacks a column, or a row has no first PatientID.
    """
    rows = _parquet_rows(path, columns) if path.suffix == ".parquet" else _csv_rows(path, columns)
    links = []
    for number, (one, other) in enumerate(rows, start=1):
        if not one:
            raise FormatError(f"{path}: row {number} has no {columns[0]}; fill it in or delete the row")
        if other:
            links.append(Link(one, other))
    return tuple(links)


def write_links(path: Path, links: Iterable[Link]) -> None:
    """Write a CSV that `read_links` reads."""
    names = [field.name for field in fields(Link)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(link, name) for name in names] for link in links)


def join_persons(ids: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Say for each id which person it is: the lowest of all ids linked with it, directly or over others.

    An id of a link need not be among `ids`: two that are linked with it are still one person.
    """
    above: dict[str, str] = {}

    def top(one: str) -> str:
        while (next_one := above.get(one, one)) != one:
            above[one] = above.get(next_one, next_one)
            one = next_one
        return one

    for one, other in links:
        low, high = sorted((top(one), top(other)))
        above[high] = low
    return {one: top(one) for one in ids}


def link_persons(cohort: Cohort, links: Sequence[Link]) -> Cohort:
    """Give the cohort with the persons that `links` make, beside those it has already."""
    pairs = [
        *((entry.PatientID, entry.person_id) for entry in cohort.entries),
        *((link.PatientID, link.same_person_as) for link in links),
    ]
    persons = join_persons((entry.PatientID for entry in cohort.entries), pairs)
    entries = (replace(entry, person_id=persons[entry.PatientID]) for entry in cohort.entries)
    return replace(cohort, entries=tuple(entries))


def _csv_rows(path: Path, columns: tuple[str, str]) -> list[tuple[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            _require_columns(path, reader.fieldnames or (), columns)
            return [_pair(row, columns) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: expected a CSV in UTF-8 with a header line ({error})") from error


def _parquet_rows(path: Path, columns: tuple[str, str]) -> list[tuple[str, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pa.ArrowException as error:
        raise FormatError(f"{path}: expected a Parquet file ({error})") from error
    _require_columns(path, table.column_names, columns)
    return [_pair(row, columns) for row in table.select(list(columns)).to_pylist()]


def _pair(row: Mapping[str, Any], columns: tuple[str, str]) -> tuple[str, str]:
    one, other = (str(row[column] or "").strip() for column in columns)
    return one, other


def _require_columns(path: Path, found: Sequence[str], columns: tuple[str, str]) -> None:
    if missing := [column for column in columns if column not in found]:
        raise FormatError(
            f"{path}: no column {missing[0]!r} among {', '.join(found) or 'none'}; "
            f"a table of links has the columns {' and '.join(columns)}"
        )
