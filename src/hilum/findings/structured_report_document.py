"""Measurement groups as a whole document: a Comprehensive SR of TID 1500 in the study of a series.

References
----------
DICOM PS3.3 A.35.3 (Comprehensive SR IOD), C.17 (SR document modules); PS3.16 TID 1500.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.findings import structured_report_codes as codes
from hilum.findings.derived_object import MAKER, derived_dataset, encode_object, set_content_time, set_uids, study_time
from hilum.findings.image_planes import ImageReference
from hilum.findings.structured_report_items import (
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    Item,
    content_dataset,
    reference_dataset,
)
from hilum.volume.dicom_series import derived_uid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pydicom.dataset import Dataset

    from hilum.model.series import Series

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"

SERIES_NUMBER = 9500
"""Series number of reports, which must have one: behind those of scanners."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a report says of itself: its series' description, and when its content was made (`study_time` if absent)."""

    description: str
    made_at: datetime | None = None


def report_bytes(groups: Sequence[Item], series: Series, head: Head) -> bytes:
    """Give the file of a report on a series; the same groups, series and head give the same bytes.

    Raises
    ------
    FormatError, PixelError
        The header of the series cannot be read, or its files are not here.
    """
    dataset = derived_dataset(series)
    dataset.SOPClassUID = COMPREHENSIVE_SR
    dataset.Modality = "SR"
    dataset.SeriesNumber, dataset.InstanceNumber = SERIES_NUMBER, 1
    dataset.SeriesDescription = head.description
    set_content_time(dataset, head.made_at or study_time(series))
    dataset.CompletionFlag, dataset.VerificationFlag = "PARTIAL", "UNVERIFIED"
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    dataset.CodingSchemeIdentificationSequence = [_own_scheme()]
    references = sorted({*_references(Item("CONTAINER", None, children=tuple(groups)))})
    if references:
        dataset.CurrentRequestedProcedureEvidenceSequence = [_evidence(references, series)]
    set_uids(dataset, repr(list(groups)))
    dataset.update(_root(groups))
    return encode_object(dataset)


def _root(groups: Sequence[Item]) -> Dataset:
    """Content of the document: its language, who observed, what was reported, the groups."""
    context = (
        Item("CODE", codes.LANGUAGE, codes.ENGLISH, relationship=HAS_CONCEPT_MOD),
        Item("CODE", codes.OBSERVER_TYPE, codes.DEVICE, relationship=HAS_OBS_CONTEXT),
        Item("UIDREF", codes.DEVICE_UID, derived_uid(MAKER), relationship=HAS_OBS_CONTEXT),
        Item("TEXT", codes.DEVICE_NAME, MAKER, relationship=HAS_OBS_CONTEXT),
        Item("TEXT", codes.DEVICE_MANUFACTURER, MAKER, relationship=HAS_OBS_CONTEXT),
        Item("TEXT", codes.DEVICE_MODEL, MAKER, relationship=HAS_OBS_CONTEXT),
        Item("CODE", codes.PROCEDURE, codes.CT_PROCEDURE, relationship=HAS_CONCEPT_MOD),
    )
    measurements = Item("CONTAINER", codes.MEASUREMENTS, children=tuple(groups))
    root = content_dataset(Item("CONTAINER", codes.REPORT, None, (*context, measurements), template=codes.TEMPLATE))
    del root.RelationshipType  # the root has none
    return root


def _references(item: Item) -> Iterator[ImageReference]:
    """Images that an item and those below it refer to."""
    if isinstance(item.value, ImageReference):
        yield item.value._replace(frame=0)
    for child in item.children:
        yield from _references(child)


def _evidence(references: Sequence[ImageReference], series: Series) -> Dataset:
    from pydicom.dataset import Dataset

    images, study = Dataset(), Dataset()
    images.ReferencedSOPSequence = [reference_dataset(reference) for reference in references]
    images.SeriesInstanceUID = series.uid
    study.ReferencedSeriesSequence = [images]
    study.StudyInstanceUID = series.study_uid
    return study


def _own_scheme() -> Dataset:
    from pydicom.dataset import Dataset

    scheme = Dataset()
    scheme.CodingSchemeDesignator = codes.OWN_SCHEME
    scheme.CodingSchemeName = codes.OWN_SCHEME_NAME
    return scheme
