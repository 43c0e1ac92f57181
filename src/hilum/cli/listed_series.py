"""The series a manifest is to list: of a cohort, of collections, or of another manifest; with their files if asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hilum.errors import ConfigError, FormatError, Refusal, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.acquire.wanted import WantedFile, WantedSeries
    from hilum.catalog import Archive

_COLUMNS = (
    "Modality",
    "StudyDate",
    "StudyID",
    "StudyDescription",
    "SeriesNumber",
    "SeriesDescription",
    "SOPClassUID",
    "Manufacturer",
    "instance_count",
    "size_bytes",
    "licence",
    "source_url",
)
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Listed:
    """Series to list.

    Attributes
    ----------
    series
        The series, in order.
    files
        Key of a series to its files, where they are known.
    refusals
        Lines of the manifest they came from, or rows of the catalog, that could not be taken.
    server_url
        What that manifest said of its server.
    """

    series: Sequence[WantedSeries]
    files: Mapping[str, Sequence[WantedFile]]
    refusals: tuple[Refusal, ...] = ()
    server_url: str = ""


def series_of_cohort(archive: Archive, name: str, base_url: str) -> Listed:
    """Give the series of a cohort; their files where `base_url` says at which URL the archive's folders are.

    Raises
    ------
    NotFoundError
        There is no such cohort.
    """
    from hilum.cohort import Cohort
    from hilum.cohort.rows import cohort_rows

    cohort = Cohort.load(archive, name)
    return _of_rows(cohort_rows(archive, cohort, [*_COLUMNS, *_instances(base_url)]), base_url)


def series_of_collections(archive: Archive, collection_ids: Sequence[str], base_url: str) -> Listed:
    """Give all series of collections, in order of collection, participant, study and series.

    Raises
    ------
    ConfigError
        A collection has no series.
    """
    from hilum.cohort.rows import KEY_COLUMNS

    names = ", ".join(f'"{name}"' for name in (*KEY_COLUMNS, *_COLUMNS, *_instances(base_url)))
    sql = f"""
        SELECT {names} FROM series WHERE collection_id IN (SELECT unnest(?))
        ORDER BY collection_id, "PatientID", "StudyInstanceUID", "SeriesInstanceUID\""""  # noqa: S608 - own columns
    found_batches = archive.query(sql, [list(collection_ids)]).to_batches(max_chunksize=_ROWS_AT_ONCE)
    listed = _of_rows((row for batch in found_batches for row in batch.to_pylist()), base_url)
    found = {series.collection_id for series in listed.series}
    if absent := [name for name in collection_ids if name not in found]:
        raise ConfigError(f"no series of collection {', '.join(absent)} in {archive.path}; see hilum collections")
    return listed


def series_of_manifest(path: Path, *, is_completed: bool) -> Listed:
    """Give the series of another manifest, completed from the IDC index as far as it knows them.

    Raises
    ------
    FormatError
        It is no manifest.
    """
    from hilum.acquire.manifests import read_manifest
    from hilum.acquire.manifests.completing import complete

    manifest = read_manifest(path)
    if is_completed:
        manifest = complete(manifest).manifest
    return Listed(manifest.series, manifest.files, manifest.refusals, manifest.server_url)


def with_s3_files(listed: Listed, endpoint: str) -> tuple[Listed, tuple[Refusal, ...]]:
    """List the files of series in S3 buckets, a request a thousand files; series that cannot be listed are refused."""
    from hilum.acquire.s3 import S3Options, S3Source

    source = S3Source(S3Options(endpoint=endpoint))
    files, refusals = dict(listed.files), []
    for series in listed.series:
        if series.key in files or not series.location.startswith("s3://"):
            continue
        try:
            found = source.list_files(series)
        except SourceError as error:
            refusals.append(Refusal(series.key, error.check, str(error)))
            continue
        files[series.key] = [replace(file, location="") for file in found]
    return replace(listed, files=files), tuple(refusals)


def _of_rows(rows: Iterable[dict[str, Any]], base_url: str) -> Listed:
    from hilum.acquire.packed import PackedSeries

    files: dict[str, Sequence[WantedFile]] = {}
    refusals: list[Refusal] = []
    series = PackedSeries(_taken(rows, base_url, files, refusals))
    return Listed(series, files, tuple(refusals))


def _taken(
    rows: Iterable[dict[str, Any]], base_url: str, files: dict[str, Sequence[WantedFile]], refusals: list[Refusal]
) -> Iterator[WantedSeries]:
    """Series of rows of the catalog; notes their files, and rows that are none."""
    from hilum.acquire.columns import series_of

    for row in rows:
        packed = row.pop("instances", None)
        try:
            one = series_of(row)
        except FormatError as error:
            refusals.append(Refusal(str(row["SeriesInstanceUID"]), "bad-identifier", str(error)))
            continue
        if packed is not None and base_url:
            files[one.key] = _files(packed, base_url)
        yield one


def _instances(base_url: str) -> tuple[str, ...]:
    return ("instances",) if base_url else ()


def _files(packed: bytes, base_url: str) -> list[WantedFile]:
    """Files of a series that is indexed here: named below their common folder, at the URL of the folder indexed."""
    from hilum.acquire.wanted import WantedFile
    from hilum.model.instances import Instances

    instances = Instances.unpack(packed)
    paths, sizes = instances.column("path"), instances.column("size_bytes")
    common = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120 - texts of a table
    return [
        WantedFile(path[len(common) :].lstrip("/"), size, location=f"{base_url.rstrip('/')}/{quote(path)}")
        for path, size in zip(paths, sizes, strict=True)
    ]
