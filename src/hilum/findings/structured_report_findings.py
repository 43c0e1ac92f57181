"""One measurement group of a report as a lesion or a mark.

References
----------
DICOM PS3.16 TID 1410, 1411, 1501; tracking identifiers as Cornerstone writes them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings import structured_report_codes as codes
from hilum.findings.structured_report_items import COORDINATES, Item, Measured, Segments
from hilum.findings.structured_report_shapes import Shape, axes_shape, shape_of
from hilum.findings.text import finite
from hilum.model.codes import Code
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hilum.findings.structured_report_places import Places
    from hilum.findings.structured_report_shapes import Ends
    from hilum.model.findings import Point

    Floats = NDArray[np.float64]

TOOL_NAME = re.compile(
    r"(?:Cornerstone3DTools@\^0\.1\.0|cornerstoneTools@\^4\.0\.0):(?P<tool>[^:]*)(?::(?P<name>.*))?", re.DOTALL
)
"""Tracking identifier of a viewer's tool, and the finding's own name behind it."""

ARROW = "ArrowAnnotate"
"""Tool whose line is no size: its first point is the head of the arrow."""

FREE_TEXT = "CORNERSTONEJS"
"""Scheme of codes that are a reader's own words."""


def finding_of(group: Item, exam_id: str, number: int, places: Places) -> Lesion | Mark:
    """Give what a group says: a mark where it has a score of hilum's, else a lesion.

    Stated measurements count, not the lengths of what is drawn; where none are stated, those of the drawing.

    Parameters
    ----------
    number
        Which group of the report it is, from 1: the name of a lesion that has none.

    Raises
    ------
    FormatError
        It is no measurement group, or nothing in it can be placed.
    """
    if group.kind != "CONTAINER" or group.name != codes.GROUP:
        raise FormatError(f"{_name(group)} among the measurements; expected {codes.GROUP.meaning!r}")
    lesion = _lesion(group, _shape(group, places), exam_id, number, places)
    score = _measured(group, codes.SCORE)
    if score is None:
        return lesion
    position, series_uid = lesion.position_mm, places.series_uid
    return Mark(exam_id, position, score.value, series_uid, lesion.diameter_mm, lesion.box_mm)


def _lesion(group: Item, shape: Shape, exam_id: str, number: int, places: Places) -> Lesion:
    kind, site = _code(group, codes.FINDING), _code(group, codes.FINDING_SITE)
    long_mm, short_mm, diameter_mm = (
        _length_mm(group, name) for name in (codes.LONG_AXIS, codes.SHORT_AXIS, codes.DIAMETER)
    )
    stated_position = _stated_position(group)
    if stated_position is not None:
        _check_drawn(stated_position, shape, places)
    return Lesion(
        exam_id,
        _lesion_id(group) or str(number),
        stated_position or shape.position_mm,
        short_axis_mm=_distance_mm(shape.short_ends_mm) if short_mm is None else short_mm,
        long_axis_mm=_distance_mm(shape.long_ends_mm) if long_mm is None else long_mm,
        diameter_mm=shape.diameter_mm if diameter_mm is None else diameter_mm,
        is_excluded=group.first(codes.EXCLUDED) is not None,
        label=_label(group, kind, is_own=stated_position is not None),
        source=f"{places.name}: group {number}",
        series_uid=places.series_uid,
        box_mm=_stated_box(group) or _box(shape, places),
        long_ends_mm=shape.long_ends_mm,
        short_ends_mm=shape.short_ends_mm,
        kind=None if kind is not None and kind.scheme == FREE_TEXT else kind,
        site=site,
        tracking_uid=_text(group, codes.TRACKING_UID),
    )


def _shape(group: Item, places: Places) -> Shape:
    """Shape of the axes where both are drawn; else of the region, or of what the first measurement was taken on."""
    axes = [_graphic(item) for item in (group.first(codes.LONG_AXIS), group.first(codes.SHORT_AXIS))]
    if all(item is not None and _point_count(item) == 2 for item in axes):
        long_mm, short_mm = (places.to_mm(item) for item in axes if item is not None)
        shape = axes_shape(long_mm, short_mm)
        return replace(shape, long_ends_mm=_ends(long_mm), short_ends_mm=_ends(short_mm))
    graphics = list(_graphics(group))
    if not graphics:
        raise FormatError(_no_place(group))
    tool = TOOL_NAME.fullmatch(_text(group, codes.TRACKING_ID))
    if tool and tool["tool"] == ARROW:
        return shape_of("POINT", places.to_mm(graphics[0]))
    shapes = [shape_of(getattr(item.value, "kind", ""), places.to_mm(item)) for item in graphics]
    return shapes[0] if len(shapes) == 1 else _widest(shapes)


