"""Lesions and marks as measurement groups that OHIF shows: axes, boxes and points with their measurements.

The template puts the place of a finding beside its measurements (TID 1410); OHIF reads it only below the first
measurement where there is any. So it stands in both places. OHIF chooses its tool by the beginning of the tracking
identifier; the rest of it is the finding's own.

References
----------
DICOM PS3.16 TID 1410, TID 1501 (measurement groups), TID 300 and 320 (measurement, and what it was inferred from), TID
4019 (Algorithm Identification). OHIF 3.13.2, extensions/cornerstone-dicom-sr, and @cornerstonejs/adapters 5.6.8,
adapters/Cornerstone3D/MeasurementReport.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from hilum.findings import structured_report_codes as codes
from hilum.findings.anatomy import kind_of, site_of
from hilum.findings.image_planes import PLANE_TOLERANCE_MM, ImagePlane, ImagePlanes
from hilum.findings.structured_report_items import (
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    INFERRED_FROM,
    SELECTED_FROM,
    Graphic,
    Item,
    Measured,
)
from hilum.model.findings import Lesion, Mark
from hilum.volume.dicom_series import derived_uid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from hilum.model.codes import Code
    from hilum.model.findings import Point

CORNERSTONE = "Cornerstone3DTools@^0.1.0"
"""Begin of the tracking identifiers that OHIF knows its tools by."""

PARALLEL_TOLERANCE = 1e-4
"""Largest cosine by which an axis of an image strays from one of the patient's."""

ROI_GROUP, MEASUREMENT_GROUP = "1410", "1501"
"""Templates of a group with a region of an image, and of one whose measurements have their own."""


class Tool(StrEnum):
    """How OHIF draws a finding."""

    AXES = "Bidirectional"
    BOX = "RectangleROI"
    POINT = "Probe"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What made marks: a name, its version, and its parameters as ``name = value``."""

    name: str
    version: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A tool, and the graphics it draws on an image: of the finding as a whole, or of each of its axes."""

    tool: Tool
    plane: ImagePlane
    region: Graphic | None = None
    axes: Mapping[Code, Graphic] | None = None

    def source(self, name: Code) -> tuple[Item, ...]:
        """What a measurement was inferred from."""
        graphic = self.region or (self.axes or {}).get(name)
        return () if graphic is None else (self._item(codes.SOURCE_OF_MEASUREMENT, graphic, INFERRED_FROM),)

    def regions(self) -> Iterator[Item]:
        """Region of the finding as a whole."""
        if self.region is not None:
            yield self._item(codes.IMAGE_REGION, self.region, "CONTAINS")

    def _item(self, name: Code, graphic: Graphic, relationship: str) -> Item:
        image = Item("IMAGE", codes.SOURCE_IMAGE, self.plane.reference, relationship=SELECTED_FROM)
        return Item("SCOORD", name, graphic, (image,), relationship)


def lesion_group(lesion: Lesion, planes: ImagePlanes, *, volume_mm3: float | None = None) -> Item:
    """Give the measurement group of a lesion.

    It is drawn by its axes where both their ends are known and lie in one image; by its box where the images lie along
    the patient's axes; else as a point. Axes of which only the lengths are known are not drawn, since nothing says how
    they run: the lengths stand as measurements of the point, and in its text.

    Raises
    ------
    FormatError
        The lesion lies outside the images.
    """
    drawing = _draw(lesion, planes)
    kind, site = lesion.kind or kind_of(lesion.label), lesion.site or site_of(lesion.label)
    numbers = list(_lesion_numbers(lesion, volume_mm3))
    sizes = [] if drawing.tool is Tool.AXES else [_size_text(*number) for number in numbers]
    title = _named(lesion, kind) + (" (excluded)" if lesion.is_excluded else "")
    return _group(
        drawing,
        numbers,
        head=(
            *_tracking(drawing, lesion.lesion_id, lesion.tracking_uid or _lesion_uid(lesion)),
            Item("CODE", codes.FINDING, kind),
            *([] if site is None else [Item("CODE", codes.FINDING_SITE, site, relationship=HAS_CONCEPT_MOD)]),
            Item("TEXT", codes.COMMENT, ": ".join(filter(None, (title, ", ".join(sizes))))),
        ),
        tail=(
            *([Item("TEXT", codes.LABEL, lesion.label)] if lesion.label else []),
            *([Item("TEXT", codes.EXCLUDED, "yes")] if lesion.is_excluded else []),
            _position_item(lesion.position_mm),
        ),
    )


