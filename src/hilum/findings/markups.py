"""3D Slicer markups (``.mrk.json``): points, lines and boxes, LPS or RAS.

Every lesion is a control point of one list, named by its `lesion_id` and described by its label; an axis whose ends
are known is a line named ``<lesion> long axis`` or ``<lesion> short axis``, a box a region of the lesion's name.

References
----------
3D Slicer, markups JSON schema 1.0.3:
https://github.com/Slicer/Slicer/blob/main/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json
"""

from __future__ import annotations

import json
from dataclasses import replace
from math import dist
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError, Refusal
from hilum.findings.format import Format, exam_of
from hilum.findings.json_tree import Node, read_tree
from hilum.findings.lesion_names import name_lesions, points_of
from hilum.findings.refusing import MALFORMED
from hilum.model.findings import FindingSet, Lesion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hilum.model.findings import Point
    from hilum.model.series import Series

SUFFIXES = (".mrk.json",)
SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
SCHEMA_WORDS = b"markups-schema"

SIGNS_OF_SYSTEM = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
"""Sign of each coordinate of a coordinate system in LPS."""

AXES = ("long", "short")
UPRIGHT_TOLERANCE = 1e-4
"""Largest cosine between the side of an upright box and another axis."""

_NOT_PLACED = ("undefined", "preview", "missing")
"""States of a control point that has no position."""


def _read(path: Path, target: Series | None) -> FindingSet:
    exam_id = exam_of(path, target, SUFFIXES)
    series_uid = "" if target is None else target.uid
    reader = _Reader(exam_id, series_uid, path.name)
    for markup in read_tree(path).need("markups").nodes():
        reader.take(markup)
    lesions, warnings = name_lesions(reader.lesions())
    return FindingSet(exam_id, series_uid, lesions=lesions, warnings=warnings, refusals=tuple(reader.refusals))


class _Reader:
    """Collects the points, axes and boxes of a file, and puts together what is of one lesion."""

    def __init__(self, exam_id: str, series_uid: str, name: str) -> None:
        self.refusals: list[Refusal] = []
        self._exam_id, self._series_uid = exam_id, series_uid
        self._file = name
        self._points: list[Lesion] = []
        self._axes: dict[tuple[str, str], tuple[Point, Point]] = {}
        self._boxes: dict[str, tuple[Point, Point]] = {}

    def take(self, markup: Node) -> None:
        """Add what one markup holds."""
        kind = markup.need("type").text()
        name = markup.get("name").text() if markup.has("name") else ""
        if kind in ("Fiducial", "PointSet"):
            self._points += self._of_points(markup)
        elif kind == "Line":
            self._take_line(markup, name)
        elif kind == "ROI":
            self._boxes[name or f"box {len(self._boxes) + 1}"] = _box(markup)
        else:
            reason = f"a markup of type {kind}; read are Fiducial, Line and ROI"
            self.refusals.append(Refusal(markup.where, MALFORMED, reason))

    def lesions(self) -> Iterator[Lesion]:
        """Points with their axes and boxes, then axes and boxes of no point."""
        for point in self._points:
            yield self._with_extent(point)
        for name in dict.fromkeys([name for name, _ in self._axes] + list(self._boxes)):
            yield self._with_extent(self._without_point(name))

    def _of_points(self, markup: Node) -> Iterator[Lesion]:
        for point in markup.get("controlPoints").nodes():
            if point.has("positionStatus") and point.get("positionStatus").text() in _NOT_PLACED:
                reason = f"position {point.get('positionStatus').text()}; expected a point that is placed"
                self.refusals.append(Refusal(point.where, MALFORMED, reason))
                continue
            said = {key: point.get(key).text() if point.has(key) else "" for key in ("label", "description")}
            position = _position(markup, point.need("position"))
            source = f"{self._file}: {point.where.rpartition(': ')[2]}"
            yield self._lesion(said["label"], position, said["description"], source)

    def _take_line(self, markup: Node, name: str) -> None:
        ends = [_position(markup, point.need("position")) for point in markup.get("controlPoints").nodes()]
        if len(ends) != 2:
            raise FormatError(f"{markup.where}: a line of {len(ends)} points; expected two")
        lesion_id, axis = name, "long"
        for known in AXES:
            if name.endswith(f" {known} axis"):
                lesion_id, axis = name.removesuffix(f" {known} axis"), known
        self._axes[lesion_id or f"line {len(self._axes) + 1}", axis] = (ends[0], ends[1])

    def _with_extent(self, lesion: Lesion) -> Lesion:
        long, short = (self._axes.pop((lesion.lesion_id, axis), None) for axis in AXES)
        centre_and_sides = self._boxes.pop(lesion.lesion_id, None)
        return replace(
            lesion,
            long_ends_mm=long,
            short_ends_mm=short,
            long_axis_mm=dist(*long) if long else None,
            short_axis_mm=dist(*short) if short else None,
            box_mm=centre_and_sides[1] if centre_and_sides else None,
        )

    def _without_point(self, name: str) -> Lesion:
        """Lesion in the middle of its box or axis."""
        ends = next((self._axes[name, axis] for axis in AXES if (name, axis) in self._axes), None)
        middle = self._boxes[name][0] if ends is None else _point(np.mean(ends, axis=0))
        return self._lesion(name, middle, "", f"{self._file}: {name}")

    def _lesion(self, lesion_id: str, position_mm: Point, label: str, source: str) -> Lesion:
        return Lesion(self._exam_id, lesion_id, position_mm, label=label, source=source, series_uid=self._series_uid)


