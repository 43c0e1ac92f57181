"""What is to be looked at: the series of a folder, an archive or a cohort, and what indexing found in them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.catalog.folder import require_folder
from hilum.check.finding import Finding, place_of
from hilum.check.subject import Subject
from hilum.errors import NotFoundError
from hilum.index.assemble import assemble
from hilum.index.record import unpack_records
from hilum.index.scan import scan_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from hilum.catalog import Archive
    from hilum.model.series import Series

READABLE_CHECKS = frozenset({"missing-uid", "bad-uid", "duplicate-instance", "conflicting-instance"})
"""Refusals of files whose header can be read: it is checked all the same."""


@dataclass(slots=True)
class Collected:
    """What is to be looked at.

    Attributes
    ----------
    name
        What it is: a folder, an archive and what of it.
    series
        The series whose files are here.
    loose
        Files that are in no series.
    findings
        What indexing found, and series whose files are elsewhere.
    """

    name: str
    series: list[Series] = field(default_factory=list)
    loose: list[Subject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def subjects(self) -> Iterator[Subject]:
        """Everything to look at, a series or a folder of loose files each."""
        return chain(map(Subject.of_series, self.series), self.loose)


def collect_folder(
    folder: Path, *, executor: Executor, workers: int, on_progress: Callable[[int], None] | None = None
) -> Collected:
    """Scan a folder and put its files together to series, without an archive.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    require_folder(folder)
    scan = scan_folder(
        folder.resolve(), known={}, journal=None, executor=executor, workers=workers, on_progress=on_progress
    )
    packed = (one for of_series in scan.packed.values() for one in of_series)
    assembly = assemble("", (record for one in packed for record in unpack_records(one)))
    collected = Collected(str(folder), series=assembly.series)
    refusals = [
        {"root": one.root, "path": one.path, "check": one.check, "reason": one.reason}
        for one in (*scan.refusals, *assembly.refusals)
    ]
    _add_indexed(collected, assembly.checks, refusals)
    return collected


def collect_archive(archive: Archive, series: Sequence[Series], *, name: str) -> Collected:
    """Take series of an archive, and what indexing found in them and refused beside them.

    Parameters
    ----------
    series
        Those to look at; refused files are told of their collections.
    """
    here = [one for one in series if one["instances"] is not None]
    collected = Collected(name, series=here)
    uids = {(one["collection_id"], one.uid) for one in series}
    snapshot = archive.snapshot()
    checks: list[dict[str, Any]] = []
    refusals: list[dict[str, Any]] = []
    for collection_id in sorted({one["collection_id"] for one in series}):
        rows = snapshot.table("checks", collection_id).to_pylist()
        checks += [row for row in rows if (collection_id, row["SeriesInstanceUID"]) in uids]
        refusals += snapshot.table("refusals", collection_id).to_pylist()
    _add_indexed(collected, checks, refusals)
    return collected


def series_of_archive(archive: Archive, collection_id: str | None) -> list[Series]:
    """Give the series of a collection, or of all.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = archive.series_where('"collection_id" = ?', [collection_id]) if collection_id else archive.series_where()
    if not found:
        what = f"no series of collection {collection_id!r}" if collection_id else "no series"
        raise NotFoundError(f"{archive.path}: {what}; hilum collections lists what is there")
    return found


def _add_indexed(
    collected: Collected, checks: Iterable[Mapping[str, Any]], refusals: Iterable[Mapping[str, Any]]
) -> None:
    by_uid = {one.uid: one for one in collected.series}
    for row in checks:
        series = by_uid.get(row["SeriesInstanceUID"])
        place = place_of(series) if series else ""
        participant = series.participant_id if series else ""
        collected.findings.append(Finding(row["check"], row["SeriesInstanceUID"], row["detail"], place, participant))
    refused: dict[tuple[str, str], list[tuple[Path, str]]] = defaultdict(list)
    for row in refusals:
        path = Path(row["root"], row["path"])
        refused[row["check"], str(path.parent)].append((path, row["reason"]))
    loose: dict[str, list[Path]] = defaultdict(list)
    for (check, place), files in sorted(refused.items()):
        detail = f"{len(files)} {'file' if len(files) == 1 else 'files'}, such as {files[0][0].name}: {files[0][1]}"
        collected.findings.append(Finding(check, place, detail, place))
        if check in READABLE_CHECKS:
            loose[place] += [path for path, _ in files]
    collected.loose += [Subject(place, tuple(paths)) for place, paths in sorted(loose.items())]
