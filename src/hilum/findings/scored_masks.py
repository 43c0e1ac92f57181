"""Label masks with scores: a NIfTI file a case whose labels are marks, and beside it a score for each label.

``CASE.nii.gz`` (or ``.nii``) with ``CASE.csv`` (columns ``label,score``) or ``CASE.json`` (``{"1": 0.9}``, or objects
with a ``score``, as nnDetection's ``boxes2nii`` writes). A case without labels needs no scores.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.findings.delimited import read_rows
from hilum.findings.lists import MarkFile
from hilum.findings.refusing import MALFORMED
from hilum.findings.text import finite, read_text
from hilum.model.findings import Mark
from hilum.volume.nifti import SUFFIXES, read_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.findings.refusing import Refusals
    from hilum.model.geometry import Geometry


def read_scored_masks(path: Path, refusals: Refusals) -> MarkFile:
    """Marks of one mask, or of all of a folder.

    Parameters
    ----------
    refusals
        Where labels without a usable score, and scores without a label, go.

    Returns
    -------
    A mark a label: its position is the centroid of the label's voxels, its diameter that of the sphere of their volume.
    ``exam_id`` is the case; every case is an exam, also without labels.

    Raises
    ------
    FormatError
        A file is no label mask, or a table of scores is malformed.
    """
    paths = mask_paths(path) if path.is_dir() else [path]
    marks: list[Mark] = []
    where: list[str] = []
    for one in paths:
        for place, mark in _marks(one, refusals):
            marks.append(mark)
            where.append(place)
    exams = tuple(dict.fromkeys(_case(one) for one in paths))
    return MarkFile(tuple(marks), exams, where=tuple(where), refusals=refusals.found)


def mask_paths(folder: Path) -> list[Path]:
    """The NIfTI files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


def _case(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _marks(path: Path, refusals: Refusals) -> Iterator[tuple[str, Mark]]:
    values, geometry = read_grid(path)
    labels = np.rint(values).astype(np.int64)
    if not np.array_equal(labels, values) or (labels.size and labels.min() < 0):
        raise FormatError(f"{path}: voxels that are no labels; expected 0 for background and whole numbers above it")
    regions = dict(_regions(labels, geometry))
    source, scores = _scores(path, refusals) if regions else (path, {})
    for label, (position, diameter_mm) in regions.items():
        if label in scores:
            x, y, z = position
            yield f"{path}: label {label}", Mark(_case(path), (x, y, z), scores[label], diameter_mm=diameter_mm)
        else:
            refusals.refuse(f"{path}: label {label}", MALFORMED, f"no score in {source.name}; expected one a label")
    for label in scores.keys() - regions.keys():
        refusals.refuse(f"{source}: label {label}", MALFORMED, f"no voxel of {path.name} has this label")


def _regions(labels: NDArray[np.int64], geometry: Geometry) -> Iterator[tuple[int, tuple[list[float], float]]]:
    """Each label, its centroid in LPS mm, and the diameter of the sphere of its volume."""
    places = np.nonzero(labels)
    found, row, counts = np.unique(labels[places], return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(row, axis, minlength=len(found)) for axis in places], axis=-1)
    positions = geometry.to_mm(sums / counts[:, None]).tolist() if len(found) else []
    volumes = counts * abs(np.linalg.det(geometry.affine[:3, :3]))
    diameters = np.cbrt(6 * volumes / np.pi).tolist()
    yield from zip(found.tolist(), zip(positions, diameters, strict=True), strict=True)


def _scores(path: Path, refusals: Refusals) -> tuple[Path, dict[int, float]]:
    """The file of scores beside a mask, and what it says of each label."""
    stem = path.with_name(_case(path))
    table, tree = stem.with_name(f"{stem.name}.csv"), stem.with_name(f"{stem.name}.json")
    if table.exists():
        rows = read_rows(table, required=("label", "score"), refusals=refusals)
        lines = [(row.where, (row.values["label"], row.values["score"])) for row in rows]
    elif tree.exists():
        lines = [(f"{tree}: label {label}", (label, score)) for label, score in _tree(tree).items()]
    else:
        raise FormatError(f"{path}: no scores beside it; expected {table.name} (label,score) or {tree.name}")
    scores: dict[int, float] = {}
    for where, (label, score) in refusals.read_each(lines, _numbers):
        if label in scores:
            refusals.refuse(where, MALFORMED, f"label {label} has a score already; expected one a label")
        else:
            scores[label] = score
    return table if table.exists() else tree, scores


def _tree(path: Path) -> Mapping[str, str]:
    try:
        content: Any = json.loads(read_text(path))
    except ValueError as error:
        raise FormatError(f"{path}: no JSON ({error}); expected labels and their scores") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path}: a {type(content).__name__}; expected labels and their scores")
    return {key: str(value.get("score") if isinstance(value, dict) else value) for key, value in content.items()}


def _numbers(where: str, values: tuple[str, str]) -> tuple[int, float]:
    label = finite(values[0], f"{where}: label")
    if not label.is_integer() or label < 1:
        raise FormatError(f"{where}: label {values[0]}; expected a whole number of at least 1")
    return int(label), finite(values[1], f"{where}: score")
