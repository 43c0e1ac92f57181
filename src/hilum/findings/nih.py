"""NIH's annotation and candidate files of the collection CT Lymph Nodes, read and written.

Folders ``MED_ABD_LYMPH_ANNOTATIONS/<patient>/`` and ``MED_ABD_LYMPH_CANDIDATES/<patient>/`` hold, per patient, the
nodes of the reference standard and the candidates of the first detection stage. Both come as text and as MITK point
sets; all files of a patient are read and must agree.

References
----------
Roth et al. 2015, doi 10.7937/K9/TCIA.2015.AQIIDCNM, versions 2 (annotations) and 3 (candidates). Facts of the files:
docs/findings.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings.lists import LesionFile, MarkFile
from hilum.findings.mps import number_text, read_mps, write_mps
from hilum.findings.nih_grid import POINT_TOLERANCE_MM, check_grid, ct_positions, origin_warning
from hilum.findings.text import read_integers, read_numbers
from hilum.model.findings import Lesion, Mark, as_point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from hilum.model.geometry import Geometry

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

ANNOTATIONS = "MED_ABD_LYMPH_ANNOTATIONS"
CANDIDATES = "MED_ABD_LYMPH_CANDIDATES"

ABDOMEN_OFFSET = 10_000
"""Added to the reference number of a candidate's node in abdominal patients."""

NODES_PER_PATIENT = 100
"""A reference number is patient * 100 + node, node counted from 1."""

DIGITS = 6
"""Significant digits of a number in the files."""

NO_NODE = -1
"""Reference number of a negative candidate."""

_PATIENT = re.compile(r"(MED|ABD)_LYMPH_(\d{3})")
_LABELS = {"MED": "mediastinal lymph node", "ABD": "abdominal lymph node"}


def read_annotations(folder: Path, *, geometries: Mapping[str, Geometry] | None = None) -> LesionFile:
    """Nodes of all patients of a folder.

    Parameters
    ----------
    folder
        ``MED_ABD_LYMPH_ANNOTATIONS``, the folder above it, or the folder of one patient.
    geometries
        Grids of the CTs by patient. Where one is given, positions come from the indices, and a warning tells if the
        points put the grid elsewhere; otherwise positions are the physical points.

    Returns
    -------
    Lesions named 1, 2, ... in the order of the files, axes in mm (None for a size of 0).

    Raises
    ------
    FormatError
        A file is absent or malformed, or the files of a patient disagree.
    """
    lesions: list[Lesion] = []
    warnings: list[str] = []
    patients = _patients(folder, ANNOTATIONS)
    for patient in patients:
        annotation = _read_annotation(patient)
        warnings += annotation.warnings
        positions = annotation.points_mm
        if geometry := (geometries or {}).get(patient.name):
            positions = ct_positions(annotation.indices, geometry, annotation.indices_path)
            warning = origin_warning(patient.name, positions, annotation.points_mm, geometry)
            warnings += [warning] if warning else []
        lesions += _lesions(annotation, positions)
    return LesionFile(tuple(lesions), tuple(patient.name for patient in patients), tuple(warnings))


def read_candidates(folder: Path, *, geometries: Mapping[str, Geometry] | None = None) -> MarkFile:
    """Candidates of all patients of a folder, positives first in each, without scores.

    Parameters
    ----------
    folder
        ``MED_ABD_LYMPH_CANDIDATES``, the folder above it, or the folder of one patient.
    geometries
        Grids of the CTs by patient. Candidates have no indices: where a grid is given, they are shifted as the nodes
        of the same patient must be to lie on it, for which ``MED_ABD_LYMPH_ANNOTATIONS`` must lie beside the folder.

    Returns
    -------
    Marks of score 0; `MarkFile.lesion_ids` is the node each candidate is on by the files' own word.

    Raises
    ------
    FormatError
        A file is absent or malformed, or the files of a patient disagree.
    """
    marks: list[Mark] = []
    lesion_ids: list[str] = []
    warnings: list[str] = []
    patients = _patients(folder, CANDIDATES)
    for patient in patients:
        shift = np.zeros(3)
        if geometry := (geometries or {}).get(patient.name):
            shift, warning = _candidate_shift(patient, geometry)
            warnings += [warning] if warning else []
        for kind in ("pos", "neg"):
            points, nodes = _read_candidate_files(patient, kind)
            marks += [Mark(patient.name, as_point(point), 0.0) for point in points + shift]
            lesion_ids += nodes
    exam_ids = tuple(patient.name for patient in patients)
    return MarkFile(tuple(marks), exam_ids, tuple(warnings), scored=False, lesion_ids=tuple(lesion_ids))


