"""Dealing, by hand."""

from __future__ import annotations

from hilum.cohort.dealing import Person, deal


def test_each_goes_to_the_part_that_is_furthest_behind() -> None:
    """Shares 2 : 1 : 1; those with more series come first.

    Turn 1: all are behind by their share (2, 1, 1), so A goes to part 0; turn 2: (0, 2, 2) and B to 1; turn 3:
    (2, -1, 3) and C to 2; turn 4: (4, 0, 0) and D to 0.
    """
    persons = [Person(name, "", count) for name, count in (("D", 1), ("C", 2), ("B", 3), ("A", 4))]
    assert deal(persons, [2, 1, 1], seed=0) == {"A": 0, "B": 1, "C": 2, "D": 0}


def test_strata_are_laid_one_behind_the_other() -> None:
    persons = [Person("A", "y", 9), Person("B", "x", 1), Person("C", "x", 2)]
    assert deal(persons, [1, 1], seed=0) == {"C": 0, "B": 1, "A": 0}


def test_nobody_is_dealt_to_no_part() -> None:
    assert deal([], [1, 1], seed=0) == {}
