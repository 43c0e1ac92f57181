"""Import of a trial's participant table (``nlst_prsn``), as CSV or Parquet, checked line by line."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError, Refusal
from hilum.model.nlst_groups import CANCERS, NEGATIVE_SCREENS, NOT_SCREENED, POSITIVE_SCREENS
from hilum.model.tables import PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hilum.catalog.archive import Archive

PARTICIPANT_COLUMN = "dicom_patient_id"
"""Joins to PatientID; in a table without it (CDAS delivers none) ``pid`` does, which is the same number."""

FIRST_DATA_LINE = 2

LARGEST_NUMBER = 2**31
"""Beyond any count of days, millimetres or code of the table."""

_SCREEN_CODES = NEGATIVE_SCREENS | POSITIVE_SCREENS | NOT_SCREENED
_CODES: dict[str, frozenset[int]] = {
    "gender": frozenset({1, 2}),
    "cigsmok": frozenset({0, 1}),
    "race": frozenset({1, 2, 3, 4, 5, 6, 7, 95, 96, 98, 99}),
    "can_scr": CANCERS | {0},
    "cancyr": frozenset(range(8)),
    **{f"scr_res{r}": _SCREEN_CODES for r in range(3)},
    **{f"scr_iso{r}": _SCREEN_CODES for r in range(3)},
}
"""Codes of the data dictionary; the other columns are plain numbers."""

_VALUE_COLUMNS = tuple(column.name for column in PARTICIPANTS.columns if column.type == "int")


@dataclass(frozen=True, slots=True)
class ParticipantFile:
    """What was read: rows of the participants table, and the lines that were refused."""

    rows: list[dict[str, Any]]
    refusals: list[Refusal]


def import_participants(archive: Archive, path: Path, collection_id: str) -> ParticipantFile:
    """Read a participant table and let it replace the one that the collection has.

    Raises
    ------
    FormatError
        The file is no table, lacks a column, or every line of it is refused.
    """
    import pyarrow as pa

    found = read_participants(path, collection_id)
    if not found.rows:
        why = f"; the first: {found.refusals[0].reason}" if found.refusals else ""
        raise FormatError(f"{path} has no participant that can be imported ({len(found.refusals)} lines refused{why})")
    table = pa.Table.from_pylist(found.rows, schema=PARTICIPANTS.arrow_schema())
    archive.update(collection_id, lambda _: {"participants": table}, note=f"import participants from {path.name}")
    return found


def read_participants(path: Path, collection_id: str) -> ParticipantFile:
    """Read a participant table (``.parquet``, or CSV otherwise).

    A value is missing if it is empty, or ``.`` with or without a letter, as SAS writes it.

    Returns
    -------
    One row a participant, in order of the file; lines with a wrong value, an unknown code, no identifier or an
    identifier that an earlier line has are refused. A Parquet file's lines are its rows, counted from 2.

    Raises
    ------
    FormatError
        The file is no table or lacks a column.
    """
    rows: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    line_by_participant: dict[str, int] = {}
    for line, values in _lines(path):
        checked = _checked_row(values, collection_id, where=f"{path}:{line}")
        if isinstance(checked, Refusal):
            refusals.append(checked)
        elif (earlier := line_by_participant.setdefault(checked["PatientID"], line)) != line:
            reason = f"participant {checked['PatientID']} is on line {earlier} already; expected each once"
            refusals.append(Refusal(f"{path}:{line}", "duplicated-participant", reason))
        else:
            rows.append(checked)
    return ParticipantFile(rows, refusals)


def _checked_row(values: Mapping[str, Any] | None, collection_id: str, *, where: str) -> dict[str, Any] | Refusal:
    if values is None:
        return Refusal(where, "wrong-field-count", "not one value for each column of the first line; expected as many")
    pid = _text(values.get("pid"))
    participant = _text(values.get(PARTICIPANT_COLUMN)) or pid
    if participant is None:
        return Refusal(where, "no-participant", f"no {PARTICIPANT_COLUMN} and no pid; expected one of them")
    row: dict[str, Any] = {"collection_id": collection_id, "PatientID": participant, "pid": pid}
    for name in _VALUE_COLUMNS:
        try:
            row[name] = _number(values[name])
        except ValueError:
            return Refusal(where, "wrong-type", f"{name} is {values[name]!r}; expected a whole number or nothing")
        codes = _CODES.get(name)
        if codes is not None and row[name] is not None and row[name] not in codes:
            expected = ", ".join(map(str, sorted(codes)))
            return Refusal(where, "unknown-code", f"{name} is {row[name]}; expected one of {expected}, or nothing")
    return row


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
    """Give each line's number and values; None where it has not as many values as there are columns."""
    return _parquet_lines(path) if path.suffix.lower() == ".parquet" else _csv_lines(path)


def _csv_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = [name.strip() for name in next(reader, [])]
            _require_columns(path, names)
            for fields in filter(None, reader):
                yield reader.line_num, dict(zip(names, fields, strict=True)) if len(fields) == len(names) else None
        except (csv.Error, UnicodeDecodeError) as error:
            raise FormatError(f"{path}:{reader.line_num}: no comma separated text ({error})") from error


def _parquet_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pa.ArrowException as error:
        raise FormatError(f"{path} is no Parquet file ({error})") from error
    _require_columns(path, file.schema_arrow.names)
    wanted = [name for name in (PARTICIPANT_COLUMN, "pid", *_VALUE_COLUMNS) if name in file.schema_arrow.names]
    line = FIRST_DATA_LINE
    for batch in file.iter_batches(columns=wanted):
        for row in batch.to_pylist():
            yield line, row
            line += 1


def _require_columns(path: Path, found: list[str]) -> None:
    missing = [name for name in _VALUE_COLUMNS if name not in found]
    if PARTICIPANT_COLUMN not in found and "pid" not in found:
        missing.insert(0, PARTICIPANT_COLUMN)
    if missing:
        raise FormatError(
            f"{path} has no column {', '.join(missing)}; found {', '.join(found) or 'nothing'}. "
            "Expected the NLST participant table (nlst_prsn)"
        )


def _text(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return None if _is_missing(text) else text


def _number(value: object) -> int | None:
    """Whole number of a cell; ``3.0`` is 3, as tables with gaps are often kept as fractions."""
    text = "" if value is None else str(value).strip()
    if _is_missing(text) or text == "nan":
        return None
    number = float(text)
    if not number.is_integer() or abs(number) > LARGEST_NUMBER:
        raise ValueError(text)
    return int(number)


def _is_missing(text: str) -> bool:
    return not text or (text.startswith(".") and len(text) <= 2 and not text[1:].isdigit())
