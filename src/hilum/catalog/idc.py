"""Import of the public series index of the Imaging Data Commons, from the pip package ``idc-index-data``.

One row a series, as indexing gives, but from the index alone: there are no instances, and what only headers tell
(geometry, kernel, thickness) is null, save for NLST, whose SeriesDescription carries much of it.

References
----------
Fedorov et al., National Cancer Institute Imaging Data Commons, RadioGraphics 2023, doi:10.1148/rg.230180;
https://github.com/ImagingDataCommons/idc-index-data
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hilum.catalog.commit import ROWS_PER_GROUP, conform
from hilum.catalog.merge import IMPORTED_COLUMNS, SORTED_BY
from hilum.errors import NotFoundError
from hilum.model.kinds import image_kind, kernel_class
from hilum.model.nlst import COLLECTION_ID as NLST
from hilum.model.nlst import parse_description, round_of_year
from hilum.model.tables import SERIES, SOURCES
from hilum.sql import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from hilum.catalog.archive import Archive
    from hilum.catalog.commit import Rows
    from hilum.catalog.snapshot import Snapshot

SERIES_SORTED = 65_536
"""Series that are put in order at once, in some hundred MB of memory."""

_TOLD_BY = ("Modality", "SOPClassUID", "Manufacturer", "SeriesDescription", "nlst_year")
"""What the derived columns follow from: columns of the index, and the year of the study for NLST only."""

# Views, not tables: the index stays in its file, and what a sort needs is all that is in memory.
_WANTED_SQL = f"""
CREATE VIEW wanted AS
SELECT *, CASE WHEN collection_id = '{NLST}' THEN year(CAST(StudyDate AS DATE)) END AS nlst_year
FROM read_parquet('{{path}}') WHERE collection_id IN ({{ids}})
"""  # noqa: S608 - words of ours, and ids that the index has
_TOLD_SQL = f"""
CREATE TABLE told AS SELECT *, row_number() OVER () AS told_by
FROM (SELECT DISTINCT {", ".join(_TOLD_BY)} FROM wanted)
"""  # noqa: S608 - constants
_LISTED_SQL = f"""
CREATE VIEW listed AS SELECT wanted.*, told.told_by
FROM wanted JOIN told ON {" AND ".join(f"wanted.{name} IS NOT DISTINCT FROM told.{name}" for name in _TOLD_BY)}
"""  # noqa: S608

# series_size_MB counts decimal megabytes, to six places: whole bytes.
_SERIES_SQL = r"""
SELECT
    collection_id, analysis_result_id, PatientID, PatientSex, PatientAge,
    StudyInstanceUID, CAST(StudyDate AS DATE) AS StudyDate, StudyDescription,
    SeriesInstanceUID, CAST(SeriesNumber AS BIGINT) AS SeriesNumber, CAST(SeriesDate AS DATE) AS SeriesDate,
    SeriesDescription, Modality, SOPClassUID, replace(TransferSyntaxUID, ',', '\') AS TransferSyntaxUID,
    BodyPartExamined, Manufacturer, coalesce(derived.model, ManufacturerModelName) AS ManufacturerModelName,
    derived.* EXCLUDE (told_by, model),
    TRY_CAST(PixelRepresentation AS BIGINT) AS PixelRepresentation,
    replace(PhotometricInterpretation, ',', '\') AS PhotometricInterpretation,
    instanceCount AS instance_count, CAST(round(series_size_MB * 1000000) AS BIGINT) AS size_bytes,
    license_short_name AS licence, source_DOI AS source_doi, series_aws_url AS source_url
FROM listed JOIN derived USING (told_by)
WHERE collection_id = $collection_id
    AND ($after IS NULL OR PatientID > $after) AND ($last IS NULL OR PatientID <= $last)
ORDER BY PatientID, StudyInstanceUID, SeriesInstanceUID
"""

# Each SERIES_SORTED-th participant, in the order of their series.
_LAST_SQL = """
SELECT DISTINCT PatientID FROM (
    SELECT PatientID, row_number() OVER (ORDER BY PatientID) AS number FROM wanted WHERE collection_id = $collection_id)
WHERE number % $step = 0 ORDER BY PatientID
"""

_SOURCES_SQL = """
WITH listed AS (SELECT collection_id, unnest(sources) AS source FROM read_parquet($collections))
SELECT
    collection_id, source.source_doi AS source_doi, source.source_title AS title,
    CASE source.source_type WHEN 'analysis_result' THEN source.source_id END AS analysis_result_id,
    source.license.license_short_name AS licence, source.license.license_url AS licence_url,
    source.citation AS citation, $provider AS provider
FROM listed
WHERE collection_id = $collection_id AND source.source_doi IS NOT NULL
ORDER BY analysis_result_id NULLS FIRST, source_doi
"""


@dataclass(frozen=True, slots=True)
class Import:
    """What an import of the index brought.

    Attributes
    ----------
    snapshot
        The snapshot it made.
    series_by_collection
        Series of the index in each collection.
    kept_local
        Series that are indexed from files here and so kept their rows.
    """

    snapshot: Snapshot
    series_by_collection: dict[str, int]
    kept_local: int


def import_idc(
    archive: Archive, collection_ids: Sequence[str] | None = None, *, on_progress: Callable[[int], None] | None = None
) -> Import:
    """Import collections of the public index; series that are indexed from files here keep their rows.

    Parameters
    ----------
    collection_ids
        Collections to import; None for all (1.04 million series).
    on_progress
        Told the number of series after each collection.

    Raises
    ------
    NotFoundError
        The index has no such collection.
    """
    index = _Index(collection_ids)
    counts: dict[str, int] = {}
    kept_local = 0

    def change(newest: Snapshot) -> Iterator[tuple[str, Mapping[str, Rows]]]:
        nonlocal kept_local
        for collection_id in index.collection_ids:
            counts[collection_id] = index.count(collection_id)
            local = _local_rows(newest, collection_id)
            rows = _keep_local(index.table(collection_id), local) if local.num_rows else index.batches(collection_id)
            kept_local += local.num_rows
            yield collection_id, {"series": rows, "sources": index.sources(collection_id)}
            if on_progress is not None:
                on_progress(counts[collection_id])

    what = "all collections" if collection_ids is None else ", ".join(index.collection_ids)
    return Import(archive.update_all(change, note=f"import {what} from {index.provider}"), counts, kept_local)


@cache
def index_sources(collection_id: str) -> tuple[dict[str, Any], ...]:
    """Give the data sets that the public index names for a collection, as rows of the sources table."""
    folder = index_folder()
    with connect() as connection:
        path = str(folder / "collections_index.parquet")
        return tuple(_source_rows(connection, path, collection_id, _provider(connection)))


def index_folder() -> Path:
    """Give the folder of the public index's Parquet files.

    Raises
    ------
    NotFoundError
        The package ``idc-index-data`` holds no index.
    """
    import idc_index_data

    index_path: Path | None = idc_index_data.IDC_INDEX_PARQUET_FILEPATH
    if index_path is None:
        raise NotFoundError("the package idc-index-data holds no idc_index.parquet; install it again")
    return index_path.parent


def _provider(connection: duckdb.DuckDBPyConnection) -> str:
    """The index, with its version."""
    path = str(index_folder() / "version_metadata_index.parquet")
    version = connection.execute("SELECT max(idc_version) FROM read_parquet(?)", [path]).fetchall()
    return f"IDC v{version[0][0]}"


def _source_rows(
    connection: duckdb.DuckDBPyConnection, path: str, collection_id: str, provider: str
) -> list[dict[str, Any]]:
    """Rows of the sources table; citations as plain text."""
    parameters = {"collection_id": collection_id, "collections": path, "provider": provider}
    rows: list[dict[str, Any]] = connection.sql(_SOURCES_SQL, params=parameters).to_arrow_table().to_pylist()
    for row in rows:
        row["citation"] = _plain_text(row["citation"])
    return rows


class _Index:
    """The wanted part of the index, with the derived columns beside it, in a DuckDB of its own."""

    def __init__(self, collection_ids: Sequence[str] | None) -> None:

        self._connection = connect()
        folder = index_folder()
        series_path = str(folder / "idc_index.parquet")
        self._collections_path = str(folder / "collections_index.parquet")
        self.collection_ids = _require_known(self._connection, series_path, collection_ids)
        ids = ", ".join(f"'{one}'" for one in self.collection_ids)
        self._connection.execute(_WANTED_SQL.format(path=series_path.replace("'", "''"), ids=ids))
        self._connection.execute(_TOLD_SQL)
        self._connection.execute(_LISTED_SQL)
        distinct = self._connection.sql("SELECT * FROM told").to_arrow_table()
        self._connection.register("derived_rows", _derived_table(distinct))
        self._connection.execute("CREATE TABLE derived AS SELECT * FROM derived_rows")
        self._connection.unregister("derived_rows")
        self.provider = _provider(self._connection)

    def count(self, collection_id: str) -> int:
        """Give the number of series."""
        sql = "SELECT count(*) FROM wanted WHERE collection_id = ?"
        (count,) = self._connection.execute(sql, [collection_id]).fetchall()[0]
        return int(count)

    def batches(self, collection_id: str) -> Iterator[pa.RecordBatch]:
        """Rows of the series table in its order, no more at once than make a row group."""
        asked = {"collection_id": collection_id, "step": SERIES_SORTED}
        lasts = self._connection.execute(_LAST_SQL, asked).fetchall()
        for (after,), (last,) in pairwise([(None,), *lasts, (None,)]):
            part = {"collection_id": collection_id, "after": after, "last": last}
            yield from self._connection.sql(_SERIES_SQL, params=part).to_arrow_reader(ROWS_PER_GROUP)

    def table(self, collection_id: str) -> pa.Table:
        """All rows of the series table."""
        import pyarrow as pa

        return conform(pa.Table.from_batches(self.batches(collection_id)), SERIES, collection_id)

    def sources(self, collection_id: str) -> pa.Table:
        """Rows of the sources table; citations as plain text."""
        import pyarrow as pa

        rows = _source_rows(self._connection, self._collections_path, collection_id, self.provider)
        return pa.Table.from_pylist(rows, schema=SOURCES.arrow_schema())


def require_collections(collection_ids: Sequence[str]) -> None:
    """Refuse collections that the public index does not have; the message has names that are near.

    Raises
    ------
    NotFoundError
        One of them is not in it, or the index is not installed.
    """
    with connect() as connection:
        _require_known(connection, str(index_folder() / "idc_index.parquet"), collection_ids)


def _require_known(
    connection: duckdb.DuckDBPyConnection, series_path: str, collection_ids: Sequence[str] | None
) -> list[str]:
    found = connection.execute("SELECT DISTINCT collection_id FROM read_parquet(?) ORDER BY 1", [series_path])
    known = [row[0] for row in found.fetchall()]
    if collection_ids is None:
        return known
    for collection_id in collection_ids:
        if collection_id not in known:
            import difflib

            near = difflib.get_close_matches(re.sub(r"\W+", "_", collection_id.lower()), known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {len(known)}, such as {known[0]}"
            raise NotFoundError(f"the IDC index has no collection {collection_id!r}; {hint}")
    return sorted(set(collection_ids))


def _derived_table(distinct: pa.Table) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema(
        [
            ("told_by", pa.int64()),
            *(SERIES.arrow_schema().field(name) for name in _derive({}) if name != "model"),
            ("model", pa.string()),
        ]
    )
    return pa.Table.from_pylist([{"told_by": row["told_by"], **_derive(row)} for row in distinct.to_pylist()], schema)


def _derive(row: Mapping[str, Any]) -> dict[str, Any]:
    """Derive from the columns of the index what indexing derives from headers."""
    kind = image_kind(
        modality=row.get("Modality"),
        sop_class_uid=row.get("SOPClassUID"),
        image_type=(),
        description=row.get("SeriesDescription"),
    )
    year = row.get("nlst_year")
    nlst = parse_description(row.get("SeriesDescription")) if year and row.get("Modality") == "CT" else None
    kernel = kernel_class(nlst.kernel, row.get("Manufacturer")) if nlst else None
    return {
        "image_kind": kind.value,
        "kernel_class": kernel.value if kernel else None,
        "screening_round": nlst.screening_round if nlst else round_of_year(year),
        "ConvolutionKernel": nlst.kernel if nlst else None,
        "SliceThickness": nlst.slice_thickness_mm if nlst else None,
        "KVP": nlst.kvp if nlst else None,
        "ReconstructionDiameter": nlst.field_of_view_mm if nlst else None,
        "exposure_mas": nlst.exposure_mas if nlst else None,
        "model": nlst.model if nlst else None,
    }


def _local_rows(snapshot: Snapshot, collection_id: str) -> pa.Table:
    """Rows of the series whose instances are here."""
    import pyarrow as pa
    from pyarrow import compute

    schema = SERIES.arrow_schema()
    batches = snapshot.batches(SERIES.name, schema.names, collection_id, rows=ROWS_PER_GROUP)
    local = (batch.filter(compute.is_valid(batch.column("instances"))) for batch in batches)
    return pa.Table.from_batches([batch.cast(schema) for batch in local if batch.num_rows], schema)


def _keep_local(imported: pa.Table, local: pa.Table) -> pa.Table:
    """Replace imported rows by those whose instances are here, with what only the index knows of them."""
    import pyarrow as pa
    from pyarrow import compute

    is_here = compute.is_in(imported.column("SeriesInstanceUID"), local.column("SeriesInstanceUID"))
    told = _with_terms(local, imported.filter(is_here))
    rows = pa.concat_tables([imported.filter(compute.invert(is_here)), told])
    return rows.sort_by([(key, "ascending") for key in SORTED_BY])


def _with_terms(local: pa.Table, imported: pa.Table) -> pa.Table:
    import pyarrow as pa

    row_of = {uid: row for row, uid in enumerate(imported.column("SeriesInstanceUID").to_pylist())}
    rows = [row_of.get(uid) for uid in local.column("SeriesInstanceUID").to_pylist()]
    for name in IMPORTED_COLUMNS:
        index = local.column_names.index(name)
        told, own = imported.column(name).to_pylist(), local.column(name).to_pylist()
        values = [own[i] if row is None else told[row] for i, row in enumerate(rows)]
        local = local.set_column(index, local.schema.field(index), pa.array(values, local.schema.field(index).type))
    return local


def _plain_text(citation: str | None) -> str | None:
    if citation is None:
        return None
    return " ".join(re.sub(r"<[^>]+>", "", html.unescape(citation)).split())
