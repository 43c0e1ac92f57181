from __future__ import annotations

import hashlib
from math import isclose

import numpy as np
import pytest

from hilum.phantom.draws import Draws


def test_equal_words_give_equal_draws_and_other_words_others() -> None:
    assert [Draws(1, 2).uniform(0, 1) for _ in range(2)] == [Draws(1, 2).uniform(0, 1)] * 2
    assert Draws(1, 2).uniform(0, 1) != Draws(2, 1).uniform(0, 1)


def test_draws_are_the_same_on_every_machine() -> None:
    draws = Draws(7)
    # Worked from the bit stream that NumPy promises to keep: (raw >> 11) / 2**53.
    raw = np.random.PCG64(np.random.SeedSequence((7,))).random_raw(3)
    expected = [int(value) // 2**11 / 2**53 for value in raw]
    assert [draws.uniform(0, 1) for _ in range(3)] == expected
    noise = np.rint(Draws(7).noise((4, 8, 8), 100.0)).astype("<i2")
    assert hashlib.sha256(noise.tobytes()).hexdigest()[:16] == "9fc6e2101eaf102c"


def test_a_whole_number_takes_both_ends_and_nothing_else() -> None:
    draws = Draws(3)
    assert {draws.integer(2, 5) for _ in range(300)} == {2, 3, 4, 5}


def test_shuffling_loses_nothing() -> None:
    assert sorted(Draws(5).shuffled(range(20))) == list(range(20))
    assert Draws(5).shuffled(range(20)) != list(range(20))


def test_near_stays_near_and_a_direction_has_length_one() -> None:
    draws = Draws(9)
    for _ in range(100):
        assert all(abs(value - 10) <= 2 for value in draws.near((10.0, 10.0, 10.0), 2.0))
        assert isclose(sum(value * value for value in draws.direction()), 1, rel_tol=1e-12)


@pytest.mark.parametrize("sigma", [15.0, 25.0])
def test_noise_has_the_deviation_asked_for_and_a_grain(sigma: float) -> None:
    noise = Draws(11).noise((24, 64, 64), sigma).astype(np.float64)
    assert noise.shape == (24, 64, 64)
    assert abs(noise.mean()) < 1
    assert noise.std() == pytest.approx(sigma, rel=0.05)
    neighbours = np.corrcoef(noise[:, :, :-1].ravel(), noise[:, :, 1:].ravel())[0, 1]
    far = np.corrcoef(noise[:, :, :-8].ravel(), noise[:, :, 8:].ravel())[0, 1]
    assert neighbours > 0.6
    assert abs(far) < 0.05
