"""Tables of series as CSV or TSV: exports of TCIA's and IDC's portals, their index, or a bare list of UIDs."""

from __future__ import annotations

import csv
import io
from itertools import chain, islice
from typing import TYPE_CHECKING

from hilum.acquire import retriever_table
from hilum.acquire.columns import CRDC_SERIES, is_uid, is_uuid, names_series, series_of
from hilum.acquire.manifests.manifest import Dialect, Lines, Manifest, lines_of
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hilum.acquire.wanted import WantedSeries

PREFACE_LINES = 20
"""Lines before the names of columns that are looked at: IDC's portal writes name, filters, date and counts."""

COLUMNS = (
    "collection_id",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "instanceCount",
    "size_bytes",
    "license_short_name",
    CRDC_SERIES,
    "series_aws_url",
)
"""Columns that are written: IDC's names, which idc-index and pandas users know; the size is in bytes."""

_END = "\0end"


def find_header(text: str, delimiter: str) -> int | None:
    """Give the line, counted from 1, with the names of columns; None where the first lines name no series."""
    for number, line in enumerate(islice(lines_of(text), PREFACE_LINES), start=1):
        if names_series(_values(line, delimiter)):
            return number
    return None


def delimiter_of(text: str) -> str:
    """Tab where only that parts the names of columns, else comma."""
    return "\t" if find_header(text, ",") is None and find_header(text, "\t") is not None else ","


def is_bare_list(text: str) -> bool:
    """Whether the first line that is no comment is an identifier of a series and nothing else."""
    first = next((line for line in lines_of(text) if line.strip() and not line.startswith("#")), "")
    return _is_identifier(first.strip(' ,"'))


def read_table(path: Path, text: str) -> Manifest:
    """Read a table with a column of SeriesInstanceUIDs or of ``crdc_series_uuid``, or a list without any header.

    Raises
    ------
    FormatError
        There is no such column, or no row is a series.
    """
    delimiter = delimiter_of(text)
    lines = Lines(path, Dialect.TSV if delimiter == "\t" else Dialect.CSV)
    if is_bare_list(text):
        _read_list(lines, text)
    else:
        _read_rows(lines, path, text, delimiter)
    return lines.manifest()


def write_table(series: Iterable[WantedSeries], *, delimiter: str = ",") -> str:
    """Give the text of a table: `COLUMNS`, LF at the end of a line, empty cells where nothing is known."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in series:
        url = f"{one.location}*" if one.location else ""
        count = (one.instance_count, one.size_bytes, one.licence)
        uuid = one.attributes.get(CRDC_SERIES, "")
        writer.writerow(
            [one.collection_id, one.participant_id, one.study_uid, one.series_uid, one.modality, *count, uuid, url]
        )
    return file.getvalue()


def _read_list(lines: Lines, text: str) -> None:
    for number, line in enumerate(lines_of(text), start=1):
        word = line.strip(' ,"\t')
        if not word or word.startswith("#"):
            continue
        if _is_identifier(word):
            lines.keep(series_of({CRDC_SERIES if is_uuid(word) else "SeriesInstanceUID": word}))
        else:
            lines.refuse(number, f"found {word!r}, expected a SeriesInstanceUID")


def _read_rows(lines: Lines, path: Path, text: str, delimiter: str) -> None:
    header = find_header(text, delimiter)
    first, _, _ = text.partition("\n")
    if header is None:
        raise FormatError(
            f"{path}:1: no column of series in {first[:80]!r}; expected SeriesInstanceUID, Series UID "
            f"or {CRDC_SERIES}, comma or tab between columns"
        )
    names = [name.strip(" #") for name in _values(next(islice(lines_of(text), header - 1, None)), delimiter)]
    is_retrievers = names == list(retriever_table.COLUMNS)
    for number, read in _rows(text, header, delimiter):
        if not any(value.strip() for value in read):
            continue
        values = retriever_table.mend_values(read) if is_retrievers else read
        if len(values) != len(names):
            lines.refuse(number, f"found {len(values)} values, expected {len(names)}")
            continue
        try:
            lines.keep(series_of(dict(zip(names, values, strict=True))))
        except FormatError as error:
            lines.refuse(number, str(error))


def _rows(text: str, header: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows below the names of columns, each with the number of its last line."""
    # A line behind the end comes as a row, unless a quote that was never closed swallows it and all before.
    lines = chain((f"{line}\n" for line in islice(lines_of(text), header, None)), [_END])
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        if row == [_END]:
            return
        yield header + reader.line_num, row
    raise csv.Error("no end of it")


def _values(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line.lstrip("# ")], delimiter=delimiter), [])


def _is_identifier(text: str) -> bool:
    return is_uid(text) or is_uuid(text)
