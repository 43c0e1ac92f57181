"""The tables of lesions and of marks (`hilum.model.tables`) as CSV and Parquet files."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError
from hilum.findings.delimited import column_names, read_rows
from hilum.findings.lists import LesionFile, MarkFile
from hilum.findings.refusing import Refusals
from hilum.findings.text import finite, read_text
from hilum.model.findings import Lesion, Mark
from hilum.model.tables import LESIONS, MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hilum.model.findings import Point
    from hilum.model.tables import Column, Table

POSITION_COLUMNS = ("x_mm", "y_mm", "z_mm")
BOX_COLUMNS = ("box_x_mm", "box_y_mm", "box_z_mm")
PARQUET_MAGIC = b"PAR1"

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_lesion_table(path: Path, *, refusals: Refusals | None = None) -> LesionFile:
    """Lesions of a CSV or Parquet file with the columns of the lesions table.

    Needed are ``exam_id`` and the position; lesions without a name are numbered in their exam, other absent columns
    are empty, columns of other names are passed over with a warning.

    Parameters
    ----------
    refusals
        Where malformed lines go; None: the first ends the reading.

    Raises
    ------
    FormatError
        The file is malformed, or a line is and the reading is strict; the message names file and line.
    """
    refusals = refusals or Refusals()
    rows, warnings = _rows(path, LESIONS, refusals)
    numbers: Counter[str] = Counter()

    def read(where: str, values: dict[str, Any]) -> Lesion:
        lesion = _lesion(where, values, numbers)
        numbers[lesion.exam_id] += 1
        return lesion

    found = list(refusals.read_each(rows, read))
    lesions = tuple(lesion for _, lesion in found)
    return LesionFile(lesions, tuple(numbers), warnings, tuple(where for where, _ in found), refusals.found)


def read_mark_table(path: Path, *, refusals: Refusals | None = None) -> MarkFile:
    """Marks of a CSV or Parquet file with the columns of the marks table; without ``score`` they are not scored.

    Parameters and errors as `read_lesion_table`; where some marks have a score, those without are refused.
    """
    refusals = refusals or Refusals()
    rows, warnings = _rows(path, MARKS, refusals)
    scores = {where: values["score"] for where, values in rows if values.get("score") not in (None, "")}

    def read(where: str, values: dict[str, Any]) -> Mark:
        if scores and where not in scores:
            raise FormatError(f"{where}: the mark has no score, {len(scores)} of {len(rows)} do; expected all or none")
        return _mark(where, values)

    found = list(refusals.read_each(rows, read))
    marks = tuple(mark for _, mark in found)
    exam_ids = tuple(dict.fromkeys(mark.exam_id for mark in marks))
    places = tuple(where for where, _ in found)
    return MarkFile(marks, exam_ids, warnings, scored=bool(scores) or not rows, where=places, refusals=refusals.found)


def _lesion(where: str, values: dict[str, Any], numbers: Counter[str]) -> Lesion:
    """One lesion; without a name it gets the next number of its exam."""
    record = _record(values, LESIONS, where)
    exam_id = str(record["exam_id"])
    return Lesion(
        exam_id,
        str(record["lesion_id"] or numbers[exam_id] + 1),
        _position(record, where),
        short_axis_mm=_length(record["short_axis_mm"], f"{where}: short_axis_mm"),
        long_axis_mm=_length(record["long_axis_mm"], f"{where}: long_axis_mm"),
        diameter_mm=_length(record["diameter_mm"], f"{where}: diameter_mm"),
        is_excluded=bool(record["is_excluded"]),
        label=record["label"] or "",
        source=record["source"] or where.rpartition("/")[2],
        series_uid=record["series_uid"] or "",
        box_mm=_box(record, where),
        mask_label=_mask_label(record, where),
    )


def _mark(where: str, values: dict[str, Any]) -> Mark:
    record = _record(values, MARKS, where)
    return Mark(
        str(record["exam_id"]),
        _position(record, where),
        record["score"] or 0.0,
        record["series_uid"] or "",
        diameter_mm=_length(record["diameter_mm"], f"{where}: diameter_mm"),
        box_mm=_box(record, where),
    )


def write_lesion_table(path: Path, lesions: Iterable[Lesion]) -> None:
    """Write lesions as Parquet where `path` ends in ``.parquet``, else as CSV."""
    _write(path, LESIONS, [_lesion_record(lesion) for lesion in lesions])


def write_mark_table(path: Path, marks: Iterable[Mark]) -> None:
    """Write marks as Parquet where `path` ends in ``.parquet``, else as CSV."""
    _write(path, MARKS, [_mark_record(mark) for mark in marks])


def _lesion_record(lesion: Lesion) -> dict[str, Any]:
    return {
        "exam_id": lesion.exam_id,
        "lesion_id": lesion.lesion_id,
        **dict(zip(POSITION_COLUMNS, lesion.position_mm, strict=True)),
        "short_axis_mm": lesion.short_axis_mm,
        "long_axis_mm": lesion.long_axis_mm,
        "diameter_mm": lesion.diameter_mm,
        "is_excluded": lesion.is_excluded,
        "label": lesion.label,
        "source": lesion.source,
        "series_uid": lesion.series_uid,
        **_box_record(lesion),
        "mask_label": lesion.mask_label,
    }


def _mark_record(mark: Mark) -> dict[str, Any]:
    position = dict(zip(POSITION_COLUMNS, mark.position_mm, strict=True))
    return {
        "exam_id": mark.exam_id,
        "series_uid": mark.series_uid,
        **position,
        "score": mark.score,
        "diameter_mm": mark.diameter_mm,
        **_box_record(mark),
    }


def _box_record(finding: Lesion | Mark) -> dict[str, float | None]:
    return dict(zip(BOX_COLUMNS, finding.box_mm or (None, None, None), strict=True))


def _write(path: Path, table: Table, records: Sequence[dict[str, Any]]) -> None:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(records), schema=table.arrow_schema()), path)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table.column_names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def names_of_columns(path: Path) -> list[str]:
    """Names of the columns of a CSV or Parquet file."""
    if not _is_parquet(path):
        return column_names(read_text(path))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path}: cannot be read as Parquet ({error})") from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def _rows(path: Path, table: Table, refusals: Refusals) -> tuple[list[tuple[str, dict[str, Any]]], tuple[str, ...]]:
    """Rows with their place, and a warning of columns that are not of `table`."""
    rows = _parquet_rows(path) if _is_parquet(path) else _text_rows(path, refusals)
    known = set(table.column_names)
    unknown = [name for _, values in rows[:1] for name in values if name not in known]
    warnings = (f"{path.name}: column(s) {', '.join(unknown)} are not of the {table.name} table",) if unknown else ()
    return rows, warnings


def _text_rows(path: Path, refusals: Refusals) -> list[tuple[str, dict[str, Any]]]:
    rows = read_rows(path, required=("exam_id", *POSITION_COLUMNS), refusals=refusals)
    return [(row.where, dict(row.values)) for row in rows]


def _parquet_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path}: no readable Parquet file ({error}); write it again") from error
    if absent := [name for name in ("exam_id", *POSITION_COLUMNS) if name not in found.column_names]:
        raise FormatError(f"{path}: no column {', '.join(absent)} in {', '.join(found.column_names)}")
    return [(f"{path}: row {number}", values) for number, values in enumerate(found.to_pylist(), start=1)]


def _record(values: dict[str, Any], table: Table, where: str) -> dict[str, Any]:
    record = {column.name: _value(values.get(column.name), column, where) for column in table.columns}
    if not record["exam_id"]:
        raise FormatError(f"{where}: exam_id is empty; expected the exam the row belongs to")
    return record


def _value(value: Any, column: Column, where: str) -> Any:
    if value is None or value == "":
        return None
    if column.type == "float":
        return finite(str(value), f"{where}: {column.name}")
    if column.type == "int":
        return _whole(str(value), f"{where}: {column.name}")
    if column.type == "bool" and not isinstance(value, bool):
        flag = _FLAGS.get(str(value).lower())
        if flag is None:
            raise FormatError(f"{where}: {column.name} = {value!r}; expected true or false")
        return flag
    return value


def _position(record: dict[str, Any], where: str) -> Point:
    x, y, z = (record[name] for name in POSITION_COLUMNS)
    if x is None or y is None or z is None:
        raise FormatError(f"{where}: the position is ({x}, {y}, {z}); expected three coordinates, LPS mm")
    return x, y, z


def _box(record: dict[str, Any], where: str) -> Point | None:
    x, y, z = (_length(record[name], f"{where}: {name}") for name in BOX_COLUMNS)
    if x is None and y is None and z is None:
        return None
    if x is None or y is None or z is None:
        raise FormatError(f"{where}: the sides of the box are ({x}, {y}, {z}); expected three lengths, or none")
    return x, y, z


def _length(value: float | None, where: str) -> float | None:
    if value is not None and value <= 0:
        raise FormatError(f"{where}: found {value:g} mm, expected a positive length")
    return value


def _mask_label(record: dict[str, Any], where: str) -> int | None:
    label: int | None = record["mask_label"]
    if label is not None and label < 1:
        raise FormatError(f"{where}: mask_label = {label}; expected a whole number of at least 1 (0 is background)")
    return label


def _whole(text: str, where: str) -> int:
    value = finite(text, where)
    if not value.is_integer():
        raise FormatError(f"{where}: found {text!r}, expected a whole number")
    return int(value)
