"""Predictions of nnDetection: a pickle a case, ``CASE_boxes.pkl``, in the voxels of the original image.

A box is ``(x1, y1, x2, y2, z1, z2)``, where x, y and z are the first, second and third axis of the array, which
SimpleITK reads as (slice, row, column). It begins one voxel before the first voxel of what it encloses and ends one
after the last, so its centre, the mean of the two, is that of the object, and its sides are a voxel longer.

References
----------
nnDetection, github.com/MIC-DKFZ/nnDetection: ``restore_boxes``, ``instances_to_boxes``, and the conversion of its
LUNA16 project to world coordinates; doi 10.1007/978-3-030-87240-3_51.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.findings.lists import MarkFile
from hilum.findings.pickles import PickledArray, read_pickle
from hilum.model.findings import Mark
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.findings.refusing import Refusals

    Floats = NDArray[np.float64]

ENDING = "_boxes.pkl"

GRID_KEYS = ("itk_origin", "itk_spacing", "itk_direction", "original_size_of_raw_data")
"""Keys by which a pickle names the grid of its image, as SimpleITK gives it; the size in the order of the array."""

_LOWER, _UPPER = [0, 1, 4], [2, 3, 5]

GRID_TOLERANCE_MM = 0.1
"""Corners of two grids further apart than this are of different images; NIfTI rounds positions to float32."""


def read_nndetection(
    path: Path,
    refusals: Refusals,
    *,
    geometries: Mapping[str, Geometry] | None = None,
    exam_ids: Sequence[str] | None = None,
) -> MarkFile:
    """Marks of one pickle, or of all of a folder.

    Parameters
    ----------
    refusals
        Where boxes that cannot be taken go.
    geometries
        Grid of the image by case, for pickles that name none.
    exam_ids
        The exams there are. A case whose name has underscores where an exam has dots, as nnDetection writes UIDs, is
        that exam.

    Returns
    -------
    Marks with the position and sides of their box; ``exam_id`` is the case. Every case is an exam, also without boxes.

    Raises
    ------
    FormatError
        A pickle is none of nnDetection's, is not in the space of the original image, or has no grid.
    """
    paths = sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
    by_dotted = {exam_id.replace(".", "_"): exam_id for exam_id in exam_ids or ()}
    marks: list[Mark] = []
    where: list[str] = []
    exams: dict[str, None] = {}
    classes: Counter[int] = Counter()
    warnings: list[str] = []
    for one in paths:
        case = one.name.removesuffix(ENDING)
        exam_id = by_dotted.get(case, case)
        exams[exam_id] = None
        content = _content(one)
        classes.update(np.ravel(_floats(content, "pred_labels", one)).astype(int).tolist())
        given = (geometries or {}).get(exam_id)
        geometry, warning = _grid(content, given, one)
        warnings += [warning] if warning else []
        read = partial(_mark, exam_id=exam_id, geometry=geometry)
        for place, mark in refusals.read_each(_boxes(content, one), read):
            marks.append(mark)
            where.append(place)
    if len(classes) > 1:
        counts = ", ".join(f"{count} of class {number}" for number, count in sorted(classes.items()))
        warnings.append(f"{path.name}: boxes of several classes ({counts}) are all taken as marks")
    return MarkFile(tuple(marks), tuple(exams), tuple(warnings), where=tuple(where), refusals=refusals.found)


def _content(path: Path) -> dict[str, Any]:
    content = read_pickle(path)
    if not isinstance(content, dict) or "pred_boxes" not in content or "pred_scores" not in content:
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise FormatError(f"{path}: holds {found or 'nothing'}; expected pred_boxes and pred_scores of nnDetection")
    if not content.get("restore", True):
        raise FormatError(
            f"{path}: its boxes are in the space of nnDetection's preprocessing; predict again with restore=True"
        )
    return content


def _floats(content: Mapping[str, Any], key: str, path: Path) -> Floats:
    value = content.get(key, ())
    try:
        return np.asarray(value.to_numpy() if isinstance(value, PickledArray) else value, dtype=np.float64)
    except (FormatError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: {key}: {error}; expected numbers") from error


def _boxes(content: Mapping[str, Any], path: Path) -> Iterator[tuple[str, tuple[Floats, float]]]:
    """Each box and its score, with its place, counted from 1."""
    boxes, scores = _floats(content, "pred_boxes", path), _floats(content, "pred_scores", path)
    boxes = boxes.reshape(0, 6) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 6 or scores.shape != (len(boxes),):
        raise FormatError(
            f"{path}: pred_boxes of shape {boxes.shape} and pred_scores of shape {scores.shape}; expected (n, 6), "
            "three-dimensional boxes, and (n,)"
        )
    for number, (box, score) in enumerate(zip(boxes, scores.tolist(), strict=True), start=1):
        yield f"{path}: box {number}", (box, score)


def _grid(content: Mapping[str, Any], given: Geometry | None, path: Path) -> tuple[Geometry, str]:
    """Grid of the image of the boxes, the pickle's own before the one given, and a warning if they differ."""
    if not all(key in content for key in GRID_KEYS):
        if given is None:
            raise FormatError(
                f"{path}: names no grid ({', '.join(GRID_KEYS)}) and none is given for its case; give the geometry of "
                "the image, as geometries={case: ...}"
            )
        return given, ""
    origin, spacing, direction, shape = (_floats(content, key, path).ravel() for key in GRID_KEYS)
    if direction.size != 9 or {origin.size, spacing.size, shape.size} != {3}:
        raise FormatError(f"{path}: its grid is not of three axes ({', '.join(GRID_KEYS)})")
    affine = np.eye(4)
    affine[:3, :3] = (direction.reshape(3, 3) * spacing)[:, ::-1]
    affine[:3, 3] = origin
    try:
        own = Geometry.from_affine(affine, [int(side) for side in shape])
    except ValueError as error:
        raise FormatError(f"{path}: unusable grid: {error}") from error
    if given is None or (own.shape == given.shape and own.distance_mm(given) <= GRID_TOLERANCE_MM):
        return own, ""
    return own, f"{path.name}: its grid is not that of the CT given; its boxes are placed by its own"


def _mark(where: str, box: tuple[Floats, float], *, exam_id: str, geometry: Geometry) -> Mark:
    bounds, score = box
    lower, upper = bounds[_LOWER], bounds[_UPPER]
    if not (np.all(np.isfinite(bounds)) and np.isfinite(score)):
        raise FormatError(f"{where}: bounds {bounds.tolist()} and score {score}; expected finite numbers")
    if not np.all(upper > lower):
        raise FormatError(f"{where}: bounds {bounds.tolist()}; expected x1 < x2, y1 < y2 and z1 < z2")
    x, y, z = geometry.to_mm((lower + upper) / 2).tolist()
    width, depth, height = (np.abs(geometry.affine[:3, :3]) @ (upper - lower)).tolist()
    return Mark(exam_id, (x, y, z), score, box_mm=(width, depth, height))
