"""What a published result hits, adds and misses: each with the image it lies on, and read a page at a time."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from hilum.assess.gallery import Gallery
from hilum.assess.listing import KINDS
from hilum.errors import FormatError, HilumError
from hilum.findings.image_planes import ImagePlanes
from hilum.model.tables import OUTCOMES
from hilum.publish.release import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hilum.assess import Assessment
    from hilum.assess.gallery import Card
    from hilum.assess.listing import Kind
    from hilum.catalog import Archive
    from hilum.model.findings import Lesion, Mark
    from hilum.model.series import Series

    Row = dict[str, Any]

SERIES_AT_ONCE = 1_000
"""Series looked up by one statement."""

ROWS_A_GROUP = 20_000
"""Rows of a Parquet file that are read, or passed over, together: a page of a long list needs one such group."""


def series_of_exams(archive: Archive, exam_ids: Iterable[str], findings: Iterable[Lesion | Mark]) -> dict[str, Series]:
    """Find the series of the archive that each exam is: its own id, or the one series that its findings name.

    Returns
    -------
    Exam to series; exams of which the archive has no series, or whose findings name several, are not in it. Of two
    collections that have a series, that whose files are here.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.series_uid:
            named[finding.exam_id].add(finding.series_uid)
    wanted = {exam_id: _only_one(named[exam_id]) or exam_id for exam_id in exam_ids}
    known = _series(archive, sorted(set(wanted.values())))
    return {exam_id: known[uid] for exam_id, uid in wanted.items() if uid in known}


def _only_one(values: set[str]) -> str:
    """The one value; empty where there are none or several."""
    return next(iter(values)) if len(values) == 1 else ""


def _series(archive: Archive, uids: Sequence[str]) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for start in range(0, len(uids), SERIES_AT_ONCE):
        condition = '"SeriesInstanceUID" IN (SELECT unnest(?)) ORDER BY "instances" IS NULL, "collection_id"'
        for series in archive.series_where(condition, [list(uids[start : start + SERIES_AT_ONCE])]):
            found.setdefault(series.uid, series)
    return found


def outcome_rows(
    assessment: Assessment,
    rates: Sequence[float],
    series: Mapping[str, Series],
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """Give the rows of `hilum.model.tables.OUTCOMES`, in order of rate, kind and number.

    Parameters
    ----------
    rates
        False positives an exam of the operating points.
    series
        Exam to series, for those that the archive has; rows of others have no series.
    on_progress
        Told the number of exams done.
    """
    rows = [row for rate in rates for row in _rows_at(assessment, rate)]
    by_exam: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_exam[row["exam_id"]].append(row)
    for exam_id, own in by_exam.items():
        if exam_id in series:
            _place(own, series[exam_id])
        on_progress(1)
    return rows


def _rows_at(assessment: Assessment, rate: float) -> list[Row]:
    groups = Gallery(assessment, rate, 0).groups()
    return [
        _row(rate, kind, number, card)
        for kind, group in zip(KINDS, groups, strict=True)
        for number, card in enumerate(group.cards, start=1)
    ]


def _row(rate: float, kind: Kind, number: int, card: Card) -> Row:
    row = dict.fromkeys(OUTCOMES.column_names) | {"rate": rate, "kind": kind, "number": number, "exam_id": card.exam}
    row |= dict(zip(("x_mm", "y_mm", "z_mm"), card.position_mm, strict=True))
    row |= {"score": card.score, "lesion_id": card.lesion_id}
    return row | {"diameter_mm": card.diameter_mm, "distance_mm": card.distance_mm}


def _place(rows: Sequence[Row], series: Series) -> None:
    """Write into rows whose they are, and the image that each lies on, where there is one."""
    try:
        planes = ImagePlanes(series)
    except HilumError:
        planes = None
    whose = {name: series[name] for name in ("collection_id", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")}
    for row in rows:
        image = _image(planes, (row["x_mm"], row["y_mm"], row["z_mm"])) if planes else {}
        row.update(whose | image)


def _image(planes: ImagePlanes, position_mm: tuple[float, float, float]) -> Row:
    try:
        plane = planes.nearest(position_mm)
    except FormatError:
        return {}
    x, y = plane.to_points(position_mm)[0].tolist()
    size = {"image_columns": plane.columns, "image_rows": plane.rows}
    image = {"SOPInstanceUID": plane.reference.sop_uid, "frame": plane.reference.frame}
    return {**image, "image_x": x, "image_y": y, **size}


def outcome_bytes(rows: Sequence[Row]) -> bytes:
    """Give rows as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(list(rows), schema=OUTCOMES.arrow_schema())
    pq.write_table(table, sink, compression="zstd", row_group_size=ROWS_A_GROUP)
    return bytes(sink.getvalue())


@dataclass(frozen=True, slots=True)
class OutcomeList(Sequence["Row"]):
    """One list of a published result, in its order; rows are read when they are asked for.

    Attributes
    ----------
    path
        The Parquet file.
    rate, kind
        Which list.
    series_uids
        Only rows of these series; None: all rows.
    """

    path: Path
    rate: float
    kind: Kind
    series_uids: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return int(next(self._ask("SELECT count(*)"))[0])

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """The row at an index, or the rows from one to before another; steps are passed over."""
        start, stop, _ = (index if isinstance(index, slice) else slice(index, index + 1)).indices(sys.maxsize)
        what = ", ".join(f'"{name}"' for name in OUTCOMES.column_names)
        if self.series_uids is None:
            # By number, so that the rows before are not even read.
            found = self._ask(f"SELECT {what}", "AND number > $start AND number <= $stop ORDER BY number", start, stop)
        else:
            found = self._ask(f"SELECT {what}", "ORDER BY number LIMIT $stop - $start OFFSET $start", start, stop)
        rows = [dict(zip(OUTCOMES.column_names, row, strict=True)) for row in found]
        return rows if isinstance(index, slice) else rows[0]

    def _ask(self, what: str, which: str = "", *places: int) -> Iterator[Any]:
        sql = f"{what} FROM read_parquet($path) WHERE rate = $rate AND kind = $kind"
        bound: dict[str, Any] = {"path": str(self.path), "rate": self.rate, "kind": self.kind}
        if self.series_uids is not None:
            sql += ' AND "SeriesInstanceUID" IN (SELECT unnest(CAST($uids AS VARCHAR[])))'
            bound["uids"] = list(self.series_uids)
        return ask(f"{sql} {which}", **bound, **dict(zip(("start", "stop"), places, strict=False)))
