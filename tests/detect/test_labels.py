from __future__ import annotations

import numpy as np
import pytest

from hilum.detect.labels import NEGATIVE, POSITIVE, UNSURE, label_candidates, lesion_radius_mm
from hilum.model.findings import Lesion


def lesion(x: float, size: float | None = None, *, is_excluded: bool = False) -> Lesion:
    return Lesion("e", str(x), (x, 0.0, 0.0), short_axis_mm=size, is_excluded=is_excluded)


def at(*x: float) -> np.ndarray:
    return np.array([[value, 0, 0] for value in x], float)


def test_radius_is_half_the_largest_size_and_never_tiny() -> None:
    assert lesion_radius_mm(Lesion("e", "1", (0, 0, 0), short_axis_mm=12, long_axis_mm=18)) == 9
    assert lesion_radius_mm(Lesion("e", "1", (0, 0, 0), diameter_mm=30)) == 15
    assert lesion_radius_mm(lesion(0, 4)) == 5
    assert lesion_radius_mm(lesion(0)) == 5


def test_on_beside_and_away_from_a_lesion() -> None:
    labels, weights = label_candidates(at(0, 8, 8.1, 16, 16.1), [lesion(0, 16)])
    assert labels.tolist() == [POSITIVE, POSITIVE, UNSURE, UNSURE, NEGATIVE]
    assert weights.tolist() == [0.5, 0.5, 1, 1, 1]


def test_each_lesion_has_the_same_weight() -> None:
    labels, weights = label_candidates(at(-1, 0, 1, 50), [lesion(0, 10), lesion(50, 10)])
    assert labels.tolist() == [POSITIVE] * 4
    assert weights.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


def test_a_candidate_on_two_lesions_counts_once_for_the_one_it_is_deepest_in() -> None:
    labels, weights = label_candidates(at(0, 7), [lesion(0, 20), lesion(8, 20)])
    assert labels.tolist() == [POSITIVE, POSITIVE]
    assert weights.tolist() == [1, 1]


def test_excluded_lesions_teach_nothing() -> None:
    labels, _ = label_candidates(at(0, 9, 30), [lesion(0, 10, is_excluded=True)])
    assert labels.tolist() == [UNSURE, UNSURE, NEGATIVE]
    labels, _ = label_candidates(at(0), [lesion(0, 10, is_excluded=True), lesion(2, 10)])
    assert labels.tolist() == [POSITIVE]


def test_no_lesions_and_no_candidates() -> None:
    assert label_candidates(at(0, 1), [])[0].tolist() == [NEGATIVE, NEGATIVE]
    assert label_candidates(np.empty((0, 3)), [lesion(0)])[0].tolist() == []
