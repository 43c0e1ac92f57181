"""Content items of a structured report as plain values, to and from a data set.

References
----------
DICOM PS3.3 C.17.3 (SR Document Content), C.18.1 to C.18.9 (content macros).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError
from hilum.findings.code_sequences import code_item, read_code
from hilum.findings.image_planes import ImageReference
from hilum.findings.structured_report_codes import FORMER_NAMES
from hilum.model.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

CONTAINS = "CONTAINS"
HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
INFERRED_FROM = "INFERRED FROM"
SELECTED_FROM = "SELECTED FROM"

TEXTS = {"TEXT": "TextValue", "UIDREF": "UID", "PNAME": "PersonName"}
"""Value types of one line, and the attribute that holds it."""

COORDINATES = {"SCOORD": 2, "SCOORD3D": 3}
"""Value types of spatial coordinates, and numbers a point."""

MAX_DEPTH = 40
"""Levels of content items below the document; a measurement report has six."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number and its unit."""

    value: float
    unit: Code


@dataclass(frozen=True, slots=True)
class Graphic:
    """Spatial coordinates.

    Attributes
    ----------
    kind
        ``POINT``, ``POLYLINE``, ...
    points
        (column, row) of an image, or (x, y, z) LPS mm.
    frame_of_reference_uid
        Of points in mm; empty of points of an image.
    """

    kind: str
    points: tuple[tuple[float, ...], ...]
    frame_of_reference_uid: str = ""


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of a segmentation that an item refers to."""

    sop_uid: str
    numbers: tuple[int, ...]


Value = str | Code | Measured | Graphic | ImageReference | Segments | None


@dataclass(frozen=True, slots=True)
class Item:
    """One content item.

    Attributes
    ----------
    kind
        Its value type (``NUM``, ``CONTAINER``).
    name
        Its concept name, in present codes; None where it has none.
    value
        None of a container, of a number without value, and of value types that are not read.
    relationship
        To the item above it.
    template
        Number of the template of a container; empty where none is named.
    """

    kind: str
    name: Code | None
    value: Value = None
    children: tuple[Item, ...] = ()
    relationship: str = CONTAINS
    template: str = ""

    def named(self, *names: Code) -> Iterator[Item]:
        """Give the children of any of these names, in order."""
        return (child for child in self.children if child.name in names)

    def first(self, *names: Code) -> Item | None:
        """First child of any of these names."""
        return next(self.named(*names), None)


def content_dataset(item: Item) -> Dataset:
    """Give the data set of an item and all below it."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.RelationshipType = item.relationship
    dataset.ValueType = item.kind
    if item.name is not None:
        dataset.ConceptNameCodeSequence = [code_item(item.name)]
    _set_value(dataset, item)
    if item.children:
        dataset.ContentSequence = [content_dataset(child) for child in item.children]
    return dataset


def _set_value(dataset: Dataset, item: Item) -> None:
    value = item.value
    if isinstance(value, str):
        setattr(dataset, TEXTS[item.kind], value)
    elif isinstance(value, Code):
        dataset.ConceptCodeSequence = [code_item(value)]
    elif isinstance(value, Measured):
        dataset.MeasuredValueSequence = [_measured_dataset(value)]
    elif isinstance(value, Graphic):
        dataset.GraphicType = value.kind
        dataset.GraphicData = [number for point in value.points for number in point]
        if value.frame_of_reference_uid:
            dataset.ReferencedFrameOfReferenceUID = value.frame_of_reference_uid
    elif isinstance(value, ImageReference):
        dataset.ReferencedSOPSequence = [reference_dataset(value)]
    if item.kind == "CONTAINER":
        dataset.ContinuityOfContent = "SEPARATE"
    if item.template:
        dataset.ContentTemplateSequence = [_template_dataset(item.template)]


