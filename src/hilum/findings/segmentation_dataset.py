"""The data set of a DICOM segmentation that is written, its pixels and the groups of its frames left out.

Nothing is invented: patient, study and frame of reference are those of the series it was drawn on; what that lacks and
DICOM demands stands empty.

References
----------
DICOM PS3.3 A.51.3 and A.92.3 (modules), C.7.6.16 (Multi-frame Functional Groups), C.7.6.17 (Multi-frame Dimension),
C.8.20.1 and C.8.20.2 (Segmentation Series and Image), C.12.2 (Common Instance Reference).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.findings.code_sequences import code_item
from hilum.findings.derived_object import derived_dataset, set_content_time, study_time
from hilum.findings.segmentation_header import LABELMAP_STORAGE, SEGMENTATION_STORAGE, Kind
from hilum.model.codes import Code
from hilum.volume.dicom_series import decimal_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom.dataset import Dataset

    from hilum.findings.image_planes import ImageReference
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

SERIAL_NUMBER = "0"
"""DeviceSerialNumber, which must not be empty; a program has none."""

SERIES_NUMBER = 9400
"""Series number of segmentations, which must have one: behind those of scanners."""

TEXT_LENGTH = 64
"""Characters of VR LO."""

SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
"""Why a frame refers to an image, and how it was derived from it."""

SEGMENT_NUMBER_TAGS = (0x0062000B, 0x0062000A)
POSITION_TAGS = (0x00200032, 0x00209113)
"""Attribute and functional group that a dimension counts."""


def base_dataset(target: Series, kind: Kind, references: Sequence[ImageReference]) -> Dataset:
    """Give patient, study, equipment and references of a segmentation of a series.

    Parameters
    ----------
    references
        All images of the series.

    Raises
    ------
    FormatError, PixelError
        The header of the series cannot be read, or its files are not here.
    """
    dataset = derived_dataset(target)
    dataset.SOPClassUID = LABELMAP_STORAGE if kind is Kind.LABELMAP else SEGMENTATION_STORAGE
    dataset.Modality = "SEG"
    dataset.SeriesNumber, dataset.InstanceNumber = SERIES_NUMBER, 1
    dataset.SeriesDescription = f"Segmentation of {target.row.get('SeriesDescription') or target.uid}"[:TEXT_LENGTH]
    set_content_time(dataset, study_time(target))
    dataset.DeviceSerialNumber = SERIAL_NUMBER
    if frame_of_reference_uid := target.row.get("FrameOfReferenceUID"):
        dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frame_of_reference_uid, ""
    dataset.ReferencedSeriesSequence = [_referenced_series(target, references)]
    return dataset


def add_image(dataset: Dataset, geometry: Geometry, kind: Kind, frame_count: int, bits: int) -> None:
    """Add what says how the pixels are to be read."""
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = "SEGMENTATION", "", ""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.NumberOfFrames = frame_count
    _, dataset.Rows, dataset.Columns = geometry.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits, bits - 1, 0
    dataset.LossyImageCompression = "00"
    dataset.SegmentationType = kind.value
    if kind is Kind.LABELMAP:
        dataset.PixelPaddingValue = 0
    dataset.SharedFunctionalGroupsSequence = [_shared_groups(geometry)]


def add_dimensions(dataset: Dataset, kind: Kind, uid: str) -> None:
    """Add what the Dimension Index Values of the frames count: the segment, where a frame shows one, and the plane."""
    from pydicom.dataset import Dataset

    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    dataset.DimensionOrganizationSequence = [organization]
    indexes = []
    for tag, group in (POSITION_TAGS,) if kind is Kind.LABELMAP else (SEGMENT_NUMBER_TAGS, POSITION_TAGS):
        index = Dataset()
        index.DimensionOrganizationUID = uid
        index.DimensionIndexPointer, index.FunctionalGroupPointer = tag, group
        indexes.append(index)
    dataset.DimensionIndexSequence = indexes


def frame_groups(reference: ImageReference, position_mm: Iterable[float]) -> tuple[Dataset, Dataset]:
    """Give the derivation and the plane position of the frames of one slice, a data set each."""
    from pydicom.dataset import Dataset

    image = reference_item(reference)
    image.PurposeOfReferenceCodeSequence = [code_item(SOURCE_IMAGE)]
    step = Dataset()
    step.DerivationCodeSequence = [code_item(SEGMENTATION)]
    step.SourceImageSequence = [image]
    derivation, position, place = Dataset(), Dataset(), Dataset()
    derivation.DerivationImageSequence = [step]
    place.ImagePositionPatient = [decimal_string(value) for value in position_mm]
    position.PlanePositionSequence = [place]
    return derivation, position


def reference_item(reference: ImageReference) -> Dataset:
    """Give the item that names an image."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.sop_class_uid, reference.sop_uid
    if reference.frame:
        item.ReferencedFrameNumber = reference.frame
    return item


def _referenced_series(target: Series, references: Iterable[ImageReference]) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.SeriesInstanceUID = target.uid
    objects = {reference.sop_uid: reference._replace(frame=0) for reference in references}
    item.ReferencedInstanceSequence = [reference_item(reference) for reference in objects.values()]
    return item


def _shared_groups(geometry: Geometry) -> Dataset:
    from pydicom.dataset import Dataset

    measures, orientation, groups = Dataset(), Dataset(), Dataset()
    measures.SliceThickness = measures.SpacingBetweenSlices = decimal_string(geometry.spacing_mm[0])
    measures.PixelSpacing = [decimal_string(value) for value in geometry.spacing_mm[1:]]
    cosines = [row[axis] for axis in (2, 1) for row in geometry.direction]
    orientation.ImageOrientationPatient = [decimal_string(value) for value in cosines]
    groups.PixelMeasuresSequence, groups.PlaneOrientationSequence = [measures], [orientation]
    return groups
