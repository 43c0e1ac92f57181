"""What NBIA's clients are told of collections, participants, studies and series, by the names they know.

Only series whose files are here are told: whoever asks is going to download them.

References
----------
NBIA Search REST API Guide; https://github.com/CBIIT/NBIA-TCIA (``nbia-api``, classes ``V1_*``); the columns that
``tcia_utils`` 3.2 reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from hilum.acquire.layouts import us_date
from hilum.acquire.retriever_table import COLUMNS as RETRIEVER_COLUMNS
from hilum.model.instances import Instances
from hilum.model.licences import licence_of
from hilum.serve.access.decisions import visible_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from hilum.serve.access.principal import Principal
    from hilum.serve.published.models import Series

    Row = dict[str, Any]

UIDS_AT_ONCE = 500

MODEL = "ManufacturerModelName"
FILTERS = {
    "Collection": "collection__collection_id__iexact",
    "PatientID": "study__participant_id",
    "StudyInstanceUID": "study__study_uid",
    "SeriesInstanceUID": "series_uid",
    "Modality": "modality",
    "BodyPartExamined": "body_part",
    "Manufacturer": "manufacturer",
}
"""Parameter to what is compared; `MODEL` besides, which only the headers have."""

_VALUES = {
    "Collection": "collection_id",
    "Modality": "modality",
    "BodyPartExamined": "body_part",
    "Manufacturer": "manufacturer",
}

PATIENT_COLUMNS = ("PatientId", "PatientName", "PatientSex", "Collection")
STUDY_COLUMNS = (
    *("StudyInstanceUID", "StudyDate", "StudyDescription", "StudyID", "PatientAge", "PatientID", "PatientName"),
    *("PatientSex", "Collection", "SeriesCount"),
)
SERIES_COLUMNS = (
    *("SeriesInstanceUID", "StudyInstanceUID", "Modality", "ProtocolName", "SeriesDate", "SeriesDescription"),
    *("BodyPartExamined", "SeriesNumber", "Collection", "PatientID", "Manufacturer", "ManufacturerModelName"),
    *("SoftwareVersions", "ImageCount", "FileSize", "StudyDate", "StudyDesc", "LicenseName", "LicenseURI"),
)
METADATA_COLUMNS = (
    *("SeriesInstanceUID", "Collection", "PatientID", "StudyInstanceUID", "StudyDescription", "StudyDate"),
    *("SeriesDate", "SeriesDescription", "SeriesNumber", "Modality", "BodyPartExamined", "Manufacturer"),
    *("ManufacturerModelName", "SoftwareVersions", "ProtocolName", "ImageCount", "FileSize", "LicenseName"),
    "LicenseURI",
)
METADATA_TITLES = {name: name for name in METADATA_COLUMNS} | {
    "SeriesInstanceUID": "Series Instance UID",
    "StudyInstanceUID": "Study Instance UID",
    "PatientID": "Patient ID",
    "StudyDescription": "Study Description",
    "StudyDate": "Study Date",
    "SeriesDate": "Series Date",
    "SeriesDescription": "Series Description",
    "SeriesNumber": "Series Number",
    "BodyPartExamined": "Body Part Examined",
    "ManufacturerModelName": "Manufacturer Model Name",
    "SoftwareVersions": "Software Versions",
    "ProtocolName": "Protocol Name",
    "ImageCount": "Image Count",
    "FileSize": "File Size",
    "LicenseName": "License Name",
    "LicenseURI": "License URI",
}
"""Names of the columns in the CSV of v4."""

_FROM_HEADERS = {"ManufacturerModelName": "00081090", "SoftwareVersions": "00181020", "ProtocolName": "00181030"}
"""Tag of what is in the headers only."""


def matching(principal: Principal, filters: Mapping[str, str]) -> QuerySet[Series]:
    """Series that are here, may be seen, and have these values."""
    found = visible_series(principal).filter(instances__isnull=False)
    for name, value in filters.items():
        # The headers are kept as compact JSON, so that a value can be looked for as it stands there.
        found = (
            found.filter(attributes__contains=f'"00081090":{_compact({"vr": "LO", "Value": [value]})}')
            if name == MODEL
            else found.filter(**{FILTERS[name]: value})
        )
    return found


def values_of(name: str, found: QuerySet[Series]) -> Iterator[Row]:
    """Values of a parameter."""
    column = _VALUES[name]
    values = found.order_by(column).values_list(column, flat=True).distinct()
    yield from ({name: value} for value in values if value)


def counts_of(name: str, found: QuerySet[Series]) -> Iterator[Row]:
    """Values of a parameter, with the number of participants that have each."""
    column = _VALUES[name]
    counted = found.order_by(column).values_list(column).annotate(Count("study__participant_id", distinct=True))
    yield from ({"criteria": value, "count": count} for value, count in counted if value)


def patients_of(found: QuerySet[Series]) -> Iterator[Row]:
    """Participants, each once a collection."""
    columns = ("study__participant_id", "study__participant_name", "study__participant_sex", "collection_id")
    known = set()
    for values in found.order_by("collection_id", *columns[:3]).values_list(*columns).distinct().iterator():
        key = (values[0], values[3])
        if key not in known:
            known.add(key)
            yield _told(zip(PATIENT_COLUMNS, values, strict=True))


def studies_of(found: QuerySet[Series]) -> Iterator[Row]:
    """Studies, with the number of their series."""
    columns = (
        *("study_uid", "study_date", "description", "study_id", "participant_age", "participant_id"),
        *("participant_name", "participant_sex"),
    )
    grouped = found.order_by("collection_id", "study__participant_id", "study__study_date", "study__study_uid")
    fields = (*(f"study__{column}" for column in columns), "collection_id")
    for values in grouped.values_list(*fields).annotate(Count("pk")).iterator():
        yield _told(zip(STUDY_COLUMNS, values, strict=True))


def series_of(found: QuerySet[Series]) -> Iterator[Row]:
    """Series, whole: with what the calls for series and for their metadata tell."""
    ordered = found.order_by(
        "collection_id", "study__participant_id", "study__study_uid", "series_number", "series_uid"
    )
    known = set()
    for one in ordered.select_related("study").defer("instances", "study__attributes").iterator(chunk_size=500):
        if one.series_uid not in known:
            known.add(one.series_uid)
            yield _told(_series(one).items())


def listed(principal: Principal, uids: Sequence[str]) -> Iterator[Row]:
    """Series by their UIDs, in the order asked; those that are not here or not to be seen are passed over."""
    wanted = list(dict.fromkeys(uids))
    for start in range(0, len(wanted), UIDS_AT_ONCE):
        part = wanted[start : start + UIDS_AT_ONCE]
        found = matching(principal, {}).filter(series_uid__in=part)
        rows = {row["SeriesInstanceUID"]: row for row in series_of(found)}
        yield from (rows[uid] for uid in part if uid in rows)


def as_metadata(row: Row) -> Row:
    """Of a series, what v4 tells as its metadata."""
    row = row | ({"StudyDescription": row["StudyDesc"]} if "StudyDesc" in row else {})
    return {name: row[name] for name in METADATA_COLUMNS if name in row}


def as_retriever_row(row: Row) -> Row:
    """Of a series, what v1 tells as its metadata: what the NBIA Data Retriever writes."""
    named = {
        "Series UID": "SeriesInstanceUID",
        "Collection": "Collection",
        "Subject ID": "PatientID",
        "Study UID": "StudyInstanceUID",
        "Study Description": "StudyDesc",
        "Study Date": "StudyDate",
        "Series Description": "SeriesDescription",
        "Manufacturer": "Manufacturer",
        "Modality": "Modality",
        "Number of Images": "ImageCount",
        "File Size": "FileSize",
        "Series Number": "SeriesNumber",
        "License Name": "LicenseName",
        "License URL": "LicenseURI",
    }
    told = {title: row[name] for title, name in named.items() if name in row}
    return told | ({"Study Date": us_date(told["Study Date"])} if "Study Date" in told else {})


RETRIEVER_ROW_COLUMNS = (
    *(name for name in RETRIEVER_COLUMNS[:15] if name not in {"3rd Party Analysis", "Data Description URI"}),
    *("Series Number", "License Name", "License URL"),
)


def sizes_of(found: QuerySet[Series]) -> Iterator[Row]:
    """Bytes and files of a series."""
    row = found.order_by("collection_id").values_list("size_bytes", "instance_count").first()
    if row is not None:
        yield {"TotalSizeInBytes": row[0], "ObjectCount": row[1]}


def images_of(found: QuerySet[Series]) -> Iterator[Row]:
    """UIDs of the objects of a series, in its order."""
    packed = found.order_by("collection_id").values_list("instances", flat=True).first()
    if packed is not None:
        yield from ({"SOPInstanceUID": uid} for uid in Instances.unpack(bytes(packed)).column("SOPInstanceUID"))


def _series(one: Series) -> Row:
    study, headers = one.study, json.loads(one.attributes)
    licence = licence_of(one.licence) if one.licence else None
    return {
        "SeriesInstanceUID": one.series_uid,
        "StudyInstanceUID": study.study_uid,
        "Modality": one.modality,
        "SeriesDate": one.series_date,
        "SeriesDescription": one.description,
        "BodyPartExamined": one.body_part,
        "SeriesNumber": one.series_number,
        "Collection": one.collection_id,
        "PatientID": study.participant_id,
        "Manufacturer": one.manufacturer,
        "ImageCount": one.instance_count,
        "FileSize": one.size_bytes,
        "StudyDate": study.study_date,
        "StudyDesc": study.description,
        "LicenseName": one.licence,
        "LicenseURI": licence.url if licence else None,
        **{name: _first(headers, tag) for name, tag in _FROM_HEADERS.items()},
    }


def _first(headers: Mapping[str, Any], tag: str) -> str | None:
    values = headers.get(tag, {}).get("Value") or [None]
    return None if values[0] is None else str(values[0])


def _told(items: Any) -> Row:
    """What has a value; dates as ISO writes them."""
    found = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in items}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
