from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.detect.labels import NEGATIVE, POSITIVE
from hilum.detect.view_examples import ExampleSettings, ViewExamples, balanced_batches, view_examples
from hilum.detect.views import ViewSettings
from hilum.errors import DetectorError
from hilum.model.findings import Lesion
from hilum.model.geometry import Geometry
from hilum.volume import Volume

VOLUME = Volume(np.zeros((8, 8, 8), np.int16), Geometry((8, 8, 8), (20.0, 20.0, 20.0), (-70.0, -70.0, -70.0)))
VIEWS = ViewSettings(pixels=8)
SETTINGS = ExampleSettings(lesion_views=6, other_views=2)


def lesion(x: float, *, is_excluded: bool = False) -> Lesion:
    return Lesion("1.2", str(x), (x, 0.0, 0.0), short_axis_mm=10.0, is_excluded=is_excluded)


def examples(points_x: list[float], lesions: list[Lesion]) -> ViewExamples:
    points = np.array([[x, 0.0, 0.0] for x in points_x])
    generator = np.random.default_rng(0)
    return view_examples(VOLUME, points, lesions, "P1", settings=SETTINGS, views=VIEWS, generator=generator)


def some(labels: list[int], persons: list[str]) -> ViewExamples:
    pictures = np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
    return ViewExamples(pictures, np.array(labels, np.int8), np.array(persons))


def test_each_lesion_gives_as_many_views_whatever_lies_on_it() -> None:
    found = examples([0, 1, 50, 51, 52], [lesion(0), lesion(51)])
    assert np.count_nonzero(found.labels == POSITIVE) == 12
    assert np.count_nonzero(found.labels == NEGATIVE) == 0


def test_views_of_other_candidates_and_none_near_a_lesion_or_of_an_excluded_one() -> None:
    found = examples([0, 8, 30, 60, -60], [lesion(0), lesion(30, is_excluded=True)])
    assert found.labels.tolist() == [POSITIVE] * 6 + [NEGATIVE] * 4
    assert found.pictures.shape == (10, 3, 8, 8)
    assert set(found.person_ids.tolist()) == {"P1"}


def test_a_crowd_of_candidates_on_a_lesion_gives_one_view_each() -> None:
    assert len(examples(np.linspace(-2, 2, 20).tolist(), [lesion(0)]).labels) == 20


def test_no_candidates_give_no_examples() -> None:
    points = np.empty((0, 3))
    found = view_examples(
        VOLUME, points, [lesion(0)], "P1", settings=SETTINGS, views=VIEWS, generator=np.random.default_rng(0)
    )
    assert found.pictures.shape == (0, 3, 8, 8)


def test_joined_examples_keep_their_order() -> None:
    joined = ViewExamples.joined([some([1, 0], ["long name", "b"]), some([0], ["c"])])
    assert joined.pictures.ravel().tolist() == [0, 1, 0]
    assert joined.person_ids.tolist() == ["long name", "b", "c"]


def test_examples_that_cannot_teach_are_refused() -> None:
    with pytest.raises(DetectorError, match="no series"):
        ViewExamples.joined([])
    with pytest.raises(DetectorError, match="training needs both"):
        ViewExamples.joined([some([0, 0], ["a", "b"])])


PERSONS = [f"P{number}" for number in range(10) for _ in range(4)]
LABELS = [POSITIVE, NEGATIVE, NEGATIVE, NEGATIVE] * 9 + [NEGATIVE] * 4


@given(seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_persons_are_held_out_whole_and_only_those_with_lesions(seed: int, share: float) -> None:
    found = some(LABELS, PERSONS)
    taught, held_out = found.split_by_person(share, np.random.default_rng(seed))
    assert sorted([*taught, *held_out]) == list(range(40))
    apart = set(found.person_ids[held_out])
    assert not apart & set(found.person_ids[taught])
    assert len(apart) == min(max(1, round(share * 9)), 7)
    assert "P9" not in apart


def test_a_person_all_of_whose_candidates_lie_on_lesions_is_not_held_out() -> None:
    found = some([POSITIVE, POSITIVE, *LABELS[:12]], ["alone", "alone", *PERSONS[:12]])
    apart: set[str] = set()
    for seed in range(30):
        _, held_out = found.split_by_person(0.2, np.random.default_rng(seed))
        apart |= set(found.person_ids[held_out].tolist())
    assert apart == {"P0", "P1", "P2"}


def test_of_two_persons_none_is_held_out() -> None:
    taught, held_out = some(LABELS[:8], PERSONS[:8]).split_by_person(0.5, np.random.default_rng(0))
    assert (len(taught), len(held_out)) == (8, 0)


@given(positives=st.integers(1, 30), negatives=st.integers(1, 60), half=st.integers(1, 10), seed=st.integers(0, 99))
def test_batches_show_each_positive_once_beside_as_many_negatives(
    positives: int, negatives: int, half: int, seed: int
) -> None:
    labels = np.array([POSITIVE] * positives + [NEGATIVE] * negatives, np.int8)
    batches = list(balanced_batches(labels, 2 * half, np.random.default_rng(seed), np.empty(0, np.intp)))
    assert all(np.count_nonzero(labels[rows] == POSITIVE) * 2 == len(rows) <= 2 * half for rows in batches)
    shown = np.concatenate(batches)
    assert sorted(shown[labels[shown] == POSITIVE]) == list(range(positives))
    times = np.bincount(shown, minlength=len(labels))[positives:]
    assert times.max() - times.min() <= 1


def test_hard_negatives_are_all_shown_and_the_rest_is_drawn() -> None:
    labels = np.array([POSITIVE] * 8 + [NEGATIVE] * 40, np.int8)
    hard = np.array([10, 20, 30])
    times = np.zeros(len(labels), int)
    for seed in range(200):
        shown = np.concatenate(list(balanced_batches(labels, 4, np.random.default_rng(seed), hard)))
        assert set(hard) <= set(shown)
        assert len(shown) == 16
        times += np.bincount(shown, minlength=len(labels))
    assert times[8:].min() > 0
