"""3D Slicer's fiducial lists (``.fcsv``), of versions 4 and 5, LPS or RAS.

References
----------
3D Slicer, vtkMRMLMarkupsFiducialStorageNode: ``# CoordinateSystem = LPS``, or 0 for RAS and 1 for LPS before 4.11;
lines ``id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID``, and in version 5 two more columns.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.errors import FormatError
from hilum.findings.format import Format, exam_of
from hilum.findings.lesion_names import name_lesions, points_of
from hilum.findings.markups import SIGNS_OF_SYSTEM
from hilum.findings.text import finite, read_text
from hilum.model.findings import FindingSet, Lesion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hilum.model.findings import Point
    from hilum.model.series import Series

SUFFIXES = (".fcsv",)
START = b"# Markups fiducial file version"

SYSTEMS = {"LPS": "LPS", "RAS": "RAS", "0": "RAS", "1": "LPS"}
"""Words and, before version 4.11, numbers of coordinate systems."""

COLUMNS = ("id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label", "desc", "associatedNodeID")
"""Columns where the file names none."""

_HEAD = (
    "# Markups fiducial file version = 5.6",
    "# CoordinateSystem = LPS",
    f"# columns = {','.join(COLUMNS)}",
)


def _read(path: Path, target: Series | None) -> FindingSet:
    exam_id, series_uid = exam_of(path, target, SUFFIXES), "" if target is None else target.uid
    said, rows = _parted(path)
    columns = [name.strip() for name in said["columns"].split(",")] if "columns" in said else list(COLUMNS)
    if absent := {"x", "y", "z"} - set(columns):
        raise FormatError(f"{path}: no column {', '.join(sorted(absent))}; expected {', '.join(COLUMNS)}")
    signs = _signs(path, said.get("CoordinateSystem"))
    found = (_lesion(f"{path}:{line}", columns, values, signs) for line, values in rows)
    lesions, warnings = name_lesions(replace(one, exam_id=exam_id, series_uid=series_uid) for one in found)
    return FindingSet(exam_id, series_uid, lesions=lesions, warnings=warnings)


def _parted(path: Path) -> tuple[dict[str, str], list[tuple[int, list[str]]]]:
    """What the lines of the head say, and the values of the others with their line."""
    said: dict[str, str] = {}
    lines: dict[int, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        name, sign, value = line.removeprefix("#").partition("=")
        if line.startswith("#") and sign:
            said[name.strip()] = value.strip()
        elif line.strip() and not line.startswith("#"):
            lines[number] = line
    return said, [(number, next(csv.reader([line]))) for number, line in lines.items()]


def _signs(path: Path, system: str | None) -> Point:
    if system not in SYSTEMS:
        raise FormatError(f"{path}: CoordinateSystem {system!r}; expected # CoordinateSystem = LPS, RAS, 0 or 1")
    return SIGNS_OF_SYSTEM[SYSTEMS[system]]


def _lesion(where: str, columns: Sequence[str], values: Sequence[str], signs: Point) -> Lesion:
    """One lesion, of no exam yet."""
    named = dict(zip(columns, values, strict=False))
    if len(values) < columns.index("z") + 1:
        raise FormatError(f"{where}: {len(values)} values; expected {', '.join(columns)}")
    x, y, z = (finite(named[name], f"{where}: {name}") * sign + 0.0 for name, sign in zip("xyz", signs, strict=True))
    source = where.rpartition("/")[2]
    return Lesion("", named.get("label", ""), (x, y, z), label=named.get("desc", ""), source=source)


def _write(path: Path, findings: FindingSet, _target: Series | None) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _HEAD)
        csv.writer(file, lineterminator="\n").writerows(_rows(points_of(findings)))


def _rows(lesions: Sequence[Lesion]) -> Iterator[tuple[object, ...]]:
    upright, shown = (0, 0, 0, 1), (1, 1, 0)
    for number, lesion in enumerate(lesions, start=1):
        words = (" ".join(lesion.lesion_id.split()), " ".join(lesion.label.split()), "")
        yield number, *map(repr, lesion.position_mm), *upright, *shown, *words


def _recognises(_path: Path, start: bytes) -> bool:
    return start.startswith(START)


FORMAT = Format(
    "fcsv",
    "3D Slicer fiducial list",
    SUFFIXES,
    _recognises,
    _read,
    _write,
    marks="instead of lesions",
    keeps=frozenset({"lesion_id", "label"}),
)
