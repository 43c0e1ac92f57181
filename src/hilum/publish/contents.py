"""What goes into a release: the series of a collection or cohort, their files, and the files beside them."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.catalog.reader import Reader
from hilum.cohort import Cohort, list_cohorts
from hilum.cohort.rows import chosen_rows
from hilum.errors import ConfigError, NotFoundError, Refusal
from hilum.model.instances import Instances
from hilum.model.tables import SERIES
from hilum.publish.names import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from hilum.catalog import Archive, Snapshot
    from hilum.publish.release import Kind

SERIES_AT_ONCE = 1000
"""Series in memory as Python values at once; with packed instances of 300 slices each about 20 MB."""

_FILE_COLUMNS = ["collection_id", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "source_url", "instances"]

_CHOSEN = """FROM series
    WHERE collection_id = $collection AND ($all OR "SeriesInstanceUID" IN (SELECT unnest($uids)))
    ORDER BY "PatientID", "StudyInstanceUID", "SeriesInstanceUID"
"""
_KEYS_SQL = f'SELECT "SeriesInstanceUID", "PatientID" {_CHOSEN}'
_SIZES_SQL = f'SELECT "SeriesInstanceUID" AS uid, instance_count AS files, size_bytes {_CHOSEN}'
_ROWS_SQL = {
    "checks": f"""
        SELECT * FROM checks WHERE collection_id = $collection AND "SeriesInstanceUID" IN
            (SELECT "SeriesInstanceUID" {_CHOSEN}) ORDER BY ALL""",  # noqa: S608 - our own words
    "participants": f"""
        SELECT * FROM participants WHERE collection_id = $collection AND "PatientID" IN
            (SELECT "PatientID" {_CHOSEN}) ORDER BY ALL""",  # noqa: S608 - likewise
    "sources": "SELECT * FROM sources WHERE collection_id = $collection ORDER BY ALL",
}


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that is to be released: its row of the files table, save what its bytes tell, and where it lies.

    Attributes
    ----------
    row
        Columns of `hilum.model.tables.FILES` without ``size_bytes`` and ``sha256``.
    place
        Absolute path.
    indexed
        Size and time of change that the catalog knows; None for a file that is not in the catalog.
    """

    row: Mapping[str, Any]
    place: str
    indexed: tuple[int, int] | None = None


@dataclass(frozen=True)
class Subject:
    """What is released.

    Attributes
    ----------
    name
        Collection id, or name of the cohort.
    kind
        Which of the two.
    snapshot
        State of the catalog that is released: the current one, which knows where the files lie now.
    series_uids
        SeriesInstanceUIDs of a cohort by collection; None for each collection that is released whole.
    chosen_from
        State that a cohort was chosen from; None for a collection.
    """

    name: str
    kind: Kind
    snapshot: Snapshot
    series_uids: Mapping[str, Sequence[str] | None]
    chosen_from: Snapshot | None = None

    def series(self, collection_id: str) -> Iterator[pa.RecordBatch]:
        """Rows of the series table in its order: by participant, study and series; some thousand in memory at once."""
        uids = self.series_uids[collection_id]
        chosen = None if uids is None else frozenset(uids)
        return chosen_rows(self.snapshot, collection_id, SERIES.column_names, chosen, rows=SERIES_AT_ONCE)

    def rows(self, collection_id: str) -> dict[str, pa.Table]:
        """Rows of the other tables that belong to those series."""
        bound = self._bound(collection_id)
        return {
            name: self._reader.query(sql, {key: value for key, value in bound.items() if f"${key}" in sql})
            for name, sql in _ROWS_SQL.items()
        }

    def ask(self, sql: str, collection_id: str) -> list[dict[str, Any]]:
        """Ask about the chosen series; the statement is told them by ``$collection``, ``$all`` and ``$uids``."""
        rows: list[dict[str, Any]] = self._reader.query(sql, self._bound(collection_id)).to_pylist()
        return rows

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.snapshot)

    def _bound(self, collection_id: str) -> dict[str, Any]:
        uids = self.series_uids[collection_id]
        return {"collection": collection_id, "all": uids is None, "uids": list(uids or ())}

    def files(self, collection_id: str) -> Iterator[PlannedFile | Refusal]:
        """Give the files of the series; a series whose files are elsewhere, or that is not as chosen, is refused."""
        yield from self._departures(collection_id)
        for batch in self.series(collection_id):
            for row in batch.select(_FILE_COLUMNS).to_pylist():
                if row["instances"] is None:
                    where = row["source_url"] or "another archive"
                    yield Refusal(row["SeriesInstanceUID"], "not-here", f"its files are at {where}; pull them first")
                else:
                    yield from _images(row)

    def _departures(self, collection_id: str) -> Iterator[Refusal]:
        """Series of a cohort that are gone, or not as they were when it was chosen."""
        if self.chosen_from is None:
            return
        now = {row["uid"]: row for row in self.ask(_SIZES_SQL, collection_id)}
        for then in Reader(self.chosen_from).query(_SIZES_SQL, self._bound(collection_id)).to_pylist():
            found = now.get(then["uid"])
            if found is None:
                yield Refusal(then["uid"], "gone-series", "it is in the catalog no more; index its folder again")
            elif found != then:
                counts = " but ".join(f"{one['files']} files of {one['size_bytes']} bytes" for one in (found, then))
                yield Refusal(then["uid"], "changed-series", f"{counts} when the cohort was chosen; choose it anew")

    def participants(self, collection_id: str) -> frozenset[str]:
        """PatientID of each participant."""
        return frozenset(row["PatientID"] for row in self.ask(_KEYS_SQL, collection_id))


