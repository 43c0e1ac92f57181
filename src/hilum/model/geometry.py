"""The only coordinate maths of hilum: voxel grids in the patient, and stacks of slices.

Points are LPS millimetres, ``(x, y, z)``. Voxels are 0-based ``(slice, row, column)``; a voxel's coordinate is its
centre. ``direction[:, k]`` is the unit vector along voxel axis ``k``.

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Position and Orientation), equation C.7.6.2.1-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SAME_POSITION_MM = 0.01
"""Two slices closer than this lie on one position: a hundredth of the thinnest slices in use (about 0.5 mm, kept as
decimal text of 16 characters)."""

UNIFORM_TOLERANCE_MM = 0.1
"""A stack is uniform if no coordinate of a slice is further from its place on the regular grid; positions written to a
tenth of a millimetre pass (half a tenth from the slice, half from the ends of the grid)."""

GAP_FACTOR = 1.5
"""A spacing above this many median spacings is a gap of missing slices."""

TILT_TOLERANCE_DEG = 0.1
"""Below this the shift between slices is rounding of positions, not a tilted gantry."""

ORIENTATION_TOLERANCE = 1e-4
"""Largest difference of direction cosines that is still one orientation (0.006 degree)."""

COSINE_TOLERANCE = 1e-2
"""Cosines of few digits stray this far from unit length or a right angle; beyond it they are wrong."""

UNIT_TOLERANCE = 1e-6
"""Largest difference of the length of an axis of a grid from 1."""

LONE_SLICE_SPACING_MM = 1.0
"""Slice spacing of a grid of one slice, which has no neighbour to measure to."""


@dataclass(frozen=True)
class Geometry:
    """A regular voxel grid in the patient.

    Attributes
    ----------
    shape
        Voxels along (slice, row, column).
    spacing_mm
        Distance of voxel centres along (slice, row, column), all positive.
    origin_mm
        LPS position of the centre of voxel (0, 0, 0).
    direction
        3 × 3; column ``k`` is the LPS unit vector along voxel axis ``k``.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[tuple[float, float, float], ...] = ((0, 0, 1), (0, 1, 0), (1, 0, 0))

    def __post_init__(self) -> None:
        numbers = [*self.spacing_mm, *self.origin_mm, *np.ravel(self.direction)]
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape {self.shape}: expected three positive counts (slices, rows, columns)")
        if len(numbers) != 15 or not np.all(np.isfinite(numbers)):
            raise ValueError(f"geometry {self!r}: expected 3 spacings, 3 origin values and 9 cosines, all finite")
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing {self.spacing_mm} mm: expected three positive distances")
        if np.max(np.abs(np.linalg.norm(self._axes, axis=0) - 1)) > UNIT_TOLERANCE:
            raise ValueError(f"direction {self.direction}: expected columns of length 1")
        if abs(np.linalg.det(self._axes)) < 1e-6:
            raise ValueError(f"direction {self.direction}: the three axes lie in a plane")

    @classmethod
    def from_affine(cls, affine: ArrayLike, shape: Sequence[int]) -> Geometry:
        """Take a 4 × 4 matrix from voxel (slice, row, column, 1) to LPS mm.

        Raises
        ------
        ValueError
            The matrix is not 4 × 4, finite and invertible, or `shape` has not three counts.
        """
        matrix: Floats = np.asarray(affine, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise ValueError(f"affine {matrix.tolist()}: expected 4 × 4 finite numbers")
        spacing: Floats = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.all(spacing > 0):
            raise ValueError(f"affine {matrix.tolist()}: expected no axis of length 0")
        slices, rows, columns = (int(count) for count in shape)
        return cls(
            (slices, rows, columns),
            _triple(spacing),
            _triple(matrix[:3, 3]),
            tuple(_triple(row) for row in matrix[:3, :3] / spacing),
        )

    @cached_property
    def _axes(self) -> Floats:
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @cached_property
    def affine(self) -> Floats:
        """4 × 4 matrix from voxel (slice, row, column, 1) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self._axes * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix

    @cached_property
    def _inverse(self) -> Floats:
        inverse: Floats = np.asarray(np.linalg.inv(self.affine), dtype=np.float64)
        return inverse

    def to_mm(self, voxels: ArrayLike) -> Floats:
        """LPS positions of voxels.

        Parameters
        ----------
        voxels
            ``(..., 3)`` of (slice, row, column), 0-based; fractions lie between centres.

        Returns
        -------
        ``(..., 3)`` of (x, y, z) in mm.
        """
        points = np.asarray(voxels, dtype=np.float64)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_voxels(self, points_mm: ArrayLike) -> Floats:
        """Voxel coordinates of LPS positions: the inverse of `to_mm`, not rounded.

        Parameters
        ----------
        points_mm
            ``(..., 3)`` of (x, y, z).

        Returns
        -------
        ``(..., 3)`` of (slice, row, column), 0-based.
        """
        points = np.asarray(points_mm, dtype=np.float64)
        return points @ self._inverse[:3, :3].T + self._inverse[:3, 3]

    def contains(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Whether each LPS position lies in the grid, half a voxel round the outer centres included."""
        voxels = self.to_voxels(points_mm)
        inside: NDArray[np.bool_] = np.all((voxels >= -0.5) & (voxels <= np.asarray(self.shape) - 0.5), axis=-1)
        return inside

    def is_close(self, other: Geometry, tolerance_mm: float = 1e-3) -> bool:
        """Whether two grids have the same shape and no corner differs by more than `tolerance_mm`."""
        return self.shape == other.shape and self.distance_mm(other) <= tolerance_mm

    def distance_mm(self, other: Geometry) -> float:
        """Largest distance between the corners of two grids."""
        corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
        mine = self.to_mm(corners * (np.asarray(self.shape) - 1))
        theirs = other.to_mm(corners * (np.asarray(other.shape) - 1))
        return float(np.max(np.linalg.norm(mine - theirs, axis=-1)))


@dataclass(frozen=True, slots=True)
class Stack:
    """How the slices of one orientation lie along their normal.

    Attributes
    ----------
    order
        Indices of the slices in ascending position along the normal; equal positions keep their order.
    normal
        LPS unit vector, row × column.
    spacing_mm
        Median distance between neighbouring positions (of an even number the lower middle one, so that it is a
        distance that occurs); 0 for fewer than two positions.
    max_deviation_mm
        Largest difference of a neighbouring distance from `spacing_mm`, gaps included.
    max_displacement_mm
        Largest difference, in any coordinate, of a slice's position from its place on the regular grid between the
        first and the last slice; duplicates are taken once.
    missing_count
        Slices that would fill the gaps.
    duplicate_count
        Slices whose position another slice has already.
    tilt_deg
        Angle between the normal and the line through the positions (0 for a straight gantry).
    """

    order: tuple[int, ...]
    normal: tuple[float, float, float]
    spacing_mm: float
    max_deviation_mm: float
    max_displacement_mm: float
    missing_count: int
    duplicate_count: int
    tilt_deg: float

    @property
    def is_uniform(self) -> bool:
        """Whether the slices lie on a regular grid within `UNIFORM_TOLERANCE_MM`: no gap, drift or sideways step."""
        return self.missing_count == 0 and self.max_displacement_mm <= UNIFORM_TOLERANCE_MM

    @property
    def is_tilted(self) -> bool:
        """Whether the slices are shifted against each other (a tilted gantry)."""
        return self.tilt_deg > TILT_TOLERANCE_DEG


def slice_normal(orientation: Sequence[float]) -> tuple[float, float, float]:
    """Unit vector across a slice: row × column.

    Raises
    ------
    ValueError
        `orientation` is not six finite cosines of two unit vectors at right angles.
    """
    cosines = np.asarray(orientation, dtype=np.float64)
    if cosines.shape != (6,) or not np.all(np.isfinite(cosines)):
        raise ValueError(f"orientation {orientation}: expected six finite direction cosines")
    row, column = cosines[:3], cosines[3:]
    lengths_and_angle = np.array([np.linalg.norm(row) - 1, np.linalg.norm(column) - 1, row @ column])
    if np.max(np.abs(lengths_and_angle)) > COSINE_TOLERANCE:
        raise ValueError(f"orientation {orientation}: expected two unit vectors at right angles")
    normal = np.cross(row, column)
    return _triple(normal / np.linalg.norm(normal))


def stack_slices(positions_mm: ArrayLike, orientation: Sequence[float]) -> Stack:
    """Order slices along their normal and measure the stack.

    Parameters
    ----------
    positions_mm
        ``(n, 3)`` Image Position (Patient), n ≥ 1.
    orientation
        The six direction cosines that all slices share.

    Raises
    ------
    ValueError
        Positions or orientation are not finite, or there is no slice.
    """
    positions = np.asarray(positions_mm, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions) or not np.all(np.isfinite(positions)):
        raise ValueError(f"positions of shape {positions.shape}: expected (n, 3) finite millimetres, n at least 1")
    normal = np.asarray(slice_normal(orientation))
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    distinct = steps[steps > SAME_POSITION_MM]
    spacing = float(np.quantile(distinct, 0.5, method="lower")) if len(distinct) else 0.0
    gaps = distinct[distinct > GAP_FACTOR * spacing]
    return Stack(
        order=tuple(order.tolist()),
        normal=_triple(normal),
        spacing_mm=spacing,
        max_deviation_mm=float(np.max(np.abs(distinct - spacing))) if len(distinct) else 0.0,
        max_displacement_mm=_max_displacement_mm(positions[order][np.append(True, steps > SAME_POSITION_MM)]),
        missing_count=int(np.sum(np.rint(gaps / spacing) - 1)) if len(gaps) else 0,
        duplicate_count=len(steps) - len(distinct),
        tilt_deg=_tilt_deg(positions[order], normal),
    )


def stack_geometry(
    stack: Stack,
    positions_mm: ArrayLike,
    orientation: Sequence[float],
    *,
    pixel_spacing_mm: Sequence[float],
    rows: int,
    columns: int,
) -> Geometry:
    """Grid of a stack: origin at its lowest slice, slice axis from the lowest to the highest slice.

    The slice axis follows a tilted gantry, and its spacing is measured along it; whether the slices between the ends
    lie on the grid is for the caller to ask (`Stack.is_uniform`).

    Parameters
    ----------
    stack
        The measured stack of these positions.
    positions_mm
        ``(n, 3)`` in the order given to `stack_slices`.
    pixel_spacing_mm
        Distance of rows, distance of columns (DICOM PixelSpacing).
    rows, columns
        Rows and Columns of every slice.

    Raises
    ------
    ValueError
        Two slices share a position, or a number is not finite.
    """
    if stack.duplicate_count:
        raise ValueError(f"{stack.duplicate_count} slices share the position of another: leave them out first")
    positions = np.asarray(positions_mm, dtype=np.float64)[list(stack.order)]
    cosines = np.asarray(orientation, dtype=np.float64)
    span = positions[-1] - positions[0]
    is_lone = len(positions) == 1
    axes = np.stack([np.asarray(stack.normal) if is_lone else span, cosines[3:], cosines[:3]], axis=1)
    step = LONE_SLICE_SPACING_MM if is_lone else float(np.linalg.norm(span)) / (len(positions) - 1)
    return Geometry(
        shape=(len(positions), rows, columns),
        spacing_mm=(step, float(pixel_spacing_mm[0]), float(pixel_spacing_mm[1])),
        origin_mm=_triple(positions[0]),
        direction=tuple(_triple(row) for row in axes / np.linalg.norm(axes, axis=0)),
    )


def _max_displacement_mm(ordered: Floats) -> float:
    """Largest coordinate of the way from a slice to its place on the grid; rounded to a nanometre, as floats are."""
    regular = np.linspace(ordered[0], ordered[-1], len(ordered))
    return round(float(np.max(np.abs(ordered - regular))), 6)


def _tilt_deg(ordered: Floats, normal: Floats) -> float:
    span = ordered[-1] - ordered[0]
    along = abs(float(span @ normal))
    if along <= SAME_POSITION_MM:
        return 0.0
    sideways = float(np.linalg.norm(span - (span @ normal) * normal))
    return float(np.degrees(np.arctan2(sideways, along)))


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in np.asarray(values))
    return x, y, z
