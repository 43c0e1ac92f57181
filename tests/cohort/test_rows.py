"""The rows of a cohort's series: those of its snapshot, of its collection, in its order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hilum.catalog import Snapshot
from hilum.cohort import Criteria, build_cohort, cohort_series, column_values
from hilum.cohort import rows as module
from hilum.cohort.rows import NO_VALUE, chosen_rows
from hilum.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hilum.catalog import Archive


def test_stand_in_the_order_of_the_cohort(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of(*({"SeriesInstanceUID": f"1.{n}", "KVP": float(n)} for n in range(5)))
    cohort = build_cohort(archive, "x", Criteria())
    turned = replace(cohort, entries=cohort.entries[::-1])
    assert [series["KVP"] for series in cohort_series(archive, turned)] == [4, 3, 2, 1, 0]


def test_are_those_of_the_snapshot_and_of_the_collection(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of({"collection_id": "a", "KVP": 100.0}, {"collection_id": "b", "KVP": 120.0})
    cohort = build_cohort(archive, "x", Criteria(collections=("b",)))
    archive.update("b", lambda newest: {"series": newest.table("series", "b").slice(0, 0)}, note="emptied")
    assert [series["KVP"] for series in cohort_series(archive, cohort)] == [120]
    with pytest.raises(NotFoundError, match="no snapshot"):
        list(cohort_series(archive, replace(cohort, snapshot_id="000009-00000000")))


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_the_table_is_gone_through_once_however_many_there_are(
    archive_of: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    archive = archive_of(
        *(
            {"collection_id": name, "SeriesInstanceUID": f"{name}.{n}", "PatientID": f"{n}"}
            for name in "ab"
            for n in range(7)
        )
    )
    cohort = build_cohort(archive, "x", Criteria(where="\"PatientID\" <> '3'"))
    passes = []
    batches = Snapshot.batches

    def counted(snapshot: Snapshot, *arguments: Any, **keywords: Any) -> Iterator[Any]:
        passes.append(arguments[2])
        return batches(snapshot, *arguments, **keywords)

    monkeypatch.setattr(Snapshot, "batches", counted)
    monkeypatch.setattr(module, "SERIES_AT_ONCE", rows)
    assert [series.uid for series in cohort_series(archive, cohort)] == list(cohort.series_uids)
    assert passes == ["a", "b"]


def test_a_series_that_its_snapshot_has_not_is_told(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of({"SeriesInstanceUID": "1.1"})
    cohort = build_cohort(archive, "x", Criteria())
    other = replace(cohort.entries[0], SeriesInstanceUID="1.2")
    with pytest.raises(NotFoundError, match=r"series 1\.2 of the cohort is not in its snapshot"):
        list(cohort_series(archive, replace(cohort, entries=(*cohort.entries, other))))


def test_rows_are_chosen_or_all(archive_of: Callable[..., Archive]) -> None:
    snapshot = archive_of(*({"SeriesInstanceUID": f"1.{n}"} for n in range(5))).snapshot()

    def chosen(uids: frozenset[str] | None) -> list[list[str]]:
        batches = chosen_rows(snapshot, "c", ["SeriesInstanceUID"], uids, rows=2)
        return [batch.column("SeriesInstanceUID").to_pylist() for batch in batches]

    assert chosen(None) == [["1.0", "1.1"], ["1.2", "1.3"], ["1.4"]]
    assert chosen(frozenset({"1.1", "1.4", "9"})) == [["1.1"], ["1.4"]]
    assert chosen(frozenset()) == []


def test_values_of_a_column_are_text(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of({"SeriesInstanceUID": "1", "screening_round": 2}, {"SeriesInstanceUID": "2"})
    cohort = build_cohort(archive, "x", Criteria())
    assert column_values(archive, cohort, "screening_round") == {"1": "2", "2": NO_VALUE}


@pytest.mark.parametrize("column", ["Hospital", "instances", 'x" FROM series --'])
def test_what_is_no_column_is_refused(archive_of: Callable[..., Archive], column: str) -> None:
    archive = archive_of({})
    with pytest.raises(ConfigError, match="in the series table; it has collection_id"):
        column_values(archive, build_cohort(archive, "x", Criteria()), column)
