"""COCO's boxes on the slices of a series: an object with ``images`` and ``annotations``.

Each box is a lesion, or where it has a score a mark, as thick as its slice. An image is a slice by the SOPInstanceUID
or the file name it gives. Crowd boxes are excluded findings, as COCO's own evaluation takes them.

References
----------
Lin et al. 2014, doi 10.1007/978-3-319-10602-1_48; https://cocodataset.org/#format-data. ``bbox`` is x, y of the upper
left corner, width and height, in pixels; the corner of the first pixel is (0, 0).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError, Refusal
from hilum.findings.format import Format, need_target
from hilum.findings.json_tree import Node, read_tree
from hilum.findings.lesion_names import name_lesions
from hilum.findings.refusing import UNKNOWN_EXAM
from hilum.model.findings import FindingSet, Lesion, Mark, as_point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.model.findings import Point
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

SUFFIXES = (".json",)
ENDINGS = (".dcm", ".png", ".jpg", ".jpeg", ".dicom")
"""Ends of image names that stand beside a SOPInstanceUID or the name of its file."""

UID_KEYS = ("SOPInstanceUID", "sop_instance_uid")

UPRIGHT_TOLERANCE = 1e-4
"""Largest direction cosine between an axis of the grid and another axis of the patient for which boxes are upright."""


def _read(path: Path, target: Series | None) -> FindingSet:
    target = need_target(path, target, "COCO boxes are pixels of images")
    tree = read_tree(path)
    images = {image.need("id").text(): image for image in tree.need("images").nodes()}
    names = {node.need("id").text(): node.need("name").text() for node in tree.get("categories").nodes()}
    boxes = _Boxes(target, images, names, path.name)
    for annotation in tree.need("annotations").nodes():
        boxes.take(annotation)
    lesions, warnings = name_lesions(boxes.lesions)
    return FindingSet(
        target.uid,
        target.uid,
        lesions=lesions,
        marks=tuple(boxes.marks),
        warnings=warnings,
        refusals=tuple(boxes.refusals),
    )


class _Boxes:
    """Collects the boxes of a series."""

    def __init__(self, target: Series, images: dict[str, Node], categories: dict[str, str], name: str) -> None:
        self.lesions: list[Lesion] = []
        self.marks: list[Mark] = []
        self.refusals: list[Refusal] = []
        self._target, self._images, self._categories, self._name = target, images, categories, name
        self._slices = _slices_by_name(target)
        _require_upright(target.geometry, name)

    def take(self, annotation: Node) -> None:
        """Add a box, or refuse that of an image of another series."""
        image_id = annotation.need("image_id").text()
        image = self._images.get(image_id)
        if image is None:
            raise FormatError(f"{annotation.where}: image_id {image_id} is not among the images; expected one of them")
        index = next((self._slices[name] for name in _names(image) if name in self._slices), None)
        if index is None:
            reason = f"image {_names(image)[0]!r} is no instance of series {self._target.uid}; its box is left out"
            self.refusals.append(Refusal(annotation.where, UNKNOWN_EXAM, reason))
            return
        _check_size(image, self._target.geometry)
        self._add(annotation, *_box(annotation, index, self._target.geometry))

    def _add(self, annotation: Node, position_mm: Point, box_mm: Point) -> None:
        uid = self._target.uid
        if annotation.has("score"):
            self.marks.append(Mark(uid, position_mm, annotation.need("score").number(), uid, box_mm=box_mm))
            return
        category = annotation.get("category_id").text() if annotation.has("category_id") else ""
        self.lesions.append(
            Lesion(
                uid,
                annotation.get("id").text() if annotation.has("id") else "",
                position_mm,
                is_excluded=annotation.has("iscrowd") and annotation.get("iscrowd").value in (1, True),
                label=self._categories.get(category, category),
                source=f"{self._name}: {annotation.where.rpartition(': ')[2]}",
                series_uid=uid,
                box_mm=box_mm,
            )
        )


def _slices_by_name(target: Series) -> dict[str, int]:
    """Slice of each instance by its UID, and by its file's name with and without ending where one alone has it."""
    found: dict[str, set[int]] = {}
    places = target.instances.column("ImagePositionPatient")
    files = target.instances.column("path")
    for uid, place, file in zip(target.instances.column("SOPInstanceUID"), places, files, strict=True):
        if place is None:
            continue
        index = round(float(target.geometry.to_voxels(place)[0]))
        path = PurePosixPath(file or "")
        for name in {str(uid), path.name, path.stem} - {""}:
            found.setdefault(name, set()).add(index)
    return {name: indices.pop() for name, indices in found.items() if len(indices) == 1}


def _series_of(path: Path, series: Sequence[Series]) -> list[Series]:
    """Give those of some series that an image of the file is an instance of."""
    names = {name for image in read_tree(path).need("images").nodes() for name in _names(image)}
    return [one for one in series if not names.isdisjoint(_slices_by_name(one))]


def _names(image: Node) -> list[str]:
    """What an image can be known by, the surest first."""
    names = [image.get(key).text() for key in UID_KEYS if image.has(key)]
    if image.has("file_name"):
        name = PurePosixPath(image.get("file_name").text()).name
        names += [name, *(name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending))]
    return [*names, image.need("id").text()]


def _check_size(image: Node, grid: Geometry) -> None:
    for key, size in (("height", grid.shape[1]), ("width", grid.shape[2])):
        if image.has(key) and image.get(key).number() != size:
            raise FormatError(
                f"{image.where}: {key} {image.get(key).value}, the series has {size}; expected its own size"
            )


def _box(annotation: Node, index: int, grid: Geometry) -> tuple[Point, Point]:
    """Centre and sides along x, y, z of a box on a slice."""
    left, top, width, height = annotation.need("bbox").numbers(4)
    if width <= 0 or height <= 0:
        raise FormatError(f"{annotation.where}: a box of {width:g} x {height:g} pixels; expected a positive size")
    centre = grid.to_mm((index, top + height / 2 - 0.5, left + width / 2 - 0.5))
    sides = np.abs(grid.affine[:3, :3]) @ (1, height, width)
    return as_point(centre), as_point(sides)


def _require_upright(grid: Geometry, name: str) -> None:
    axes = np.abs(np.asarray(grid.direction))
    if np.any(np.minimum(axes, np.abs(axes - 1)) > UPRIGHT_TOLERANCE):
        raise FormatError(f"{name}: slices of the series are oblique, boxes on them do not stand upright; not read")


def _recognises(_path: Path, start: bytes) -> bool:
    return start.lstrip().startswith(b"{") and any(key in start for key in (b'"images"', b'"annotations"'))


FORMAT = Format("coco", "COCO boxes", SUFFIXES, _recognises, _read, finds_series=_series_of)
