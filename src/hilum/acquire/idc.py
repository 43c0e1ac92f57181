"""What the Imaging Data Commons has, from the series index of the pip package ``idc-index-data``.

A UID that the newest version of IDC has no more is looked up in the index of earlier versions: its files stay in the
public buckets.

References
----------
https://github.com/ImagingDataCommons/idc-index-data
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any

from hilum.acquire.columns import CRDC_SERIES
from hilum.acquire.wanted import WantedSeries
from hilum.errors import NotFoundError, Refusal
from hilum.sql import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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
SELECT collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, Modality,
    crdc_series_uuid, NULL AS instance_count, CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes,
    NULL AS licence, series_aws_url, max_idc_version
FROM read_parquet($path)
WHERE {condition}
QUALIFY crdc_series_uuid IN (SELECT unnest($uuids))
    OR row_number() OVER (PARTITION BY SeriesInstanceUID ORDER BY max_idc_version DESC) = 1
ORDER BY SeriesInstanceUID, max_idc_version
"""

_ANY_OF = "(SeriesInstanceUID IN (SELECT unnest($series_uids)) OR crdc_series_uuid IN (SELECT unnest($uuids)))"

_COLUMNS = {
    "collection": "collection_id",
    "participant": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "modality": "Modality",
}
_FIELDS = {
    "collection": "collection_id",
    "participant": "participant_id",
    "study": "study_uid",
    "series": "series_uid",
    "modality": "modality",
}
"""Fields of a selection: the columns of the index, and the attributes of a wanted series, that hold their values."""

_ROWS_AT_ONCE = 10_000


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

    @property
    def any(self) -> bool:
        """Whether it asks for anything in particular."""
        return any((self.collection, self.participant, self.study, self.series, self.modality))

    @property
    def is_of_one(self) -> bool:
        """Whether it asks for one collection, one modality, or one modality of one collection, of all participants."""
        names_more = any((self.participant, self.study, self.series))
        return self.any and not names_more and len(self.collection) <= 1 and len(self.modality) <= 1


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
    series = [_series(row) for row in _newest(selection)]
    found = {one.series_uid for one in series}
    missing = [uid for uid in dict.fromkeys(selection.series) if uid not in found]
    earlier = [row for row in _earlier(series_uids=missing) if _fits(row, selection)]
    series += [_series(row) for row in earlier]
    refusals = [
        _refusal(_COLUMNS[field], value)
        for field, name in _FIELDS.items()
        for value in _absent(getattr(selection, field), name, series)
    ]
    if not series:
        raise NotFoundError(f"the IDC index has nothing of what was asked: {refusals[0].reason}")
    return IdcFound(tuple(series), _versions(earlier), tuple(refusals))


def participants_in_idc(selection: IdcSelection) -> list[str]:
    """Ids of the participants whose series are selected, sorted; without those series, of which NLST has 592,600."""
    condition, parameters = _chosen(selection)
    rows = _query(f"SELECT DISTINCT PatientID FROM read_parquet($path) WHERE {condition}", parameters)  # noqa: S608 (our own columns)
    return sorted(row["PatientID"] for row in rows)


def find_all_in_idc(wanted: Sequence[WantedSeries]) -> IdcFound:
    """Complete series of a manifest from the index: each by IDC's identifier of its version, or else by its UID.

    A series that the index does not have is kept as it is if its location is known, and refused if not.

    Raises
    ------
    NotFoundError
        The index is not installed.
    """
    uids = [series.series_uid for series in wanted if series.series_uid]
    uuids = [series.attributes[CRDC_SERIES] for series in wanted if CRDC_SERIES in series.attributes]
    newest = list(_query(_NEWEST_SQL.format(condition=_ANY_OF), _parameters("idc_index", uids, uuids)))
    earlier = list(_earlier(series_uids=uids, uuids=uuids))
    by_uuid = {row[CRDC_SERIES]: row for row in [*earlier, *newest]}
    by_uid = {row["SeriesInstanceUID"]: row for row in [*earlier, *newest]}
    series: list[WantedSeries] = []
    refusals: list[Refusal] = []
    used: list[Mapping[str, Any]] = []
    for one in wanted:
        row = by_uuid.get(one.attributes.get(CRDC_SERIES, ""))
        row = by_uid.get(one.series_uid) if row is None and not one.location else row
        if row is not None:
            series.append(_series(row))
            used.append(row)
        elif one.location:
            series.append(one)
        else:
            name = one.series_uid or one.attributes.get(CRDC_SERIES, "")
            refusals.append(_refusal("SeriesInstanceUID" if one.series_uid else CRDC_SERIES, name))
    return IdcFound(tuple(series), _versions(used), tuple(refusals))


