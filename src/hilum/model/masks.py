"""Label masks: lesions and organs as voxels, a number each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from hilum.model.codes import Code
    from hilum.model.geometry import Geometry

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

BACKGROUND = 0
"""Label of the voxels of nothing."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What the voxels of one label are.

    Attributes
    ----------
    name
        In the source's words (``right hilar node``).
    colour
        Red, green and blue, 0 to 255 (sRGB); None where the source gives none.
    category, kind
        Coded property category (``Anatomical Structure``) and type (``Lymph node``); None where the source gives none.
    site
        Coded anatomic region it lies in; None where the source gives none.
    tracking_id, tracking_uid
        Name and UID of the thing itself, the same in all its segmentations and measurements (`Lesion.lesion_id` and
        `Lesion.tracking_uid`); empty where the source gives none.
    """

    name: str
    colour: tuple[int, int, int] | None = None
    category: Code | None = None
    kind: Code | None = None
    site: Code | None = None
    tracking_id: str = ""
    tracking_uid: str = ""

    def __post_init__(self) -> None:
        if self.colour is not None and not all(0 <= part <= 255 for part in self.colour):
            raise ValueError(f"colour {self.colour} of segment {self.name!r}: expected red, green and blue in 0..255")


@dataclass(frozen=True, eq=False)
class LabelMask:
    """The lesions of an exam, each as the voxels of its own number.

    Attributes
    ----------
    labels
        ``(slices, rows, columns)`` whole numbers, 0 for no lesion.
    geometry
        Where the voxels lie.
    segments
        Label to what it is; labels without an entry have a number alone.
    overlaid
        Further arrays like `labels`, for labels that overlap those of the arrays before. A label stands in one array.
    """

    labels: NDArray[np.integer]
    geometry: Geometry
    segments: Mapping[int, Segment] = field(default_factory=dict)
    overlaid: tuple[NDArray[np.integer], ...] = ()

    def __post_init__(self) -> None:
        for layer in self.layers:
            if layer.shape != self.geometry.shape:
                raise ValueError(f"mask of shape {layer.shape}: its geometry has {self.geometry.shape}")
            if not np.issubdtype(layer.dtype, np.integer):
                raise ValueError(f"mask of {layer.dtype}: expected whole numbers, a label each")

    @property
    def layers(self) -> tuple[NDArray[np.integer], ...]:
        """All arrays of labels, `labels` first."""
        return (self.labels, *self.overlaid)

    @cached_property
    def present(self) -> frozenset[int]:
        """The labels that occur, `BACKGROUND` left out."""
        # Slice by slice: most voxels are background, and a sorted copy of a whole volume is large.
        planes = (plane for layer in self.layers for plane in layer)
        return frozenset(int(label) for plane in planes for label in np.unique(plane[plane != BACKGROUND]))

    def at(self, positions_mm: ArrayLike) -> Integers:
        """``(n,)`` label of the voxel each position lies in, of `labels` alone; `BACKGROUND` outside the mask.

        Parameters
        ----------
        positions_mm
            ``(n, 3)`` LPS. The voxel is the one whose centre is nearest; half-way, that of the higher index.
        """
        return self._labels_at(positions_mm, self.labels)

    def covers(self, positions_mm: ArrayLike, labels: ArrayLike) -> Flags:
        """``(n,)`` whether the voxel each position lies in has the label of the same row, overlapping ones included."""
        wanted = np.asarray(labels, dtype=np.int64)
        covered = np.zeros(wanted.shape, dtype=np.bool_)
        for layer in self.layers:
            covered |= self._labels_at(positions_mm, layer) == wanted
        return covered

    def _labels_at(self, positions_mm: ArrayLike, layer: NDArray[np.integer]) -> Integers:
        points = np.asarray(positions_mm, dtype=np.float64).reshape(-1, 3)
        nearest = np.floor(self.geometry.to_voxels(points) + 0.5)
        is_inside = np.all((nearest >= 0) & (nearest < layer.shape), axis=1)
        found = np.full(len(points), BACKGROUND, dtype=np.int64)
        slices, rows, columns = nearest[is_inside].astype(np.intp).T
        found[is_inside] = layer[slices, rows, columns]
        return found
