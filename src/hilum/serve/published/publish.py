"""Publishing a collection: the database's rows follow those of a snapshot, in one step that readers see whole.

First the metadata of what changed are prepared, by many processes, into files that nobody reads yet; an interrupted
publishing goes on from there. Then one transaction replaces what changed. A collection can be published anew at any
time, from the catalog and the files alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from hilum.config import Settings
from hilum.disk import exclusive_lock, sync_filesystem
from hilum.errors import NotFoundError
from hilum.serve.published.cohorts import refresh_cohorts
from hilum.serve.published.copies import number_copies
from hilum.serve.published.metadata import FOLDER, SUFFIX, SeriesMetadata, metadata_path
from hilum.serve.published.models import Collection, Series, Study
from hilum.serve.published.prepare import Prepared, Task, prepare
from hilum.serve.published.rows import (
    CHANGING_SERIES_FIELDS,
    CHANGING_STUDY_FIELDS,
    COLUMNS,
    DIGEST_BYTES,
    PREPARED_VERSION,
    digest_of,
    rank_of,
    series_from,
    study_from,
)
from hilum.work import map_batches, open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Collection as Many
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.catalog.snapshot import Snapshot

    Row = dict[str, Any]

Item = TypeVar("Item")

SERIES_PER_TASK = 8
CHUNK = 500
"""Rows written by one statement, and looked up by one."""

HERE_UP_TO = 1500
"""Instances prepared in this process: starting others takes as long."""

GRACE_S = 3600
"""Age from which metadata that no row names are removed: a request may still read what has just been replaced."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publishing did.

    Attributes
    ----------
    collection_id, snapshot_id, access
        What was published, as of when, and who sees it.
    studies, series
        What the collection has now.
    series_new, series_changed, series_removed
        What became of them; the others are as they were.
    prepared
        The metadata made for it.
    """

    collection_id: str
    snapshot_id: str
    access: str
    studies: int
    series: int
    series_new: int
    series_changed: int
    series_removed: int
    prepared: Prepared


def publish(
    archive: Archive,
    collection_id: str,
    *,
    access: str | None = None,
    title: str | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Publication:
    """Publish a collection as the current snapshot has it.

    Parameters
    ----------
    access
        Who sees it: ``public``, ``registered`` or ``approved``; None: as before, ``approved`` for a new collection.
    title
        What it is called; None: as before, its id for a new collection.
    settings
        Workers to prepare with; the environment's when absent.
    on_progress
        Told how many more series were prepared.

    Raises
    ------
    NotFoundError
        The archive has no such collection.
    ArchiveError
        The catalog is damaged, or there is no room left on the disk; what was published before is unchanged.
    """
    snapshot = archive.snapshot()
    if not snapshot.row_count("series", collection_id):
        known = ", ".join(snapshot.collection_ids) or "none"
        raise NotFoundError(f"no series of collection {collection_id!r} in {archive.path}; it has {known}")
    state = archive.path / "serve"
    with exclusive_lock(state / "publish.lock"):
        change = _Change(snapshot, collection_id, state / FOLDER)
        if not _is_published(snapshot, collection_id, state / FOLDER):
            change.prepare(settings or Settings.from_environment(), on_progress or (lambda _: None))
        with transaction.atomic():
            collection = _collection(snapshot, collection_id, access, title)
            counts = change.write()
            if any(counts.values()):
                number_copies()
            refresh_cohorts(archive)
        if any(counts.values()):
            _count_for_planner()
            _remove_unnamed(state / FOLDER / collection_id)
    return Publication(
        collection_id=collection_id,
        snapshot_id=snapshot.snapshot_id,
        access=collection.access,
        studies=collection.studies.count(),
        series=collection.series.count(),
        prepared=change.prepared,
        **counts,
    )


def withdraw(collection_id: str) -> None:
    """Serve a collection no more; its files and its part of the catalog stay as they are, and so do its grants.

    Raises
    ------
    NotFoundError
        It is not served.
    """
    with transaction.atomic():
        found = Collection.objects.filter(collection_id=collection_id)
        if not found.exists():
            served = ", ".join(Collection.objects.order_by("pk").values_list("pk", flat=True)) or "none"
            raise NotFoundError(f"collection {collection_id!r} is not served; these are: {served}")
        Study.objects.filter(collection=collection_id).delete()
        number_copies()
        try:
            with transaction.atomic():
                found.delete()
        except ProtectedError:
            # Grants name it, and what was granted is never forgotten: it stays, empty and closed.
            found.update(access=Collection.Access.APPROVED, published_at=timezone.now(), content_digest="")


class _Change:
    """The difference between what is published of a collection and a snapshot."""

    def __init__(self, snapshot: Snapshot, collection_id: str, folder: Path) -> None:
        self.snapshot = snapshot
        self.collection_id = collection_id
        self.folder = folder
        self.prepared = Prepared()
        self.known: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.study_of: dict[str, str] = {}
        self.speakers: dict[str, tuple[bool, float, str]] = {}

    def prepare(self, settings: Settings, on_progress: Callable[[int], None]) -> None:
        """Write the metadata files that are missing, and take note of every row."""
        rows = Series.objects.filter(collection=self.collection_id).values_list("series_uid", "digest")
        self.known = dict(rows.iterator())
        for done in _prepared(self._tasks(), settings):
            self.prepared.add(done)
            on_progress(done.series)
        if self.prepared.series:
            # No row may name a file whose name could still be lost.
            sync_filesystem(self.folder)

    def write(self) -> dict[str, int]:
        """Bring the rows up to date with what `prepare` noted; give what became of the series."""
        changed = {uid for uid, digest in self.digests.items() if self.known.get(uid) != digest}
        gone = self.known.keys() - self.digests.keys()
        new = len(changed - self.known.keys())
        counts = {"series_new": new, "series_changed": len(changed) - new, "series_removed": len(gone)}
        if not (changed or gone):
            return counts
        touched = {self.study_of[uid] for uid in changed} | self._remove(gone)
        keys = self._write_studies({self.speakers[study][-1] for study in touched if study in self.speakers})
        self._write_series(changed, keys)
        Study.objects.filter(collection=self.collection_id, series=None).delete()
        return counts

    def _tasks(self) -> Iterator[Task]:
        for row in self._rows():
            uid, study = row["SeriesInstanceUID"], row["StudyInstanceUID"]
            digest = self.digests[uid] = digest_of(row)
            self.study_of[uid] = study
            self.speakers[study] = min(rank_of(row), self.speakers.get(study, rank_of(row)))
            if row["instances"] is not None:
                target = metadata_path(self.folder, self.collection_id, digest)
                yield Task(study, uid, row["instance_count"], row["instances"], target)

    def _rows(self, wanted: Many[str] | None = None) -> Iterator[Row]:
        for batch in self.snapshot.batches("series", COLUMNS, self.collection_id):
            for start in range(0, batch.num_rows, CHUNK):
                for row in batch.slice(start, CHUNK).to_pylist():
                    if wanted is None or row["SeriesInstanceUID"] in wanted:
                        yield row

    def _remove(self, gone: Many[str]) -> set[str]:
        """Remove series; give the UIDs of their studies."""
        studies: set[str] = set()
        for uids in chunks(sorted(gone), CHUNK):
            found = Series.objects.filter(collection=self.collection_id, series_uid__in=uids)
            studies.update(found.values_list("study__study_uid", flat=True))
            found.delete()
        return studies

    def _write_studies(self, speakers: Many[str]) -> dict[str, int]:
        """Write the studies for which these series speak; give their keys by UID."""
        keys: dict[str, int] = {}
        for rows in chunks(self._rows(speakers), CHUNK):
            studies = [study_from(self.collection_id, row, self._metadata(row)) for row in rows]
            Study.objects.bulk_create(
                studies,
                update_conflicts=True,
                unique_fields=["collection", "study_uid"],
                update_fields=CHANGING_STUDY_FIELDS,
            )
            uids = [study.study_uid for study in studies]
            found = Study.objects.filter(collection=self.collection_id, study_uid__in=uids)
            keys.update(found.values_list("study_uid", "pk"))
        return keys

    def _write_series(self, changed: Many[str], keys: Mapping[str, int]) -> None:
        for rows in chunks(self._rows(changed), CHUNK):
            made = [
                series_from(self.collection_id, keys[row["StudyInstanceUID"]], row, self._metadata(row)) for row in rows
            ]
            Series.objects.bulk_create(
                made,
                update_conflicts=True,
                unique_fields=["collection", "series_uid"],
                update_fields=CHANGING_SERIES_FIELDS,
            )

    def _metadata(self, row: Row) -> SeriesMetadata | None:
        if row["instances"] is None:
            return None
        return SeriesMetadata.open(metadata_path(self.folder, self.collection_id, digest_of(row)))


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items, `size` at a time."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _prepared(tasks: Iterator[Task], settings: Settings) -> Iterator[Prepared]:
    """Prepare series, as each is done: a few here, many by other processes."""
    missing = (task for task in tasks if not task.target.exists())
    first: list[Task] = []
    for task in missing:
        first.append(task)
        if sum(task.instance_count for task in first) > HERE_UP_TO:
            break
    else:
        yield prepare(first)
        return
    with open_executor(settings) as executor:
        yield from map_batches(
            prepare,
            chain(first, missing),
            executor=executor,
            batch_size=SERIES_PER_TASK,
            workers=settings.worker_count,
        )


def _is_published(snapshot: Snapshot, collection_id: str, folder: Path) -> bool:
    """Whether a collection is published as it is, and its metadata are all there."""
    digest = content_digest(snapshot, collection_id)
    if not Collection.objects.filter(pk=collection_id, content_digest=digest).exists():
        return False
    here = Series.objects.filter(collection=collection_id, instances__isnull=False).values_list("digest", flat=True)
    return all(metadata_path(folder, collection_id, name).exists() for name in here.iterator())


def content_digest(snapshot: Snapshot, collection_id: str) -> str:
    """What tells whether any row of a collection, or what is made of it, has changed: hexadecimal."""
    files = [file for file in snapshot.files if file.table == "series" and file.collection_id == collection_id]
    text = json.dumps([PREPARED_VERSION, *sorted(file.sha256 for file in files)])
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _collection(snapshot: Snapshot, collection_id: str, access: str | None, title: str | None) -> Collection:
    found = Collection.objects.filter(pk=collection_id).first() or Collection(pk=collection_id, title=collection_id)
    found.access = Collection.Access(access) if access else found.access
    found.title = title or found.title
    found.snapshot_id = snapshot.snapshot_id
    found.content_digest = content_digest(snapshot, collection_id)
    found.published_at = timezone.now()
    found.save()
    return found


def _count_for_planner() -> None:
    """Let the database count what its indexes hold: without that it may take a wrong one, a thousand times slower."""
    with connection.cursor() as cursor:
        for model in (Collection, Study, Series):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")  # noqa: SLF001


def unnamed_metadata(folder: Path) -> Iterator[Path]:
    """Give the metadata of a collection's folder that no row names any more, and no request can be reading."""
    named = set(Series.objects.filter(collection=folder.name).values_list("digest", flat=True).iterator())
    before = time.time() - GRACE_S
    for path in folder.glob(f"*/*{SUFFIX}"):
        if path.stem not in named and path.stat().st_mtime < before:
            yield path


def _remove_unnamed(folder: Path) -> None:
    for path in unnamed_metadata(folder):
        path.unlink(missing_ok=True)
