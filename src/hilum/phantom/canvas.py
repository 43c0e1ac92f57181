"""The voxels a phantom is painted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.phantom.shapes import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.phantom.draws import Vector
    from hilum.phantom.shapes import Segment, Shape

AIR_HU = -1000.0
EDGE_MM = 2.4
"""Width over which an edge goes from one tissue to the next: partial volume and blur of a soft kernel."""

Block = tuple[slice, slice, slice]


class Canvas:
    """A volume of HU in the phantom's body frame (see `hilum.phantom.shapes`).

    Parameters
    ----------
    shape
        Voxels along (slice, row, column); slices ascend to the head.
    spacing_mm
        (slice, row, column).
    origin_mm
        x, y, z of the centre of voxel (0, 0, 0).
    """

    def __init__(self, shape: tuple[int, int, int], spacing_mm: Vector, origin_mm: Vector) -> None:
        self.hu = np.full(shape, AIR_HU, dtype=np.float32)
        self.spacing_mm = spacing_mm
        self.origin_mm = origin_mm
        x, y, z = (
            (origin_mm[axis] + spacing_mm[2 - axis] * np.arange(shape[2 - axis])).astype(np.float32)
            for axis in range(3)
        )
        self.x, self.y, self.z = x[None, None, :], y[None, :, None], z[:, None, None]

    @property
    def box(self) -> Box:
        """The block between the outer voxel centres."""
        return Box(
            (float(self.x[0, 0, 0]), float(self.y[0, 0, 0]), float(self.z[0, 0, 0])),
            (float(self.x[0, 0, -1]), float(self.y[0, -1, 0]), float(self.z[-1, 0, 0])),
        )

    def block(self, box: Box) -> Block:
        """Voxels whose centres lie in `box`; slices of length 0 where none do."""
        ranges = []
        for axis in (2, 1, 0):
            origin, step, count = self.origin_mm[axis], self.spacing_mm[2 - axis], self.hu.shape[2 - axis]
            first = int(np.ceil((box.low[axis] - origin) / step))
            last = int(np.floor((box.high[axis] - origin) / step))
            ranges.append(slice(min(max(first, 0), count), max(min(last + 1, count), 0)))
        return ranges[0], ranges[1], ranges[2]

    def coverage(self, shape: Shape, block: Block) -> NDArray[np.float32]:
        """Share of each voxel of a block that the shape fills, 0 to 1."""
        slices, rows, columns = block
        x, y, z = self.x[:, :, columns], self.y[:, rows], self.z[slices]
        inside = np.clip(0.5 - shape.distance(x, y, z) / EDGE_MM, 0, 1)
        return np.asarray(inside * inside * (3 - 2 * inside), dtype=np.float32)

    def whole(self, shape: Shape) -> NDArray[np.float32]:
        """Coverage over all voxels."""
        cover = np.zeros(self.hu.shape, dtype=np.float32)
        block = self.block(shape.box.grown(EDGE_MM))
        if not _is_empty(block):
            cover[block] = self.coverage(shape, block)
        return cover

    def whole_of_segments(self, segments: Sequence[Segment]) -> NDArray[np.float32]:
        """Coverage of many pieces of tube together, over all voxels."""
        cover = np.zeros(self.hu.shape, dtype=np.float32)
        for segment in segments:
            block = self.block(segment.box.grown(EDGE_MM))
            if not _is_empty(block):
                np.maximum(cover[block], self.coverage(segment, block), out=cover[block])
        return cover

    def paint(self, shape: Shape, hu: float) -> None:
        """Fill a shape with `hu`."""
        block = self.block(shape.box.grown(EDGE_MM))
        if not _is_empty(block):
            self._blend(block, self.coverage(shape, block), hu)

    def paint_tube(
        self,
        segments: Sequence[Segment],
        hu: float,
        *,
        wall_hu: float = 0.0,
        wall_mm: float = 0.0,
        only_in: tuple[float, float] | None = None,
    ) -> None:
        """Fill pieces of tube with `hu`, inside a wall if it has a thickness, and only in voxels of a range of HU."""
        if wall_mm > 0:
            self.paint_tube([_thicker(segment, wall_mm) for segment in segments], wall_hu)
        block = self.block(_box_of(segments).grown(EDGE_MM))
        if _is_empty(block):
            return
        cover = np.zeros(tuple(part.stop - part.start for part in block), dtype=np.float32)
        for segment in segments:
            piece = self.block(segment.box.grown(EDGE_MM))
            if not _is_empty(piece):
                inner = _relative(piece, block)
                np.maximum(cover[inner], self.coverage(segment, piece), out=cover[inner])
        if only_in:
            cover *= (self.hu[block] > only_in[0]) & (self.hu[block] < only_in[1])
        self._blend(block, cover, hu)

    def paint_cover(self, cover: NDArray[np.float32], hu: float | NDArray[np.float32]) -> None:
        """Fill the share `cover` of every voxel with `hu`."""
        self._blend((slice(None), slice(None), slice(None)), cover, hu)

    def _blend(self, block: Block, cover: NDArray[np.float32], hu: float | NDArray[np.float32]) -> None:
        part = self.hu[block]
        part += cover * (hu - part)


def _thicker(segment: Segment, by_mm: float) -> Segment:
    from dataclasses import replace

    return replace(segment, start_radius=segment.start_radius + by_mm, end_radius=segment.end_radius + by_mm)


def _box_of(segments: Sequence[Segment]) -> Box:
    boxes = [segment.box for segment in segments]
    x0, y0, z0 = (min(box.low[axis] for box in boxes) for axis in range(3))
    x1, y1, z1 = (max(box.high[axis] for box in boxes) for axis in range(3))
    return Box((x0, y0, z0), (x1, y1, z1))


def _relative(inner: Block, outer: Block) -> Block:
    a, b, c = (slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
    return a, b, c


def _is_empty(block: Block) -> bool:
    return any(part.stop <= part.start for part in block)
