from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hilum.detect.suppression import suppress_neighbours


def test_one_node_gives_one_mark() -> None:
    points = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [20, 0, 0]], float)
    kept = suppress_neighbours(points, np.array([0.5, 0.9, 0.6, 0.1]), np.full(4, 6.0), maximum_count=10)
    assert kept.tolist() == [1, 3]


def test_the_stronger_decides_with_its_own_reach() -> None:
    points = np.array([[0, 0, 0], [5, 0, 0]], float)
    scores = np.array([0.9, 0.8])
    assert suppress_neighbours(points, scores, np.array([4.0, 50.0]), maximum_count=9).tolist() == [0, 1]
    assert suppress_neighbours(points, scores, np.array([5.0, 0.0]), maximum_count=9).tolist() == [0]


def test_equal_scores_keep_the_earlier_and_the_cap_holds() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [9, 0, 0]], float)
    assert suppress_neighbours(points, np.ones(3), np.full(3, 2.0), maximum_count=5).tolist() == [0, 2]
    assert suppress_neighbours(points, np.ones(3), np.full(3, 2.0), maximum_count=1).tolist() == [0]
    assert suppress_neighbours(np.empty((0, 3)), np.empty(0), np.empty(0), maximum_count=5).tolist() == []


@given(
    points=st.integers(1, 30).flatmap(lambda n: arrays(float, (n, 3), elements=st.integers(-20, 20).map(float))),
    reach=st.floats(0.5, 15),
    seed=st.integers(0, 2**16),
)
def test_kept_are_apart_and_dropped_are_near_a_stronger_one(points: np.ndarray, reach: float, seed: int) -> None:
    scores = np.random.default_rng(seed).permutation(len(points)).astype(float)
    kept = suppress_neighbours(points, scores, np.full(len(points), reach), maximum_count=len(points))
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    for index in range(len(points)):
        stronger = [other for other in kept if scores[other] > scores[index] and distance[other, index] <= reach]
        assert (index in kept) == (not stronger)


@given(st.permutations(range(8)))
def test_the_order_of_the_points_does_not_matter(order: list[int]) -> None:
    generator = np.random.default_rng(5)
    points, scores, reach = generator.uniform(0, 10, (8, 3)), generator.permutation(8).astype(float), np.full(8, 4.0)
    expected = suppress_neighbours(points, scores, reach, maximum_count=8)
    found = suppress_neighbours(points[order], scores[order], reach, maximum_count=8)
    assert [order[index] for index in found] == expected.tolist()
