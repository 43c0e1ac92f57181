"""A collection's masks, one file an exam: found by name, and linked to the collection's points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.errors import FormatError, Refusal
from hilum.findings.archives import by_name, unpacked
from hilum.findings.exam_files import MASK_ENDING
from hilum.findings.format import exam_of
from hilum.findings.formats import read_findings, recognise
from hilum.findings.lists import LesionFile
from hilum.findings.mask_linking import DEFAULT_DISTANCE_MM, MaskLinks, link_to_mask
from hilum.findings.masks import measure_mask, read_mask
from hilum.findings.nih import ANNOTATIONS
from hilum.findings.reading import read_lesions
from hilum.findings.seg_nrrd import SUFFIXES as SEGMENTATION_SUFFIXES
from hilum.volume.files import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hilum.findings.regions import By, Region
    from hilum.model.geometry import Geometry
    from hilum.model.masks import LabelMask

NAME_ENDS = (*SUFFIXES, *SEGMENTATION_SUFFIXES)
"""Ends of the names of masks in a folder; a single file may have any name."""

HEADERLESS = ".img"
"""The second file of an Analyze or NIfTI pair, which is read with its ``.hdr``."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """Points and masks of a collection, linked.

    Attributes
    ----------
    exams
        Exam to its links.
    refusals
        Exams without mask, masks of exams without points, and what could not be read.
    warnings
        What was odd in the points and how it was taken.
    """

    exams: Mapping[str, MaskLinks]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasureReport:
    """Regions of the masks of a collection by exam, and the masks that could not be read."""

    exams: Mapping[str, tuple[Region, ...]]
    refusals: tuple[Refusal, ...]


def find_masks(path: Path) -> dict[str, Path]:
    """Give the mask of each exam: ``EXAM_ID.nii.gz`` or ``EXAM_ID_mask.nii.gz``, at any depth; a file is the one mask.

    Raises
    ------
    FormatError
        There is no mask, or an exam has two.
    """
    if path.is_file() and not path.name.endswith(NAME_ENDS):
        form = recognise(path)
        return {exam_of(path, None, form.suffixes if form else ()): path}
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    masks: dict[str, Path] = {}
    for file in files:
        suffix = max((suffix for suffix in NAME_ENDS if file.name.endswith(suffix)), key=len, default=None)
        if suffix is None or suffix == HEADERLESS:
            continue
        exam_id = file.name.removesuffix(suffix).removesuffix(MASK_ENDING)
        if exam_id in masks:
            other = masks[exam_id]
            raise FormatError(
                f"{other} and {file.name} are masks of one exam: {exam_id} has another mask; expected one"
            )
        masks[exam_id] = file
    if not masks:
        raise FormatError(f"{path}: no mask; expected files named after their exam that end in {', '.join(NAME_ENDS)}")
    return masks


def mask_of_file(path: Path) -> LabelMask:
    """Read the mask of a file of any format that holds one, on a grid of its own.

    Raises
    ------
    FormatError
        The file is malformed, or holds no voxels.
    """
    form = recognise(path)
    mask = read_findings(path, form=form).mask if form and form.has_voxels else read_mask(path)
    if mask is None:
        raise FormatError(f"{path}: no voxels in it; expected a label mask")
    return mask


def measure_masks(masks: Path, *, by: By = "label") -> MeasureReport:
    """Measure the regions of all masks of a folder (`measure_regions`).

    Raises
    ------
    FormatError
        See `find_masks`.
    """
    exams: dict[str, tuple[Region, ...]] = {}
    refusals: list[Refusal] = []
    with unpacked(masks) as place:
        for exam_id, path in find_masks(place).items():
            try:
                exams[exam_id] = measure_mask(mask_of_file(path), by=by)
            except (FormatError, OSError) as error:
                refusals.append(Refusal(str(path), "mask-not-measured", str(error)))
        return MeasureReport(exams, by_name(refusals, place, masks))


def link_masks(
    annotations: Path,
    masks: Path,
    *,
    max_distance_mm: float = DEFAULT_DISTANCE_MM,
    on_progress: Callable[[int], None] | None = None,
) -> LinkReport:
    """Link the points of all exams of a collection to the labels of their masks (`link_to_mask`).

    Parameters
    ----------
    annotations
        A folder of NIH's or any other file of lesions. Of NIH's the indices decide, on the grid of the mask.
    masks
        See `find_masks`.
    on_progress
        Called with the number of exams done since the last call.

    Raises
    ------
    FormatError
        The points cannot be read, or the masks of the exams are not clear.
    """
    with unpacked(annotations) as points, unpacked(masks) as folder:
        report = _linked(points, folder, max_distance_mm, on_progress)
        return replace(report, refusals=by_name(by_name(report.refusals, points, annotations), folder, masks))


def _linked(
    annotations: Path, masks: Path, max_distance_mm: float, on_progress: Callable[[int], None] | None
) -> LinkReport:
    points = read_lesions(annotations)
    files = find_masks(masks)
    exams: dict[str, MaskLinks] = {}
    refusals: list[Refusal] = []
    warnings = [] if annotations.is_dir() else list(points.warnings)
    for exam_id in points.exam_ids:
        try:
            mask = mask_of_file(_mask_of(exam_id, files, masks))
            placed = _placed(exam_id, points, annotations, mask.geometry)
            exams[exam_id] = link_to_mask(placed.lesions, mask, max_distance_mm=max_distance_mm)
            warnings += placed.warnings
        except (FormatError, OSError) as error:
            refusals.append(Refusal(exam_id, "mask-not-linked", str(error)))
        if on_progress:
            on_progress(1)
    refusals += [
        Refusal(str(files[exam_id]), "no-points", f"no exam {exam_id} in {annotations}; expected its points there")
        for exam_id in sorted(set(files) - set(points.exam_ids))
    ]
    return LinkReport(exams, tuple(refusals), tuple(warnings))


def _mask_of(exam_id: str, files: Mapping[str, Path], masks: Path) -> Path:
    if exam_id not in files:
        raise FormatError(f"no mask of it in {masks}; expected {exam_id}.nii.gz or {exam_id}{MASK_ENDING}.nii.gz")
    return files[exam_id]


def _placed(exam_id: str, points: LesionFile, annotations: Path, grid: Geometry) -> LesionFile:
    """Points of an exam; NIH's are read anew, now that the grid their indices mean is known."""
    if not annotations.is_dir():
        return LesionFile(tuple(lesion for lesion in points.lesions if lesion.exam_id == exam_id), (exam_id,))
    folder = annotations / ANNOTATIONS if (annotations / ANNOTATIONS).is_dir() else annotations
    patient = folder / exam_id
    return read_lesions(patient if patient.is_dir() else folder, geometries={exam_id: grid})
