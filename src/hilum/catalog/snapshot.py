"""One state of the catalog: its manifest, and the Parquet files the manifest names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hilum.errors import ArchiveError, NotFoundError
from hilum.model.tables import CATALOG_TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from hilum.catalog.hold import Hold

ROWS_A_BATCH = 65_536
"""Rows that are given at once; of the series table with its packed instances some hundred MB."""

DIGEST_LENGTH = 8
"""Hexadecimal digits of the manifest's SHA-256 that end a snapshot's id."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One immutable Parquet file: the rows of one collection in one table, or a part of them."""

    name: str
    table: str
    collection_id: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """One state of the catalog; it never changes.

    Attributes
    ----------
    snapshot_id
        ``NUMBER-DIGEST``: counts the commits; the digest is that of the manifest.
    created_at
        When it was committed (UTC).
    parent
        Id of the snapshot before it; None for the first.
    note
        What the commit did, in a line.
    files
        The Parquet files.
    folder
        Folder of the files.
    hold
        Keeps the files from being removed, as long as this object is there; None where nothing does.
    """

    snapshot_id: str
    created_at: datetime
    parent: str | None
    note: str
    files: tuple[DataFile, ...]
    folder: Path
    hold: Hold | None = field(default=None, compare=False, repr=False)

    @classmethod
    def make(
        cls, *, parent: Snapshot | None, created_at: datetime, note: str, files: Sequence[DataFile], folder: Path
    ) -> Snapshot:
        """Make the snapshot that follows `parent`."""
        number = parent.number + 1 if parent else 0
        ordered = tuple(sorted(files, key=lambda file: (file.table, file.collection_id, file.name)))
        draft = cls("", created_at, parent.snapshot_id if parent else None, note, ordered, folder)
        return cls(
            f"{number:06d}-{_digest(draft.content())}", draft.created_at, draft.parent, draft.note, ordered, folder
        )

    @classmethod
    def read(cls, path: Path, folder: Path, hold: Hold | None = None) -> Snapshot:
        """Read the manifest at `path`; the Parquet files are in `folder`, and `hold` keeps them there.

        Raises
        ------
        NotFoundError
            There is no such manifest.
        ArchiveError
            The manifest is damaged.
        """
        try:
            content = json.loads(path.read_bytes())
            files = tuple(DataFile(**file) for file in content["files"])
            created_at = datetime.fromisoformat(content["created_at"])
            found = cls(path.stem, created_at, content["parent"], content["note"], files, folder, hold)
        except FileNotFoundError as error:
            raise NotFoundError(f"no snapshot {path.stem}: {path} does not exist") from error
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, f"{type(error).__name__}: {error}") from error
        if not path.stem.endswith(f"-{_digest(found.content())}"):
            raise _damaged(path, "its content is not what its name was made from")
        return found

    @property
    def number(self) -> int:
        """Commits before this one."""
        return int(self.snapshot_id.split("-", 1)[0])

    @property
    def collection_ids(self) -> list[str]:
        """Collections that have a row in some table, sorted."""
        return sorted({file.collection_id for file in self.files})

    def content(self) -> dict[str, Any]:
        """Give the manifest, as it stands in its JSON file."""
        return {
            "parent": self.parent,
            "created_at": self.created_at.isoformat(),
            "note": self.note,
            "files": [asdict(file) for file in self.files],
        }

    def to_json(self) -> bytes:
        """Give the bytes of the manifest."""
        return json.dumps(self.content(), indent=1).encode() + b"\n"

    def row_count(self, name: str, collection_id: str | None = None) -> int:
        """Rows of a table, of one collection or of all."""
        return sum(file.rows for file in self._files_of(name, collection_id))

    def paths(self, name: str, collection_id: str | None = None) -> list[Path]:
        """Parquet files of a table; empty for a table without rows.

        Raises
        ------
        ArchiveError
            A file is missing or has another size.
        """
        return [self._checked(file) for file in self._files_of(name, collection_id)]

    def table(self, name: str, collection_id: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a table, of one collection or of all; no rows give an empty table with its columns.

        Raises
        ------
        ArchiveError
            A file is missing or damaged.
        """
        import pyarrow as pa
        from pyarrow import parquet

        schema = catalog_table(name).arrow_schema()
        if columns is not None:
            schema = pa.schema([schema.field(column) for column in columns])
        parts = []
        for path in self.paths(name, collection_id):
            try:
                parts.append(parquet.ParquetFile(path).read(columns=schema.names).select(schema.names))
            except pa.ArrowException as error:
                raise _damaged(path, str(error)) from error
        return pa.concat_tables([part.cast(schema) for part in parts]) if parts else schema.empty_table()

    def batches(
        self, name: str, columns: Sequence[str], collection_id: str | None = None, *, rows: int = ROWS_A_BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Rows of a table in batches of `rows` at most, for tables that do not fit into memory.

        Raises
        ------
        ArchiveError
            A file is missing or damaged.
        """
        from pyarrow import parquet

        for path in self.paths(name, collection_id):
            yield from parquet.ParquetFile(path).iter_batches(rows, columns=list(columns))

    def verify(self) -> None:
        """Read every Parquet file and compare its SHA-256 with the manifest.

        Raises
        ------
        ArchiveError
            A file is missing or damaged.
        """
        for file in self.files:
            path = self._checked(file)
            if (found := sha256_of(path)) != file.sha256:
                raise _damaged(path, f"SHA-256 {found}, expected {file.sha256}")

    def _files_of(self, name: str, collection_id: str | None) -> list[DataFile]:
        catalog_table(name)
        return [
            file
            for file in self.files
            if file.table == name and (collection_id is None or file.collection_id == collection_id)
        ]

    def _checked(self, file: DataFile) -> Path:
        path = self.folder / file.name
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise ArchiveError(
                f"{path} is missing: snapshot {self.snapshot_id} needs it for {file.rows} rows of {file.table!r} of "
                f"collection {file.collection_id!r}; restore it from a copy, or index the collection again"
            ) from error
        if size != file.size_bytes:
            raise _damaged(path, f"{size} bytes, expected {file.size_bytes}")
        return path


def catalog_table(name: str) -> Table:
    """Give the schema of a table of the catalog.

    Raises
    ------
    ValueError
        The catalog has no such table.
    """
    for table in CATALOG_TABLES:
        if table.name == name:
            return table
    names = ", ".join(table.name for table in CATALOG_TABLES)
    raise ValueError(f"no table {name!r} in the catalog; expected one of {names}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _damaged(path: Path, what: str) -> ArchiveError:
    return ArchiveError(f"{path} is damaged ({what}); restore it from a copy, or index the collection again")
