"""CSV files of the LUNA16 challenge: annotations, excluded findings, submissions, lists of series.

References
----------
Setio et al. 2017, doi 10.1016/j.media.2017.06.015. Columns ``seriesuid,coordX,coordY,coordZ`` (LPS mm), then
``diameter_mm`` or ``probability``. A negative diameter means that it is unknown.
"""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

from hilum.errors import FormatError
from hilum.findings.delimited import read_rows
from hilum.findings.lists import LesionFile, MarkFile
from hilum.findings.refusing import Refusals
from hilum.findings.text import finite
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hilum.findings.delimited import Row
    from hilum.model.findings import Point

ID_COLUMN = "seriesuid"
_POSITION_COLUMNS = ("coordX", "coordY", "coordZ")
_DIAMETER_COLUMN = "diameter_mm"
UNKNOWN_DIAMETER = -1.0
"""What stands for a diameter that is not known."""

SCORE_COLUMN = "probability"


def read_luna16_lesions(
    path: Path,
    *,
    is_excluded: bool = False,
    exam_ids: Sequence[str] | None = None,
    refusals: Refusals | None = None,
) -> LesionFile:
    """Nodules of an annotation file, or the findings of an excluded list.

    Parameters
    ----------
    is_excluded
        Whether the file is the list of excluded findings, which looks like the other.
    exam_ids
        The exams there are; ids of the file that lost zeros are repaired after it (`repair_exam_ids`).
    refusals
        Where malformed lines go; None: the first ends the reading.

    Raises
    ------
    FormatError
        A column is absent, two ids would be repaired to one, or a line is refused and the reading is strict.
    """
    refusals = refusals or Refusals()
    rows = read_rows(path, required=(ID_COLUMN, *_POSITION_COLUMNS, _DIAMETER_COLUMN), refusals=refusals)
    repaired, warnings = _repaired(path, rows, exam_ids)
    seen: Counter[str] = Counter()
    lesions, where = [], []
    for place, (row, position, diameter) in refusals.read_each(((row.where, row) for row in rows), _lesion_values):
        exam_id = repaired[row.values[ID_COLUMN]]
        seen[exam_id] += 1
        lesions.append(
            Lesion(
                exam_id,
                f"x{seen[exam_id]}" if is_excluded else str(seen[exam_id]),
                position,
                diameter_mm=diameter if diameter >= 0 else None,
                is_excluded=is_excluded,
                label="excluded finding" if is_excluded else "nodule",
                source=f"{path.name}:{row.line}",
            )
        )
        where.append(place)
    return LesionFile(tuple(lesions), tuple(seen), warnings, tuple(where), refusals.found)


def read_luna16_marks(
    path: Path, *, exam_ids: Sequence[str] | None = None, refusals: Refusals | None = None
) -> MarkFile:
    """Marks of a submission; parameters and errors as `read_luna16_lesions`."""
    refusals = refusals or Refusals()
    rows = read_rows(path, required=(ID_COLUMN, *_POSITION_COLUMNS, SCORE_COLUMN), refusals=refusals)
    repaired, warnings = _repaired(path, rows, exam_ids)

    def read(where: str, row: Row) -> Mark:
        score = finite(row.values[SCORE_COLUMN], f"{where}: {SCORE_COLUMN}")
        return Mark(repaired[row.values[ID_COLUMN]], _position(row), score)

    found = list(refusals.read_each(((row.where, row) for row in rows), read))
    marks = tuple(mark for _, mark in found)
    exams = tuple(dict.fromkeys(mark.exam_id for mark in marks))
    return MarkFile(marks, exams, warnings, where=tuple(where for where, _ in found), refusals=refusals.found)


def write_luna16(path: Path, findings: Sequence[Lesion | Mark]) -> None:
    """Write lesions as annotations, or marks as a submission; a diameter that is not known is -1.

    Coordinates keep every bit.
    """
    is_scored = any(isinstance(one, Mark) for one in findings)
    last = SCORE_COLUMN if is_scored else _DIAMETER_COLUMN
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((ID_COLUMN, *_POSITION_COLUMNS, last))
        writer.writerows((one.exam_id, *one.position_mm, _last_value(one)) for one in findings)


def _last_value(finding: Lesion | Mark) -> float:
    if isinstance(finding, Mark):
        return finding.score
    return UNKNOWN_DIAMETER if finding.diameter_mm is None else finding.diameter_mm


def repair_exam_ids(found: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Known id of each id found, also where a spreadsheet took leading or trailing zeros off it.

    An id that is neither known nor has exactly one known id it can have been stays as it is.
    """
    known_ids = set(known)
    by_leading, by_trailing, by_both = (_by_stripped(known, sides) for sides in ("leading", "trailing", "both"))
    repaired = {}
    for exam_id in dict.fromkeys(found):
        candidates = {exam_id} if exam_id in known_ids else _lost_one_side(exam_id, by_leading, by_trailing)
        candidates = candidates or by_both.get(exam_id.strip("0"), set())
        repaired[exam_id] = next(iter(candidates)) if len(candidates) == 1 else exam_id
    return repaired


def _lost_one_side(exam_id: str, by_leading: dict[str, set[str]], by_trailing: dict[str, set[str]]) -> set[str]:
    return by_leading.get(exam_id.lstrip("0"), set()) | by_trailing.get(exam_id.rstrip("0"), set())


def _by_stripped(known: Sequence[str], sides: str) -> dict[str, set[str]]:
    strip = {"leading": str.lstrip, "trailing": str.rstrip, "both": str.strip}[sides]
    found: dict[str, set[str]] = {}
    for exam_id in known:
        found.setdefault(strip(exam_id, "0"), set()).add(exam_id)
    return found


def _repaired(
    path: Path, rows: Sequence[Row], exam_ids: Sequence[str] | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    found = dict.fromkeys(row.values[ID_COLUMN] for row in rows)
    if exam_ids is None:
        return dict(zip(found, found, strict=True)), ()
    repaired = repair_exam_ids(found, exam_ids)
    _refuse_merged(path, repaired)
    changed = [exam_id for exam_id in found if repaired[exam_id] != exam_id]
    if not changed:
        return repaired, ()
    example = f"{changed[0]!r} to {repaired[changed[0]]!r}"
    return repaired, (f"{path.name}: {len(changed)} exam id(s) had lost zeros and were repaired, as {example}",)


def _refuse_merged(path: Path, repaired: dict[str, str]) -> None:
    """Refuse two ids of the file that would become one exam."""
    first: dict[str, str] = {}
    for found, exam_id in repaired.items():
        other = first.setdefault(exam_id, found)
        if other != found:
            raise FormatError(f"{path}: ids {other!r} and {found!r} would both be exam {exam_id!r}; write them whole")


def _lesion_values(where: str, row: Row) -> tuple[Row, Point, float]:
    return row, _position(row), finite(row.values[_DIAMETER_COLUMN], f"{where}: {_DIAMETER_COLUMN}")


def _position(row: Row) -> Point:
    x, y, z = (finite(row.values[name], f"{row.where}: {name}") for name in _POSITION_COLUMNS)
    return x, y, z
