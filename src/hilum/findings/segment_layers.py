"""Segments laid into arrays of labels: into one where they do not overlap, else into as many as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray


class Stroke(NamedTuple):
    """Voxels of a segment in one slice: the slice, the first pixel, and 1 for its pixels from there on, row by row."""

    slice: int
    start: int
    bits: NDArray[np.uint8]


class SegmentLayers:
    """Arrays of labels that grow as segments come.

    Parameters
    ----------
    shape
        Voxels along (slice, row, column).
    dtype
        Unsigned type that holds all labels.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._flat: list[NDArray[Any]] = []

    def add(self, label: int, strokes: Sequence[Stroke]) -> None:
        """Lay a segment into the first array in which it overlaps nothing."""
        layer = next((layer for layer in self._flat if not _overlaps(layer, strokes)), None)
        if layer is None:
            layer = np.zeros((self._shape[0], self._shape[1] * self._shape[2]), self._dtype)
            self._flat.append(layer)
        for stroke in strokes:
            part = _part(layer, stroke)
            np.bitwise_or(part, stroke.bits * np.array(label, self._dtype), out=part)

    @property
    def layers(self) -> list[NDArray[Any]]:
        """The arrays, (slice, row, column) each; one at least."""
        empty = [] if self._flat else [np.zeros(self._shape, self._dtype)]
        return [layer.reshape(self._shape) for layer in self._flat] + empty

    def overlap_count(self) -> int:
        """Voxels of more than one segment."""
        if len(self._flat) < 2:
            return 0
        return sum(
            int(np.count_nonzero(sum((plane != 0).astype(np.uint8) for plane in planes) > 1))
            for planes in zip(*self._flat, strict=True)
        )


def _overlaps(layer: NDArray[Any], strokes: Sequence[Stroke]) -> bool:
    return any(bool(np.logical_and(_part(layer, stroke), stroke.bits).any()) for stroke in strokes)


def _part(layer: NDArray[Any], stroke: Stroke) -> NDArray[Any]:
    part: NDArray[Any] = layer[stroke.slice, stroke.start : stroke.start + len(stroke.bits)]
    return part
