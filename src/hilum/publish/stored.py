"""The files of a release in the order in which they are stored: of millions, some at a time and column by column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hilum.errors import ArchiveError
from hilum.model.tables import FILES
from hilum.publish.release import PLACES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from hilum.publish.release import Release

FILES_AT_ONCE = 8192
"""Files in memory at once: some 3 MB."""

_OF_FILES = ("path", "size_bytes", "sha256", "PatientID")
_OF_PLACES = ("path", "place")


class StoredFile(NamedTuple):
    """A file of a release: its name in it, size and SHA-256, whose it is, and where it lay when it was released."""

    path: str
    size_bytes: int
    sha256: str
    participant_id: str | None
    place: str


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Some files of a release, all of one collection, a list a column.

    Attributes
    ----------
    collection_id
        The collection.
    paths
        Names in the release, with ``/``.
    sizes_bytes, sha256
        Of their content.
    participant_ids
        PatientID; None where a file belongs to no participant.
    places
        Absolute paths they had when the release was made.
    """

    collection_id: str
    paths: Sequence[str]
    sizes_bytes: Sequence[int]
    sha256: Sequence[str]
    participant_ids: Sequence[str | None]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[StoredFile]:
        columns = (self.paths, self.sizes_bytes, self.sha256, self.participant_ids, self.places)
        return map(StoredFile._make, zip(*columns, strict=True))


def stored_files(release: Release) -> Iterator[StoredFiles]:
    """Give all files of a release, series after series.

    Raises
    ------
    ArchiveError
        A table cannot be read, or the places are not those of the files.
    """
    places = chain.from_iterable(zip(*one, strict=True) for one in _columns(release.folder / PLACES_FILE, _OF_PLACES))
    for collection_id, table in _tables(release):
        for files in _columns(table, _OF_FILES):
            yield _placed(collection_id, files, list(islice(places, len(files[0]))), table)


def ends_of_batches(sizes_bytes: Sequence[int], most_files: int, most_bytes: int) -> Iterator[int]:
    """Give, for files of some sizes, the index before which each batch of them ends.

    A batch has no more than `most_files` files and `most_bytes` bytes; a larger file is one of its own.
    """
    start = total_bytes = 0
    for index, size_bytes in enumerate(sizes_bytes):
        if index > start and (total_bytes + size_bytes > most_bytes or index - start == most_files):
            yield index
            start, total_bytes = index, 0
        total_bytes += size_bytes
    if start < len(sizes_bytes):
        yield len(sizes_bytes)


def _placed(
    collection_id: str, files: Sequence[list[Any]], places: Sequence[tuple[str, str]], table: Path
) -> StoredFiles:
    """Files with their places: both tables were written at once, row for row."""
    paths, sizes_bytes, sha256, participant_ids = files
    if [path for path, _ in places] != paths:
        raise ArchiveError(f"{PLACES_FILE} has other files than {table}: restore it from a copy of the release")
    lay_at = [place for _, place in places]
    return StoredFiles(collection_id, paths, sizes_bytes, sha256, participant_ids, lay_at)


def stored_columns(release: Release, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Give columns of the table of files, some rows at a time, in the order in which they are stored.

    Raises
    ------
    ArchiveError
        A table cannot be read.
    """
    for _, table in _tables(release):
        yield from _batches(table, names)


def _tables(release: Release) -> Iterator[tuple[str, Path]]:
    """Tables of files, each with its collection."""
    for collection_id in release.collection_ids:
        of_collection = f"{FILES.name}-{collection_id}-"
        for table in release.tables(FILES.name):
            if table.name.startswith(of_collection):
                yield collection_id, table


def _columns(path: Path, names: Sequence[str]) -> Iterator[list[list[Any]]]:
    for batch in _batches(path, names):
        yield [batch.column(name).to_pylist() for name in names]


def _batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        yield from parquet.ParquetFile(path).iter_batches(FILES_AT_ONCE, columns=list(names))
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path}: {error}; verify the release, and restore what is damaged from a copy") from error
