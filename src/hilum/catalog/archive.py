"""An archive: a folder that holds a catalog, cohorts and runs, and knows where the image files lie.

::

    ARCHIVE/
    ├── hilum.json                   format version
    ├── catalog/CURRENT              id of the current snapshot, replaced in one step
    ├── catalog/snapshots/ID.json    manifest: parent, time, note, files with row counts and SHA-256
    ├── catalog/pruned.json          what is known of snapshots that were removed
    ├── catalog/data/*.parquet       rows of one collection in one table, never changed, shared among snapshots
    ├── journal/                     headers read by an indexing that has not ended
    ├── cohorts/                     frozen cohorts
    ├── runs/                        runs of detectors
    ├── collections/                 what stewards write about collections
    └── releases/NAME/VERSION/       releases, each an archive that never changes
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.catalog.commit import commit, publish
from hilum.catalog.hold import Hold, hold_current
from hilum.catalog.layout import FORMAT_VERSION, Layout
from hilum.catalog.prune import history_of, require_not_pruned
from hilum.catalog.reader import Reader
from hilum.catalog.snapshot import Snapshot
from hilum.disk import UNFINISHED, exclusive_lock, write_whole
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.model.series import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from hilum.catalog.commit import Rows

_COLLECTION_ID = re.compile(r"[a-z0-9][a-z0-9_]*")


class Archive:
    """An archive that is there; `Archive.open` and `Archive.create` give one.

    Attributes
    ----------
    path
        Its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._layout = Layout(path)
        self._reader: Reader | None = None

    def __repr__(self) -> str:
        return f"Archive({str(self.path)!r})"

    def __reduce__(self) -> tuple[type[Archive], tuple[Path]]:
        """Cross a process border as a path: a connection cannot."""
        return Archive, (self.path,)

    @classmethod
    def open(cls, path: str | Path) -> Archive:
        """Open the archive in the folder `path`.

        Raises
        ------
        ArchiveError
            The folder is no archive, or a newer hilum made it.
        """
        layout = Layout(Path(path).absolute())
        layout.check_version()
        return cls(layout.root)

    @classmethod
    def create(cls, path: str | Path) -> Archive:
        """Make an empty archive in the folder `path`, which may exist if it is empty.

        Raises
        ------
        ArchiveError
            There is an archive already, or the folder holds other things.
        """
        layout = Layout(Path(path).absolute())
        if not _make_if_absent(layout):
            raise ArchiveError(f"{layout.root} is an archive already; open it, or name another folder")
        return cls(layout.root)

    @classmethod
    def open_or_create(cls, path: str | Path) -> Archive:
        """Open the archive in the folder `path`, or make one there if there is none.

        Raises
        ------
        ArchiveError
            The folder holds other things, or a newer hilum's archive.
        """
        _make_if_absent(Layout(Path(path).absolute()))
        return cls.open(path)

    def require_changeable(self) -> None:
        """Refuse to write into a release.

        Raises
        ------
        ArchiveError
            The archive is a release.
        """
        self._layout.require_changeable()

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """Give the current snapshot, or an earlier one by its id; no pruning removes it while the object is there.

        Raises
        ------
        NotFoundError
            No snapshot has that id.
        ArchiveError
            The pointer or the manifest is damaged.
        """
        hold = hold_current(self._layout) if snapshot_id is None else Hold(self._layout, snapshot_id)
        require_not_pruned(self._layout, hold.snapshot_id)
        return Snapshot.read(self._layout.manifest(hold.snapshot_id), self._layout.data, hold)

    def snapshots(self) -> list[Snapshot]:
        """Every snapshot that was not removed, the current one first; they are not held."""
        return history_of(self._layout, self._layout.current_id())

    def update(self, collection_id: str, change: Callable[[Snapshot], Mapping[str, Rows]], *, note: str) -> Snapshot:
        """Replace a collection's rows of some tables, in one step that others see whole or not at all.

        Parameters
        ----------
        collection_id
            Lower case letters, digits and underscores.
        change
            Gets the newest snapshot, gives the new rows by table name: a table, or an iterator of record batches where
            memory is short. Tables it does not name keep their rows. Nobody else can commit while it runs.
        note
            What is done, in a line.

        Returns
        -------
        The new snapshot; the newest one where nothing changed.

        Raises
        ------
        ArchiveError
            There is no room left on the disk, the catalog is damaged, or the archive is a release; nothing has changed
            then.
        ConfigError
            `collection_id` is not in that form.
        """
        require_collection_id(collection_id)
        return self.update_all(lambda newest: [(collection_id, change(newest))], note=note)

    def update_all(
        self, change: Callable[[Snapshot], Iterable[tuple[str, Mapping[str, Rows]]]], *, note: str
    ) -> Snapshot:
        """Replace rows of several collections in one step, as `update` does for one.

        Parameters
        ----------
        change
            Gets the newest snapshot, gives each collection once with its new rows by table name; lazily, if the rows
            of all do not fit into memory.
        note
            What is done, in a line.
        """
        self._layout.require_changeable()
        with exclusive_lock(self._layout.lock):
            parent = self.snapshot()
            return commit(self._layout, parent, change(parent), note=note)

    def query(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> pa.Table:
        """Answer one SELECT statement over the current snapshot.

        Parameters
        ----------
        sql
            The views are the tables of `hilum.model.tables.CATALOG_TABLES`.
        parameters
            Values for ``?`` (a sequence) or ``$name`` (a dict); never write values into the statement.

        Raises
        ------
        QueryError
            The statement is wrong or is no single SELECT.
        ArchiveError
            The catalog is damaged.
        """
        # Held while it is asked and no longer: a server may not be asked again for weeks.
        hold = hold_current(self._layout)
        return self._reader_of(hold.snapshot_id).query(sql, parameters)

    def series(self, uid: str) -> Series:
        """Give the series with a SeriesInstanceUID; of two collections, the one whose files are here.

        Raises
        ------
        NotFoundError
            No series has that UID.
        """
        found = self.series_where(
            '"SeriesInstanceUID" = ? ORDER BY "instances" IS NULL, "collection_id" LIMIT 1', [uid]
        )
        if not found:
            raise NotFoundError(f"no series {uid} in {self.path}; hilum series lists what is there")
        return found[0]

    def series_where(self, condition_sql: str = "", parameters: Sequence[Any] = ()) -> list[Series]:
        """Give the series that fulfil a condition on the columns of the series table; all without one.

        Raises
        ------
        QueryError
            The condition is wrong.
        """
        where = f" WHERE {condition_sql}" if condition_sql else ""
        rows = self.query(f"SELECT * FROM series{where}", parameters)  # noqa: S608 - values are bound
        return [Series(row) for row in rows.to_pylist()]

    def _reader_of(self, snapshot_id: str) -> Reader:
        if self._reader is None or self._reader.snapshot_id != snapshot_id:
            self._reader = Reader(Snapshot.read(self._layout.manifest(snapshot_id), self._layout.data))
        return self._reader


def require_collection_id(collection_id: str) -> None:
    """Refuse the name of a collection that is not lower case letters, digits and underscores.

    Raises
    ------
    ConfigError
        As said.
    """
    if not _COLLECTION_ID.fullmatch(collection_id):
        raise ConfigError(
            f"collection {collection_id!r}: expected lower case letters, digits and underscores, such as ct_lymph_nodes"
        )


def _require_room(layout: Layout) -> None:
    folders = (layout.catalog, layout.releases, layout.descriptions, *layout.folders)
    ours = {folder.name for folder in folders}
    if layout.root.exists() and not layout.root.is_dir():
        raise ArchiveError(f"{layout.root} is a file; expected a folder for the archive")
    present = sorted(path.name for path in layout.root.iterdir()) if layout.root.exists() else []
    others = [name for name in present if name not in ours and not name.endswith(UNFINISHED)]
    if others:
        raise ArchiveError(
            f"{layout.root} is no archive and not empty (it holds {others[0]!r}); name an archive or an empty folder"
        )


def _make_if_absent(layout: Layout) -> bool:
    """Make an archive unless one is there; whether this call made it."""
    if layout.is_archive():
        return False
    _require_room(layout)
    with exclusive_lock(layout.lock):
        if layout.is_archive():
            return False
        _make(layout)
    return True


def _make(layout: Layout) -> None:
    for folder in layout.folders:
        folder.mkdir(parents=True, exist_ok=True)
    created_at = datetime.now(UTC)
    if not layout.pointer.exists():
        publish(layout, Snapshot.make(parent=None, created_at=created_at, note="made", files=(), folder=layout.data))
    marker = {"format_version": FORMAT_VERSION, "created_at": created_at.isoformat()}
    # Last: only now is the folder an archive.
    write_whole(layout.marker, json.dumps(marker).encode() + b"\n")