def _fits(row: Mapping[str, Any], selection: IdcSelection) -> bool:
    return all(row[column] in values for field, column in _COLUMNS.items() if (values := getattr(selection, field)))


def _absent(values: Sequence[str], name: str, series: Sequence[WantedSeries]) -> list[str]:
    """Values that no series has in the attribute `name`, each once."""
    present = {getattr(one, name) for one in series} if values else set()
    return [value for value in dict.fromkeys(values) if value not in present]


def location_of(series_aws_url: str) -> str:
    """Location of a series of which the index gives the URL, ``s3://BUCKET/UUID/*``."""
    return series_aws_url.removesuffix("*")


def _newest(selection: IdcSelection) -> Iterator[dict[str, Any]]:
    condition, parameters = _chosen(selection)
    return _query(_NEWEST_SQL.format(condition=condition), parameters)


def _chosen(selection: IdcSelection) -> tuple[str, dict[str, object]]:
    """Condition of a selection on the index, and its parameters."""
    chosen = {field: list(values) for field in _COLUMNS if (values := getattr(selection, field))}
    condition = " AND ".join(f"{_COLUMNS[field]} IN (SELECT unnest(${field}))" for field in chosen) or "true"
    return condition, {"path": str(_folder() / "idc_index.parquet"), **chosen}


def _earlier(series_uids: Sequence[str] = (), uuids: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    if not series_uids and not uuids:
        return iter(())
    return _query(_EARLIER_SQL.format(condition=_ANY_OF), _parameters("prior_versions_index", series_uids, uuids))


def _parameters(table: str, series_uids: Sequence[str], uuids: Sequence[str]) -> dict[str, object]:
    return {"path": str(_folder() / f"{table}.parquet"), "series_uids": list(series_uids), "uuids": list(uuids)}


def _versions(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {str(row["SeriesInstanceUID"]): int(row["max_idc_version"]) for row in rows if "max_idc_version" in row}


def _query(sql: str, parameters: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    """Rows of an answer, few at a time: all of NLST as dictionaries would be half a gigabyte."""
    with connect() as connection:
        # On a slow machine DuckDB would draw it into what the command prints.
        for batch in connection.sql(sql, params=dict(parameters)).to_arrow_reader(_ROWS_AT_ONCE):
            yield from batch.to_pylist()


def _folder() -> Path:
    import idc_index_data

    index_path: Path | None = idc_index_data.IDC_INDEX_PARQUET_FILEPATH
    if index_path is None:
        raise NotFoundError("the package idc-index-data holds no idc_index.parquet; install it again")
    return index_path.parent


def _series(row: Mapping[str, Any]) -> WantedSeries:
    texts = ("StudyDate", "StudyDescription", "SeriesNumber", "SeriesDescription")
    return WantedSeries(
        # What thousands of series share is kept once.
        collection_id=intern(row["collection_id"]),
        participant_id=intern(row["PatientID"]),
        study_uid=intern(row["StudyInstanceUID"]),
        series_uid=row["SeriesInstanceUID"],
        modality=intern(row["Modality"] or ""),
        instance_count=row["instance_count"],
        size_bytes=row["size_bytes"],
        licence=row["licence"],
        location=location_of(row["series_aws_url"]),
        attributes={name: intern(str(value)) for name in texts if (value := row.get(name))}
        | {name: value for name in (CRDC_SERIES,) if (value := row[name])},
    )


def _refusal(column: str, value: str) -> Refusal:
    return Refusal(value, "not-in-index", f"the IDC index has no series with {column} {value!r} among those asked for")
