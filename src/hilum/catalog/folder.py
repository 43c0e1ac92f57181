"""Indexing a folder into an archive: scan, then merge with the newest snapshot in one step.

What other processes commit in the meantime stays: only this folder's instances in this collection are replaced, and a
series that spans two folders is put together from both.
"""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.catalog.archive import require_collection_id
from hilum.catalog.merge import Merge, known_files
from hilum.config import Settings
from hilum.errors import ArchiveError, NotFoundError
from hilum.index.journal import open_journal
from hilum.index.scan import Scan, scan_folder
from hilum.work import open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hilum.catalog.archive import Archive
    from hilum.catalog.snapshot import Snapshot
    from hilum.index.refused import RefusedFile

FEW_FILES = 1500
"""Files read in this process: to start others takes as long."""

JOURNAL_FOLDER = "journal"


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an indexing did; ``files_found`` is always the sum of the next three.

    Attributes
    ----------
    collection_id, root
        Collection and absolute path of the folder.
    files_found, instances_kept, files_refused, files_passed_over
        Files in the folder, and what became of them.
    files_read
        Files whose header was read now; the others were as the catalog has them.
    files_taken_up
        Files that an interrupted indexing had read.
    files_gone
        Instances the catalog had and the folder has no more.
    series
        Series with an instance in the folder.
    passed_over
        Kind to number of the files passed over.
    refusals
        The files refused, sorted by path.
    snapshot_id
        Snapshot that holds the result; the one before where nothing changed.
    """

    collection_id: str
    root: str
    files_found: int
    instances_kept: int
    files_refused: int
    files_passed_over: int
    files_read: int
    files_taken_up: int
    files_gone: int
    series: int
    passed_over: Mapping[str, int]
    refusals: tuple[RefusedFile, ...]
    snapshot_id: str


def index_folder(
    archive: Archive,
    folder: str | Path,
    collection_id: str,
    *,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
    may_be_empty: bool = False,
) -> IndexReport:
    """Index the DICOM files of a folder in place.

    Parameters
    ----------
    settings
        Workers to read with; the environment's when absent.
    on_progress
        Told how many more files were found, every now and then.
    may_be_empty
        Whether a folder without DICOM files is an empty part of the collection, and no mistake.

    Raises
    ------
    NotFoundError
        There is no such folder, or no DICOM file in it.
    ArchiveError
        The archive cannot be read or written, or a worker process died; the last snapshot is whole, and the next
        indexing goes on from where this one ended.
    ConfigError
        The collection has no usable name, or a setting is wrong.
    """
    archive.require_changeable()
    require_folder(folder)
    require_collection_id(collection_id)
    settings = settings or Settings.from_environment()
    root = Path(folder).resolve()
    snapshot = archive.snapshot()
    known = known_files(snapshot, collection_id, str(root))
    with open_journal(archive.path / JOURNAL_FOLDER, collection_id, str(root)) as journal:
        try:
            with open_executor(settings) as executor:
                scan = scan_folder(
                    root,
                    known=known,
                    journal=journal,
                    executor=executor,
                    workers=settings.worker_count,
                    few=FEW_FILES,
                    on_progress=on_progress,
                )
        except BrokenProcessPool as error:
            raise ArchiveError(
                "a worker process died: for want of memory (index again with fewer workers, HILUM_WORKERS: it goes on "
                "from where this run ended), or because the calling script has no if __name__ == '__main__'"
            ) from error
        if not may_be_empty:
            _require_dicom(scan, known_count=len(known))
        merge = Merge(collection_id, scan, snapshot, known)
        committed = archive.update(collection_id, merge.change, note=f"index {root} into {collection_id}")
        journal.remove()
    return _report(scan, merge, committed, collection_id)


def require_folder(folder: str | Path) -> None:
    """Refuse what is no folder.

    Raises
    ------
    NotFoundError
        As said.
    """
    if not Path(folder).is_dir():
        what = "a file" if Path(folder).exists() else "not there"
        raise NotFoundError(f"{folder} is {what}; name the folder that the DICOM files are in")


def _require_dicom(scan: Scan, *, known_count: int) -> None:
    """Refuse a folder without a DICOM file: a wrong path, or a drive that is not mounted."""
    if scan.unchanged or scan.record_count or scan.refusals:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in scan.passed_over.most_common())
    found = f"{scan.files_found} files, all of other kinds ({kinds})" if scan.files_found else "the folder is empty"
    before = f"; {known_count} of its files are in the catalog: is a drive not mounted?" if known_count else ""
    raise NotFoundError(f"{scan.root}: no DICOM file found: {found}{before}. Nothing was changed.")


def _report(scan: Scan, merge: Merge, committed: Snapshot, collection_id: str) -> IndexReport:
    return IndexReport(
        collection_id=collection_id,
        root=scan.root,
        files_found=scan.files_found,
        instances_kept=merge.instances_kept,
        files_refused=len(merge.refusals),
        files_passed_over=scan.passed_over.total(),
        files_read=scan.files_read,
        files_taken_up=scan.files_taken_up,
        files_gone=merge.gone_count,
        series=merge.series_count,
        passed_over=dict(scan.passed_over.most_common()),
        refusals=tuple(merge.refusals),
        snapshot_id=committed.snapshot_id,
    )