def choose(archive: Archive, name: str) -> Subject:
    """Give the collection or cohort of that name.

    Raises
    ------
    NotFoundError
        The archive has neither.
    ConfigError
        It has both: nobody could tell which is meant.
    """
    snapshot = archive.snapshot()
    is_collection, is_cohort = name in snapshot.collection_ids, name in list_cohorts(archive)
    if is_collection and is_cohort:
        raise ConfigError(
            f"{name!r} is a collection and a cohort; freeze the cohort under another name, and release that"
        )
    if is_collection:
        return Subject(name, "collection", snapshot, {name: None})
    if not is_cohort:
        known = ", ".join([*snapshot.collection_ids, *list_cohorts(archive)]) or "nothing yet"
        raise NotFoundError(f"no collection or cohort {name!r} in {archive.path}; it has {known}")
    cohort = Cohort.load(archive, name)
    uids: dict[str, list[str]] = defaultdict(list)
    for entry in cohort.entries:
        uids[entry.collection_id].append(entry.SeriesInstanceUID)
    return Subject(name, "cohort", snapshot, dict(uids), archive.snapshot(cohort.snapshot_id))


def _images(row: Mapping[str, Any]) -> Iterator[PlannedFile]:
    instances = Instances.unpack(row["instances"])
    shared = {name: row[name] for name in _FILE_COLUMNS[:4]}
    folder = series_folder(row)
    columns = (instances.column(name) for name in ("SOPInstanceUID", "size_bytes", "modified_ns"))
    for path, sop_uid, size_bytes, modified_ns in zip(instances.paths(), *columns, strict=True):
        own = {"SOPInstanceUID": sop_uid, "path": f"{folder}/{safe_name(sop_uid)}.dcm"}
        yield PlannedFile(shared | own, str(path), (size_bytes, modified_ns))


def series_folder(row: Mapping[str, Any]) -> str:
    """Give the folder of a series in a release, from its row."""
    return "/".join(safe_name(row[name]) for name in ("collection_id", "PatientID", "SeriesInstanceUID"))


def companions(path: Path, collection_id: str, participants: frozenset[str]) -> Iterator[PlannedFile | Refusal]:
    """Give the files of a folder, or the one file, that belongs to a collection beside its images.

    A file is a participant's if a folder on its path, or the beginning of its own name, is the participant's id.
    Refused are folders that cannot be looked into or are links, and names that are no UTF-8.

    Raises
    ------
    NotFoundError
        There is nothing at `path`, or a folder without a file.
    """
    path = path.absolute()
    files = [path] if path.is_file() else _files_below(path)
    if not files:
        raise NotFoundError(f"{path}: no file there; name a file or folder to release with the collection")
    for file in files:
        if isinstance(file, Refusal):
            yield file
            continue
        if not _is_utf8(str(file)):
            yield Refusal(ascii(str(file)), "unusable-name", "it is no UTF-8, and so in no table; rename it")
            continue
        parts = file.relative_to(path.parent).parts
        row = {
            "collection_id": collection_id,
            "PatientID": _participant(parts, participants),
            "StudyInstanceUID": None,
            "SeriesInstanceUID": None,
            "SOPInstanceUID": None,
            "path": "/".join((collection_id, *map(safe_name, parts))),
        }
        yield PlannedFile(row, str(file))


def _files_below(folder: Path) -> list[Path | Refusal]:
    """All files of a folder, in order; what could hide one is refused, not passed over."""
    files: list[Path] = []
    refusals: list[Refusal] = []

    def refuse(error: OSError) -> None:
        refusals.append(Refusal(str(error.filename), "unreadable-folder", f"{error.strerror}; look at its permissions"))

    for parent, folders, names in os.walk(folder, onerror=refuse):
        linked = [Path(parent, name) for name in folders if Path(parent, name).is_symlink()]
        refusals += [
            Refusal(str(path), "linked-folder", "it is a link; name what it links to itself") for path in linked
        ]
        files += [Path(parent, name) for name in names]
    return [*sorted(files), *refusals]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _participant(parts: Sequence[str], participants: frozenset[str]) -> str | None:
    for folder in parts[:-1]:
        if folder in participants:
            return folder
    name = parts[-1]
    ends = (end for end in range(len(name), 0, -1) if not name[end : end + 1].isalnum())
    return next((name[:end] for end in ends if name[:end] in participants), None)
