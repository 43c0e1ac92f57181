"""Persons: tables of links, and who is one by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from builders import SHARED_DATA, needs_shared_data
from hilum.cohort import Cohort, Criteria, Entry, FlowStep, Link, k_fold, link_persons, read_links, write_links
from hilum.cohort.persons import join_persons
from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.sampled_from([f"P{number}" for number in range(8)])
PAIRS = st.lists(st.tuples(NAMES, NAMES), max_size=10)


def cohort_of(*participants: str) -> Cohort:
    entries = tuple(Entry("c", one, f"{n}", f"1.{n}", one, "fits") for n, one in enumerate(participants))
    return Cohort("x", "s", Criteria(), (FlowStep("in c", len(entries), 1, 1),), entries)


class TestJoining:
    def test_goes_over_several_links(self) -> None:
        persons = join_persons(["A", "B", "C", "D"], [("D", "C"), ("C", "B")])
        assert persons == {"A": "A", "B": "B", "C": "B", "D": "B"}

    def test_goes_over_an_id_that_is_not_asked_for(self) -> None:
        assert join_persons(["B", "C"], [("B", "Z"), ("Z", "C")]) == {"B": "B", "C": "B"}

    def test_bears_circles_and_links_to_itself(self) -> None:
        assert join_persons(["A", "B"], [("A", "A"), ("A", "B"), ("B", "A")]) == {"A": "A", "B": "A"}

    @given(PAIRS)
    def test_is_what_walking_the_links_finds(self, pairs: list[tuple[str, str]]) -> None:
        names = [f"P{number}" for number in range(8)]
        reached = {}
        for name in names:
            group = {name}
            for _ in names:
                group |= {b for a, b in pairs if a in group} | {a for a, b in pairs if b in group}
            reached[name] = min(group)
        assert join_persons(names, pairs) == reached

    @given(PAIRS, st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order(self, pairs: list[tuple[str, str]], random: object) -> None:
        names = [f"P{number}" for number in range(8)]
        shuffled = [(b, a) for a, b in pairs]
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert join_persons(names, pairs) == join_persons(names, shuffled)


class TestLinkedCohort:
    def test_has_one_person_for_linked_participants(self) -> None:
        linked = link_persons(cohort_of("A", "B", "C"), [Link("C", "A")])
        assert [entry.person_id for entry in linked.entries] == ["A", "B", "A"]
        assert linked.cohort_id == cohort_of("A", "B", "C").cohort_id

    def test_keeps_the_links_it_has(self) -> None:
        linked = link_persons(link_persons(cohort_of("A", "B", "C"), [Link("C", "B")]), [Link("B", "A")])
        assert {entry.person_id for entry in linked.entries} == {"A"}

    def test_without_links_is_itself(self) -> None:
        assert link_persons(cohort_of("A", "B"), []) == cohort_of("A", "B")


class TestTable:
    LINKS = (Link("A", "B", "equal pixels, equal grid", "1.1", "1.2"), Link("C", "D"))

    def test_comes_back_from_csv(self, tmp_path: Path) -> None:
        path = tmp_path / "links.csv"
        write_links(path, self.LINKS)
        assert path.read_text().splitlines()[0] == "PatientID,same_person_as,evidence,SeriesInstanceUID,same_series_as"
        assert read_links(path) == (Link("A", "B"), Link("C", "D"))

    def test_comes_back_from_parquet(self, tmp_path: Path) -> None:
        path = tmp_path / "links.parquet"
        table = pa.table({"note": ["x", "y"], "PatientID": ["A", "C"], "same_person_as": ["B", None]})
        parquet.write_table(table, path)
        assert read_links(path) == (Link("A", "B"),)

    def test_may_have_a_byte_order_mark_other_columns_and_empty_cells(self, tmp_path: Path) -> None:
        path = tmp_path / "links.csv"
        path.write_bytes("\ufeffsame_person_as,PatientID,note\r\n B ,A,ä\r\n,C,\r\n".encode())
        assert read_links(path) == (Link("A", "B"),)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "no column 'PatientID' among none"),
            (b"PatientID,person\nA,B\n", "no column 'same_person_as' among PatientID, person"),
            (b"PatientID,same_person_as\n,B\n", "row 1 has no PatientID"),
            (b"PatientID,same_person_as\n\xff\xfe,B\n", "expected a CSV in UTF-8"),
        ],
    )
    def test_that_is_none_is_refused(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "links.csv"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            read_links(path)

    def test_parquet_that_is_none_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "links.parquet"
        path.write_bytes(b"PatientID,same_person_as\nA,B\n")
        with pytest.raises(FormatError, match="expected a Parquet file"):
            read_links(path)


@needs_shared_data
def test_scans_of_ct_lymph_nodes_under_two_ids_stay_together() -> None:
    path = SHARED_DATA / "ct_lymph_nodes" / "derived_geometry.csv"
    links = read_links(path, columns=("patient", "same_grid_as"))
    pairs = {frozenset((link.PatientID, link.same_person_as)) for link in links}
    assert len(pairs) == 20
    assert frozenset(("ABD_LYMPH_001", "MED_LYMPH_002")) in pairs
    participants = [f"MED_LYMPH_{n:03}" for n in range(1, 91)] + [f"ABD_LYMPH_{n:03}" for n in range(1, 87)]
    cohort = link_persons(cohort_of(*participants), links)
    assert len({entry.person_id for entry in cohort.entries}) == 176 - 20
    participant_of = {entry.SeriesInstanceUID: entry.PatientID for entry in cohort.entries}
    for fold in k_fold(cohort, 6, seed=1):
        tested = {participant_of[uid] for uid in fold.test}
        assert all(len(pair & tested) in (0, 2) for pair in pairs)