def write_annotations(
    folder: Path, patient_id: str, *, indices_xyz: ArrayLike, points_mm: ArrayLike, sizes_mm: ArrayLike
) -> list[Path]:
    """Write the four annotation files of a patient below `folder`, and give their paths.

    Parameters
    ----------
    folder
        ``MED_ABD_LYMPH_ANNOTATIONS``; the patient's folder is made in it.
    patient_id
        ``MED_LYMPH_nnn`` or ``ABD_LYMPH_nnn``.
    indices_xyz
        ``(n, 3)`` column, row, slice, 0-based.
    points_mm
        ``(n, 3)`` LPS; written with 6 significant digits.
    sizes_mm
        Short axes ``(n,)`` for the mediastinum; short and long axes ``(n, 2)`` for the abdomen.

    Raises
    ------
    ValueError
        The shapes do not belong together.
    """
    patient = folder / patient_id
    indices, points = _array(indices_xyz, 3), _array(points_mm, 3)
    sizes = _array(sizes_mm, 1 if _region(patient) == "MED" else 2)
    if not len(indices) == len(points) == len(sizes) < NODES_PER_PATIENT:
        raise ValueError(
            f"{len(indices)} indices, {len(points)} points, {len(sizes)} sizes: expected equal counts "
            f"below {NODES_PER_PATIENT}"
        )
    patient.mkdir(parents=True, exist_ok=True)
    stem = f"{patient_id}_lymphnodes_"
    return [
        _write_rows(patient / f"{stem}indices.txt", indices),
        *_write_points(patient / f"{stem}physicalPoints.txt", points, end="\n"),
        _write_rows(patient / f"{stem}sizes.txt", sizes),
    ]


def write_candidates(
    folder: Path, patient_id: str, *, positives_mm: ArrayLike, nodes: Sequence[int], negatives_mm: ArrayLike
) -> list[Path]:
    """Write the six candidate files of a patient below `folder`, and give their paths.

    As in the published files, no candidates give files of zero bytes, and the negatives' text has CRLF line ends.

    Parameters
    ----------
    folder
        ``MED_ABD_LYMPH_CANDIDATES``; the patient's folder is made in it.
    patient_id
        ``MED_LYMPH_nnn`` or ``ABD_LYMPH_nnn``.
    positives_mm, negatives_mm
        ``(n, 3)`` and ``(m, 3)`` LPS; written with 6 significant digits.
    nodes
        For each positive the node it is on, counted from 1 in annotation order.

    Raises
    ------
    ValueError
        There is not one node a positive, or a node is not in 1..99.
    """
    positives, negatives = _array(positives_mm, 3), _array(negatives_mm, 3)
    if len(nodes) != len(positives) or not all(1 <= node < NODES_PER_PATIENT for node in nodes):
        raise ValueError(f"nodes {list(nodes)} of {len(positives)} positives: expected one each, in 1..99")
    patient = folder / patient_id
    patient.mkdir(parents=True, exist_ok=True)
    first = _first_number(patient_id)
    numbers = np.asarray([first + node for node in nodes], dtype=np.float64).reshape(-1, 1)
    return [
        *_write_points(patient / f"{patient_id}_posCADe_physicalPoints.txt", positives, end="\n"),
        _write_rows(patient / f"{patient_id}_posCADe_grtIDs.txt", numbers),
        *_write_points(patient / f"{patient_id}_negCADe_physicalPoints.txt", negatives, end="\r\n"),
        _write_rows(patient / f"{patient_id}_negCADe_grtIDs.txt", np.full((len(negatives), 1), float(NO_NODE))),
    ]


