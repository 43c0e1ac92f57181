"""How thoroughly is looked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PixelReading(StrEnum):
    """How many slices of a series are read."""

    NONE = "none"
    SOME = "some"
    ALL = "all"


SLICES_READ = 5
"""Slices of a series that are read where some are, spread evenly."""


@dataclass(frozen=True, slots=True)
class Options:
    """How thoroughly is looked.

    Attributes
    ----------
    pixels
        How many slices of a series are read. Headers are read of every file.
    with_thumbnails
        Keep a small picture of each series with a finding.
    """

    pixels: PixelReading = PixelReading.SOME
    with_thumbnails: bool = False

    def chosen(self, count: int) -> list[int]:
        """Indices of the images that are read, of `count`, 0-based."""
        if self.pixels is PixelReading.NONE:
            return []
        if self.pixels is PixelReading.ALL or count <= SLICES_READ:
            return list(range(count))
        return [(2 * number + 1) * count // (2 * SLICES_READ) for number in range(SLICES_READ)]
