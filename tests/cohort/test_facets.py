"""Counts that follow a choice: equal to counting by hand, each facet blind to its own choice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.cohort import Criteria, FacetTable, Total, build_cohort
from hilum.cohort.facets import FACETS, VALUES_SHOWN
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.cohort import Counts

ROWS: list[dict[str, Any]] = [
    {
        "collection_id": "nlst" if number % 3 else "ct_lymph_nodes",
        "PatientID": f"P{number // 4}",
        "StudyInstanceUID": f"1.{number // 2}",
        "SeriesInstanceUID": f"1.1.{number}",
        "image_kind": ("axial", "axial", "localizer")[number % 3],
        "screening_round": (0, 1, None)[number % 3],
        "kernel_class": ("soft", "sharp", None, "soft")[number % 4],
        "Manufacturer": f"Maker {number % 15}",
        "SliceThickness": (1.0, 2.5, 5.0)[number % 3],
        "Modality": "CT" if number % 7 else "SEG",
        "size_bytes": 10,
    }
    for number in range(60)
]


@pytest.fixture
def table(archive_of: Callable[..., Archive]) -> FacetTable:
    return FacetTable(archive_of(*ROWS))


def counted(counts: Counts, field: str) -> dict[Any, int]:
    return {one.value: one.series for facet, values in counts.facets if facet.field == field for one in values}


def test_nothing_asked_counts_everything(table: FacetTable) -> None:
    counts = table.count(Criteria(modalities=(), original_only=False))
    assert counts.total == Total(series=60, exams=len({exam(row) for row in ROWS}), participants=30, size_bytes=600)
    assert counted(counts, "kinds") == Counter(row["image_kind"] for row in ROWS)


def exam(row: dict[str, Any]) -> tuple[Any, ...]:
    visit = row["StudyInstanceUID"] if row["screening_round"] is None else row["screening_round"]
    return row["collection_id"], row["PatientID"], visit


def test_a_facet_does_not_count_its_own_choice_but_the_others(table: FacetTable) -> None:
    criteria = Criteria(modalities=("CT",), kinds=(ImageKind.AXIAL,), original_only=False)
    counts = table.count(criteria)
    ct = [row for row in ROWS if row["Modality"] == "CT"]
    assert counted(counts, "kinds") == Counter(row["image_kind"] for row in ct)
    axial = [row for row in ct if row["image_kind"] == "axial"]
    assert counts.total.series == len(axial)
    assert counted(counts, "rounds") == Counter(row["screening_round"] for row in axial)


def test_a_chosen_value_is_shown_even_where_it_gives_nothing(table: FacetTable) -> None:
    counts = table.count(Criteria(manufacturers=("Nobody",), modalities=(), original_only=False))
    shown = {one.value: (one.series, one.is_chosen) for facet, values in counts.facets for one in values}
    assert shown["Nobody"] == (0, True)
    assert counts.total == Total(0, 0, 0, 0)


def test_many_values_are_cut_but_never_a_chosen_one(table: FacetTable) -> None:
    free = table.count(Criteria(modalities=(), original_only=False))
    makers = counted(free, "manufacturers")
    assert len(makers) == VALUES_SHOWN
    absent = next(row["Manufacturer"] for row in ROWS if row["Manufacturer"] not in makers)
    chosen = table.count(Criteria(manufacturers=(absent,), modalities=(), original_only=False))
    assert absent in counted(chosen, "manufacturers")


def test_only_the_collections_within_are_counted(table: FacetTable) -> None:
    criteria = Criteria(modalities=(), original_only=False)
    counts = table.count(criteria, within=["nlst"])
    assert counted(counts, "collections") == {"nlst": counts.total.series}
    asked = table.count(Criteria(collections=("ct_lymph_nodes",), modalities=(), original_only=False), within=["nlst"])
    assert asked.total.series == 0
    assert table.count(criteria, within=[]).total.series == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kinds=st.sets(st.sampled_from([ImageKind.AXIAL, ImageKind.LOCALIZER])),
    rounds=st.sets(st.sampled_from([0, 1])),
    makers=st.sets(st.sampled_from([f"Maker {number}" for number in range(15)])),
    thickness=st.sampled_from([None, 1.0, 3.0]),
)
def test_totals_and_values_equal_counting_row_by_row(
    table: FacetTable, kinds: set[ImageKind], rounds: set[int], makers: set[str], thickness: float | None
) -> None:
    criteria = Criteria(
        modalities=(),
        original_only=False,
        kinds=tuple(kinds),
        rounds=tuple(rounds),
        manufacturers=tuple(makers),
        max_thickness_mm=thickness,
    )
    wanted: dict[str, set[Any]] = {"image_kind": set(kinds), "screening_round": rounds, "Manufacturer": makers}
    fits = [row for row in ROWS if thickness is None or row["SliceThickness"] <= thickness]
    counts = table.count(criteria)
    chosen = [row for row in fits if all(not some or row[name] in some for name, some in wanted.items())]
    assert counts.total.series == len(chosen)
    assert counts.total.participants == len({(row["collection_id"], row["PatientID"]) for row in chosen})
    for facet, values in counts.facets:
        others = {name: some for name, some in wanted.items() if name != facet.column}
        rows = [row for row in fits if all(not some or row[name] in some for name, some in others.items())]
        expected = Counter(row.get(facet.column, "CT") for row in rows)
        assert all(one.series == expected[one.value] for one in values)


def test_the_total_is_what_a_cohort_of_the_same_criteria_holds(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of(*ROWS)
    criteria = Criteria(kinds=(ImageKind.AXIAL,), rounds=(0,), manufacturers=("Maker 3", "Maker 6"))
    cohort = build_cohort(archive, "some", criteria)
    last = cohort.flow[-1]
    total = FacetTable(archive).count(criteria).total
    assert (total.series, total.exams, total.participants) == (last.series, last.exams, last.participants)
    assert total.series > 0


def test_every_facet_is_a_field_of_the_criteria() -> None:
    assert all(isinstance(getattr(Criteria(), facet.field), tuple) for facet in FACETS)
