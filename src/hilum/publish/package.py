"""The folder of a release while it is written: parts that its digest covers, and what only helps on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from hilum.catalog.commit import ZSTD_LEVEL, publish, write_rows
from hilum.catalog.layout import FORMAT_VERSION as ARCHIVE_VERSION
from hilum.catalog.layout import Layout
from hilum.catalog.snapshot import Snapshot, catalog_table, sha256_of
from hilum.errors import ConfigError, NotFoundError, Refusal
from hilum.model.tables import FILES, LESIONS, PLACES, SERIES
from hilum.publish.contents import companions
from hilum.publish.release import PLACES_FILE, TABLES_FOLDER, Counts, Part, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa
    from pyarrow import parquet

    from hilum.catalog.snapshot import DataFile
    from hilum.publish.contents import PlannedFile, Subject
    from hilum.publish.hashing import Hashed

FILES_AT_ONCE = 20_000
"""Files that are hashed in one go: some 10 GB of CT slices, so that waiting for the last costs little."""

Hasher: TypeAlias = "Callable[[Sequence[str]], Mapping[str, Hashed | Refusal]]"
"""Gives the SHA-256 of files by path, or why there is none."""

_COUNTS_SQL = """
SELECT count(DISTINCT (collection_id, "PatientID")) FILTER ("PatientID" IS NOT NULL),
    count(DISTINCT "StudyInstanceUID"), count(DISTINCT "SeriesInstanceUID"),
    count(*), CAST(sum(size_bytes) AS BIGINT)
FROM read_parquet($files)
"""


@dataclass
class Package:
    """The folder of a release while it is written.

    Attributes
    ----------
    folder
        The folder.
    parts
        What the digest covers, so far.
    refusals
        Files that cannot be released, so far.
    """

    folder: Path
    parts: list[Part] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def add_file(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write a part of the release."""
        with (self.folder / path).open("wb") as file:
            file.writelines(pieces)
        self.add_part(path)

    def add_part(self, path: str, table: str = "", rows: int = 0) -> None:
        """Let the digest cover a file that is written."""
        written = self.folder / path
        self.parts.append(Part(path, written.stat().st_size, sha256_of(written), table, rows))

    def write_catalog(self, subject: Subject, released_on: date) -> None:
        """Write the rows of the catalog: as parts without places, and as an archive that knows where the files lie."""
        layout = Layout(self.folder)
        here: list[DataFile | None] = []
        for collection_id in subject.series_uids:
            here.append(write_rows(layout.data, SERIES, collection_id, subject.series(collection_id)))
            self._add_rows(SERIES.name, collection_id, map(_without_places, subject.series(collection_id)))
            for name, rows in subject.rows(collection_id).items():
                here.append(write_rows(layout.data, catalog_table(name), collection_id, rows))
                self._add_rows(name, collection_id, rows)
        moment = datetime.combine(released_on, time(), UTC)
        files = [file for file in here if file]
        publish(layout, Snapshot.make(parent=None, created_at=moment, note="released", files=files, folder=layout.data))
        marker = {"format_version": ARCHIVE_VERSION, "created_at": moment.isoformat()}
        layout.marker.write_text(json.dumps(marker) + "\n", encoding="utf-8")

    def write_files(self, subject: Subject, beside: Sequence[Path], hash_files: Hasher) -> None:
        """Write the table of all files with their SHA-256, and where they lie; hash them as they come.

        Raises
        ------
        NotFoundError
            There is no series, or nothing at one of the paths `beside`.
        ConfigError
            Files are to stand beside the images of several collections, or two of one name.
        """
        from pyarrow import parquet

        _require_place(subject, beside)
        schema = PLACES.arrow_schema()
        path = self.folder / PLACES_FILE
        with parquet.ParquetWriter(path, schema, compression="zstd", compression_level=ZSTD_LEVEL) as places:
            for collection_id in subject.series_uids:
                planned = chain(subject.files(collection_id), _beside(subject, collection_id, beside))
                self._add_rows(FILES.name, collection_id, self._hashed(planned, hash_files, places))
        if not self.parts and not self.refusals:
            raise NotFoundError(f"{subject.name} has no series; index its files first")

    def counts(self) -> Counts:
        """What the parts hold."""
        paths = [str(self.folder / part.path) for part in self.parts if part.table == FILES.name]
        participants, studies, series, files, size_bytes = next(iter(ask(_COUNTS_SQL, files=paths)))
        lesions = sum(part.rows for part in self.parts if part.table == LESIONS.name)
        return Counts(participants, studies, series, files, size_bytes, lesions)

    def _hashed(
        self, planned: Iterable[PlannedFile | Refusal], hash_files: Hasher, places: parquet.ParquetWriter
    ) -> Iterator[pa.RecordBatch]:
        """Give the rows of the files table, and write where the files lie; what has no SHA-256 is refused."""
        import pyarrow as pa

        remaining = iter(planned)
        while some := list(islice(remaining, FILES_AT_ONCE)):
            files = [one for one in some if not isinstance(one, Refusal)]
            results = hash_files([file.place for file in files])
            rows = [_row(file, results[file.place]) for file in files]
            kept = [row for row in rows if not isinstance(row, Refusal)]
            self.refusals += [one for one in (*some, *rows) if isinstance(one, Refusal)]
            places.write_table(pa.Table.from_pylist(kept, schema=PLACES.arrow_schema()))
            yield pa.RecordBatch.from_pylist(kept, schema=FILES.arrow_schema())

    def _add_rows(self, table: str, collection_id: str, rows: pa.Table | Iterator[pa.RecordBatch]) -> None:
        schema = FILES if table == FILES.name else catalog_table(table)
        if file := write_rows(self.folder / TABLES_FOLDER, schema, collection_id, rows):
            part = Part(f"{TABLES_FOLDER}/{file.name}", file.size_bytes, file.sha256, table, file.rows)
            self.parts.append(part)


def _require_place(subject: Subject, beside: Sequence[Path]) -> None:
    """Refuse files beside the images whose names in the release would not be theirs alone."""
    if beside and len(subject.series_uids) > 1:
        raise ConfigError(
            f"{subject.name} has series of {len(subject.series_uids)} collections: files beside the images belong to "
            "one; release them with their collection"
        )
    taken = {one for collection_id in subject.series_uids for one in subject.participants(collection_id)}
    for path in beside:
        name = path.absolute().name
        if name in taken:
            raise ConfigError(
                f"{path}: another folder beside the images, or a participant, is called {name!r}; rename it"
            )
        taken.add(name)


def _beside(subject: Subject, collection_id: str, paths: Sequence[Path]) -> Iterator[PlannedFile | Refusal]:
    participants = subject.participants(collection_id) if paths else frozenset()
    return chain.from_iterable(companions(path, collection_id, participants) for path in paths)


def _row(file: PlannedFile, result: Hashed | Refusal) -> dict[str, Any] | Refusal:
    if isinstance(result, Refusal):
        return result
    if file.indexed and file.indexed != (result.size_bytes, result.modified_ns):
        return Refusal(file.place, "changed-file", "it is not as it was indexed; index its folder again")
    return {**file.row, "place": file.place, "size_bytes": result.size_bytes, "sha256": result.sha256}


def _without_places(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The instances with their places are for this machine alone; the files table has the rest."""
    import pyarrow as pa

    index = batch.schema.get_field_index("instances")
    return batch.set_column(index, batch.schema.field(index), pa.nulls(batch.num_rows, batch.schema.field(index).type))
