"""Random draws that are the same on every machine, today and after an update of NumPy.

Only the raw bits of a generator are used: NumPy promises those for good, but not how its distributions are drawn from
them. For the same reason the phantom is computed with ``+ - * /`` and square roots alone, which every processor rounds
alike; sines and exponentials differ in the last digit.

References
----------
NEP 19, "Random number generator policy": bit generators are stable, distributions are not.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Item = TypeVar("Item")
Vector = tuple[float, float, float]

_MANTISSA_BITS = 53
_NOISE_BITS = 10
"""Bits of a noise value; the sum of the smoothing weights times their range stays far below 32 bits."""


class Draws:
    """A stream of random draws, fixed by its seed words.

    Parameters
    ----------
    words
        Whole numbers ≥ 0. Streams of different words are independent.
    """

    def __init__(self, *words: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(words))

    def uniform(self, low: float, high: float) -> float:
        """Give a number in [low, high)."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> (64 - _MANTISSA_BITS)) / 2.0**_MANTISSA_BITS)

    def integer(self, low: int, high: int) -> int:
        """Give a whole number, `low` and `high` included."""
        return low + int(self.uniform(0, high - low + 1))

    def chance(self, probability: float) -> bool:
        """Whether an event of this probability happens."""
        return self.uniform(0, 1) < probability

    def choice(self, items: Sequence[Item]) -> Item:
        """Give one of the items, each as likely."""
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Give the items in random order."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.integer(0, last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def near(self, point: Vector, spread: float) -> Vector:
        """Give a point at most `spread` away from `point` along each axis."""
        x, y, z = (value + self.uniform(-spread, spread) for value in point)
        return x, y, z

    def direction(self) -> Vector:
        """Give a unit vector, all directions as likely."""
        while True:
            x, y, z = (self.uniform(-1, 1) for _ in range(3))
            length = sqrt(x * x + y * y + z * z)
            if 0.1 < length <= 1:
                return x / length, y / length, z / length

    def noise(self, shape: tuple[int, int, int], sigma: float) -> NDArray[np.float32]:
        """Give noise with the grain of a soft CT kernel: correlated over three voxels, standard deviation `sigma`.

        Uniform bits smoothed by small whole-number kernels: integers throughout, and close to normal.
        """
        padded = (shape[0] + 2, shape[1] + 4, shape[2] + 4)
        count = padded[0] * padded[1] * padded[2]
        raw = self._bits.random_raw(-(-count // 4)).view(np.uint16)[:count] >> (16 - _NOISE_BITS)
        field = raw.reshape(padded).astype(np.int32) - (1 << (_NOISE_BITS - 1))
        field = field[:-2] + 3 * field[1:-1] + field[2:]
        for _ in range(2):
            field = field[:, :-2] + 2 * field[:, 1:-1] + field[:, 2:]
            field = field[..., :-2] + field[..., 1:-1] + field[..., 2:]
        deviation = _deviation((1, 3, 1)) * _deviation((1, 4, 6, 4, 1)) * _deviation((1, 2, 3, 2, 1))
        scale = sigma / (deviation * (1 << _NOISE_BITS) / sqrt(12))
        return field.astype(np.float32) * np.float32(scale)


def _deviation(weights: Sequence[int]) -> float:
    """How a filter changes the standard deviation of white noise."""
    return sqrt(sum(weight * weight for weight in weights))
