"""DICOM segmentations read as label masks: binary, fractional and label map, on their own grid or that of a series.

A segment's number is its label, except in binary ones of hilum, which keep the labels that DICOM does not allow as
numbers. Segments that overlap stand in several arrays (`hilum.model.masks.LabelMask.overlaid`).

References
----------
DICOM PS3.3 A.51 (Segmentation IOD), A.92 (Label Map Segmentation IOD), C.8.20 (Segmentation modules).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.findings.dicom_start import sop_class_of
from hilum.findings.format import DESCRIPTIONS, Format, exam_of
from hilum.findings.references import referred_among
from hilum.findings.segment_items import BY_HAND
from hilum.findings.segment_layers import SegmentLayers, Stroke
from hilum.findings.segmentation_frames import frame_pixels
from hilum.findings.segmentation_grid import own_placement, placement_in
from hilum.findings.segmentation_header import (
    LABELMAP_STORAGE,
    SEGMENTATION_STORAGE,
    Kind,
    read_segmentation_dataset,
    segmentation_header,
)
from hilum.findings.segmentation_writing import write_segmentation
from hilum.model.codes import Code
from hilum.model.findings import FindingSet
from hilum.model.masks import BACKGROUND, LabelMask
from hilum.volume.axes import AXIAL_DIRECTION, turn_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.findings.format import Reader, Writer
    from hilum.findings.segment_items import Algorithm
    from hilum.findings.segmentation_frames import FramePixels
    from hilum.findings.segmentation_grid import Placement
    from hilum.findings.segmentation_header import SegmentationFrame, SegmentationHeader
    from hilum.model.geometry import Geometry
    from hilum.model.masks import Segment
    from hilum.model.series import Series

SUFFIXES = (".seg.dcm", ".seg")
LABELMAP_SUFFIXES = (".labelmap.dcm",)
"""Ends of the names that DICOM segmentations are written under, binary and as label maps."""

DEFAULT_THRESHOLD = 0.5
"""Probability or occupancy from which a voxel of a fractional segmentation belongs to the segment: more likely than
not, or half filled."""

BACKGROUND_KIND = Code("125040", "DCM", "Background")


@dataclass(frozen=True, eq=False)
class Fractions:
    """A fractional segmentation as it is, without a threshold.

    Attributes
    ----------
    values
        Segment number to probability or occupancy, (slice, row, column), 0 to 1.
    geometry
        Where the voxels lie.
    segments
        Number to what it is.
    type
        ``PROBABILITY`` or ``OCCUPANCY``.
    """

    values: Mapping[int, NDArray[np.float32]]
    geometry: Geometry
    segments: Mapping[int, Segment]
    type: str


def read_segmentation(path: Path, target: Series | None = None, *, threshold: float | None = None) -> FindingSet:
    """Read a segmentation of any kind as a label mask.

    Parameters
    ----------
    target
        Series it was drawn on: the mask has its grid. None: the grid is the file's own, from its lowest to its highest
        frame.
    threshold
        Probability or occupancy from which a voxel of a fractional segmentation counts, above 0 to 1; absent:
        `DEFAULT_THRESHOLD`. One that is given for a segmentation of another kind is told in the warnings.

    Raises
    ------
    FormatError
        The file is malformed, of a slide, or lies on another grid or in another frame of reference than `target`.
    NotAVolumeError
        `target` is no regular stack.
    """
    share = DEFAULT_THRESHOLD if threshold is None else threshold
    if not 0 < share <= 1:
        raise ValueError(f"threshold {share}: expected a share above 0, at most 1")
    drawing = _Drawing(path, target)
    header = drawing.header
    mask, warnings = drawing.label_map() if header.kind is Kind.LABELMAP else drawing.segments(share)
    if threshold is not None and header.kind is not Kind.FRACTIONAL:
        warnings.append(f"{header.name}: a {header.kind} segmentation has no shares; the threshold says nothing of it")
    own_uid = header.series_uids[0] if len(header.series_uids) == 1 else ""
    return FindingSet(
        exam_id=exam_of(path, target, (*SUFFIXES, *LABELMAP_SUFFIXES, ".dcm")),
        series_uid=own_uid if target is None else target.uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        mask=mask,
        warnings=(*warnings, *_of_source(header, target)),
    )


def read_fractions(path: Path, target: Series | None = None) -> Fractions:
    """Read the shares of a fractional segmentation, without a threshold.

    Raises
    ------
    FormatError
        As `read_segmentation`; or the segmentation is not fractional.
    """
    drawing = _Drawing(path, target)
    header = drawing.header
    if header.kind is not Kind.FRACTIONAL:
        raise FormatError(f"{path}: a {header.kind} segmentation has no shares; expected a FRACTIONAL one")
    values: dict[int, NDArray[np.float32]] = {}
    geometry = drawing.placement.geometry
    for number, frames in drawing.by_segment().items():
        share = np.zeros(drawing.placement.geometry.shape, np.float32)
        flat = share.reshape(len(share), -1)
        for frame, slice_ in frames:
            start, stored = drawing.pixels(frame.index)
            flat[slice_, start : start + len(stored)] = stored / np.float32(header.fractional_max)
        values[number], geometry = drawing.turned(share)
    return Fractions(values, geometry, header.segments, header.fractional_type)


class _Drawing:
    """An open segmentation: its header, the place of its frames, and their pixels."""

    def __init__(self, path: Path, target: Series | None) -> None:
        dataset = read_segmentation_dataset(path)
        self.header: SegmentationHeader = segmentation_header(dataset, str(path))
        self.placement: Placement = own_placement(self.header) if target is None else placement_in(self.header, target)
        self.pixels: FramePixels = frame_pixels(dataset, self.header)
        self._direction = AXIAL_DIRECTION if target is None else target.geometry.direction

    def turned(self, values: NDArray[Any]) -> tuple[NDArray[Any], Geometry]:
        """Voxels with the axes of the series, or of an axial volume; and their grid."""
        turned, geometry = turn_grid(values, self.placement.geometry, self._direction)
        return np.ascontiguousarray(turned), geometry

    def by_segment(self) -> dict[int, list[tuple[SegmentationFrame, int]]]:
        """Frames and their slices by segment, the lowest number first; those of a label map under 0."""
        found: dict[int, list[tuple[SegmentationFrame, int]]] = defaultdict(list)
        seen: dict[tuple[int, int], int] = {}
        for frame, slice_ in zip(self.header.frames, self.placement.slices, strict=True):
            if (other := seen.setdefault((frame.segment, slice_), frame.index)) != frame.index:
                raise FormatError(
                    f"{self.header.name}: frames {other + 1} and {frame.index + 1} show the same slice of one segment; "
                    "expected one frame: which of them holds is not known"
                )
            found[frame.segment].append((frame, slice_))
        return dict(sorted(found.items()))

    def segments(self, threshold: float) -> tuple[LabelMask, list[str]]:
        """Mask of a binary or fractional segmentation, and what was odd."""
        frames = self.by_segment()
        if min(frames, default=1) < 1:
            raise FormatError(f"{self.header.name}: a frame of segment {min(frames)}; expected numbers from 1")
        labels = {number: self.header.labels.get(number, number) for number in {*frames, *self.header.segments}}
        layers = SegmentLayers(self.placement.geometry.shape, np.min_scalar_type(max(labels.values(), default=1)))
        lowest = max(1, math.ceil(threshold * self.header.fractional_max))
        for number, places in frames.items():
            layers.add(labels[number], list(self._strokes(places, lowest)))
        warnings = []
        if count := layers.overlap_count():
            warnings.append(_overlap(self.header.name, count, len(layers.layers)))
        if self.header.kind is Kind.FRACTIONAL:
            what = self.header.fractional_type.lower() or "share"
            warnings.append(
                f"{self.header.name}: fractional; voxels of {what} {threshold:g} and more are its segment's"
            )
        segments = {labels[number]: segment for number, segment in self.header.segments.items()}
        return self._mask(layers.layers, segments), warnings

    def _strokes(self, places: list[tuple[SegmentationFrame, int]], lowest: int) -> Iterator[Stroke]:
        for frame, slice_ in places:
            start, stored = self.pixels(frame.index)
            yield Stroke(slice_, start, (stored >= lowest).view(np.uint8))

    def label_map(self) -> tuple[LabelMask, list[str]]:
        """Mask of a label map, and what was odd."""
        segments, renumbered = _without_zero(self.header)
        labels: NDArray[Any] | None = None
        for frame, slice_ in self.by_segment().get(0, []):
            _, stored = self.pixels(frame.index)
            if labels is None:
                labels = np.zeros(self.placement.geometry.shape, stored.dtype)
            labels[slice_] = _as_labels(stored, self.header, renumbered).reshape(labels.shape[1:])
        if labels is None:
            labels = np.zeros(self.placement.geometry.shape, np.uint8)
        warnings = [f"{self.header.name}: its segment 0 has label {renumbered}, as 0 is nothing"] if renumbered else []
        return self._mask([labels], segments), warnings

    def _mask(self, layers: list[NDArray[Any]], segments: Mapping[int, Segment]) -> LabelMask:
        (first, geometry), *others = [self.turned(layer) for layer in layers]
        return LabelMask(first, geometry, segments, tuple(layer for layer, _ in others))


def _without_zero(header: SegmentationHeader) -> tuple[Mapping[int, Segment], int]:
    """Segments of a label map by label, and the label that its segment 0 has; 0 where that is background."""
    if BACKGROUND not in header.segments:
        return header.segments, BACKGROUND
    others = {number: segment for number, segment in header.segments.items() if number != BACKGROUND}
    if header.segments[BACKGROUND].kind == BACKGROUND_KIND:
        return others, BACKGROUND
    label = max(others, default=0) + 1
    return {**others, label: header.segments[BACKGROUND]}, label


def _as_labels(stored: NDArray[Any], header: SegmentationHeader, renumbered: int) -> NDArray[Any]:
    """Labels of the stored values of a label map: its background 0, its segment 0 renumbered."""
    if header.padding == BACKGROUND:
        return stored
    if renumbered > np.iinfo(stored.dtype).max:
        raise FormatError(
            f"{header.name}: segment 0 cannot have label {renumbered}: all labels of {stored.dtype} are taken"
        )
    labels = stored.copy()
    labels[stored == BACKGROUND] = renumbered
    labels[stored == header.padding] = BACKGROUND
    return labels


def _overlap(name: str, count: int, layers: int) -> str:
    return (
        f"{name}: {count} voxels belong to several segments; the mask has {layers} layers, and a format of one label a "
        "voxel cannot hold it"
    )


def _of_source(header: SegmentationHeader, target: Series | None) -> Iterator[str]:
    """Say where the mask was put, if not on the series it was drawn on."""
    drawn_on = " or ".join(header.series_uids) or "a series it does not name"
    if target is None:
        yield f"{header.name}: drawn on {drawn_on}, which is not given; read on its own grid"
    elif header.series_uids and target.uid not in header.series_uids:
        yield f"{header.name}: drawn on {drawn_on}; put on the equal grid of {target.uid}"


def _at_threshold(threshold: float) -> Reader:
    return partial(read_segmentation, threshold=threshold)


def _binary_by(algorithm: Algorithm) -> Writer:
    return partial(write_segmentation, algorithm=algorithm)


def _label_map_by(algorithm: Algorithm) -> Writer:
    return partial(write_segmentation, kind=Kind.LABELMAP, algorithm=algorithm)


BINARY = Format(
    name="seg",
    title="DICOM segmentation",
    suffixes=SUFFIXES,
    recognises=lambda _path, start: sop_class_of(start) == SEGMENTATION_STORAGE,
    read=read_segmentation,
    write=write_segmentation,
    has_voxels=True,
    keeps=DESCRIPTIONS,
    finds_series=referred_among,
    at_threshold=_at_threshold,
    drawn_by=_binary_by,
)

LABELMAP = Format(
    name="seg-labelmap",
    title="DICOM label map segmentation",
    suffixes=LABELMAP_SUFFIXES,
    recognises=lambda _path, start: sop_class_of(start) == LABELMAP_STORAGE,
    read=read_segmentation,
    write=_label_map_by(BY_HAND),
    has_voxels=True,
    keeps=DESCRIPTIONS,
    finds_series=referred_among,
    at_threshold=_at_threshold,
    drawn_by=_label_map_by,
)
