"""NIH's folders, LUNA16's CSV, MITK point sets and hilum's tables as formats of one exam's findings.

Their files can speak of many exams: with a target its own are taken, found by series, study or participant; without
one there must be a single exam.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings.checking import check_lesions, check_marks
from hilum.findings.delimited import column_names
from hilum.findings.format import Format, need_target
from hilum.findings.linking import link_to_series
from hilum.findings.lists import LesionFile, MarkFile
from hilum.findings.luna16 import ID_COLUMN, SCORE_COLUMN, read_luna16_lesions, read_luna16_marks, write_luna16
from hilum.findings.mps import read_mps, write_mps
from hilum.findings.nih import ANNOTATIONS, read_annotations, write_annotations
from hilum.findings.refusing import Refusals
from hilum.findings.tables import (
    PARQUET_MAGIC,
    names_of_columns,
    read_lesion_table,
    read_mark_table,
    write_lesion_table,
    write_mark_table,
)
from hilum.findings.text import read_text
from hilum.model.findings import FindingSet, Lesion
from hilum.model.tables import LESIONS, MARKS
from hilum.volume.axes import AXIAL_DIRECTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hilum.model.findings import Point
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

POINT_SET_STARTS = (b"<?xml", b"<point_set_file")
POINT_SET_SUFFIX = ".mps"

WRITTEN_PRECISION_MM = 0.01
"""NIH's files hold positions with six significant digits; what differs by less was not moved."""

AXIS_TOLERANCE = 1e-6
"""Largest difference of direction cosines from those of an upright grid, the only one NIH's files can hold."""


def _read_nih(path: Path, target: Series | None) -> FindingSet:
    if target is None:
        return _of_one_exam(path, read_annotations(path), None)
    own = [folder / target.participant_id for folder in (path, path / ANNOTATIONS)]
    folder = next((one for one in own if one.is_dir()), path)
    return _of_one_exam(path, read_annotations(folder, geometries={target.participant_id: target.geometry}), target)


def _read_luna16(path: Path, target: Series | None) -> FindingSet:
    is_scored = SCORE_COLUMN in column_names(read_text(path))
    return _of_one_exam(path, read_luna16_marks(path) if is_scored else read_luna16_lesions(path), target)


def _read_table(path: Path, target: Series | None) -> FindingSet:
    is_scored = "score" in names_of_columns(path)
    return _of_one_exam(path, read_mark_table(path) if is_scored else read_lesion_table(path), target)


def _read_point_set(path: Path, target: Series | None) -> FindingSet:
    """Points of a file, which names no exam: they are the target's, whatever the file is called."""
    exam_id = path.stem if target is None else target.uid
    series_uid = "" if target is None else target.uid
    lesions = tuple(
        Lesion(exam_id, str(number), point, source=f"{path.name}: point {number}", series_uid=series_uid)
        for number, point in enumerate(read_mps(path), start=1)
    )
    return FindingSet(exam_id, series_uid, lesions=lesions)


def _of_one_exam(path: Path, file: LesionFile | MarkFile, target: Series | None) -> FindingSet:
    """Findings of the target, or of the only exam there is."""
    lesions = check_lesions(file, Refusals()).lesions if isinstance(file, LesionFile) else ()
    marks = check_marks(file, Refusals()).marks if isinstance(file, MarkFile) else ()
    if target is None:
        if len(file.exam_ids) != 1:
            raise FormatError(
                f"{path}: has {len(file.exam_ids)} exams; expected one, or name the series (--series UID)"
            )
        found = FindingSet(file.exam_ids[0], lesions=lesions, marks=marks, warnings=file.warnings)
        uids = {finding.series_uid for finding in found.every}
        return replace(found, series_uid=uids.pop() if len(uids) == 1 else "")
    names = {target.uid, target.study_uid, target.participant_id}
    if not names & set(file.exam_ids):
        some = ", ".join(map(repr, file.exam_ids[:3])) or "none"
        raise FormatError(
            f"{path}: no findings of series {target.uid}; its exams are {some} ({len(file.exam_ids)} in all)"
        )
    return FindingSet(
        target.uid,
        target.uid,
        lesions=link_to_series(lesions, [target]).findings,
        marks=link_to_series(marks, [target]).findings,
        warnings=file.warnings,
    )


def _write_nih(path: Path, findings: FindingSet, target: Series | None) -> None:
    target = need_target(path, target, "NIH's files hold voxel indices")
    lesions, grid = findings.lesions, target.geometry
    indices = _indices(path, lesions, grid)
    short = [lesion.short_axis_mm or 0.0 for lesion in lesions]
    both = [(lesion.short_axis_mm or 0.0, lesion.long_axis_mm or 0.0) for lesion in lesions]
    try:
        write_annotations(
            path,
            target.participant_id,
            indices_xyz=indices[:, ::-1],
            points_mm=grid.to_mm(indices),
            sizes_mm=both if _has_long_axis(target) else short,
        )
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from error


