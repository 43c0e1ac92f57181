"""Merging the scan of a folder into a snapshot: pure but for files that another process has dropped meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.index.assemble import assemble
from hilum.index.batch import read_batch
from hilum.index.files import find_files
from hilum.index.record import unpack_records
from hilum.index.refused import RefusedFile
from hilum.index.scan import DEPENDENT_CHECKS, Known
from hilum.model.instances import Instances
from hilum.model.tables import CHECKS, REFUSALS, SCANS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from hilum.catalog.commit import Rows
    from hilum.catalog.snapshot import Snapshot
    from hilum.index.record import Record
    from hilum.index.scan import Scan

SERIES_PER_PART = 256
"""Rows of the series table that are built at a time."""

SORTED_BY = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
"""Order of the series table: what is asked for together lies together."""

_COUNTS = ("files_found", "instances_kept", "files_refused", "files_passed_over")

IMPORTED_COLUMNS = ("analysis_result_id", "licence", "source_doi", "source_url")
"""What an imported index says of a series and its files do not: kept when the files are indexed."""


def known_files(snapshot: Snapshot, collection_id: str, root: str) -> dict[str, Known]:
    """What a snapshot knows of the files below `root` in a collection, by path."""
    known: dict[str, Known] = {}
    series = snapshot.table("series", collection_id, ["SeriesInstanceUID", "instances"])
    for uid, packed in zip(series["SeriesInstanceUID"].to_pylist(), series["instances"].to_pylist(), strict=True):
        if packed is not None:
            known |= _files_of(packed, uid, root)
    for row in snapshot.table("refusals", collection_id).to_pylist():
        if row["root"] == root:
            known[row["path"]] = Known(row["size_bytes"], row["modified_ns"], refused=_refusal(row))
    return known


def _files_of(packed: bytes, uid: str, root: str) -> dict[str, Known]:
    instances = Instances.unpack(packed)
    columns = [instances.column(name) for name in ("root", "path", "size_bytes", "modified_ns")]
    return {path: Known(size, time, uid) for place, path, size, time in zip(*columns, strict=True) if place == root}


def _refusal(row: Mapping[str, Any]) -> RefusedFile:
    return RefusedFile.of(
        row["root"],
        row["path"],
        row["check"],
        row["reason"],
        size_bytes=row["size_bytes"],
        modified_ns=row["modified_ns"],
    )


class Merge:
    """The change that brings a scan into the newest snapshot; its attributes are set by `change`.

    Attributes
    ----------
    instances_kept
        Instances of the folder in the series table.
    series_count
        Series with an instance in the folder.
    gone_count
        Instances the catalog had and the folder has no more.
    refusals
        All files of the folder that are refused, sorted by path.
    """

    def __init__(self, collection_id: str, scan: Scan, snapshot: Snapshot, known: Mapping[str, Known]) -> None:
        self.instances_kept = 0
        self.series_count = 0
        self.gone_count = 0
        self.refusals: list[RefusedFile] = []
        self._collection_id = collection_id
        self._scan = scan
        self._snapshot = snapshot
        self._known = known
        self._refused_elsewhere: list[RefusedFile] = []
        self._checks: list[dict[str, Any]] = []

    def change(self, newest: Snapshot) -> dict[str, Rows]:
        """Give the collection's new rows, of the tables that change."""
        if newest.snapshot_id != self._snapshot.snapshot_id:
            self._known = known_files(newest, self._collection_id, self._scan.root)
        series_by_path = {path: file.series_uid for path, file in self._known.items() if file.refused is None}
        stale = series_by_path.keys() - self._scan.unchanged
        packed = self._new_records(series_by_path)
        touched = {series_by_path[path] for path in stale} | packed.keys()
        untouched = [uid for uid in series_by_path.values() if uid not in touched]
        self.instances_kept, self.series_count = len(untouched), len(set(untouched))
        self.refusals += self._scan.refusals
        tables: dict[str, Rows] = {}
        if touched:
            tables["series"] = self._series_table(newest, touched, packed)
            tables["checks"] = self._checks_table(newest, touched)
        self.refusals.sort(key=lambda refusal: refusal.path)
        self.gone_count = len(stale - self._scan.changed - {refusal.path for refusal in self.refusals})
        tables["refusals"] = self._refusals_table(newest, has_stale=bool(stale))
        tables["scans"] = self._scans_table(newest, has_changed=bool(touched))
        return tables

    def _new_records(self, series_by_path: Mapping[str, str]) -> dict[str, list[bytes]]:
        """Packed records to add by series; files that the catalog has lost since the scan are read again."""
        packed = {uid: list(parts) for uid, parts in self._scan.packed.items()}
        lost = self._scan.unchanged - series_by_path.keys()
        if lost:
            files = (file for file in find_files(Path(self._scan.root)) if file.path in lost)
            batch = read_batch(self._scan.root, list(files))
            self.refusals += batch.refusals
            for uid, part in batch.packed.items():
                packed.setdefault(uid, []).append(part)
        return packed

    def _series_table(self, newest: Snapshot, touched: AbstractSet[str], packed: Mapping[str, list[bytes]]) -> pa.Table:
        import pyarrow as pa
        from pyarrow import compute

        table = newest.table("series", self._collection_id)
        is_touched = compute.is_in(table["SeriesInstanceUID"], pa.array(sorted(touched), pa.string()))
        old = {row["SeriesInstanceUID"]: row for row in table.filter(is_touched).to_pylist()}
        parts = [table.filter(compute.invert(is_touched))]
        uids = sorted(touched)
        for start in range(0, len(uids), SERIES_PER_PART):
            rows = [
                row
                for uid in uids[start : start + SERIES_PER_PART]
                for row in self._assembled(old.get(uid), packed.get(uid, []))
            ]
            parts.append(pa.Table.from_pylist(rows, schema=SERIES.arrow_schema()))
        return pa.concat_tables(parts).sort_by([(key, "ascending") for key in SORTED_BY])

    def _assembled(self, old: Mapping[str, Any] | None, packed: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        """Row of one series, of the instances that stay and those that are new; nothing if there is none."""
        before = unpack_records(old["instances"]) if old and old["instances"] is not None else []
        stays = [record for record in before if self._stays(record)]
        assembly = assemble(
            self._collection_id, [*stays, *(record for part in packed for record in unpack_records(part))]
        )
        self._checks += assembly.checks
        for refusal in assembly.refusals:
            is_here = refusal.root == self._scan.root
            (self.refusals if is_here else self._refused_elsewhere).append(refusal)
        for series in assembly.series:
            count = list(series.instances.column("root")).count(self._scan.root)
            self.instances_kept += count
            self.series_count += count > 0
            yield {**series.row, **({name: old[name] for name in IMPORTED_COLUMNS} if old else {})}

    def _stays(self, record: Record) -> bool:
        return record["root"] != self._scan.root or record["path"] in self._scan.unchanged

    def _checks_table(self, newest: Snapshot, touched: AbstractSet[str]) -> pa.Table:
        import pyarrow as pa

        others = [
            row
            for row in newest.table("checks", self._collection_id).to_pylist()
            if row["SeriesInstanceUID"] not in touched
        ]
        rows = sorted([*others, *self._checks], key=lambda row: str(row["SeriesInstanceUID"]))
        return pa.Table.from_pylist(rows, schema=CHECKS.arrow_schema())

    def _refusals_table(self, newest: Snapshot, *, has_stale: bool) -> pa.Table:
        """Refusals of the folder anew; those of other folders stay, to be reconsidered if what they rest on is gone."""
        import pyarrow as pa

        root = self._scan.root
        rows = [row for row in newest.table("refusals", self._collection_id).to_pylist() if row["root"] != root]
        for row in rows:
            if has_stale and row["check"] in DEPENDENT_CHECKS:
                row["size_bytes"] = row["modified_ns"] = None
        rows += [_refusal_row(self._collection_id, refusal) for refusal in [*self.refusals, *self._refused_elsewhere]]
        rows.sort(key=lambda row: (row["root"], row["path"]))
        return pa.Table.from_pylist(rows, schema=REFUSALS.arrow_schema())

    def _scans_table(self, newest: Snapshot, *, has_changed: bool) -> pa.Table:
        """Row of this scan, unless it found nothing new; the counts of other folders follow what was refused there."""
        import pyarrow as pa

        rows = {row["root"]: row for row in newest.table("scans", self._collection_id).to_pylist()}
        row = self._scan_row()
        before = rows.get(self._scan.root)
        if has_changed or before is None or any(row[name] != before[name] for name in _COUNTS):
            rows[self._scan.root] = row
        for refusal in self._refused_elsewhere:
            if refusal.root in rows:
                rows[refusal.root]["instances_kept"] -= 1
                rows[refusal.root]["files_refused"] += 1
        return pa.Table.from_pylist([rows[root] for root in sorted(rows)], schema=SCANS.arrow_schema())

    def _scan_row(self) -> dict[str, Any]:
        return {
            "collection_id": self._collection_id,
            "root": self._scan.root,
            "finished_at": datetime.now(UTC),
            "files_found": self._scan.files_found,
            "instances_kept": self.instances_kept,
            "files_refused": len(self.refusals),
            "files_passed_over": self._scan.passed_over.total(),
            "files_read": self._scan.files_read,
        }


def _refusal_row(collection_id: str, refusal: RefusedFile) -> dict[str, Any]:
    return {
        "collection_id": collection_id,
        "root": refusal.root,
        "path": refusal.path,
        "check": refusal.check,
        "reason": refusal.reason,
        "size_bytes": refusal.size_bytes,
        "modified_ns": refusal.modified_ns,
    }
