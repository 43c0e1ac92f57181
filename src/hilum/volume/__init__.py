"""A series as a volume: HU on a grid, read, resampled, cut, and written."""

from __future__ import annotations

from hilum.volume.load import load
from hilum.volume.volume import Volume

__all__ = ["Volume", "load"]
