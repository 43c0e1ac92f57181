"""The files of a release in the order in which they are stored: of millions, some at a time and column by column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from hilum.errors import ArchiveError
from hilum.model.tables import FILES
from hilum.publish.release import PLACES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hilum.publish.release import Release

FILES_AT_ONCE = 8192
"""Files in memory at once: some 3 MB."""

_OF_FILES = ("path", "size_bytes", "sha256")
_OF_PLACES = ("path", "place")


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Some files of a release, a list a column.

    Attributes
    ----------
    paths
        Names in the release, with ``/``.
    sizes_bytes, sha256
        Of their content.
    places
        Absolute paths they had when the release was made.
    """

    paths: Sequence[str]
    sizes_bytes: Sequence[int]
    sha256: Sequence[str]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.paths)


def stored_files(release: Release) -> Iterator[StoredFiles]:
    """Give all files of a release, series after series.

    Raises
    ------
    ArchiveError
        A table cannot be read, or the places are not those of the files.
    """
    places = chain.from_iterable(zip(*one, strict=True) for one in _columns(release.folder / PLACES_FILE, _OF_PLACES))
    for collection_id in release.collection_ids:
        of_collection = f"{FILES.name}-{collection_id}-"
        for table in release.tables(FILES.name):
            if table.name.startswith(of_collection):
                for files in _columns(table, _OF_FILES):
                    yield _placed(files, list(islice(places, len(files[0]))), table)


def _placed(files: Sequence[list[Any]], places: Sequence[tuple[str, str]], table: Path) -> StoredFiles:
    """Files with their places: both tables were written at once, row for row."""
    paths, sizes_bytes, sha256 = files
    if [path for path, _ in places] != paths:
        raise ArchiveError(f"{PLACES_FILE} has other files than {table}: restore it from a copy of the release")
    return StoredFiles(paths, sizes_bytes, sha256, [place for _, place in places])


def _columns(path: Path, names: Sequence[str]) -> Iterator[list[list[Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(FILES_AT_ONCE, columns=list(names)):
            yield [batch.column(name).to_pylist() for name in names]
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path}: {error}; verify the release, and restore what is damaged from a copy") from error
