"""Counts that follow a click in the cohort builder: totals and every facet, over the real index of NLST.

Ours counts in a table of the columns that facets need; the peer asks the same questions of the catalog's Parquet files
through DuckDB, one statement a facet, as a page without that table would.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.catalog import Archive
from hilum.catalog.idc import import_idc
from hilum.cohort import Criteria, FacetTable
from hilum.cohort.choose import EXAM_SQL
from hilum.cohort.facets import FACETS
from hilum.model.kinds import ImageKind
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 0.3
CHOICES = {
    "nothing chosen": Criteria(),
    "axial, T0, at most 2 mm": Criteria(kinds=(ImageKind.AXIAL,), rounds=(0,), max_thickness_mm=2.0),
    "one maker, derived data too": Criteria(modalities=(), original_only=False, manufacturers=("SIEMENS",)),
}


def ask_parquet(archive: Archive, criteria: Criteria) -> list[Any]:
    """Total and facets from the Parquet files."""
    answers = [
        _ask(
            archive,
            f"""SELECT count(*) AS series, count(DISTINCT {EXAM_SQL}) AS exams,
            count(DISTINCT (collection_id, "PatientID")) AS participants, sum(size_bytes) AS size_bytes""",
            criteria,
        )
    ]
    for facet in FACETS:
        unchosen: dict[str, Any] = {facet.field: ()}
        select = f'SELECT "{facet.column}" AS value, count(*) AS series'
        answers.append(_ask(archive, select, replace(criteria, **unchosen), f'GROUP BY "{facet.column}"'))
    return answers


def _ask(archive: Archive, select: str, criteria: Criteria, end: str = "") -> list[Any]:
    conditions = criteria.conditions()
    where = " AND ".join(f"({condition.sql})" for condition in conditions)
    parameters = {name: value for condition in conditions for name, value in condition.parameters.items()}
    rows: list[Any] = archive.query(f"{select} FROM series WHERE {where} {end}", parameters).to_pylist()
    return rows


def main() -> None:
    """Import NLST's index and count."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive.create(Path(folder, "archive"))
        import_idc(archive, ["nlst"])
        series = archive.query("SELECT count(*) AS n FROM series").to_pylist()[0]["n"]
        table = FacetTable(archive)
        rows, slowest = [], 0.0
        for name, criteria in CHOICES.items():
            ours, theirs = table.count(criteria), ask_parquet(archive, criteria)
            if ours.total.series != theirs[0][0]["series"]:
                raise SystemExit(f"{name}: {ours.total.series} series, the Parquet files have {theirs[0][0]['series']}")
            ways: dict[str, Callable[[], object]] = {
                "hilum": partial(table.count, criteria),
                "DuckDB on Parquet": partial(ask_parquet, archive, criteria),
            }
            best = best_of(ways)
            rows += [Row(name, way, seconds, 1, "click") for way, seconds in best.items()]
            slowest = max(slowest, best["hilum"])
    report(
        f"Counts of a choice among {series:,} series of NLST's real index",
        rows,
        ours="hilum",
        claims=[f"a click under {LIMIT_S} s: {slowest:.3f} s"],
    )


if __name__ == "__main__":
    main()
