"""What could be asked next, with counts: how many series, exams and participants a choice holds and each value would.

A question is answered in some hundredths of a second over NLST's 203,087 series, so that counts can follow every click.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hilum.cohort.choose import EXAM_SQL
from hilum.cohort.criteria import Condition
from hilum.sql import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.catalog import Archive
    from hilum.cohort.criteria import Criteria

_COLUMNS = (
    "collection_id",
    "Modality",
    "analysis_result_id",
    "image_kind",
    "screening_round",
    "kernel_class",
    "Manufacturer",
    "SliceThickness",
    "slice_spacing_mm",
    "slice_count",
    "instance_count",
    "is_volume",
    "size_bytes",
)
"""Columns that the conditions of criteria name, and sizes."""

_CONDENSED = f"""
SELECT {", ".join(f'"{name}"' for name in _COLUMNS)},
    dense_rank() OVER (ORDER BY collection_id, "PatientID") AS participant,
    dense_rank() OVER (ORDER BY {EXAM_SQL}) AS exam
FROM series
"""  # noqa: S608 - constants
_TOTAL = """
SELECT count(*) AS series, count(DISTINCT exam) AS exams, count(DISTINCT participant) AS participants,
    CAST(coalesce(sum(size_bytes), 0) AS BIGINT) AS size_bytes
FROM condensed WHERE
"""
VALUES_SHOWN = 12
"""Values of a facet that are counted, the most frequent ones and those chosen: scanners have hundreds of spellings."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Something a choice can be narrowed by.

    Attributes
    ----------
    field
        Field of `Criteria` that holds the chosen values.
    column
        Column of the series table.
    title
        What a reader sees.
    """

    field: str
    column: str
    title: str


FACETS = (
    Facet("collections", "collection_id", "Collection"),
    Facet("modalities", "Modality", "Modality"),
    Facet("kinds", "image_kind", "Kind of image"),
    Facet("rounds", "screening_round", "Screening round"),
    Facet("kernel_classes", "kernel_class", "Kernel"),
    Facet("manufacturers", "Manufacturer", "Scanner maker"),
)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet, how many series it would give, and whether it is chosen."""

    value: Any
    series: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Total:
    """What a choice holds; `exams` are visits, `size_bytes` the size of its files."""

    series: int
    exams: int
    participants: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Answer to one question.

    Attributes
    ----------
    total
        What the criteria hold.
    facets
        Values of each facet with the series they would give if the facet were asked for that value alone and all else
        stayed; the most frequent first, chosen ones always among them.
    """

    total: Total
    facets: tuple[tuple[Facet, tuple[FacetValue, ...]], ...]


class FacetTable:
    """The columns of one snapshot's series that choices are made by, in memory; threads may share it.

    It takes about 60 MB for the 592,600 series that the public index has for NLST, derived ones included.

    Parameters
    ----------
    archive
        The archive; the snapshot that is current now is counted.
    """

    def __init__(self, archive: Archive) -> None:

        self.snapshot_id = archive.snapshot().snapshot_id
        self._connection = connect()
        rows = archive.query(_CONDENSED)
        self._connection.register("rows", rows)
        self._connection.execute("CREATE TABLE condensed AS SELECT * FROM rows")
        self._connection.unregister("rows")
        self._lock = threading.Lock()

    def count(self, criteria: Criteria, *, within: Sequence[str] | None = None) -> Counts:
        """Count what the criteria hold and what each value of each facet would.

        Parameters
        ----------
        criteria
            Its `where` and `one_per` are not counted: they need the whole table, or a choice among series.
        within
            Collections that are counted at all; None: every one.
        """
        countable = replace(criteria, where="", one_per="none")
        limit = [] if within is None else [_within(within)]
        total = self._ask(_TOTAL, [*limit, *countable.conditions()])
        facets = tuple((facet, self._values(facet, countable, limit)) for facet in FACETS)
        return Counts(Total(*total[0]), facets)

    def _values(self, facet: Facet, criteria: Criteria, limit: Sequence[Condition]) -> tuple[FacetValue, ...]:
        chosen = getattr(criteria, facet.field)
        unchosen: dict[str, Any] = {facet.field: ()}
        others = replace(criteria, **unchosen).conditions()
        counted = self._ask(
            f'SELECT "{facet.column}", count(*) FROM condensed WHERE "{facet.column}" IS NOT NULL AND ',  # noqa: S608
            [*limit, *others],
            " GROUP BY 1 ORDER BY 2 DESC, 1",
        )
        series = dict(counted)
        shown = [*list(series)[:VALUES_SHOWN], *(value for value in chosen if value not in series)]
        shown += [value for value in list(series)[VALUES_SHOWN:] if value in chosen]
        return tuple(FacetValue(value, series.get(value, 0), value in chosen) for value in shown)

    def _ask(self, start: str, conditions: Sequence[Condition], end: str = "") -> list[Any]:
        where = " AND ".join(f"({condition.sql})" for condition in conditions)
        parameters = {name: value for condition in conditions for name, value in condition.parameters.items()}
        with self._lock:
            return self._connection.execute(f"{start} {where}{end}", parameters).fetchall()


def _within(collections: Sequence[str]) -> Condition:
    """Limit what is counted, whatever collections are asked for."""
    return Condition("in these", "list_contains($within, collection_id)", {"within": list(collections)})
