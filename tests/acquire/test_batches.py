"""Batches of whole participants."""

from __future__ import annotations

import random
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.batches import series_batches, split_batches
from hilum.acquire.wanted import WantedSeries
from hilum.errors import ConfigError

items = st.lists(st.tuples(st.sampled_from([f"P{n}" for n in range(12)]), st.integers()), max_size=60)


def test_batches_hold_whole_participants() -> None:
    series = [("P3", "a"), ("P1", "b"), ("P2", "c"), ("P1", "d")]
    assert split_batches(series, 2, lambda one: one[0]) == (
        (("P1", "b"), ("P2", "c"), ("P1", "d")),
        (("P3", "a"),),
    )


@given(items=items, size=st.integers(1, 15), seed=st.integers())
def test_every_item_once_no_participant_twice_whatever_the_order(
    items: list[tuple[str, int]], size: int, seed: int
) -> None:
    batches = split_batches(items, size, lambda one: one[0])
    assert sorted(chain.from_iterable(batches)) == sorted(items)
    participants = [{one[0] for one in batch} for batch in batches]
    assert sum(map(len, participants)) == len({one[0] for one in items})
    assert all(len(found) == size for found in participants[:-1])
    shuffled = random.Random(seed).sample(items, len(items))
    again = split_batches(shuffled, size, lambda one: one[0])
    assert [sorted(batch) for batch in again] == [sorted(batch) for batch in batches]


def test_series_of_a_participant_that_is_not_known_are_not_dealt_to_batches() -> None:
    known = [WantedSeries(series_uid=f"1.{number}", participant_id=f"P{number}") for number in range(3)]
    assert series_batches(known, 2) == (tuple(known[:2]), tuple(known[2:]))
    with pytest.raises(ConfigError, match=r"series 1\.9: its participant is not known"):
        series_batches([*known, WantedSeries(series_uid="1.9")], 2)


def test_no_item_gives_no_batch() -> None:
    assert split_batches([], 5, str) == ()


def test_a_batch_needs_room() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        split_batches(["P1"], 0, str)
