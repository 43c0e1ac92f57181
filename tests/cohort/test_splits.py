"""Splits: nobody in two parts, everybody in one, even, and the same everywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hilum.cohort import (
    Cohort,
    Criteria,
    Entry,
    FlowStep,
    Link,
    Split,
    build_cohort,
    by_fractions,
    k_fold,
    link_persons,
    list_splits,
    make_split,
)
from hilum.errors import ArchiveError, ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.catalog import Archive


def cohort_of(series_of_persons: Sequence[int]) -> Cohort:
    """A cohort with so many series of each person."""
    entries = tuple(
        Entry("c", f"P{person}", f"{person}", f"{person}.{number}", f"P{person}", "fits")
        for person, count in enumerate(series_of_persons)
        for number in range(count)
    )
    return Cohort("x", "s", Criteria(), (FlowStep("in c", len(entries), 1, 1),), entries)


cohorts = st.lists(st.integers(1, 4), min_size=8, max_size=40).map(cohort_of)
fold_counts = st.integers(2, 8)
seeds = st.integers(0, 2**32)
STRATA = "abc"


def stratum_of(cohort: Cohort, draw: Callable[[str], str]) -> dict[str, str]:
    """Strata of series, the same for all series of a person."""
    by_person = {person: draw(person) for person in {entry.person_id for entry in cohort.entries}}
    return {entry.SeriesInstanceUID: by_person[entry.person_id] for entry in cohort.entries}


def persons_of(cohort: Cohort, uids: Sequence[str]) -> set[str]:
    wanted = set(uids)
    return {entry.person_id for entry in cohort.entries if entry.SeriesInstanceUID in wanted}


class TestFolds:
    @given(cohorts, fold_counts, seeds)
    def test_test_every_series_once_and_train_on_the_rest(self, cohort: Cohort, k: int, seed: int) -> None:
        folds = k_fold(cohort, k, seed)
        assert len(folds) == k
        assert Counter(uid for fold in folds for uid in fold.test) == Counter(cohort.series_uids)
        for fold in folds:
            assert sorted((*fold.train, *fold.test)) == sorted(cohort.series_uids)

    @given(cohorts, fold_counts, seeds)
    def test_never_train_and_test_on_one_person(self, cohort: Cohort, k: int, seed: int) -> None:
        for fold in k_fold(cohort, k, seed):
            assert not persons_of(cohort, fold.train) & persons_of(cohort, fold.test)

    @given(cohorts, fold_counts, seeds)
    def test_are_even_in_persons_and_nearly_in_series(self, cohort: Cohort, k: int, seed: int) -> None:
        folds = k_fold(cohort, k, seed)
        persons = [len(persons_of(cohort, fold.test)) for fold in folds]
        series = [len(fold.test) for fold in folds]
        assert max(persons) - min(persons) <= 1
        assert max(series) - min(series) <= max(Counter(entry.person_id for entry in cohort.entries).values())

    @given(cohorts, fold_counts, seeds, st.randoms(use_true_random=False))
    def test_do_not_depend_on_the_order_of_the_series(self, cohort: Cohort, k: int, seed: int, random: Any) -> None:
        entries = list(cohort.entries)
        random.shuffle(entries)
        shuffled = k_fold(replace(cohort, entries=tuple(entries)), k, seed)
        assert [set(fold.test) for fold in k_fold(cohort, k, seed)] == [set(fold.test) for fold in shuffled]

    @given(cohorts, fold_counts, seeds, st.randoms(use_true_random=False))
    def test_spread_each_stratum_evenly(self, cohort: Cohort, k: int, seed: int, random: Any) -> None:
        strata = stratum_of(cohort, lambda _: random.choice(STRATA))
        folds = k_fold(cohort, k, seed, strata)
        for stratum in STRATA:
            inside = [[uid for uid in fold.test if strata[uid] == stratum] for fold in folds]
            persons = [len(persons_of(cohort, uids)) for uids in inside]
            assert max(persons) - min(persons) <= 1
        persons = [len(persons_of(cohort, fold.test)) for fold in folds]
        assert max(persons) - min(persons) <= 1

    @given(cohorts, fold_counts, seeds, st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=6))
    def test_keep_linked_participants_together(
        self, cohort: Cohort, k: int, seed: int, pairs: list[tuple[int, int]]
    ) -> None:
        linked = link_persons(cohort, [Link(f"P{one}", f"P{other}") for one, other in pairs])
        assume(len({entry.person_id for entry in linked.entries}) >= k)
        fold_of = {uid: n for n, fold in enumerate(k_fold(linked, k, seed)) for uid in fold.test}
        for pair in pairs:
            mine = [entry for entry in cohort.entries if entry.PatientID in {f"P{number}" for number in pair}]
            assert len({fold_of[entry.SeriesInstanceUID] for entry in mine}) <= 1

    def test_are_these_on_every_machine(self) -> None:
        """Dealt by hand: ``printf '7\\nP0' | b2sum -l 128`` gives the hashes.

        The two with two series come first (P2 8df3, P5 d85f), then the others: P3 26b5, P7 5e7b, P6 bb85, P1 d9d1,
        P0 e71d, P4 f61f.
        """
        cohort = cohort_of([1, 1, 2, 1, 1, 2, 1, 1])
        folds = k_fold(cohort, 3, seed=7)
        persons = [["P2", "P7", "P0"], ["P5", "P6", "P4"], ["P3", "P1"]]
        assert [persons_of(cohort, fold.test) for fold in folds] == [set(found) for found in persons]

    def test_are_others_for_another_seed(self) -> None:
        cohort = cohort_of([1] * 30)
        assert len({k_fold(cohort, 3, seed) for seed in range(10)}) == 10

    def test_in_one_stratum_by_a_person_of_two(self) -> None:
        cohort = cohort_of([2, 1, 1, 1])
        strata = {"0.0": "a", "0.1": "b", "1.0": "a", "2.0": "a + b", "3.0": "b"}
        # P0 has series of a and b, so it counts as "a + b", as P2 does: the two are in different folds.
        fold_of = {uid: n for n, fold in enumerate(k_fold(cohort, 2, 0, strata)) for uid in fold.test}
        assert fold_of["0.0"] == fold_of["0.1"] != fold_of["2.0"]

    @pytest.mark.parametrize(
        ("k", "message"), [(0, "at least 2"), (1, "at least 2"), (4, "4 parts need as many persons, found 3")]
    )
    def test_of_impossible_number_are_refused(self, k: int, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            k_fold(cohort_of([3, 3, 3]), k, 0)


class TestFractions:
    @given(
        st.integers(10, 300),
        st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5), (0.8, 0.2), (0.34, 0.33, 0.33), (0.6, 0.3, 0.1), (0.1, 0.9)]),
        seeds,
    )
    def test_give_each_part_its_share_to_one_person(self, count: int, fractions: tuple[float, ...], seed: int) -> None:
        cohort = cohort_of([1] * count)
        parts = by_fractions(cohort, fractions, seed)
        assert Counter(uid for part in parts for uid in part.series_uids) == Counter(cohort.series_uids)
        for part, fraction in zip(parts, fractions, strict=True):
            assert abs(len(part.series_uids) - fraction * count) <= 1

    @given(cohorts, seeds)
    def test_never_part_a_person(self, cohort: Cohort, seed: int) -> None:
        parts = by_fractions(cohort, (0.5, 0.25, 0.25), seed)
        persons = [persons_of(cohort, part.series_uids) for part in parts]
        assert sum(len(found) for found in persons) == len(set.union(*persons))

    def test_name_their_parts(self) -> None:
        cohort = cohort_of([1] * 10)
        assert [part.name for part in by_fractions(cohort, (0.8, 0.1, 0.1), 0)] == ["train", "validation", "test"]
        assert [(part.name, len(part.series_uids)) for part in by_fractions(cohort, (0.8, 0.2), 0)] == [
            ("train", 8),
            ("test", 2),
        ]

    @pytest.mark.parametrize("fractions", [(), (1.0,), (0.7, 0.2), (0.5, 0.6, -0.1), (1.0, 0.0), (0.25,) * 4])
    def test_that_make_no_whole_are_refused(self, fractions: tuple[float, ...]) -> None:
        with pytest.raises(ConfigError, match="whose sum is 1"):
            by_fractions(cohort_of([1] * 10), fractions, 0)

    def test_of_too_few_persons_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="3 parts need as many persons, found 2"):
            by_fractions(cohort_of([1, 1]), (0.4, 0.3, 0.3), 0)


class TestStored:
    @pytest.fixture
    def archive(self, archive_of: Callable[..., Archive]) -> Archive:
        return archive_of(
            *(
                {"PatientID": f"P{n}", "SeriesInstanceUID": f"1.{n}", "Manufacturer": "A" if n < 6 else None}
                for n in range(12)
            )
        )

    def test_comes_back_with_what_made_it(self, archive: Archive) -> None:
        cohort = link_persons(build_cohort(archive, "x", Criteria()), [Link("P1", "P0")])
        made = make_split(archive, cohort, folds=3, seed=5, stratify="Manufacturer")
        made.save(archive, "x")
        assert list_splits(archive, "x") == ["folds-3-seed-5-by-Manufacturer-linked"] == [made.name]
        assert Split.load(archive, cohort, made.name) == made
        assert (made.method, made.seed, made.linked) == ("folds 3", 5, (("P1", "P0"),))
        # Six of A (with P0 and P1 as one person: five) and six of none over three folds.
        counts = [Counter(int(uid[2:]) < 6 for uid in part.series_uids) for part in made.parts]
        assert [count[False] for count in counts] == [2, 2, 2]

    def test_by_fractions(self, archive: Archive) -> None:
        cohort = build_cohort(archive, "x", Criteria())
        made = make_split(archive, cohort, fractions=(0.5, 0.25, 0.25), name="mine")
        assert (made.name, made.method) == ("mine", "fractions 0.5 0.25 0.25")
        assert [len(part.series_uids) for part in made.parts] == [6, 3, 3]

    def test_needs_one_method(self, archive: Archive) -> None:
        with pytest.raises(ValueError, match="either folds or fractions"):
            make_split(archive, build_cohort(archive, "x", Criteria()))

    def test_needs_a_column_of_the_series_table(self, archive: Archive) -> None:
        with pytest.raises(ConfigError, match="no column 'Hospital' in the series table; it has collection_id"):
            make_split(archive, build_cohort(archive, "x", Criteria()), folds=2, stratify="Hospital")

    def test_never_changes(self, archive: Archive) -> None:
        cohort = build_cohort(archive, "x", Criteria())
        make_split(archive, cohort, folds=3, name="a").save(archive, "x")
        make_split(archive, cohort, folds=3, name="a").save(archive, "x")
        with pytest.raises(ArchiveError, match="a split 'a' already"):
            make_split(archive, cohort, folds=3, seed=1, name="a").save(archive, "x")

    def test_unknown_names_those_there(self, archive: Archive) -> None:
        cohort = build_cohort(archive, "x", Criteria())
        with pytest.raises(NotFoundError, match="no split 'a'; it has none yet"):
            Split.load(archive, cohort, "a")

    def test_of_another_cohort_is_refused(self, archive: Archive) -> None:
        cohort = build_cohort(archive, "x", Criteria())
        make_split(archive, cohort, folds=3, name="a").save(archive, "x")
        with pytest.raises(ArchiveError, match="splits cohort"):
            Split.load(archive, replace(cohort, entries=cohort.entries[1:]), "a")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [(b'"version": 1', b'"version": 2', "newer"), (b'"seed"', b'"sead"', "damaged"), (b"{", b"", "damaged")],
    )
    def test_damaged_or_newer_is_told(self, archive: Archive, old: bytes, new: bytes, message: str) -> None:
        cohort = build_cohort(archive, "x", Criteria())
        path = make_split(archive, cohort, folds=3, name="a").save(archive, "x")
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        with pytest.raises(ArchiveError, match=message):
            Split.load(archive, cohort, "a")
