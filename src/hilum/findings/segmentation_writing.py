"""Label masks written as DICOM segmentations, binary or label map.

What thousands of frames repeat is encoded once: the groups of a slice with pydicom, the rest of a frame's item here.
All UIDs follow from the content, so that a repeat gives the same bytes.

References
----------
DICOM PS3.3 A.51 (Segmentation IOD), A.92 (Label Map Segmentation IOD); PS3.5 sections 7.5 (nesting of data sets) and
8.1.1 (pixel cells of one bit).
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilum.errors import FormatError
from hilum.findings.anatomy import site_of
from hilum.findings.derived_object import MAKER
from hilum.findings.format import check_frame_of_reference, need_target
from hilum.findings.image_masks import flat_labels
from hilum.findings.image_planes import ImageReference
from hilum.findings.masks import on_grid, segment_of
from hilum.findings.segment_items import BY_HAND, Algorithm, segment_item
from hilum.findings.segmentation_dataset import add_dimensions, add_image, base_dataset, frame_groups
from hilum.findings.segmentation_header import Kind
from hilum.model.masks import BACKGROUND, LabelMask, Segment
from hilum.volume.dicom_series import EXPLICIT_VR, IMPLEMENTATION_CLASS_UID, derived_uid
from hilum.volume.stacking import records_of, stack_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.model.findings import FindingSet, Lesion
    from hilum.model.series import Series

LARGEST_NUMBER = 65_535
"""Segment numbers are written in sixteen bits."""

LONGEST_VALUE = 0xFFFFFFFE
"""Bytes of the value of an element (PS3.5 section 7.1.1)."""

PER_FRAME_GROUPS = 0x52009230
PIXEL_DATA = 0x7FE00010
"""The two elements with the last tags, which are encoded here."""

FRAME_CONTENT = 0x00209111
DIMENSION_INDEX_VALUES = 0x00209157
SEGMENT_IDENTIFICATION = 0x0062000A
REFERENCED_SEGMENT_NUMBER = 0x0062000B
ITEM = 0xFFFEE000

LONG_LENGTH_VRS = frozenset({b"OB", b"OW", b"SQ"})
"""VRs of this module with a length of four bytes after two reserved ones."""

VERSION_NAME_LENGTH = 16
"""Characters of ImplementationVersionName (VR SH)."""

BATCH = 8
"""Frames packed at once: eight frames of any size end with a whole byte."""


class _Plane(NamedTuple):
    """Frame to be written: layer and slice of the mask, the label shown, and the number of its segment."""

    layer: int
    slice: int
    label: int
    number: int


def write_segmentation(
    path: Path,
    findings: FindingSet,
    target: Series | None,
    *,
    kind: Kind = Kind.BINARY,
    algorithm: Algorithm = BY_HAND,
) -> None:
    """Write the mask of an exam as one segmentation of a series; slices in which a segment is empty are left out.

    Segments of a binary segmentation are numbered from 1 in the order of their labels, as DICOM demands, and keep their
    labels in their description; those of a label map have their labels as numbers. What a label is comes from the mask,
    else from the lesion of that `mask_label`.

    Parameters
    ----------
    target
        The series the mask was drawn on; its files must be there.
    kind
        `Kind.BINARY` or `Kind.LABELMAP`.
    algorithm
        Who drew it.

    Raises
    ------
    FormatError
        There is no target, or the mask lies on another grid or in another frame of reference; there is no segment; or
        segments overlap in a label map.
    NotAVolumeError
        The series is no regular stack.
    PixelError
        Its files are not on this machine.
    """
    if kind is Kind.FRACTIONAL:
        raise ValueError(f"kind {kind}: expected {Kind.BINARY} or {Kind.LABELMAP}")
    series = need_target(Path(path.name), target, "a DICOM segmentation refers to the images it was drawn on")
    check_frame_of_reference(findings.frame_of_reference_uid, series, path.name)
    if findings.mask is None:
        raise FormatError(f"{path.name}: no mask to write; a point does not say which voxels its lesion has")
    mask = findings.mask
    if kind is Kind.LABELMAP and mask.overlaid:
        mask = LabelMask(flat_labels(path, findings)[0], mask.geometry, mask.segments)
    mask = on_grid(mask, series.geometry, path.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values of the series: they are passed on as they are
        _write(path, _Written(path, mask, series, kind), findings, algorithm)


class _Written:
    """A mask on the grid of its series, and what is written of it."""

    def __init__(self, path: Path, mask: LabelMask, series: Series, kind: Kind) -> None:
        self.mask, self.series, self.kind = mask, series, kind
        found = list(_places(mask, path))
        labels = sorted({label for label, _, _ in found} | (set(mask.segments) - {BACKGROUND}))
        if not labels:
            raise FormatError(
                f"{path.name}: the mask is empty and describes no segment; DICOM knows no such segmentation"
            )
        if not 0 < labels[0] <= labels[-1] <= LARGEST_NUMBER:
            raise FormatError(_beyond(path, labels[0], labels[-1]))
        is_binary = kind is Kind.BINARY
        self.numbers = {label: index if is_binary else label for index, label in enumerate(labels, start=1)}
        shown = {_Plane(layer, index, label if is_binary else 0, 0) for label, layer, index in found}
        planes = [plane._replace(number=self.numbers.get(plane.label, 0)) for plane in shown]
        # A segmentation has a frame at least: where all segments are empty, the first slice of the first.
        nothing = _Plane(0, 0, labels[0] if is_binary else 0, 1 if is_binary else 0)
        self.planes = sorted(planes, key=lambda plane: (plane.number, plane.slice)) or [nothing]

    @property
    def bits(self) -> int:
        """Of a pixel."""
        return 1 if self.kind is Kind.BINARY else np.min_scalar_type(max(self.numbers)).itemsize * 8

    def check_size(self, path: Path) -> None:
        """Refuse what is longer than an element of DICOM can be."""
        size_bytes = len(self.planes) * int(np.prod(self.mask.geometry.shape[1:])) * self.bits // 8
        if size_bytes > LONGEST_VALUE:
            raise FormatError(
                f"{path.name}: {len(self.planes)} frames take {size_bytes} bytes; DICOM holds {LONGEST_VALUE}: write a "
                "label map, or several segmentations"
            )

    def pixels(self) -> NDArray[Any]:
        """Values of all frames, one after the other."""
        if self.kind is Kind.BINARY:
            return _packed(self.mask, self.planes)
        slices = [plane.slice for plane in self.planes]
        return np.ascontiguousarray(self.mask.labels[slices], dtype=f"<u{self.bits // 8}")


def _places(mask: LabelMask, path: Path) -> Iterator[tuple[int, int, int]]:
    """Label, layer and slice of all that is not empty."""
    for number, layer in enumerate(mask.layers):
        low, high = int(layer.min()), int(layer.max())
        if low < 0 or high > LARGEST_NUMBER:
            raise FormatError(_beyond(path, low, high))
        for index, plane in enumerate(layer):
            counts = np.bincount(plane.ravel().astype(np.intp, copy=False), minlength=1)
            counts[BACKGROUND] = 0
            for label in np.flatnonzero(counts).tolist():
                yield label, number, index


def _beyond(path: Path, low: int, high: int) -> str:
    return f"{path.name}: labels from {low} to {high}; a segmentation holds 1 to {LARGEST_NUMBER}: number them anew"


def _packed(mask: LabelMask, planes: Sequence[_Plane]) -> NDArray[np.uint8]:
    """Frames of one bit a pixel, without padding between them."""
    size = int(np.prod(mask.geometry.shape[1:]))
    packed = np.zeros((len(planes) * size + 7) // 8, np.uint8)
    bits = np.empty((BATCH, size), np.bool_)
    for first in range(0, len(planes), BATCH):
        batch = planes[first : first + BATCH]
        for row, plane in enumerate(batch):
            np.equal(mask.layers[plane.layer][plane.slice].ravel(), plane.label, out=bits[row])
        part = np.packbits(bits[: len(batch)], axis=None, bitorder="little")
        packed[first * size // 8 :][: len(part)] = part
    return packed


def _write(path: Path, written: _Written, findings: FindingSet, algorithm: Algorithm) -> None:
    """Put the object together and write it: the elements up to the groups of the frames, these, and the pixels."""
    import pydicom

    images = _images(written.series)
    written.check_size(path)
    pixels = written.pixels()
    groups = _per_frame_groups(written, images)
    voxels = hashlib.blake2b(pixels.data, digest_size=16, key=written.series.uid.encode()[:64]).hexdigest()
    dataset = base_dataset(written.series, written.kind, [reference for reference, _ in images])
    add_image(dataset, written.series.geometry, written.kind, len(written.planes), written.bits)
    if written.kind is Kind.BINARY:
        dataset.SegmentsOverlap = "UNDEFINED" if written.mask.overlaid else "NO"
    dataset.SegmentSequence = list(_segment_items(written, findings, algorithm, voxels))
    _add_uids(dataset, written.kind, hashlib.blake2b(_encoded(dataset) + groups, digest_size=16).hexdigest() + voxels)
    dataset.file_meta = _file_meta(dataset)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    padding = bytes(pixels.nbytes % 2)
    with path.open("ab") as file:
        file.write(_element_start(PER_FRAME_GROUPS, b"SQ", len(groups)) + groups)
        file.write(_element_start(PIXEL_DATA, b"OB" if written.bits <= 8 else b"OW", pixels.nbytes + len(padding)))
        file.write(pixels.data)
        file.write(padding)


def _images(series: Series) -> list[tuple[ImageReference, Sequence[float]]]:
    """Name and position of the image of each slice of a series."""
    records = records_of(series)
    images = []
    for index, frame in stack_series(series, records)[0]:
        record = records[index]
        frames = record.get("frames")
        position = frames[frame][0] if frames else record["ImagePositionPatient"]
        reference = ImageReference(record["SOPClassUID"], record["SOPInstanceUID"], frame + 1 if frames else 0)
        images.append((reference, position))
    return images


def _segment_items(written: _Written, findings: FindingSet, algorithm: Algorithm, voxels: str) -> Iterator[Dataset]:
    lesions = {lesion.mask_label: lesion for lesion in findings.lesions}
    for label, number in written.numbers.items():
        segment = _described(label, written.mask.segments, lesions)
        uid = segment.tracking_uid or derived_uid(f"{voxels}/tracking/{number}")
        yield segment_item(number, label, replace(segment, tracking_uid=uid), algorithm)


def _described(label: int, segments: Mapping[int, Segment], lesions: Mapping[int | None, Lesion]) -> Segment:
    """What a label is, in the words of the mask, else of its lesion; a name says where, if the mask codes nothing."""
    own = segment = segments.get(label, Segment(""))
    if (lesion := lesions.get(label)) is not None:
        segment = segment_of(segment, lesion)
    site = segment.site or (None if own.kind else site_of(segment.name))
    return replace(segment, name=segment.name or f"label {label}", site=site)


def _per_frame_groups(written: _Written, images: Sequence[tuple[ImageReference, Sequence[float]]]) -> bytes:
    """Items of the Per-Frame Functional Groups Sequence, encoded."""
    slices = sorted({plane.slice for plane in written.planes})
    counted = {index: count for count, index in enumerate(slices, start=1)}
    groups = {index: [_encoded(group) for group in frame_groups(*images[index])] for index in slices}
    items = []
    for plane in written.planes:
        derivation, position = groups[plane.slice]
        place = (counted[plane.slice],)
        values = (plane.number, *place) if written.kind is Kind.BINARY else place
        indexes = _element(DIMENSION_INDEX_VALUES, b"UL", struct.pack(f"<{len(values)}I", *values))
        item = derivation + _element(FRAME_CONTENT, b"SQ", _item(indexes)) + position
        if written.kind is Kind.BINARY:
            number = _element(REFERENCED_SEGMENT_NUMBER, b"US", struct.pack("<H", plane.number))
            item += _element(SEGMENT_IDENTIFICATION, b"SQ", _item(number))
        items.append(_item(item))
    return b"".join(items)


def _encoded(dataset: Dataset) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset, "utf-8")
    return buffer.getvalue()


def _item(content: bytes) -> bytes:
    return struct.pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, len(content)) + content


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Encode an element of even length, explicit VR."""
    return _element_start(tag, vr, len(value)) + value


def _element_start(tag: int, vr: bytes, length: int) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (struct.pack("<HI", 0, length) if vr in LONG_LENGTH_VRS else struct.pack("<H", length))


def _add_uids(dataset: Dataset, kind: Kind, content: str) -> None:
    """Add the UIDs, which follow from all else."""
    dataset.SOPInstanceUID = derived_uid(f"{content}/instance")
    dataset.SeriesInstanceUID = derived_uid(f"{content}/series")
    add_dimensions(dataset, kind, derived_uid(f"{content}/dimensions"))


def _file_meta(dataset: Dataset) -> Any:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID, meta.ImplementationClassUID = UID(EXPLICIT_VR), UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = f"{MAKER} {dataset.SoftwareVersions}"[:VERSION_NAME_LENGTH]
    return meta
