"""Label masks, and the lesions they show: one a label, or one a connected part of a label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.findings.regions import By, Region, measure_regions
from hilum.model.findings import as_point
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment
from hilum.volume.axes import axial_geometry, axial_grid, turn_grid
from hilum.volume.files import read_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.findings import FindingSet, Lesion

GRID_TOLERANCE_MM = 0.1
"""A mask whose corners are no further than this from the CT's lies on its grid: NIfTI keeps places in float32, and
quaternions of other tools are off by some hundredths of a millimetre."""


def read_mask(path: str | Path, *, grid: Geometry | None = None) -> LabelMask:
    """Read a label mask of any orientation: NIfTI, Analyze or NRRD.

    Parameters
    ----------
    grid
        Grid of the series that the mask must lie on, of any orientation too.

    Raises
    ------
    FormatError
        The file cannot be read, its voxels are not whole numbers from 0, or it lies on another grid.
    """
    image = read_image(path)
    mask = axial_mask([whole_labels(image.values, path)], image.geometry)
    if grid is not None:
        check_grid(mask.geometry, grid, str(path))
    return mask


def axial_mask(
    layers: Sequence[NDArray[Any]], geometry: Geometry, segments: Mapping[int, Segment] | None = None
) -> LabelMask:
    """Mask of arrays (slice, row, column) of any orientation, with slices up, rows back and columns left."""
    turned = [np.ascontiguousarray(axial_grid(layer, geometry)[0]) for layer in layers]
    return LabelMask(turned[0], axial_geometry(geometry), segments or {}, tuple(turned[1:]))


def check_grid(mask: Geometry, series: Geometry, name: str) -> None:
    """Raise a FormatError that says by how many mm a mask lies off the grid of its series."""
    mine, theirs = axial_geometry(mask), axial_geometry(series)
    if mine.is_close(theirs, GRID_TOLERANCE_MM):
        return
    sizes = [" x ".join(map(str, grid.shape)) for grid in (mine, theirs)]
    raise FormatError(
        f"{name}: its grid ({sizes[0]} voxels) is up to {mine.distance_mm(theirs):.2f} mm from that of the series "
        f"({sizes[1]} voxels); expected at most {GRID_TOLERANCE_MM} mm: give the series it was drawn on, or resample it"
    )


def on_grid(mask: LabelMask, grid: Geometry, name: str) -> LabelMask:
    """Give a mask as slices, rows and columns of the grid of its series, of any orientation; no voxel is moved.

    Parameters
    ----------
    name
        What the message begins with.

    Raises
    ------
    FormatError
        The mask lies on another grid.
    """
    check_grid(mask.geometry, grid, name)
    layers = [turn_grid(layer, mask.geometry, grid.direction)[0] for layer in mask.layers]
    return LabelMask(layers[0], grid, mask.segments, tuple(layers[1:]))


def place_on_grid(mask: LabelMask, grid: Geometry, name: str) -> LabelMask:
    """Give a mask that was cut to a box on the whole grid of its series; otherwise as `on_grid`."""
    if mask.geometry.shape == grid.shape or axial_geometry(grid).shape == mask.geometry.shape:
        return on_grid(mask, grid, name)
    layers, box = [], mask.geometry
    for layer in mask.layers:
        turned, box = turn_grid(layer, mask.geometry, grid.direction)
        layers.append(turned)
    low = np.rint(grid.to_voxels(box.origin_mm)).astype(int)
    high = low + box.shape
    nearest = Geometry(box.shape, grid.spacing_mm, as_point(grid.to_mm(low)), grid.direction)
    if np.any(low < 0) or np.any(high > grid.shape) or not box.is_close(nearest, GRID_TOLERANCE_MM):
        check_grid(mask.geometry, grid, name)
    return LabelMask(
        _padded(layers[0], low, grid), grid, mask.segments, tuple(_padded(one, low, grid) for one in layers[1:])
    )


def _padded(box: NDArray[Any], low: NDArray[np.int_], grid: Geometry) -> NDArray[Any]:
    whole = np.zeros(grid.shape, box.dtype)
    whole[tuple(slice(start, start + size) for start, size in zip(low, box.shape, strict=True))] = box
    return whole


def described(mask: LabelMask, lesions: Iterable[Lesion]) -> LabelMask:
    """Give a mask whose segments say what the lesions of their labels say, where they themselves say nothing."""
    by_label = {lesion.mask_label: lesion for lesion in lesions if lesion.mask_label in mask.present}
    own = {label: mask.segments.get(label, Segment("")) for label in by_label if label is not None}
    segments = {label: segment_of(segment, by_label[label]) for label, segment in own.items()}
    return replace(mask, segments={**mask.segments, **segments})


def segment_of(segment: Segment, lesion: Lesion) -> Segment:
    """Give a segment in its own words, else in those of its lesion."""
    return replace(
        segment,
        name=segment.name or lesion.label or lesion.lesion_id,
        kind=segment.kind or lesion.kind,
        site=segment.site or lesion.site,
        tracking_id=segment.tracking_id or lesion.lesion_id,
        tracking_uid=segment.tracking_uid or lesion.tracking_uid,
    )


def lesions_of(findings: FindingSet) -> tuple[Lesion, ...]:
    """Lesions of an exam: those that are stated, then those measured from the labels that none of them has.

    A label whose name a stated lesion has is called ``label 3``.
    """
    if findings.mask is None:
        return findings.lesions
    stated = {lesion.mask_label for lesion in findings.lesions}
    names = {lesion.lesion_id for lesion in findings.lesions}
    measured = lesions_from_mask(findings.mask, findings.exam_id, series_uid=findings.series_uid)
    others = (lesion for lesion in measured if lesion.mask_label not in stated)
    return (
        *findings.lesions,
        *(replace(one, lesion_id=f"label {one.mask_label}") if one.lesion_id in names else one for one in others),
    )


def measure_mask(mask: LabelMask, *, by: By = "label") -> tuple[Region, ...]:
    """Measure every label of a mask, overlapping ones included, in the order of their numbers (`measure_regions`)."""
    regions = [region for layer in mask.layers for region in measure_regions(layer, mask.geometry, by=by)]
    return tuple(sorted(regions, key=lambda region: (region.label, region.component)))


def lesions_from_mask(
    mask: LabelMask, exam_id: str, *, by: By = "label", label: str = "", series_uid: str = "", source: str = ""
) -> tuple[Lesion, ...]:
    """Lesions of a mask, in the order of its labels; none where it is empty.

    Parameters
    ----------
    by
        One lesion a label, or one a connected component of each label (26 neighbours).
    label, series_uid, source
        What each lesion says of itself; a label that the mask describes (`LabelMask.segments`) has its own words.
    """
    lesions = (
        _lesion(region, exam_id, mask.segments.get(region.label, Segment(label)))
        for region in measure_mask(mask, by=by)
    )
    return tuple(replace(lesion, series_uid=series_uid, source=source) for lesion in lesions)


def _lesion(region: Region, exam_id: str, segment: Segment) -> Lesion:
    lesion_id = segment.tracking_id if segment.tracking_id and not region.component else region.name
    return replace(
        region.lesion(exam_id),
        lesion_id=lesion_id,
        label=segment.name,
        kind=segment.kind,
        site=segment.site,
        tracking_uid=segment.tracking_uid,
    )


def whole_labels(values: NDArray[Any], path: str | Path) -> NDArray[Any]:
    """Voxels of a file as labels.

    Raises
    ------
    FormatError
        They are not whole numbers from 0 that int32 holds.
    """
    if values.dtype.kind == "f":
        limits = np.iinfo(np.int32)
        if not (np.all(values == np.rint(values)) and np.all(np.abs(values) <= limits.max)):
            raise FormatError(f"{path}: voxels that are no whole numbers; expected a label, or 0, in each")
        values = values.astype(np.int32)
    if values.dtype.kind == "i" and values.size and values.min() < 0:
        raise FormatError(f"{path}: label {values.min()}; expected whole numbers from 0")
    return values
