"""What a DICOM segmentation says of itself: its segments, and where each frame lies.

The functional groups of thousands of frames repeat a few values: a plane's position for each segment, a segment's
number for each plane. Equal bytes are decoded once.

References
----------
DICOM PS3.3 A.51 (Segmentation IOD), A.92 (Label Map Segmentation IOD), C.7.6.16 (Multi-frame Functional Groups),
C.8.20 (Segmentation modules).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError
from hilum.findings.derived_object import MAKER
from hilum.findings.segment_items import read_label, read_segment
from hilum.index.slices import finite
from hilum.model.geometry import slice_normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset

    from hilum.model.findings import Point
    from hilum.model.masks import Segment

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
LABELMAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
STORAGE_CLASSES = frozenset({SEGMENTATION_STORAGE, LABELMAP_STORAGE})

NO_PADDING = 0
"""Background of a label map that names no PixelPaddingValue."""

_PLANE_POSITION = 0x00209113
_PLANE_ORIENTATION = 0x00209116
_PIXEL_MEASURES = 0x00289110
_DERIVATION = 0x00089124
_SEGMENT = 0x0062000A
_SLIDE_POSITION = 0x0048021A


class Kind(StrEnum):
    """What the stored values mean: a bit of one segment, a share of one segment, or the number of a segment."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


@dataclass(frozen=True, slots=True)
class SegmentationFrame:
    """One frame.

    Attributes
    ----------
    index
        Its place in the pixel data, 0-based.
    segment
        Number of the one segment it shows; 0 in a label map.
    position_mm
        ImagePositionPatient, LPS; None where the file gives none.
    sources
        SOPInstanceUID of the images it was drawn on.
    """

    index: int
    segment: int
    position_mm: Point | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class SegmentationHeader:
    """A segmentation without its pixels.

    Attributes
    ----------
    name
        What a message calls the file.
    rows, columns
        Of every frame.
    orientation, pixel_spacing_mm
        Direction cosines of a row and of a column; distance of rows and of columns. None where the file gives none.
    slice_spacing_mm
        SpacingBetweenSlices, else SliceThickness; None where the file gives neither.
    frame_of_reference_uid
        Empty where the file gives none.
    series_uids
        Series that it says it was drawn on.
    segments
        Number to what it is; of a label map without its background.
    labels
        Number to the label in the mask: the number itself, unless hilum wrote the file and kept another.
    padding
        Stored value of the background of a label map.
    fractional_type, fractional_max
        ``PROBABILITY`` or ``OCCUPANCY``, and the stored value that means 1; empty and 0 of the other kinds.
    """

    name: str
    kind: Kind
    rows: int
    columns: int
    frames: tuple[SegmentationFrame, ...]
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    slice_spacing_mm: float | None
    frame_of_reference_uid: str
    series_uids: tuple[str, ...]
    segments: Mapping[int, Segment]
    labels: Mapping[int, int]
    padding: int = NO_PADDING
    fractional_type: str = ""
    fractional_max: int = 0


def read_segmentation_dataset(path: Path) -> Dataset:
    """Read the data set of a segmentation of any kind.

    Raises
    ------
    FormatError
        The file cannot be read, or is another object.
    """
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's word on odd values: they are read as they are
            dataset = pydicom.dcmread(path)
            sop_class = str(dataset.get("SOPClassUID") or "")
            modality = str(dataset.get("Modality") or "no modality")
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise FormatError(f"{path}: cannot be read as DICOM ({error}); expected a segmentation") from error
    if sop_class not in STORAGE_CLASSES:
        found = f"{modality}, SOP class {sop_class or 'not stated'}"
        raise FormatError(f"{path}: {found}; expected a DICOM segmentation (Segmentation or Label Map Segmentation)")
    return dataset