def mark_group(mark: Mark, number: int, planes: ImagePlanes, *, kind: Code, algorithm: Algorithm | None = None) -> Item:
    """Give the measurement group of a mark: a box where it states one, else a point; its score and what made it.

    Parameters
    ----------
    number
        Which of the marks of its series it is, from 1.
    kind
        What the method looks for.

    Raises
    ------
    FormatError
        The mark lies outside the images.
    """
    drawing = _draw(mark, planes)
    uid = derived_uid(f"mark/{mark.series_uid}/{mark.exam_id}/{mark.position_mm}/{mark.score}/{algorithm}/{number}")
    return _group(
        drawing,
        [(codes.SCORE, Measured(mark.score, codes.NO_UNIT)), *_sphere_and_box(mark)],
        head=(
            *_tracking(drawing, str(number), uid),
            Item("CODE", codes.FINDING, kind),
            *_algorithm_items(algorithm),
            Item("TEXT", codes.COMMENT, f"{kind.meaning} {number}: score {mark.score:.4g}"),
        ),
        tail=(_position_item(mark.position_mm),),
    )


def _group(
    drawing: _Drawing, numbers: Sequence[tuple[Code, Measured]], *, head: Sequence[Item], tail: Sequence[Item]
) -> Item:
    measurements = [Item("NUM", name, value, drawing.source(name)) for name, value in numbers]
    template = MEASUREMENT_GROUP if drawing.tool is Tool.AXES else ROI_GROUP
    children = (*head, *drawing.regions(), *measurements, *tail)
    return Item("CONTAINER", codes.GROUP, None, children, template=template)


def _tracking(drawing: _Drawing, name: str, uid: str) -> tuple[Item, Item]:
    identifier = f"{CORNERSTONE}:{drawing.tool}:{name}"
    return (
        Item("TEXT", codes.TRACKING_ID, identifier, relationship=HAS_OBS_CONTEXT),
        Item("UIDREF", codes.TRACKING_UID, uid, relationship=HAS_OBS_CONTEXT),
    )


def _algorithm_items(algorithm: Algorithm | None) -> Iterator[Item]:
    if algorithm is None:
        return
    yield Item("TEXT", codes.ALGORITHM_NAME, algorithm.name, relationship=HAS_CONCEPT_MOD)
    yield Item("TEXT", codes.ALGORITHM_VERSION, algorithm.version, relationship=HAS_CONCEPT_MOD)
    for parameter in algorithm.parameters:
        yield Item("TEXT", codes.ALGORITHM_PARAMETERS, parameter, relationship=HAS_CONCEPT_MOD)


def _lesion_numbers(lesion: Lesion, volume_mm3: float | None) -> Iterator[tuple[Code, Measured]]:
    """Measurements of a lesion, its axes first: OHIF takes the place of a group from its first measurement."""
    long_mm = lesion.long_axis_mm if lesion.long_axis_mm is not None else _length_mm(lesion.long_ends_mm)
    short_mm = lesion.short_axis_mm if lesion.short_axis_mm is not None else _length_mm(lesion.short_ends_mm)
    for name, length_mm in ((codes.LONG_AXIS, long_mm), (codes.SHORT_AXIS, short_mm)):
        if length_mm is not None:
            yield name, Measured(length_mm, codes.MILLIMETRE)
    yield from _sphere_and_box(lesion)
    if volume_mm3 is not None:
        yield codes.VOLUME, Measured(volume_mm3, codes.CUBIC_MILLIMETRE)