@dataclass(frozen=True, slots=True)
class _Annotation:
    """One patient's four files: indices (n, 3) x, y, z; points (n, 3) LPS mm; sizes as (short, long or None)."""

    patient_id: str
    indices: Integers
    points_mm: Floats
    sizes_mm: list[tuple[float, ...]]
    indices_path: Path
    points_path: Path
    warnings: list[str]


def _read_annotation(patient: Path) -> _Annotation:
    stem = f"{patient.name}_lymphnodes_"
    indices_path, points_path = patient / f"{stem}indices.txt", patient / f"{stem}physicalPoints.txt"
    sizes_path = patient / f"{stem}sizes.txt"
    points = read_numbers(points_path, columns=3)
    indices = read_integers(indices_path, columns=3)
    sizes = read_numbers(sizes_path, columns=1 if _region(patient) == "MED" else 2)
    _check_count(points_path, len(points), indices_path, len(indices))
    _check_count(points_path, len(points), sizes_path, len(sizes))
    _check_points(points_path, points)
    _check_not_negative(indices_path, indices)
    index_array = np.asarray(indices, dtype=np.int64).reshape(-1, 3)
    point_array = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    check_grid(index_array, point_array, indices_path, points_path)
    warnings = [warning for number, size in enumerate(sizes, 1) if (warning := _odd_size(sizes_path, number, size))]
    return _Annotation(patient.name, index_array, point_array, sizes, indices_path, points_path, warnings)


def _lesions(annotation: _Annotation, positions_mm: Floats) -> list[Lesion]:
    return [
        Lesion(
            annotation.patient_id,
            str(number),
            as_point(position),
            short_axis_mm=size[0] or None,
            long_axis_mm=(size[1] or None) if len(size) == 2 else None,
            label=_LABELS.get(annotation.patient_id[:3], "lymph node"),
            source=f"{annotation.points_path.name}:{number}",
        )
        for number, (position, size) in enumerate(zip(positions_mm, annotation.sizes_mm, strict=True), start=1)
    ]


def _odd_size(path: Path, number: int, size: tuple[float, ...]) -> str | None:
    where = f"{path.name}:{number}"
    if min(size) < 0:
        raise FormatError(f"{path}:{number}: size {min(size):g} mm; expected a length in mm, 0 if unknown")
    if 0 in size:
        return f"{where}: size 0 mm, taken as unknown"
    if len(size) == 2 and size[0] > size[1]:
        return f"{where}: short axis {size[0]:g} mm above long axis {size[1]:g} mm, kept as they are"
    return None


def _read_candidate_files(patient: Path, kind: str) -> tuple[Floats, list[str]]:
    """Points (n, 3) and the node of each candidate, empty for a negative."""
    points_path = patient / f"{patient.name}_{kind}CADe_physicalPoints.txt"
    numbers_path = patient / f"{patient.name}_{kind}CADe_grtIDs.txt"
    points = read_numbers(points_path, columns=3)
    _check_points(points_path, points)
    numbers = read_integers(numbers_path, columns=1)
    _check_count(points_path, len(points), numbers_path, len(numbers))
    nodes = [
        _node(patient, number, is_positive=kind == "pos", where=f"{numbers_path}:{line}")
        for line, (number,) in enumerate(numbers, start=1)
    ]
    return np.asarray(points, dtype=np.float64).reshape(-1, 3), nodes


def _node(patient: Path, number: int, *, is_positive: bool, where: str) -> str:
    if not is_positive:
        if number != NO_NODE:
            raise FormatError(f"{where}: reference number {number} of a negative candidate; expected {NO_NODE}")
        return ""
    first = _first_number(patient.name) + 1
    if not first <= number < first + NODES_PER_PATIENT - 1:
        raise FormatError(
            f"{where}: reference number {number}; expected {first} to {first + NODES_PER_PATIENT - 2}, "
            f"{patient.name}'s number * {NODES_PER_PATIENT} + node"
        )
    return str(number - first + 1)


