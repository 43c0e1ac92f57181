"""Rows of the catalog as rows of the database."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any

from hilum.model.tables import SERIES
from hilum.serve.published.described import series_of_row, study_of_row, tag_of
from hilum.serve.published.models import Series, Study

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.serve.published.metadata import SeriesMetadata

PREPARED_VERSION = 1
"""Version of what is made of a row and its files: raised when that changes, so that all is made anew."""

DIGEST_BYTES = 16
COLUMNS = tuple(name for name in SERIES.column_names if name not in {"source_doi", "source_url"})

TIME_DIGITS = 6
_KEYS = frozenset({"id", "collection", "study_uid", "series_uid", "copy_number"})
"""What a row keeps when it is written over."""

CHANGING_STUDY_FIELDS = tuple(field.name for field in Study._meta.concrete_fields if field.name not in _KEYS)  # noqa: SLF001
CHANGING_SERIES_FIELDS = tuple(field.name for field in Series._meta.concrete_fields if field.name not in _KEYS)  # noqa: SLF001


def digest_of(row: Mapping[str, Any]) -> str:
    """What tells whether a row, or what is made of it, has changed: hexadecimal."""
    packed = row["instances"] or b""
    rest = json.dumps([PREPARED_VERSION, *(row[name] for name in COLUMNS if name != "instances")], default=str)
    return hashlib.blake2b(rest.encode() + packed, digest_size=DIGEST_BYTES).hexdigest()


def rank_of(row: Mapping[str, Any]) -> tuple[bool, float, str]:
    """Which series of a study speaks for it: the lowest, of those whose files are here, by number and UID."""
    number = row["SeriesNumber"]
    return row["instances"] is None, float("inf") if number is None else number, row["SeriesInstanceUID"]


def study_from(collection_id: str, row: Mapping[str, Any], metadata: SeriesMetadata | None) -> Study:
    """The study of a series, after the series' row and headers."""
    described = study_of_row(row) | (metadata.study if metadata else {})
    return Study(
        collection_id=collection_id,
        study_uid=row["StudyInstanceUID"],
        participant_id=_clean(row["PatientID"]),
        participant_name=_first(described, "PatientName"),
        participant_birth_date=_first(described, "00100030")[:8],
        participant_sex=_clean(row["PatientSex"]),
        participant_age=_clean(row["PatientAge"]),
        study_date=row["StudyDate"],
        study_time=comparable_time(_clean(row["StudyTime"])),
        study_id=_clean(row["StudyID"]),
        accession_number=_clean(row["AccessionNumber"]),
        description=_clean(row["StudyDescription"]),
        referring_physician=_first(described, "00080090"),
        attributes=_json(described),
    )


def series_from(collection_id: str, study_key: int, row: Mapping[str, Any], metadata: SeriesMetadata | None) -> Series:
    """A series, after its row and headers."""
    described = series_of_row(row) | (metadata.series if metadata else {})
    request = (described.get("00400275", {}).get("Value") or [{}])[0]
    return Series(
        collection_id=collection_id,
        study_id=study_key,
        series_uid=row["SeriesInstanceUID"],
        modality=_clean(row["Modality"]),
        image_kind=row["image_kind"],
        kernel_class=row["kernel_class"] or "",
        screening_round=row["screening_round"],
        series_number=row["SeriesNumber"],
        series_date=row["SeriesDate"],
        description=_clean(row["SeriesDescription"]),
        body_part=_clean(row["BodyPartExamined"]),
        manufacturer=_clean(row["Manufacturer"]),
        slice_thickness_mm=row["SliceThickness"],
        performed_date=_first(described, "00400244")[:8],
        performed_time=comparable_time(_first(described, "00400245")),
        scheduled_step_id=_first(request, "00400009"),
        requested_procedure_id=_first(request, "00401001"),
        instance_count=row["instance_count"],
        size_bytes=row["size_bytes"],
        licence=_clean(row["licence"]),
        digest=digest_of(row),
        attributes=_json(described),
        instances=row["instances"],
    )


def comparable_time(text: str) -> str:
    """A TM value as ``HHMMSS.FFFFFF``, so that texts compare as times do; empty if it is none.

    References
    ----------
    DICOM PS3.5 section 6.2, TM.
    """
    whole, _, fraction = text.strip().replace(":", "").partition(".")
    if not whole.isdecimal() or len(whole) > TIME_DIGITS or len(whole) % 2 or (fraction and not fraction.isdecimal()):
        return ""
    return f"{whole:0<6}.{fraction[:TIME_DIGITS]:0<6}"


def _first(described: Mapping[str, Any], name: str) -> str:
    """First value of an attribute (keyword of the catalog or tag) as text; of a name, its first component group."""
    values = described.get(name if name[:1].isdigit() else tag_of(name), {}).get("Value") or [""]
    first = values[0]
    if isinstance(first, dict):
        first = next(iter(first.values()), "")
    return _clean(first)


def _clean(value: Any) -> str:
    """Text that every database takes."""
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return "" if value is None else str(value).replace("\0", "")


def _json(described: Mapping[str, Any]) -> str:
    # PostgreSQL keeps no zero character in a text, so none may hide in an escape either when it is read as JSON.
    return json.dumps(described, separators=(",", ":"), ensure_ascii=False).replace("\\u0000", "")
