"""A series from a row of a table, whichever of the archives' names its columns have.

NBIA's API, its portal's export, the retriever's ``metadata.csv``, the index and the portal of IDC and hilum itself name
the same things differently; upper case, blanks and punctuation of a name do not count.

References
----------
NBIA REST API, getSeries, getSeriesMetaData and v4/getSeriesMetadata; https://github.com/ImagingDataCommons/idc-index-data
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hilum.acquire.wanted import WantedSeries
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CRDC_SERIES = "crdc_series_uuid"
"""Name of the attribute that holds IDC's identifier of one version of a series."""

COLLECTION_NAME = "Collection"
"""Name of the attribute that holds a collection's name where it is not its id."""

_NAMES = {
    "series_uid": ("seriesinstanceuid", "seriesuid", "seriesid"),
    CRDC_SERIES: ("crdcseriesuuid", "seriesuuid", "seriesuuids"),
    "study_uid": ("studyinstanceuid", "studyuid"),
    "participant_id": ("patientid", "subjectid", "participantid"),
    "collection_id": ("collectionid", "collection", "collectionname"),
    "modality": ("modality",),
    "instance_count": ("instancecount", "imagecount", "numberofimages"),
    "size_bytes": ("sizebytes", "filesize", "filesizebytes"),
    "licence": ("licence", "license", "licensename", "licenseshortname"),
    "location": ("seriesawsurl", "sourceurl", "location"),
    "bucket": ("awsbucket",),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names}
_KEYWORD_OF = {
    "studydesc": "StudyDescription",
    "studydescription": "StudyDescription",
    "studydate": "StudyDate",
    "studyid": "StudyID",
    "seriesnumber": "SeriesNumber",
    "seriesdescription": "SeriesDescription",
    "seriesdate": "SeriesDate",
    "bodypartexamined": "BodyPartExamined",
    "sopclassuid": "SOPClassUID",
    "sopclassname": "SOPClassName",
    "datadescriptionuri": "DataDescriptionURI",
    "3rdpartyanalysis": "ThirdPartyAnalysis",
}
"""Attributes that a layout may name, under one name each: DICOM keywords, and NBIA's names of what is no attribute."""
_EMPTY = frozenset({"", "null", "None", "nan", "NaN"})
"""How programs write that there is no value."""

_MAX_UID_LENGTH = 64
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_NUMBER = re.compile(r"[0-9]{1,18}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uid(text: str) -> bool:
    """Whether a text can be a DICOM UID (PS3.5, 9.1); leading zeros of a part, which real ones have, are let pass."""
    return len(text) <= _MAX_UID_LENGTH and _UID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether a text can be a UUID as IDC writes them (RFC 4122, lower case)."""
    return _UUID.fullmatch(text) is not None


def field_of(column: str) -> str | None:
    """Give what a column holds, by its name; None for one that has no place in `WantedSeries`."""
    return _FIELD_OF.get(_plain(column))


def collection_id_of(name: str) -> str:
    """Give the id of a collection from its name at TCIA, as IDC does: ``ct_lymph_nodes`` from ``CT Lymph Nodes``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def names_series(columns: Iterable[str]) -> bool:
    """Whether a table with these columns says which series its rows are."""
    return any(field_of(column) in ("series_uid", CRDC_SERIES) for column in columns)


def series_of(row: Mapping[str, Any]) -> WantedSeries:
    """Read a series from a row: column name to value; what has no place of its own becomes an attribute.

    Raises
    ------
    FormatError
        The row names no series, or an identifier is none.
    """
    values: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for column, value in row.items():
        text = "" if value is None else str(value).strip()
        if text in _EMPTY:
            continue
        field = field_of(column)
        if field is None:
            attributes[_KEYWORD_OF.get(_plain(column), column)] = text
        else:
            values.setdefault(field, text)
    return _checked(values, attributes)


def crdc_of(location: str) -> dict[str, str]:
    """Give the attribute that IDC's identifier of a series makes, where a location ends with one; else none."""
    last = location.rstrip("/").rpartition("/")[2]
    return {CRDC_SERIES: last} if is_uuid(last) else {}


def _checked(values: dict[str, str], attributes: dict[str, str]) -> WantedSeries:
    uid, uuid = values.get("series_uid", ""), values.get(CRDC_SERIES, "")
    if not uid and not uuid:
        raise FormatError("no series; expected a SeriesInstanceUID or a crdc_series_uuid")
    if uid and not is_uid(uid):
        raise FormatError(f"found {uid!r}, expected a SeriesInstanceUID: numbers with dots, 64 characters at most")
    if uuid and not is_uuid(uuid):
        raise FormatError(f"found {uuid!r}, expected a crdc_series_uuid such as 085e85b3-3780-47f6-8538-585bcca95336")
    location = _location(values.get("location", ""), values.get("bucket", ""), uuid)
    collection = values.get("collection_id", "")
    if collection != (collection_id := collection_id_of(collection)):
        attributes[COLLECTION_NAME] = collection
    return WantedSeries(
        collection_id=collection_id,
        participant_id=values.get("participant_id", ""),
        study_uid=values.get("study_uid", ""),
        series_uid=uid,
        modality=values.get("modality", ""),
        instance_count=_count(values.get("instance_count")),
        size_bytes=_count(values.get("size_bytes")),
        licence=values.get("licence"),
        location=location,
        attributes=attributes | ({CRDC_SERIES: uuid} if uuid else crdc_of(location)),
    )


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.lower())


def _count(text: str | None) -> int | None:
    """Whole number; None for a rounded one such as ``163.31 KB``, which nothing can be checked against."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def _location(url: str, bucket: str, uuid: str) -> str:
    if url:
        return url.removesuffix("*").rstrip("/") + "/"
    return f"s3://{bucket}/{uuid}/" if bucket and uuid else ""
