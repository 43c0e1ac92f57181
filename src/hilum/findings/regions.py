"""The regions of a label mask, measured: place, volume and RECIST axes.

A voxel reaches half a voxel round its centre: the outline of a region in a slice goes through the middles of the outer
edges of its pixels, so that one voxel has the axes of one voxel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hilum.findings.diameters import Diameters, measure_diameters
from hilum.model.findings import Lesion, as_point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hilum.model.findings import Point
    from hilum.model.geometry import Geometry

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

By = Literal["label", "component"]

EDGE_MIDDLES = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]])
"""Middles of a pixel's edges, (row, column), from its centre."""


LENGTH_DIGITS = 6
"""Decimals of a millimetre within which two slices are equally wide: beyond it is rounding."""


@dataclass(frozen=True, slots=True)
class Region:
    """A label of a mask, or a connected part of one.

    Attributes
    ----------
    label
        Number of its voxels.
    component
        Number of the part in its label, from 1 by first voxel; 0 for a label as a whole.
    voxel_count, volume_mm3
        How large it is.
    centroid_mm
        Mean of the voxels' centres, LPS; it can lie outside a region that is bent.
    long_axis_mm, short_axis_mm
        RECIST axes in the slice where the long axis is longest, the lowest of several.
    long_ends_mm, short_ends_mm
        The two ends of each axis, LPS.
    """

    label: int
    component: int
    voxel_count: int
    volume_mm3: float
    centroid_mm: Point
    long_axis_mm: float
    short_axis_mm: float
    long_ends_mm: tuple[Point, Point]
    short_ends_mm: tuple[Point, Point]

    @property
    def name(self) -> str:
        """``3``, or ``3.1`` for the first part of label 3."""
        return f"{self.label}.{self.component}" if self.component else str(self.label)

    def lesion(self, exam_id: str) -> Lesion:
        """The region as a lesion of an exam."""
        return Lesion(
            exam_id,
            self.name,
            self.centroid_mm,
            short_axis_mm=self.short_axis_mm,
            long_axis_mm=self.long_axis_mm,
            mask_label=self.label,
            long_ends_mm=self.long_ends_mm,
            short_ends_mm=self.short_ends_mm,
        )


def measure_regions(labels: NDArray[Any], geometry: Geometry, *, by: By = "label") -> tuple[Region, ...]:
    """Measure every label, or every connected component of every label (26 neighbours), in mm.

    Parameters
    ----------
    labels
        Whole numbers, (slice, row, column), 0 where there is none; nothing but 0 gives no regions. The slices are
        taken for axial.
    """
    runs = _runs(labels)
    if by == "component":
        runs = _split(labels, runs)
    return tuple(_measure(part, geometry) for part in _parts(runs))


@dataclass(frozen=True, slots=True)
class _Runs:
    """Voxels of one label side by side in a row, from the `first` column to the `last`; `level` is the slice."""

    label: Integers
    component: Integers
    level: Integers
    row: Integers
    first: Integers
    last: Integers

    def take(self, chosen: Integers | slice) -> _Runs:
        """Some of the runs."""
        columns = (self.label, self.component, self.level, self.row, self.first, self.last)
        return _Runs(*(column[chosen] for column in columns))


def _runs(labels: NDArray[Any]) -> _Runs:
    """Runs of equal labels other than 0; no run goes beyond its row."""
    _, rows, columns = labels.shape
    flat = np.ascontiguousarray(labels).reshape(-1)
    begins = np.empty(flat.size, np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    begins[::columns] = True
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], flat.size)
    values = flat[starts]
    starts, stops, values = starts[values != 0], stops[values != 0], values[values != 0]
    places, first = np.divmod(starts, columns)
    slices, row = np.divmod(places, rows)
    return _Runs(
        values.astype(np.int64), np.zeros(len(values), np.int64), slices, row, first, first + stops - starts - 1
    )


