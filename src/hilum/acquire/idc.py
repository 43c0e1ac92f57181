"""What the Imaging Data Commons has, from the series index of the pip package ``idc-index-data``.

A UID that the newest version of IDC has no more is looked up in the index of earlier versions: its files stay in the
public buckets.

References
----------
https://github.com/ImagingDataCommons/idc-index-data
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.acquire.wanted import WantedSeries
from hilum.errors import NotFoundError, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# series_size_MB counts decimal megabytes, to six places: whole bytes. NaN stands for no value in some text columns.
_NEWEST_SQL = """
SELECT collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, Modality, StudyDate, StudyDescription,
    CAST(SeriesNumber AS VARCHAR) AS SeriesNumber, SeriesDescription, crdc_series_uuid, instanceCount AS instance_count,
    CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes, license_short_name AS licence, series_aws_url
FROM read_parquet($path)
WHERE {condition}
ORDER BY collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID
"""

_EARLIER_SQL = """
SELECT DISTINCT ON (SeriesInstanceUID) collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, Modality,
    crdc_series_uuid, NULL AS instance_count, CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes,
    NULL AS licence, series_aws_url, max_idc_version
FROM read_parquet($path)
WHERE SeriesInstanceUID IN (SELECT unnest($series_uids))
ORDER BY SeriesInstanceUID, max_idc_version DESC
"""

_COLUMNS = {
    "collection": "collection_id",
    "participant": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "modality": "Modality",
}


@dataclass(frozen=True, slots=True)
class IdcSelection:
    """What is asked of IDC: series that have one of the values of each field that has any.

    Attributes
    ----------
    collection, participant, study, series, modality
        Values of collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID and Modality.
    """

    collection: Sequence[str] = ()
    participant: Sequence[str] = ()
    study: Sequence[str] = ()
    series: Sequence[str] = ()
    modality: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class IdcFound:
    """What the index has of a selection.

    Attributes
    ----------
    series
        Series to download, in order of collection, participant, study and series.
    earlier
        SeriesInstanceUID to the last version of IDC that had it, of those the newest has no more.
    refusals
        Values that no version of the index has.
    """

    series: tuple[WantedSeries, ...]
    earlier: Mapping[str, int]
    refusals: tuple[Refusal, ...]


def find_in_idc(selection: IdcSelection) -> IdcFound:
    """Give the series of a selection.

    Raises
    ------
    NotFoundError
        The index holds nothing of it, or is not installed.
    """
    rows = _newest(selection)
    found = {str(row["SeriesInstanceUID"]) for row in rows}
    missing = [uid for uid in dict.fromkeys(selection.series) if uid not in found]
    earlier = _earlier(missing)
    known = found | {str(row["SeriesInstanceUID"]) for row in earlier}
    refusals = [_refusal("SeriesInstanceUID", uid) for uid in missing if uid not in known]
    for field in ("collection", "participant", "study"):
        have = {row[_COLUMNS[field]] for row in rows}
        refusals += [_refusal(_COLUMNS[field], value) for value in getattr(selection, field) if value not in have]
    if not known:
        raise NotFoundError(
            f"the IDC index has nothing of what was asked: {refusals[0].item if refusals else selection}"
        )
    return IdcFound(
        tuple(_series(row) for row in [*rows, *earlier]),
        {str(row["SeriesInstanceUID"]): int(row["max_idc_version"]) for row in earlier},
        tuple(refusals),
    )


def location_of(series_aws_url: str) -> str:
    """Location of a series of which the index gives the URL, ``s3://BUCKET/UUID/*``."""
    return series_aws_url.removesuffix("*")


def _newest(selection: IdcSelection) -> list[dict[str, Any]]:
    chosen = {field: list(values) for field in _COLUMNS if (values := getattr(selection, field))}
    condition = " AND ".join(f"{_COLUMNS[field]} IN (SELECT unnest(${field}))" for field in chosen) or "true"
    return _query(_NEWEST_SQL.format(condition=condition), {"path": str(_folder() / "idc_index.parquet"), **chosen})


def _earlier(series_uids: Sequence[str]) -> list[dict[str, Any]]:
    if not series_uids:
        return []
    path = str(_folder() / "prior_versions_index.parquet")
    return _query(_EARLIER_SQL, {"path": path, "series_uids": list(series_uids)})


def _query(sql: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        rows: list[dict[str, Any]] = connection.execute(sql, dict(parameters)).to_arrow_table().to_pylist()
        return rows


def _folder() -> Path:
    import idc_index_data

    index_path: Path | None = idc_index_data.IDC_INDEX_PARQUET_FILEPATH
    if index_path is None:
        raise NotFoundError("the package idc-index-data holds no idc_index.parquet; install it again")
    return index_path.parent


def _series(row: Mapping[str, Any]) -> WantedSeries:
    texts = ("StudyDate", "StudyDescription", "SeriesNumber", "SeriesDescription", "crdc_series_uuid")
    return WantedSeries(
        collection_id=row["collection_id"],
        participant_id=row["PatientID"],
        study_uid=row["StudyInstanceUID"],
        series_uid=row["SeriesInstanceUID"],
        modality=row["Modality"] or "",
        instance_count=row["instance_count"],
        size_bytes=row["size_bytes"],
        licence=row["licence"],
        location=location_of(row["series_aws_url"]),
        attributes={name: str(value) for name in texts if (value := row.get(name))},
    )


def _refusal(column: str, value: str) -> Refusal:
    return Refusal(value, "not-in-index", f"the IDC index has no series with {column} {value!r} among those asked for")
