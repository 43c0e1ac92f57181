"""From tables to a new snapshot: immutable Parquet files first, then the manifest, the pointer last.

Every step is on disk before the next begins. Whoever dies in between leaves the last snapshot whole, and files that
no manifest names; the next commit removes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from hilum.catalog.snapshot import DataFile, Snapshot, catalog_table, sha256_of
from hilum.disk import UNFINISHED, settle, unfinished, write_whole
from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from hilum.catalog.layout import Layout
    from hilum.model.tables import Table

Rows: TypeAlias = "pa.Table | Iterator[pa.RecordBatch]"
"""Rows of a table: whole, or as an iterator of record batches where memory is short."""

ROWS_PER_GROUP = 16_384
"""Rows of a Parquet row group: a few tens of MB with packed instances, and enough groups to share among cores."""

ZSTD_LEVEL = 3
DIGEST_IN_NAME = 16
"""Hexadecimal digits of a Parquet file's SHA-256 in its name."""


def commit(
    layout: Layout, parent: Snapshot, changes: Iterable[tuple[str, Mapping[str, Rows]]], *, note: str
) -> Snapshot:
    """Write the snapshot in which each collection's tables are replaced; the caller holds the lock.

    Returns `parent` itself where nothing would change.

    Raises
    ------
    ArchiveError
        There is no room left on the disk; `parent` is still the current snapshot.
    """
    remove_strays(layout)
    replaced: set[tuple[str, str]] = set()
    written: list[DataFile] = []
    for collection_id, tables in changes:
        for name, rows in tables.items():
            replaced.add((collection_id, name))
            file = write_rows(layout.data, catalog_table(name), collection_id, rows)
            written += [file] if file else []
    kept = [file for file in parent.files if (file.collection_id, file.table) not in replaced]
    if set(parent.files) == {*kept, *written}:
        return parent
    snapshot = Snapshot.make(
        parent=parent, created_at=datetime.now(UTC), note=note, files=[*kept, *written], folder=layout.data
    )
    publish(layout, snapshot)
    return snapshot


def publish(layout: Layout, snapshot: Snapshot) -> None:
    """Write the manifest, then let the pointer name it."""
    write_whole(layout.manifest(snapshot.snapshot_id), snapshot.to_json())
    write_whole(layout.pointer, f"{snapshot.snapshot_id}\n".encode())


def write_rows(folder: Path, table: Table, collection_id: str, rows: Rows) -> DataFile | None:
    """Write the rows of a collection as a Parquet file named by its content; None where there are no rows.

    Raises
    ------
    ValueError
        The rows are not as the table demands: an unknown column, a null in a required one, another collection.
    """
    from pyarrow import parquet

    schema = table.arrow_schema()
    compression = {column.name: "none" if column.type == "bytes" else "zstd" for column in table.columns}
    with unfinished(folder / f"{table.name}-{collection_id}") as draft:
        count = 0
        with parquet.ParquetWriter(
            draft,
            schema,
            compression=compression,
            compression_level={name: ZSTD_LEVEL for name, codec in compression.items() if codec == "zstd"},
            use_dictionary=[column.name for column in table.columns if column.type == "text"],
        ) as writer:
            for part in _parts(rows):
                writer.write_table(conform(part, table, collection_id), row_group_size=ROWS_PER_GROUP)
                count += part.num_rows
        if count == 0:
            draft.unlink()
            return None
        digest, size = sha256_of(draft), draft.stat().st_size
        path = folder / f"{table.name}-{collection_id}-{digest[:DIGEST_IN_NAME]}.parquet"
        settle(draft, path)
    return DataFile(path.name, table.name, collection_id, count, size, digest)


def conform(rows: pa.Table, table: Table, collection_id: str) -> pa.Table:
    """Give `rows` the table's columns, in order; an optional column that is absent is null.

    Raises
    ------
    ValueError
        As `write_rows`.
    """
    import pyarrow as pa
    from pyarrow import compute

    schema = table.arrow_schema()
    if unknown := sorted(set(rows.column_names) - set(schema.names)):
        raise ValueError(f"table {table.name!r} has no columns {unknown}")
    columns = [
        rows.column(field.name).cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    for field, column in zip(schema, columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError(f"table {table.name!r}: column {field.name!r} is required, but {column.null_count} nulls")
    others = set(compute.unique(columns[schema.get_field_index("collection_id")]).to_pylist()) - {collection_id}
    if others:
        raise ValueError(f"table {table.name!r}: rows of collections {sorted(others)}, expected {collection_id!r}")
    return pa.table(columns, schema=schema)


def remove_strays(layout: Layout) -> None:
    """Remove what crashed commits left: unfinished files, and Parquet files that no manifest names.

    The caller holds the lock. Nothing is removed while a manifest cannot be read: it might name the file.
    """
    for folder in (layout.root, layout.catalog, layout.snapshots, layout.data):
        for path in folder.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
    try:
        named = {file.name for snapshot in _all_snapshots(layout) for file in snapshot.files}
    except ArchiveError:
        return
    for path in layout.data.glob("*.parquet"):
        if path.name not in named:
            path.unlink()


def _all_snapshots(layout: Layout) -> Iterator[Snapshot]:
    return (Snapshot.read(path, layout.data) for path in layout.snapshots.glob("*.json"))


def _parts(rows: Rows) -> Iterable[pa.Table]:
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return [rows]
    return (pa.Table.from_batches([batch]) for batch in rows)