def segmentation_header(dataset: Dataset, name: str) -> SegmentationHeader:
    """Give the header of a segmentation.

    Parameters
    ----------
    name
        What messages begin with.

    Raises
    ------
    FormatError
        It is tiled, or lacks what is needed to place its frames, or cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        try:
            _refuse_tiles(dataset, name)
            return _header(dataset, name)
        except FormatError:
            raise
        except Exception as error:  # values are decoded as they are asked for
            raise FormatError(f"{name}: its header cannot be decoded ({error!r}); get the file again") from error


def _header(dataset: Dataset, name: str) -> SegmentationHeader:
    kind = _kind(dataset, name)
    groups = _Groups(dataset, name)
    measures = groups.common(_PIXEL_MEASURES, _pixel_measures, "pixel spacing") or (None, None)
    padding = int(dataset.get("PixelPaddingValue", NO_PADDING)) if kind is Kind.LABELMAP else NO_PADDING
    items = {int(item.SegmentNumber): item for item in dataset.get("SegmentSequence") or ()}
    if kind is Kind.LABELMAP:
        items.pop(padding, None)
    is_fractional = kind is Kind.FRACTIONAL
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if min(rows, columns) < 1:
        raise FormatError(f"{name}: frames of {rows} x {columns} pixels; expected at least one of each")
    return SegmentationHeader(
        name=name,
        kind=kind,
        rows=rows,
        columns=columns,
        frames=tuple(_frames(groups, kind, name)),
        orientation=groups.common(_PLANE_ORIENTATION, _orientation, "orientation"),
        pixel_spacing_mm=measures[0],
        slice_spacing_mm=measures[1],
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or ""),
        series_uids=tuple(str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence") or ()),
        segments={number: read_segment(item) for number, item in items.items()},
        labels=_labels(items, is_own=dataset.get("Manufacturer") == MAKER),
        padding=padding,
        fractional_type=str(dataset.get("SegmentationFractionalType") or "") if is_fractional else "",
        fractional_max=int(dataset.get("MaximumFractionalValue") or 255) if is_fractional else 0,
    )


def _labels(items: Mapping[int, Dataset], *, is_own: bool) -> Mapping[int, int]:
    """Label of each segment; its number where another program wrote the file, or two segments would have one label."""
    labels = {number: read_label(item) for number, item in items.items()}
    return labels if is_own and len(set(labels.values())) == len(labels) else {number: number for number in items}


def _kind(dataset: Dataset, name: str) -> Kind:
    found = str(dataset.get("SegmentationType") or "")
    if found not in set(Kind):
        raise FormatError(f"{name}: SegmentationType {found or 'is absent'}; expected {', '.join(Kind)}")
    return Kind(found)


def _refuse_tiles(dataset: Dataset, name: str) -> None:
    if is_tiled(dataset):
        raise FormatError(
            f"{name}: its frames are tiles of a slide; hilum reads segmentations of slices, as of CT: "
            "open it with a program for whole slides (highdicom, QuPath)"
        )


def is_tiled(dataset: Dataset) -> bool:
    """Whether the frames of a segmentation are tiles of a slide, not slices."""
    organization = str(dataset.get("DimensionOrganizationType") or "")
    first = next(iter(dataset.get("PerFrameFunctionalGroupsSequence") or ()), ())
    return "TotalPixelMatrixColumns" in dataset or organization.startswith("TILED") or _SLIDE_POSITION in first


def _frames(groups: _Groups, kind: Kind, name: str) -> Iterator[SegmentationFrame]:
    for index in range(groups.frame_count):
        segment = 0 if kind is Kind.LABELMAP else groups.value(index, _SEGMENT, _segment_number)
        if segment is None:
            raise FormatError(f"{name}: frame {index + 1} does not say which segment it shows; get the file again")
        position = groups.value(index, _PLANE_POSITION, _position)
        yield SegmentationFrame(index, segment, position, groups.value(index, _DERIVATION, _sources) or ())


class _Groups:
    """Functional groups of a data set by frame, their values decoded once."""

    def __init__(self, dataset: Dataset, name: str) -> None:
        self.frame_count = int(dataset.get("NumberOfFrames") or 1)
        self._shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), None)
        self._own = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        self._name = name
        self._decoded: dict[tuple[int, bytes], Any] = {}
        if len(self._own) != self.frame_count and (self._own or self.frame_count > 1):
            raise FormatError(
                f"{name}: functional groups of {len(self._own)} frames, NumberOfFrames {self.frame_count}; expected as "
                "many: where the other frames lie is not known"
            )

    def value(self, frame: int, tag: int, decode: Callable[[Any], Any]) -> Any:
        """Value of a frame's own group, else of the shared one; None where neither is there."""
        for group in (self._own[frame] if self._own else None, self._shared):
            if group is not None and tag in group:
                return self._decode(group, tag, decode)
        return None

    def common(self, tag: int, decode: Callable[[Any], Any], what: str) -> Any:
        """Value that all frames have in common."""
        found = {self.value(frame, tag, decode) for frame in range(self.frame_count)}
        if len(found) > 1:
            raise FormatError(
                f"{self._name}: frames of {len(found)} values of {what}; expected one: they are no slices of one grid"
            )
        return found.pop() if found else None

    def _decode(self, group: Dataset, tag: int, decode: Callable[[Any], Any]) -> Any:
        raw = group.get_item(tag).value
        if not isinstance(raw, bytes):  # a sequence of undefined length is decoded already
            return decode(group[tag].value)
        if (tag, raw) not in self._decoded:
            self._decoded[tag, raw] = decode(group[tag].value)
        return self._decoded[tag, raw]


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """Finite numbers; None where there are none."""
    if value is None:
        return None
    if (numbers := finite(tuple(value), count)) is None:
        raise ValueError(f"{value}: expected {count} finite numbers")
    return numbers


def _position(items: Any) -> tuple[float, ...] | None:
    return _numbers(items[0].get("ImagePositionPatient"), 3) if items else None


def _orientation(items: Any) -> tuple[float, ...] | None:
    cosines = _numbers(items[0].get("ImageOrientationPatient"), 6) if items else None
    if cosines is not None:
        slice_normal(cosines)
    return cosines


def _pixel_measures(items: Any) -> tuple[tuple[float, ...] | None, float | None]:
    item = items[0]
    spacing = _numbers(item.get("PixelSpacing"), 2)
    stated = item.get("SpacingBetweenSlices") or item.get("SliceThickness")
    between = _numbers((stated,), 1) if stated else None
    if spacing is not None and min(spacing) <= 0:
        raise ValueError(f"PixelSpacing {spacing}: expected two positive distances")
    return spacing, abs(between[0]) if between else None


def _segment_number(items: Any) -> int:
    return int(items[0].ReferencedSegmentNumber)


def _sources(items: Any) -> tuple[str, ...]:
    images = (image for item in items for image in item.get("SourceImageSequence") or ())
    return tuple(str(image.ReferencedSOPInstanceUID) for image in images)
