"""What the Imaging Data Commons has, from the series index of the pip package ``idc-index-data``.

A UID that the newest version of IDC has no more is looked up in the index of earlier versions: its files stay in the
public buckets.

References
----------
https://github.com/ImagingDataCommons/idc-index-data
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from hilum.acquire.columns import CRDC_SERIES
from hilum.acquire.packed import PackedSeries
from hilum.acquire.wanted import WantedSeries
from hilum.errors import NotFoundError, Refusal
from hilum.sql import connect, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Row = Mapping[str, Any]

# The index is in order of collection, participant, study and series; to sort all of it would take 0.4 GB.
# series_size_MB counts decimal megabytes, to six places: whole bytes. NaN stands for no value in some text columns.
_NEWEST_SQL = """
SELECT collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, Modality, StudyDate, StudyDescription,
    CAST(SeriesNumber AS VARCHAR) AS SeriesNumber, SeriesDescription, crdc_series_uuid, instanceCount AS instance_count,
    CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes, license_short_name AS licence, series_aws_url
FROM read_parquet({path})
WHERE {condition}
"""

_EARLIER_SQL = """
SELECT collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, Modality,
    crdc_series_uuid, NULL AS instance_count, CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes,
    NULL AS licence, series_aws_url, max_idc_version
FROM read_parquet({path})
WHERE {condition}
QUALIFY crdc_series_uuid IN (SELECT unnest({uuids}))
    OR row_number() OVER (PARTITION BY SeriesInstanceUID ORDER BY max_idc_version DESC) = 1
ORDER BY SeriesInstanceUID, max_idc_version
"""

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

_ROWS_AT_ONCE = 1000

_SOUGHT_AT_ONCE = 5_000
"""Series of a manifest that are looked up together."""


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

    series: Sequence[WantedSeries]
    earlier: Mapping[str, int]
    refusals: tuple[Refusal, ...]


def find_in_idc(selection: IdcSelection) -> IdcFound:
    """Give the series of a selection.

    Raises
    ------
    NotFoundError
        The index holds nothing of it, or is not installed.
    """
    # As few as the values asked for, however many series have them.
    present: dict[str, set[str]] = {field: set() for field in _FIELDS if getattr(selection, field)}
    series = PackedSeries(_noted(map(_series, _newest(selection)), present))
    missing = [uid for uid in dict.fromkeys(selection.series) if uid not in present["series"]]
    earlier = [row for row in _earlier(series_uids=missing) if _fits(row, selection)]
    if earlier:
        series = PackedSeries(chain(series, _noted(map(_series, earlier), present)))
    refusals = [
        _refusal(_COLUMNS[field], value)
        for field, found in present.items()
        for value in dict.fromkeys(getattr(selection, field))
        if value not in found
    ]
    if not series:
        raise NotFoundError(f"the IDC index has nothing of what was asked: {refusals[0].reason}")
    return IdcFound(series, _versions(earlier), tuple(refusals))


def participants_in_idc(selection: IdcSelection) -> list[str]:
    """Ids of the participants whose series are selected, sorted; without those series, of which NLST has 592,600."""
    sql = f"SELECT DISTINCT PatientID FROM read_parquet({_index()}) WHERE {_chosen(selection)}"  # noqa: S608 (our own columns)
    return sorted(row["PatientID"] for row in _query(sql))


def find_all_in_idc(wanted: Iterable[WantedSeries]) -> IdcFound:
    """Complete series of a manifest from the index: each by IDC's identifier of its version, or else by its UID.

    A series that the index does not have is kept as it is if its location is known, and refused if not.

    Raises
    ------
    NotFoundError
        The index is not installed.
    """
    versions: dict[str, int] = {}
    refusals: list[Refusal] = []
    series = PackedSeries(_completed(wanted, versions, refusals))
    return IdcFound(series, versions, tuple(refusals))


def _completed(
    wanted: Iterable[WantedSeries], versions: dict[str, int], refusals: list[Refusal]
) -> Iterator[WantedSeries]:
    """Series of a manifest as the index knows them; notes the versions of earlier ones, and what is refused."""
    given = iter(wanted)
    while some := list(islice(given, _SOUGHT_AT_ONCE)):
        by_uid, by_uuid = _rows_of(some)
        for one in some:
            row = by_uuid.get(one.attributes.get(CRDC_SERIES, ""))
            row = by_uid.get(one.series_uid) if row is None and not one.location else row
            if row is not None:
                versions |= _versions([row])
                yield _series(row)
            elif one.location:
                yield one
            else:
                name = one.series_uid or one.attributes.get(CRDC_SERIES, "")
                refusals.append(_refusal("SeriesInstanceUID" if one.series_uid else CRDC_SERIES, name))


def _rows_of(wanted: Sequence[WantedSeries]) -> tuple[dict[str, Row], dict[str, Row]]:
    """Rows of series by their UIDs, and by IDC's identifiers; the newest version wins."""
    uids = [series.series_uid for series in wanted if series.series_uid]
    uuids = [series.attributes[CRDC_SERIES] for series in wanted if CRDC_SERIES in series.attributes]
    rows = [*_earlier(uids, uuids), *_query(_NEWEST_SQL.format(path=_index(), condition=_any_of(uids, uuids)))]
    return {row["SeriesInstanceUID"]: row for row in rows}, {row[CRDC_SERIES]: row for row in rows}