def _first_number(patient_id: str) -> int:
    """Reference number of the patient's node 0."""
    match = _PATIENT.fullmatch(patient_id)
    if match is None:
        raise FormatError(
            f"patient {patient_id!r}: expected MED_LYMPH_nnn or ABD_LYMPH_nnn, whose number candidates refer to"
        )
    return int(match[2]) * NODES_PER_PATIENT + (ABDOMEN_OFFSET if match[1] == "ABD" else 0)


def _candidate_shift(patient: Path, geometry: Geometry) -> tuple[Floats, str | None]:
    """Shift from the points' grid to the CT's, and the warning that tells of it."""
    annotated = patient.parent.parent / ANNOTATIONS / patient.name
    annotation = _read_annotation(annotated) if annotated.is_dir() else None
    if annotation is None or not len(annotation.points_mm):
        reason = f"{patient.name}: no annotated node tells how candidates and CT lie; candidates stay where they are"
        return np.zeros(3), reason
    positions = ct_positions(annotation.indices, geometry, annotation.indices_path)
    warning = origin_warning(patient.name, positions, annotation.points_mm, geometry)
    if warning is None:
        return np.zeros(3), None
    return (positions - annotation.points_mm).mean(axis=0), f"{warning}; candidates are shifted alike"


def _patients(folder: Path, collection: str) -> list[Path]:
    """Folders of patients, by name."""
    folder = folder.resolve()
    if (folder / collection).is_dir():
        folder = folder / collection
    pattern = f"{folder.name}_*_physicalPoints.txt"
    if any(folder.glob(pattern)):
        return [folder]
    patients = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not patients:
        raise FormatError(f"{folder}: no folders of patients; expected {collection} or the folder above it")
    return patients


def _region(patient: Path) -> str:
    match = _PATIENT.fullmatch(patient.name)
    if match is None:
        raise FormatError(f"{patient}: expected a folder of a patient, MED_LYMPH_nnn or ABD_LYMPH_nnn")
    return match[1]


def _check_count(path: Path, count: int, other: Path, other_count: int) -> None:
    if count != other_count:
        shorter, line = (path, count + 1) if count < other_count else (other, other_count + 1)
        raise FormatError(
            f"{shorter}:{line}: the file ends here; {path.name} has {count} line(s), {other.name} has {other_count}; "
            "expected one line a point in both. Fetch the patient's files again."
        )


def _check_points(path: Path, points: list[tuple[float, ...]]) -> None:
    """Check the text against the point set beside it."""
    point_set = path.with_suffix(".mps")
    others = read_mps(point_set)
    _check_count(path, len(points), point_set, len(others))
    for number, (point, other) in enumerate(zip(points, others, strict=True), start=1):
        if max(abs(a - b) for a, b in zip(point, other, strict=True)) > POINT_TOLERANCE_MM:
            raise FormatError(
                f"{path}:{number}: point {point} differs from {other}, point {number} of {point_set.name}; "
                "expected the same points in both"
            )


def _check_not_negative(path: Path, indices: list[tuple[int, ...]]) -> None:
    for number, index in enumerate(indices, start=1):
        if min(index) < 0:
            raise FormatError(f"{path}:{number}: index {index}; expected column, row and slice counted from 0")


def _array(values: ArrayLike, columns: int) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1, columns)


def _write_points(path: Path, points: Floats, *, end: str) -> list[Path]:
    """Write the text and the point set beside it."""
    point_set = path.with_suffix(".mps")
    _write_rows(path, points, end=end)
    if len(points):
        write_mps(point_set, [as_point(point) for point in points], significant_digits=DIGITS)
    else:
        point_set.write_bytes(b"")
    return [path, point_set]


def _write_rows(path: Path, rows: Floats, *, end: str = "\n") -> Path:
    lines = (" ".join(number_text(float(value), DIGITS) for value in row) + end for row in rows)
    path.write_bytes("".join(lines).encode("ascii"))
    return path