def _graphics(group: Item) -> Iterator[Item]:
    """Graphics of the group itself; where it has none, that of its first measurement with one."""
    own = [child for child in group.children if _is_graphic(child)]
    if own:
        yield from own
        return
    below = (_graphic(child) for child in group.children if child.kind == "NUM")
    first = next((item for item in below if item is not None), None)
    if first is not None:
        yield first


def _widest(shapes: list[Shape]) -> Shape:
    """Shape of a finding drawn on several images: that of the longest axis, at the mean of the places."""
    mean = np.mean([shape.position_mm for shape in shapes], axis=0)
    widest = max(shapes, key=lambda shape: _distance_mm(shape.long_ends_mm) or shape.diameter_mm or 0.0)
    return replace(widest, position_mm=(float(mean[0]), float(mean[1]), float(mean[2])))


def _is_graphic(item: Item) -> bool:
    return item.kind in COORDINATES and item.name not in (codes.CONTROL_POINTS, codes.TEXT_POSITION)


def _graphic(item: Item | None) -> Item | None:
    """What a measurement was taken on."""
    return None if item is None else next((child for child in item.children if _is_graphic(child)), None)


def _point_count(item: Item) -> int:
    return len(getattr(item.value, "points", ()))


def _no_place(group: Item) -> str:
    """Say what a group has instead of a graphic."""
    segments = [child.value for child in group.children if isinstance(child.value, Segments)]
    if segments:
        numbers = ", ".join(map(str, segments[0].numbers))
        return f"its place is segment {numbers} of segmentation {segments[0].sop_uid}; read the lesions of that file"
    found = ", ".join(dict.fromkeys(_name(child) for child in group.children)) or "nothing"
    return f"no place: it holds {found}; expected coordinates (SCOORD or SCOORD3D) of it or of a measurement"


def _name(item: Item) -> str:
    return f"{item.kind or 'item'} {item.name.meaning!r}" if item.name is not None else f"{item.kind or 'item'}"


def _lesion_id(group: Item) -> str:
    """Tracking identifier, without the name of a viewer's tool."""
    identifier = _text(group, codes.TRACKING_ID)
    tool = TOOL_NAME.fullmatch(identifier)
    return (tool["name"] or "") if tool else identifier


def _label(group: Item, kind: Code | None, *, is_own: bool) -> str:
    """What the lesion is called: in hilum's reports as in their source; in others a comment, or else the finding."""
    label = _text(group, codes.LABEL)
    if label or is_own:
        return label
    return _text(group, codes.COMMENT) or ("" if kind is None else kind.meaning)


def _stated_position(group: Item) -> Point | None:
    text = _text(group, codes.POSITION)
    if not text:
        return None
    parts = [finite(part, codes.POSITION.meaning) for part in text.split(",")]
    if len(parts) != 3:
        raise FormatError(f"{codes.POSITION.meaning} {text!r}; expected x, y, z")
    return parts[0], parts[1], parts[2]


def _check_drawn(position_mm: Point, shape: Shape, places: Places) -> None:
    """Refuse a point that is drawn elsewhere than on the image nearest to the position it states."""
    off_mm = float(np.linalg.norm(np.subtract(position_mm, shape.position_mm)))
    reach_mm = places.planes.reach_mm
    if shape == Shape(shape.position_mm) and off_mm > reach_mm:
        raise FormatError(
            f"it is drawn {off_mm:.2f} mm from the position it states; expected at most {reach_mm:.2f} mm: give the "
            "series it was made on"
        )


def _stated_box(group: Item) -> Point | None:
    x, y, z = (_length_mm(group, name) for name in codes.BOX_SIDES)
    return (x, y, z) if x and y and z else None


def _box(shape: Shape, places: Places) -> Point | None:
    """Box of a rectangle: as high as the distance of two images; None where the images are not known."""
    if shape.box_mm is None or not places.series_uid:
        return None
    x, y, z = (side or places.planes.spacing_mm for side in shape.box_mm)
    return x, y, z


def _length_mm(group: Item, name: Code) -> float | None:
    """Measurement of a name, in mm; None where there is none of a known unit of length, or it is not above 0."""
    measured = _measured(group, name)
    if measured is None or measured.unit.value not in codes.MM_PER_UNIT:
        return None
    length_mm = measured.value * codes.MM_PER_UNIT[measured.unit.value]
    return length_mm if 0 < length_mm < np.inf else None


def _measured(group: Item, name: Code) -> Measured | None:
    return next((item.value for item in group.named(name) if isinstance(item.value, Measured)), None)


def _code(group: Item, name: Code) -> Code | None:
    return next((item.value for item in group.named(name) if isinstance(item.value, Code)), None)


def _text(group: Item, name: Code) -> str:
    return next((item.value for item in group.named(name) if isinstance(item.value, str)), "")


def _distance_mm(ends: Ends | None) -> float | None:
    return None if ends is None else float(np.linalg.norm(np.subtract(*ends)))


def _ends(points_mm: Floats) -> Ends:
    first, last = ((float(x), float(y), float(z)) for x, y, z in points_mm)
    return first, last