def _position(markup: Node, position: Node) -> Point:
    """LPS of a position in the markup's own system."""
    system = markup.get("coordinateSystem").text() if markup.has("coordinateSystem") else "LPS"
    if system not in SIGNS_OF_SYSTEM:
        raise FormatError(f"{markup.where}: coordinateSystem {system!r}; expected LPS or RAS")
    units = markup.get("coordinateUnits").text() if markup.has("coordinateUnits") else "mm"
    if units != "mm":
        raise FormatError(f"{markup.where}: coordinateUnits {units!r}; expected mm")
    return _point(np.asarray(position.numbers(3)) * SIGNS_OF_SYSTEM[system])


def _box(markup: Node) -> tuple[Point, Point]:
    """Centre and sides along x, y, z of a region of interest that stands upright."""
    kind = markup.get("roiType").text() if markup.has("roiType") else "Box"
    axes = np.asarray(markup.get("orientation").numbers(9) if markup.has("orientation") else np.eye(3)).reshape(3, 3)
    sides = np.abs(axes) @ markup.need("size").numbers(3)
    is_upright = np.all(np.minimum(np.abs(axes), np.abs(np.abs(axes) - 1)) <= UPRIGHT_TOLERANCE)
    if kind != "Box" or not is_upright or np.any(sides <= 0):
        raise FormatError(f"{markup.where}: a region of type {kind} and size {sides}; expected an upright box of mm")
    return _position(markup, markup.need("center")), _point(sides)


def _point(values: Iterable[float]) -> Point:
    x, y, z = (float(value) + 0.0 for value in values)
    return x, y, z


def _write(path: Path, findings: FindingSet, _target: Series | None) -> None:
    lesions = points_of(findings)
    markups = [_fiducials(lesions), *(line for lesion in lesions for line in _lines(lesion))]
    markups += [_region(lesion, lesion.box_mm) for lesion in lesions if lesion.box_mm is not None]
    text = json.dumps({"@schema": SCHEMA, "markups": markups}, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _fiducials(lesions: Iterable[Lesion]) -> dict[str, Any]:
    points = [_control_point(lesion.lesion_id, lesion.position_mm, lesion.label) for lesion in lesions]
    return _markup("Fiducial", "lesions", points)


def _lines(lesion: Lesion) -> Iterator[dict[str, Any]]:
    for axis, ends in zip(AXES, (lesion.long_ends_mm, lesion.short_ends_mm), strict=True):
        if ends is not None:
            points = [_control_point(f"{lesion.lesion_id}-{number}", end, "") for number, end in enumerate(ends, 1)]
            yield _markup("Line", f"{lesion.lesion_id} {axis} axis", points)


def _region(lesion: Lesion, sides_mm: Point) -> dict[str, Any]:
    box = {"roiType": "Box", "center": lesion.position_mm, "orientation": np.eye(3).ravel().tolist(), "size": sides_mm}
    return _markup("ROI", lesion.lesion_id, [_control_point(lesion.lesion_id, lesion.position_mm, "")]) | box


def _markup(kind: str, name: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    numbered = [{"id": str(number), **point} for number, point in enumerate(points, start=1)]
    return {
        "type": kind,
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "controlPoints": numbered,
    }


def _control_point(label: str, position_mm: Point, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "position": position_mm, "positionStatus": "defined"}


def _recognises(path: Path, start: bytes) -> bool:
    is_tree = start.lstrip().startswith(b"{")
    return is_tree and (SCHEMA_WORDS in start or (b'"markups"' in start and path.name.lower().endswith(".json")))


FORMAT = Format(
    "mrk.json",
    "3D Slicer markups",
    SUFFIXES,
    _recognises,
    _read,
    _write,
    marks="instead of lesions",
    keeps=frozenset({"lesion_id", "label", "long_ends_mm", "short_ends_mm", "box_mm"}),
    keeps_of_marks=frozenset({"box_mm"}),
)
