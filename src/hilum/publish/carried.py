"""What a release says of its collections, carried into the archive that receives its files: licence, citation, sources.

It goes where an archive keeps it anyway: the steward's words into ``collections/NAME.toml``, what was known of single
series into the columns of the series table that files do not tell, data sets into the sources table. What the archive
says already stays; where the two say different licences, nothing is taken over and nothing may be indexed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hilum.catalog.merge import IMPORTED_COLUMNS
from hilum.disk import write_whole
from hilum.model.licences import licence_of
from hilum.publish.described import description_path, read_description
from hilum.publish.work import find_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from hilum.catalog import Archive, Snapshot
    from hilum.model.licences import Licence
    from hilum.publish.release import Release

_SOURCE_KEYS = ("source_doi", "analysis_result_id")


def licence_conflicts(archive: Archive, release: Release, collection_ids: Sequence[str]) -> tuple[str, ...]:
    """Say where the archive knows another licence than the release; nothing if the two agree, or one is silent.

    Raises
    ------
    ConfigError
        The words of one of the two stewards cannot be read.
    """
    return tuple(
        conflict
        for collection_id in collection_ids
        for conflict in (
            *_conflict_of_collection(archive, release, collection_id),
            *_conflict_of_series(archive, release, collection_id),
        )
    )


def describe(archive: Archive, release: Release, collection_ids: Sequence[str]) -> tuple[str, ...]:
    """Write down what the release says of collections that the archive says nothing of; give what was done.

    Raises
    ------
    ConfigError
        The words of one of the two stewards cannot be read.
    """
    return tuple(remark for one in collection_ids for remark in _describe(archive, release, one))


def carry_columns(archive: Archive, release: Release, collection_id: str) -> None:
    """Give series of the archive what the release knows of them and their files do not tell, and their sources."""
    stated = _rows(release, "series", collection_id, ("SeriesInstanceUID", *IMPORTED_COLUMNS))
    if stated is None or all(stated[name].null_count == len(stated) for name in IMPORTED_COLUMNS):
        return

    def change(newest: Snapshot) -> Mapping[str, pa.Table]:
        series = _filled(newest.table("series", collection_id), stated)
        return {"series": series, "sources": _with_sources(newest, release, collection_id)}

    archive.update(collection_id, change, note=f"licences and sources of {collection_id} from {release.reference}")


def _conflict_of_collection(archive: Archive, release: Release, collection_id: str) -> Iterator[str]:
    stated, own = _stated(release, collection_id), _own(archive, collection_id)
    if stated and own and stated.name != own.name:
        yield (
            f"collection {collection_id}: this archive says {own.name}, {release.reference} says {stated.name}; ask "
            f"who sent it: if that holds, write it into {description_path(archive.path, collection_id)} and receive "
            "the drive again; if yours does, index its data with hilum index"
        )


def _conflict_of_series(archive: Archive, release: Release, collection_id: str) -> Iterator[str]:
    """Series whose own licence the archive knows otherwise."""
    import pyarrow.compute as pc

    stated = _rows(release, "series", collection_id, ("SeriesInstanceUID", "licence"))
    known = archive.snapshot().table("series", collection_id, ["SeriesInstanceUID", "licence"])
    if stated is None or not len(known):
        return
    other = pc.not_equal(known["licence"], _of_series(known, stated)["licence"])
    found = known.filter(pc.fill_null(other, False))
    if len(found):
        first = found.slice(0, 1).to_pylist()[0]
        yield (
            f"collection {collection_id}: this archive says another licence of {len(found):,} series than "
            f"{release.reference}, such as {first['licence']} of {first['SeriesInstanceUID']}; ask who sent it"
        )


def _stated(release: Release, collection_id: str) -> Licence | None:
    """The licence that the release states of a collection, not of single series; None if it states none."""
    written = read_description(release.folder, collection_id).licence if _words(release, collection_id) else None
    if written:
        return licence_of(written)
    series = _rows(release, "series", collection_id, ("licence",))
    is_of_whole = release.kind == "collection" and series is not None and series["licence"].null_count > 0
    whole = licence_of(release.licence)
    return whole if is_of_whole and whole != licence_of(None) else None


def _own(archive: Archive, collection_id: str) -> Licence | None:
    """The licence that the archive, or hilum itself, knows of a collection."""
    written = read_description(archive.path, collection_id).licence
    if written:
        return licence_of(written)
    source = find_source(archive, collection_id, None)
    return source.licence if source and source.licence != licence_of(None) else None


def _describe(archive: Archive, release: Release, collection_id: str) -> Iterator[str]:
    path, theirs = description_path(archive.path, collection_id), _words(release, collection_id)
    stated = _stated(release, collection_id)
    if theirs and not path.exists():
        write_whole(path, theirs)
        yield f"{path} written: what {release.reference} says of {collection_id}"
    elif stated and _own(archive, collection_id) is None:
        before = path.read_bytes() if path.exists() else b""
        line = f"# as {release.reference} states it\nlicence = {json.dumps(stated.name, ensure_ascii=False)}\n"
        write_whole(path, line.encode() + before)
        yield f"{path} written: licence {stated.name}, which {release.reference} states"
    elif theirs and theirs != path.read_bytes():
        yield f"{path} kept, though {description_path(release.folder, collection_id)} has other words"


def _words(release: Release, collection_id: str) -> bytes:
    """What the sender's steward wrote of a collection; nothing that the digest of the release does not cover."""
    path = description_path(release.folder, collection_id)
    is_part = any(release.folder / part.path == path for part in release.parts)
    return path.read_bytes() if is_part else b""


def _filled(series: pa.Table, stated: pa.Table) -> pa.Table:
    """Rows of the series table, with what is stated where they say nothing."""
    import pyarrow.compute as pc

    found = _of_series(series, stated)
    for name in IMPORTED_COLUMNS:
        place = series.schema.get_field_index(name)
        series = series.set_column(place, series.schema.field(place), pc.coalesce(series[name], found[name]))
    return series


def _of_series(series: pa.Table, stated: pa.Table) -> pa.Table:
    """What is stated of each series, row for row; nulls where nothing is."""
    import pyarrow.compute as pc

    return stated.take(pc.index_in(series["SeriesInstanceUID"], stated["SeriesInstanceUID"].combine_chunks()))


def _with_sources(newest: Snapshot, release: Release, collection_id: str) -> pa.Table:
    """Data sets that the archive knows, and those that only the release does."""
    import pyarrow as pa

    known = newest.table("sources", collection_id)
    stated = _rows(release, "sources", collection_id, known.column_names)
    keys = {tuple(row[key] for key in _SOURCE_KEYS) for row in known.to_pylist()}
    more = [row for row in stated.to_pylist() if tuple(row[key] for key in _SOURCE_KEYS) not in keys] if stated else []
    return pa.concat_tables([known, pa.Table.from_pylist(more, schema=known.schema)])


def _rows(release: Release, table: str, collection_id: str, columns: Sequence[str]) -> pa.Table | None:
    """Columns of the rows that a table of the release has of a collection; None where it has none."""
    import pyarrow as pa
    from pyarrow import parquet

    of_collection = f"{table}-{collection_id}-"
    paths = [path for path in release.tables(table) if path.name.startswith(of_collection)]
    return pa.concat_tables(parquet.read_table(path, columns=list(columns)) for path in paths) if paths else None
