"""Lesions, marks and lists of exams from any format hilum knows, found by what is in the file.

Known are NIH's annotation and candidate folders, LUNA16's CSV, MITK point sets, the tables of lesions and marks as CSV
or Parquet, of marks nnDetection's predictions and label masks with scores, and the formats of one exam's findings
(`hilum.findings.formats`, docs/findings.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hilum.errors import FormatError
from hilum.findings.archives import unpacked
from hilum.findings.checking import check_lesions, check_marks
from hilum.findings.delimited import column_names, delimiter_hint, read_rows
from hilum.findings.formats import read_findings, recognise
from hilum.findings.image_masks import GZIP_START, NIFTI_STARTS
from hilum.findings.lesion_files import POINT_SET_STARTS
from hilum.findings.lists import ExamFile, LesionFile, MarkFile
from hilum.findings.luna16 import ID_COLUMN, read_luna16_lesions, read_luna16_marks
from hilum.findings.masks import lesions_from_mask
from hilum.findings.mps import read_mps
from hilum.findings.nih import read_annotations, read_candidates
from hilum.findings.nndetection import ENDING, read_nndetection
from hilum.findings.refusing import Refusals
from hilum.findings.scored_masks import mask_paths, read_scored_masks
from hilum.findings.tables import PARQUET_MAGIC, read_lesion_table, read_mark_table
from hilum.findings.text import read_text
from hilum.model.findings import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hilum.model.findings import FindingSet
    from hilum.model.geometry import Geometry

__all__ = ["ExamFile", "LesionFile", "MarkFile", "read_exams", "read_lesions", "read_marks"]

PARTICIPANT_COLUMN = "participant_id"

Kind = Literal["folder", "luna16", "point set", "table", "nnDetection", "masks", "one exam"]

_STARTS: dict[Kind, tuple[bytes, ...]] = {
    "point set": POINT_SET_STARTS,
    "table": (PARQUET_MAGIC,),
    "nnDetection": (b"\x80",),
    "masks": (GZIP_START, *NIFTI_STARTS),
}
"""First bytes; those of pickles are of protocol 2 and later."""

_EXPECTED = (
    "a folder of NIH's files, a LUNA16 CSV (seriesuid, coordX, coordY, coordZ, ...), a MITK point set (.mps), a "
    "table with exam_id, x_mm, y_mm, z_mm as CSV or Parquet, a file of one exam (.seg.nrrd, .nrrd, .mrk.json, .fcsv, "
    "DICOM SEG or SR), or, for marks, CASE_boxes.pkl of nnDetection or label masks CASE.nii.gz with scores, alone or a "
    "folder of them"
)


def read_lesions(
    path: str | Path,
    *,
    geometries: Mapping[str, Geometry] | None = None,
    is_excluded: bool = False,
    exam_ids: Sequence[str] | None = None,
    is_lenient: bool = False,
    takes_outside: bool = False,
) -> LesionFile:
    """Lesions of a file or folder, or of a zip of them.

    Parameters
    ----------
    geometries
        Grids of the CTs by exam; where one is given, NIH's indices decide over the points, and no lesion may lie
        outside it.
    is_excluded
        All findings of the file are excluded ones (LUNA16's second list).
    exam_ids
        The exams there are; ids in a LUNA16 CSV that lost zeros are repaired after them, and lesions of any other exam
        are refused.
    is_lenient
        Leave refused lines out and list them in `LesionFile.refusals` instead of ending at the first. The lines of
        NIH's files and of point sets depend on each other: a malformed one ends the reading in any case.
    takes_outside
        Take lesions outside the grid of their CT too.

    Raises
    ------
    FormatError
        The format is not known; the file is malformed, or a line of it is and the reading is strict. The message says
        where and what was expected.
    """
    refusals = Refusals(is_lenient=is_lenient)
    with unpacked(Path(path)) as place:
        file = _lesions(place, refusals, geometries=geometries, is_excluded=is_excluded, exam_ids=exam_ids)
    grids = None if takes_outside else geometries
    return check_lesions(file, refusals, exam_ids=exam_ids, geometries=grids)


def read_marks(
    path: str | Path,
    *,
    geometries: Mapping[str, Geometry] | None = None,
    exam_ids: Sequence[str] | None = None,
    is_lenient: bool = False,
) -> MarkFile:
    """Marks of a file or folder, or of a zip of them; parameters and errors as `read_lesions`."""
    refusals = Refusals(is_lenient=is_lenient)
    with unpacked(Path(path)) as place:
        file = _marks(place, refusals, geometries=geometries, exam_ids=exam_ids)
    return check_marks(file, refusals, exam_ids=exam_ids, geometries=geometries)


def _lesions(
    path: Path,
    refusals: Refusals,
    *,
    geometries: Mapping[str, Geometry] | None,
    is_excluded: bool,
    exam_ids: Sequence[str] | None,
) -> LesionFile:
    found = _format(path)
    if found == "folder":
        file = read_annotations(path, geometries=geometries)
    elif found == "luna16":
        return read_luna16_lesions(path, is_excluded=is_excluded, exam_ids=exam_ids, refusals=refusals)
    elif found in ("point set", "one exam"):
        file = _lesions_of_exam(_one_exam(path, refusals))
    elif found in ("nnDetection", "masks"):
        raise FormatError(f"{path}: {_MARKS_ONLY[found]}; expected {_EXPECTED}")
    else:
        file = read_lesion_table(path, refusals=refusals)
    return _as_excluded(file) if is_excluded else file


def _marks(
    path: Path,
    refusals: Refusals,
    *,
    geometries: Mapping[str, Geometry] | None,
    exam_ids: Sequence[str] | None,
) -> MarkFile:
    found = _format(path)
    if found == "folder":
        return read_candidates(path, geometries=geometries)
    if found == "luna16":
        return read_luna16_marks(path, exam_ids=exam_ids, refusals=refusals)
    if found == "point set":
        marks = tuple(Mark(path.stem, point, 0.0) for point in read_mps(path))
        return MarkFile(marks, (path.stem,), scored=False)
    if found == "one exam":
        findings = _one_exam(path, refusals)
        return MarkFile(findings.marks, (findings.exam_id,), findings.warnings)
    if found == "nnDetection":
        return read_nndetection(path, refusals, geometries=geometries, exam_ids=exam_ids)
    return read_scored_masks(path, refusals) if found == "masks" else read_mark_table(path, refusals=refusals)


def read_exams(path: str | Path) -> ExamFile:
    """Exams of a list: one id a line, or a table with ``exam_id`` or ``seriesuid`` and, if known, ``participant_id``.

    Other columns of the table are kept: results can be split by them.

    Raises
    ------
    FormatError
        The list is empty, names an exam twice, has lines of different form, or leaves an exam or participant empty.
    """
    path = Path(path)
    names = column_names(read_text(path))
    id_column = next((name for name in ("exam_id", ID_COLUMN) if name in names), None)
    rows = _listed(path, names) if id_column is None else _tabled(path, id_column)
    seen: dict[str, dict[str, str]] = {}
    for where, exam_id, values in rows:
        if not exam_id:
            raise FormatError(f"{where}: {id_column or 'exam_id'} is empty; expected an exam")
        if exam_id in seen:
            raise FormatError(f"{where}: exam {exam_id!r} stands twice; expected each exam once")
        if not values.get(PARTICIPANT_COLUMN, exam_id):
            raise FormatError(f"{where}: {PARTICIPANT_COLUMN} is empty; expected whom exam {exam_id!r} is of")
        seen[exam_id] = values
    if not seen:
        raise FormatError(f"{path}: no exams; expected one id a line")
    columns = {name: {exam_id: values[name] for exam_id, values in seen.items()} for name in next(iter(seen.values()))}
    return ExamFile(tuple(seen), columns.pop(PARTICIPANT_COLUMN, {}), columns)


def _listed(path: Path, names: Sequence[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Place and exam of each line of a list without header."""
    hint = delimiter_hint(" ".join(names))
    if hint or len(names) > 1:
        raise FormatError(
            f"{path}:1: found columns {', '.join(names)}; expected exam_id or {ID_COLUMN} among them{hint}"
        )
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            yield f"{path}:{number}", line.strip(), {}


def _tabled(path: Path, id_column: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Place, exam and the other values of each line of a table."""
    for row in read_rows(path, required=(id_column,)):
        yield row.where, row.values[id_column], {name: row.values[name] for name in row.values if name != id_column}


_MARKS_ONLY = {
    "nnDetection": "nnDetection's predictions are marks, not lesions",
    "masks": (
        "label masks are lesions of their series: name its archive, or measure them first (hilum findings measure "
        "MASKS --out lesions.csv)"
    ),
}


def _format(path: Path) -> Kind:
    if path.is_dir():
        return _format_of_folder(path)
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); expected {_EXPECTED}") from error
    if path.suffix == ".mps":
        return "point set"
    for known, starts in _STARTS.items():
        if start.lstrip().startswith(starts) or start.startswith(starts):
            return known
    text = start.decode("utf-8-sig", errors="replace")
    names = column_names(text)
    if ID_COLUMN in names:
        return "luna16"
    if "exam_id" in names:
        return "table"
    if recognise(path):
        return "one exam"
    begin = f"begins with {start[:60]!r}" if start.strip() else "begins with nothing: the file is empty"
    raise FormatError(f"{path}: {begin}{delimiter_hint(text.split(chr(10), 1)[0])}; expected {_EXPECTED}")


def _format_of_folder(folder: Path) -> Kind:
    if next(folder.glob(f"*{ENDING}"), None):
        return "nnDetection"
    return "masks" if mask_paths(folder) else "folder"


def _one_exam(path: Path, refusals: Refusals) -> FindingSet:
    findings = read_findings(path)
    for refusal in findings.refusals:
        refusals.refuse(refusal.item, refusal.check, refusal.reason)
    return findings


def _lesions_of_exam(findings: FindingSet) -> LesionFile:
    """Lesions of an exam, measured where its file holds voxels alone."""
    lesions = findings.lesions
    if findings.mask is not None and not lesions:
        lesions = lesions_from_mask(findings.mask, findings.exam_id, series_uid=findings.series_uid)
    return LesionFile(lesions, (findings.exam_id,), findings.warnings)


def _as_excluded(file: LesionFile) -> LesionFile:
    from dataclasses import replace

    excluded = (replace(lesion, is_excluded=True, lesion_id=f"x{lesion.lesion_id}") for lesion in file.lesions)
    return replace(file, lesions=tuple(excluded))