def _noted(series: Iterable[WantedSeries], present: Mapping[str, set[str]]) -> Iterator[WantedSeries]:
    """Series as they pass, the values of their fields noted in `present`."""
    names = [(_FIELDS[field], found) for field, found in present.items()]
    for one in series:
        for name, found in names:
            found.add(getattr(one, name))
        yield one


def _fits(row: Row, selection: IdcSelection) -> bool:
    return all(row[column] in values for field, column in _COLUMNS.items() if (values := getattr(selection, field)))


def location_of(series_aws_url: str) -> str:
    """Location of a series of which the index gives the URL, ``s3://BUCKET/UUID/*``."""
    return series_aws_url.removesuffix("*")


def _newest(selection: IdcSelection) -> Iterator[Row]:
    return _query(_NEWEST_SQL.format(path=_index(), condition=_chosen(selection)))


def _chosen(selection: IdcSelection) -> str:
    """Condition of a selection on the index."""
    chosen = [(column, values) for field, column in _COLUMNS.items() if (values := getattr(selection, field))]
    return " AND ".join(_is_among(column, values) for column, values in chosen) or "true"


def _earlier(series_uids: Sequence[str] = (), uuids: Sequence[str] = ()) -> Iterator[Row]:
    if not series_uids and not uuids:
        return iter(())
    condition = _any_of(series_uids, uuids)
    return _query(_EARLIER_SQL.format(path=_index("prior_versions_index"), condition=condition, uuids=_list(uuids)))


def _any_of(series_uids: Sequence[str], uuids: Sequence[str]) -> str:
    sought = [("SeriesInstanceUID", series_uids), (CRDC_SERIES, uuids)]
    # A list that is empty would cost as much as one that is not.
    return " OR ".join(_is_among(column, values) for column, values in sought if values) or "false"


def _is_among(column: str, values: Sequence[str]) -> str:
    return f"{column} IN (SELECT unnest({_list(values)}))"


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(literal, values))}]::VARCHAR[]"


def _versions(rows: Iterable[Row]) -> dict[str, int]:
    return {str(row["SeriesInstanceUID"]): int(row["max_idc_version"]) for row in rows if "max_idc_version" in row}


def _query(sql: str) -> Iterator[Row]:
    """Rows of an answer, few at a time: all of NLST as dictionaries would be half a gigabyte."""
    with connect() as connection:
        # The index is one group of rows: read ahead, it would lie in memory whole.
        connection.execute("SET disable_parquet_prefetching = true")
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description]
        while rows := answer.fetchmany(_ROWS_AT_ONCE):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def _index(table: str = "idc_index") -> str:
    """Path of a table of the index, as SQL writes it."""
    import idc_index_data

    index_path: Path | None = idc_index_data.IDC_INDEX_PARQUET_FILEPATH
    if index_path is None:
        raise NotFoundError("the package idc-index-data holds no idc_index.parquet; install it again")
    return literal(index_path.with_name(f"{table}.parquet"))


def _series(row: Row) -> WantedSeries:
    texts = ("StudyDate", "StudyDescription", "SeriesNumber", "SeriesDescription")
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
        attributes={name: str(value) for name in texts if (value := row.get(name))}
        | {name: value for name in (CRDC_SERIES,) if (value := row[name])},
    )


def _refusal(column: str, value: str) -> Refusal:
    return Refusal(value, "not-in-index", f"the IDC index has no series with {column} {value!r} among those asked for")
