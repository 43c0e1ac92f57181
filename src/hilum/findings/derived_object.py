"""What a DICOM object says that was derived from a series: whose it is, of which study, and that hilum wrote it.

References
----------
DICOM PS3.3 C.7.1.1 (Patient), C.7.2.1 (General Study), C.7.5.1 (General Equipment), C.12.1 (SOP Common); PS3.5 section
7.4.3 (Type 2: present, empty where not known); PS3.10 section 7.1.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from hilum.errors import FormatError
from hilum.volume.ct_image import UTF_8
from hilum.volume.dicom_series import EXPLICIT_VR, IMPLEMENTATION_CLASS_UID, derived_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from hilum.model.series import Series

MAKER = "hilum"

NO_DATE = datetime(1900, 1, 1)  # noqa: DTZ001 - DICOM's dates have no zone of their own

TYPE_2 = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
)
"""Attributes of patient and study that every object has, empty where nothing is known."""

OTHERS = (
    "StudyDescription",
    "PatientAge",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "TimezoneOffsetFromUTC",
)
"""Attributes of patient and study that are taken where the series has them."""


def derived_dataset(series: Series) -> Dataset:
    """Begin a data set in the study of a series, from the header of its first instance.

    Raises
    ------
    FormatError
        The header cannot be read.
    PixelError
        The instances are not on this machine.
    """
    from pydicom.dataset import Dataset

    source = _header(series)
    dataset = Dataset()
    dataset.SpecificCharacterSet = UTF_8
    for keyword in TYPE_2:
        setattr(dataset, keyword, source.get(keyword) or "")
    for keyword in OTHERS:
        if source.get(keyword):
            dataset[keyword] = source[keyword]
    dataset.StudyInstanceUID = series.study_uid
    dataset.Manufacturer = dataset.ManufacturerModelName = MAKER
    dataset.SoftwareVersions = version(MAKER)
    return dataset


def study_time(series: Series) -> datetime:
    """When the study of a series was begun, as its header says; the first of January 1900 where it does not.

    Reports and segmentations must say when their content was made. Where nothing tells, they say this, so that a repeat
    gives the same.
    """
    date, clock = series.row.get("StudyDate"), str(series.row.get("StudyTime") or "")[:6]
    if date is None:
        return NO_DATE
    try:
        return datetime.combine(date, datetime.strptime(f"{clock:0<6}", "%H%M%S").time())  # noqa: DTZ007 - as above
    except ValueError:
        return datetime.combine(date, NO_DATE.time())


def set_content_time(dataset: Dataset, made_at: datetime) -> None:
    """Say when the content was made."""
    dataset.ContentDate, dataset.ContentTime = made_at.strftime("%Y%m%d"), made_at.strftime("%H%M%S")


def set_uids(dataset: Dataset, content: str) -> None:
    """Derive the UIDs of series and instance from the data set so far and from what will be added to it."""
    from pydicom.uid import UID

    dataset.SeriesInstanceUID = dataset.SOPInstanceUID = UID("")
    digest = hashlib.blake2b(_encoded(dataset) + content.encode(), digest_size=16).hexdigest()
    dataset.SeriesInstanceUID = UID(derived_uid(f"{digest}/series"))
    dataset.SOPInstanceUID = UID(derived_uid(f"{digest}/instance"))


def encode_object(dataset: Dataset) -> bytes:
    """Give the bytes of a file."""
    return _encoded(dataset, is_file=True)


def _header(series: Series) -> Dataset:
    import pydicom

    path = series.instances.paths()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values: they are passed on as they are
        try:
            found = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*TYPE_2, *OTHERS], force=True)
            found.decode()
        except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
            raise FormatError(f"{path}: the header of the series cannot be read ({error}); index it again") from error
    return found


def _encoded(dataset: Dataset, *, is_file: bool = False) -> bytes:
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(EXPLICIT_VR)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    buffer = io.BytesIO()
    dataset.file_meta = meta
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=is_file, little_endian=True, implicit_vr=False)
    return buffer.getvalue()
