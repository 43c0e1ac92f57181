"""What can be asked for in a search: attributes by level, where each is in the database, and what answers hold.

References
----------
DICOM PS3.18 tables 10.6.1-5 (matching) and 10.6.3-3 to 10.6.3-5 (returned attributes).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Level = Literal["study", "series", "instance"]
LEVELS: tuple[Level, ...] = ("study", "series", "instance")


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that is matched.

    Attributes
    ----------
    keyword, tag, vr
        As in the data dictionary; of a sequence's attribute both tags, joined by a dot.
    level
        What it is an attribute of.
    field
        Column of the study's or series' table; for an instance, the catalog's column.
    """

    keyword: str
    tag: str
    vr: str
    level: Level
    field: str


KEYS: tuple[Key, ...] = (
    Key("StudyDate", "00080020", "DA", "study", "study_date"),
    Key("StudyTime", "00080030", "TM", "study", "study_time"),
    Key("AccessionNumber", "00080050", "SH", "study", "accession_number"),
    Key("ModalitiesInStudy", "00080061", "CS", "study", "series__modality"),
    Key("ReferringPhysicianName", "00080090", "PN", "study", "referring_physician"),
    Key("StudyDescription", "00081030", "LO", "study", "description"),
    Key("PatientName", "00100010", "PN", "study", "participant_name"),
    Key("PatientID", "00100020", "LO", "study", "participant_id"),
    Key("PatientBirthDate", "00100030", "DA", "study", "participant_birth_date"),
    Key("PatientSex", "00100040", "CS", "study", "participant_sex"),
    Key("StudyInstanceUID", "0020000D", "UI", "study", "study_uid"),
    Key("StudyID", "00200010", "SH", "study", "study_id"),
    Key("SeriesDate", "00080021", "DA", "series", "series_date"),
    Key("Modality", "00080060", "CS", "series", "modality"),
    Key("Manufacturer", "00080070", "LO", "series", "manufacturer"),
    Key("SeriesDescription", "0008103E", "LO", "series", "description"),
    Key("BodyPartExamined", "00180015", "CS", "series", "body_part"),
    Key("SeriesInstanceUID", "0020000E", "UI", "series", "series_uid"),
    Key("SeriesNumber", "00200011", "IS", "series", "series_number"),
    Key("PerformedProcedureStepStartDate", "00400244", "DA", "series", "performed_date"),
    Key("PerformedProcedureStepStartTime", "00400245", "TM", "series", "performed_time"),
    Key("RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009", "SH", "series", "scheduled_step_id"),
    Key(
        "RequestAttributesSequence.RequestedProcedureID", "00400275.00401001", "SH", "series", "requested_procedure_id"
    ),
    Key("SOPClassUID", "00080016", "UI", "instance", "SOPClassUID"),
    Key("SOPInstanceUID", "00080018", "UI", "instance", "SOPInstanceUID"),
    Key("AvailableTransferSyntaxUID", "00083002", "UI", "instance", "TransferSyntaxUID"),
    Key("InstanceNumber", "00200013", "IS", "instance", "InstanceNumber"),
    Key("NumberOfFrames", "00280008", "IS", "instance", "NumberOfFrames"),
    Key("Rows", "00280010", "US", "instance", "Rows"),
    Key("Columns", "00280011", "US", "instance", "Columns"),
)

BY_NAME: dict[str, Key] = {key.tag: key for key in KEYS} | {key.keyword.lower(): key for key in KEYS}
BY_NAME |= {key.tag.rpartition(".")[2]: key for key in KEYS if "." in key.tag}
BY_NAME |= {key.keyword.rpartition(".")[2].lower(): key for key in KEYS if "." in key.keyword}

_STUDY_RETURNED = (
    *("00080020", "00080030", "00080050", "00080090", "00080201"),
    *("00100010", "00100020", "00100030", "00100040", "0020000D", "00200010"),
)
_SERIES_RETURNED = ("00080060", "00080201", "0008103E", "0020000E", "00200011", "00400244", "00400245", "00400275")
_INSTANCE_RETURNED = ("00080016", "00080018", "00080201", "00200013", "00280008", "00280010", "00280011", "00280100")
RETURNED: dict[Level, frozenset[str]] = {
    "study": frozenset(_STUDY_RETURNED),
    "series": frozenset(_SERIES_RETURNED),
    "instance": frozenset(_INSTANCE_RETURNED),
}
"""Tags that every answer holds where the object has them."""


@lru_cache(maxsize=4096)
def known_tag(name: str) -> str | None:
    """Tag of eight digits that a keyword or tag names; None if the data dictionary has no such keyword."""
    from pydicom.datadict import tag_for_keyword

    if len(name) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in name):
        return name.upper()
    tag = tag_for_keyword(name)
    return None if tag is None else f"{tag:08X}"