def _sphere_and_box(finding: Lesion | Mark) -> Iterator[tuple[Code, Measured]]:
    if finding.diameter_mm is not None:
        yield codes.DIAMETER, Measured(finding.diameter_mm, codes.MILLIMETRE)
    for name, side_mm in zip(codes.BOX_SIDES, finding.box_mm or (), strict=False):
        yield name, Measured(side_mm, codes.MILLIMETRE)


def _named(lesion: Lesion, kind: Code) -> str:
    """Label and name of a lesion, each said once."""
    label = lesion.label or kind.meaning
    return label if f" {label}".endswith(f" {lesion.lesion_id}") else f"{label} {lesion.lesion_id}"


def _size_text(name: Code, measured: Measured) -> str:
    return f"{name.meaning.lower()} {measured.value:.1f} {measured.unit.value}"


def _position_item(position_mm: Point) -> Item:
    """Where the finding lies, in full: the graphic lies in the nearest image, and its numbers have 24 bits."""
    return Item("TEXT", codes.POSITION, ", ".join(repr(float(value)) for value in position_mm))


def _lesion_uid(lesion: Lesion) -> str:
    return derived_uid(f"lesion/{lesion.series_uid}/{lesion.exam_id}/{lesion.lesion_id}/{lesion.position_mm}")


def _draw(finding: Lesion | Mark, planes: ImagePlanes) -> _Drawing:
    drawn = _draw_axes(finding, planes) if isinstance(finding, Lesion) else None
    if drawn is not None:
        return drawn
    plane = planes.nearest(finding.position_mm)
    corners = _box_corners(finding.box_mm, finding.position_mm, plane) if finding.box_mm is not None else None
    if corners is not None:
        return _Drawing(Tool.BOX, plane, Graphic("POLYLINE", corners))
    return _Drawing(Tool.POINT, plane, Graphic("POINT", _points(plane, [finding.position_mm])))


def _draw_axes(lesion: Lesion, planes: ImagePlanes) -> _Drawing | None:
    """Both axes on the image they lie in; None where an end is not known, or they lie in no one image."""
    if lesion.long_ends_mm is None or lesion.short_ends_mm is None:
        return None
    ends = (*lesion.long_ends_mm, *lesion.short_ends_mm)
    plane = planes.nearest(np.mean(lesion.long_ends_mm, axis=0).tolist())
    if np.max(plane.distance_mm(ends)) > PLANE_TOLERANCE_MM:
        return None
    axes = {
        name: Graphic("POLYLINE", _points(plane, pair))
        for name, pair in ((codes.LONG_AXIS, lesion.long_ends_mm), (codes.SHORT_AXIS, lesion.short_ends_mm))
    }
    return _Drawing(Tool.AXES, plane, axes=axes)


def _box_corners(box_mm: Point, centre_mm: Point, plane: ImagePlane) -> tuple[tuple[float, ...], ...] | None:
    """Outline of an upright box on an image, closed; None where the image does not lie along the patient's axes."""
    steps = np.abs(np.stack([plane.column_step_mm, plane.row_step_mm]))
    steps /= np.linalg.norm(steps, axis=1)[:, None]
    if np.any(np.sort(steps, axis=1)[:, :2] > PARALLEL_TOLERANCE):
        return None
    half = np.asarray(box_mm) / 2
    (left, top), (right, bottom) = np.sort(_points(plane, [centre_mm - half, centre_mm + half]), axis=0).tolist()
    return ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))


def _points(plane: ImagePlane, positions_mm: ArrayLike) -> tuple[tuple[float, ...], ...]:
    """Points of an image below positions, none beyond its edge, as spatial coordinates must be."""
    points = np.clip(plane.to_points(positions_mm), 0, (plane.columns, plane.rows))
    return tuple((float(column), float(row)) for column, row in points)


def _length_mm(ends_mm: tuple[Point, Point] | None) -> float | None:
    return None if ends_mm is None else float(np.linalg.norm(np.subtract(*ends_mm)))