def _has_long_axis(target: Series) -> bool:
    """Whether NIH's files of the patient have a column for the long axis: those of the abdomen do."""
    return target.participant_id.startswith("ABD")


def _lost_in_nih(findings: FindingSet, target: Series | None) -> Iterator[str]:
    """Long axes of mediastinal nodes, and places between the centres of voxels."""
    if target is None:
        return
    if not _has_long_axis(target) and any(lesion.long_axis_mm for lesion in findings.lesions):
        yield "long_axis_mm"
    positions = np.array([lesion.position_mm for lesion in findings.lesions]).reshape(-1, 3)
    centres = target.geometry.to_mm(np.rint(target.geometry.to_voxels(positions)))
    moved_mm = float(np.max(np.linalg.norm(centres - positions, axis=1), initial=0))
    if moved_mm > WRITTEN_PRECISION_MM:
        yield f"position_mm (moved to centres of voxels, by up to {moved_mm:.2f} mm)"


def _indices(path: Path, lesions: Sequence[Lesion], grid: Geometry) -> np.ndarray:
    """Voxel (slice, row, column) each lesion lies in."""
    if np.max(np.abs(np.asarray(grid.direction) - np.asarray(AXIAL_DIRECTION))) > AXIS_TOLERANCE:
        raise FormatError(
            f"{path}: the grid of the series is turned against the patient; NIH's files hold upright ones"
        )
    positions = np.array([lesion.position_mm for lesion in lesions]).reshape(-1, 3)
    if not np.all(grid.contains(positions)):
        raise FormatError(f"{path}: a lesion lies outside the volume of its series; expected all inside")
    return np.clip(np.rint(grid.to_voxels(positions)), 0, np.asarray(grid.shape) - 1).astype(int)


def _write_luna16(path: Path, findings: FindingSet, _target: Series | None) -> None:
    write_luna16(path, findings.lesions or findings.marks)


def _write_table(path: Path, findings: FindingSet, _target: Series | None) -> None:
    if findings.lesions or not findings.marks:
        write_lesion_table(path, findings.lesions)
    else:
        write_mark_table(path, findings.marks)


def _write_point_set(path: Path, findings: FindingSet, _target: Series | None) -> None:
    points: list[Point] = [one.position_mm for one in findings.lesions or findings.marks]
    write_mps(path, points)


def _is_nih(path: Path, _start: bytes) -> bool:
    patterns = (ANNOTATIONS, "*_lymphnodes_indices.txt", "*/*_lymphnodes_indices.txt")
    return path.is_dir() and any(next(path.glob(pattern), None) for pattern in patterns)


def _is_point_set(path: Path, start: bytes) -> bool:
    """Whether a file is a point set; one without points can be empty, and is known by its name alone."""
    return start.lstrip().startswith(POINT_SET_STARTS) or (path.suffix == POINT_SET_SUFFIX and path.is_file())


def _is_luna16(_path: Path, start: bytes) -> bool:
    return ID_COLUMN in column_names(start.decode("utf-8-sig", errors="replace"))


def _is_table(_path: Path, start: bytes) -> bool:
    return start.startswith(PARQUET_MAGIC) or "exam_id" in column_names(start.decode("utf-8-sig", errors="replace"))


NIH = Format(
    "nih",
    "NIH annotation folder",
    (),
    _is_nih,
    _read_nih,
    _write_nih,
    keeps=frozenset({"short_axis_mm", "long_axis_mm"}),
    of_many_exams=True,
    loses=_lost_in_nih,
)
MITK = Format(
    "mps",
    "MITK point set",
    (POINT_SET_SUFFIX,),
    _is_point_set,
    _read_point_set,
    _write_point_set,
    marks="instead of lesions",
)
LUNA16 = Format(
    "luna16",
    "LUNA16 CSV",
    (".luna16.csv",),
    _is_luna16,
    _read_luna16,
    _write_luna16,
    marks="instead of lesions",
    keeps=frozenset({"diameter_mm"}),
    keeps_of_marks=frozenset({"score"}),
    of_many_exams=True,
)
TABLE = Format(
    "table",
    "table of lesions or marks",
    (".csv", ".parquet"),
    _is_table,
    _read_table,
    _write_table,
    marks="instead of lesions",
    keeps=frozenset({*LESIONS.column_names, "box_mm"}),
    keeps_of_marks=frozenset({*MARKS.column_names, "box_mm"}),
    of_many_exams=True,
)