def reference_dataset(reference: ImageReference) -> Dataset:
    """Give the item of a Referenced SOP Sequence."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.ReferencedSOPClassUID = reference.sop_class_uid
    dataset.ReferencedSOPInstanceUID = reference.sop_uid
    if reference.frame:
        dataset.ReferencedFrameNumber = reference.frame
    return dataset


def _measured_dataset(measured: Measured) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.valuerep import format_number_as_ds

    dataset = Dataset()
    text = format_number_as_ds(float(measured.value))
    dataset.NumericValue = text
    if float(text) != measured.value:
        dataset.FloatingPointValue = measured.value
    dataset.MeasurementUnitsCodeSequence = [code_item(measured.unit)]
    return dataset


def _template_dataset(template: str) -> Dataset:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.MappingResource = "DCMR"
    dataset.TemplateIdentifier = template
    return dataset


def read_item(dataset: Dataset, *, depth: int = 0) -> Item:
    """Read a content item and all below it.

    Raises
    ------
    FormatError
        Items stand too deep in each other.
    """
    if depth > MAX_DEPTH:
        raise FormatError(f"content items stand more than {MAX_DEPTH} deep in each other; expected a report of a few")
    kind = str(dataset.get("ValueType") or "")
    children = tuple(read_item(child, depth=depth + 1) for child in dataset.get("ContentSequence") or ())
    template: Any = next(iter(dataset.get("ContentTemplateSequence") or ()), {})
    name = read_code(dataset, "ConceptNameCodeSequence")
    return Item(
        kind,
        None if name is None else FORMER_NAMES.get(name, name),
        _read_value(dataset, kind),
        children,
        str(dataset.get("RelationshipType") or ""),
        str(template.get("TemplateIdentifier") or ""),
    )


def _read_value(dataset: Dataset, kind: str) -> Value:
    if kind in TEXTS:
        return str(dataset.get(TEXTS[kind]) or "")
    if kind == "CODE":
        return read_code(dataset, "ConceptCodeSequence")
    if kind == "NUM":
        return _read_measured(dataset)
    if kind in COORDINATES:
        return _read_graphic(dataset, COORDINATES[kind])
    return _read_reference(dataset) if kind == "IMAGE" else None


def _read_measured(dataset: Dataset) -> Measured | None:
    measured = next(iter(dataset.get("MeasuredValueSequence") or ()), None)
    unit = None if measured is None else read_code(measured, "MeasurementUnitsCodeSequence")
    if measured is None or unit is None or measured.get("NumericValue") is None:
        return None
    exact = measured.get("FloatingPointValue")
    return Measured(float(measured.NumericValue if exact is None else exact), unit)


def _read_graphic(dataset: Dataset, size: int) -> Graphic | None:
    numbers = dataset.get("GraphicData")
    if not numbers:
        return None
    values = [float(number) for number in numbers]
    points = tuple(tuple(values[start : start + size]) for start in range(0, len(values), size))
    if len(points[-1]) != size:
        raise FormatError(f"{len(values)} numbers in GraphicData; expected {size} a point")
    frame_of_reference_uid = str(dataset.get("ReferencedFrameOfReferenceUID") or "")
    return Graphic(str(dataset.get("GraphicType") or ""), points, frame_of_reference_uid)


def _read_reference(dataset: Dataset) -> ImageReference | Segments | None:
    reference = next(iter(dataset.get("ReferencedSOPSequence") or ()), None)
    if reference is None:
        return None
    uid = str(reference.get("ReferencedSOPInstanceUID") or "")
    if "ReferencedSegmentNumber" in reference:
        return Segments(uid, _whole_numbers(reference.ReferencedSegmentNumber))
    frames = _whole_numbers(reference.get("ReferencedFrameNumber"))
    return ImageReference(str(reference.get("ReferencedSOPClassUID") or ""), uid, frames[0] if frames else 0)


def _whole_numbers(value: Any) -> tuple[int, ...]:
    """One number or several."""
    if value is None or value == "":
        return ()
    return (int(value),) if isinstance(value, int | str) else tuple(int(number) for number in value)