def _split(labels: NDArray[Any], runs: _Runs) -> _Runs:
    """Give the runs of each label the number of their connected component."""
    from scipy.ndimage import label as find_components

    component = np.zeros(len(runs.label), np.int64)
    for label in np.unique(runs.label):
        chosen = np.flatnonzero(runs.label == label)
        low = [int(axis[chosen].min()) for axis in (runs.level, runs.row, runs.first)]
        high = [int(axis[chosen].max()) + 1 for axis in (runs.level, runs.row, runs.last)]
        box = labels[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))] == label
        numbers, _ = find_components(box, structure=np.ones((3, 3, 3)))
        component[chosen] = numbers[runs.level[chosen] - low[0], runs.row[chosen] - low[1], runs.first[chosen] - low[2]]
    return replace(runs, component=component)


def _parts(runs: _Runs) -> Iterator[_Runs]:
    """Runs of each label and component, by number."""
    order = np.lexsort((runs.component, runs.label))
    runs = runs.take(order)
    changes = (np.diff(runs.label) != 0) | (np.diff(runs.component) != 0)
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(runs.label)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield runs.take(slice(start, stop))


def _measure(runs: _Runs, geometry: Geometry) -> Region:
    lengths = runs.last - runs.first + 1
    count = int(lengths.sum())
    means = [float(axis @ lengths) / count for axis in (runs.level, runs.row, (runs.first + runs.last) / 2)]
    index, axes = _widest_slice(runs, plane := _Plane(geometry))
    return Region(
        label=int(runs.label[0]),
        component=int(runs.component[0]),
        voxel_count=count,
        volume_mm3=count * abs(float(np.linalg.det(geometry.affine[:3, :3]))),
        centroid_mm=as_point(geometry.to_mm(means)),
        long_axis_mm=axes.long_axis_mm,
        short_axis_mm=axes.short_axis_mm,
        long_ends_mm=plane.ends(index, axes.long_mm),
        short_ends_mm=plane.ends(index, axes.short_mm),
    )


class _Plane:
    """Millimetres within the slices of a grid: along the columns' axis, and at right angles to it."""

    def __init__(self, geometry: Geometry) -> None:
        row_step, column_step = geometry.affine[:3, 1], geometry.affine[:3, 2]
        across = column_step / np.linalg.norm(column_step)
        upward = row_step - (row_step @ across) * across
        self._geometry = geometry
        self._steps: Floats = np.stack([row_step, column_step]) @ np.stack(
            [across, upward / np.linalg.norm(upward)], axis=1
        )

    def to_mm(self, pixels: Floats) -> Floats:
        """``(..., 2)`` of (row, column) to mm in the plane."""
        return pixels @ self._steps

    def ends(self, index: int, points_mm: Floats) -> tuple[Point, Point]:
        """LPS of two points of a slice."""
        first, last = points_mm @ np.linalg.inv(self._steps)
        return as_point(self._geometry.to_mm([index, *first])), as_point(self._geometry.to_mm([index, *last]))


def _widest_slice(runs: _Runs, plane: _Plane) -> tuple[int, Diameters]:
    """Slice in which the long axis is longest, and its axes.

    No axis is longer than the diagonal of its slice's box: slices are taken by that, until none can be longer.
    """
    ends = np.stack([np.stack([runs.row, runs.first], axis=1), np.stack([runs.row, runs.last], axis=1)], axis=1)
    points = plane.to_mm(ends[:, :, None, :] + EDGE_MIDDLES).reshape(len(runs.row), -1, 2)
    bounds = np.append(np.flatnonzero(np.diff(runs.level, prepend=-1)), len(runs.level))
    low = np.minimum.reduceat(points.min(axis=1), bounds[:-1])
    high = np.maximum.reduceat(points.max(axis=1), bounds[:-1])
    diagonals = np.linalg.norm(high - low, axis=1)
    best, widest = (-np.inf, 0), None
    for place in np.argsort(-diagonals, kind="stable").tolist():
        if diagonals[place] < best[0]:
            break
        axes = measure_diameters(points[bounds[place] : bounds[place + 1]].reshape(-1, 2))
        found = (round(axes.long_axis_mm, LENGTH_DIGITS), -int(runs.level[bounds[place]]))
        if found > best:
            best, widest = found, axes
    if widest is None:
        raise ValueError("a region without voxels: expected at least one")
    return -best[1], widest
