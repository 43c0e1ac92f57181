"""The planes of a DICOM segmentation on a voxel grid: one of its own, or that of the series it was drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hilum.errors import FormatError
from hilum.findings.format import check_frame_of_reference
from hilum.findings.masks import GRID_TOLERANCE_MM
from hilum.model.geometry import LONE_SLICE_SPACING_MM, SAME_POSITION_MM, Geometry, slice_normal
from hilum.volume.axes import turn_grid
from hilum.volume.nrrd import DATA_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.findings.segmentation_header import SegmentationHeader
    from hilum.model.series import Series

    Floats = NDArray[np.float64]


class Placement(NamedTuple):
    """A grid whose slices run as the frames, and the slice that each frame is."""

    geometry: Geometry
    slices: tuple[int, ...]


def own_placement(header: SegmentationHeader) -> Placement:
    """Give the grid from the lowest to the highest frame, at the spacing that the file states or the frames show.

    Slices without a frame are part of it.

    Raises
    ------
    FormatError
        Frames have no position, orientation or pixel spacing, or lie on no regular grid.
    """
    positions, axes = _planes(header)
    along = positions @ axes[:, 0]
    steps = np.diff(np.unique(along))
    steps = steps[steps > SAME_POSITION_MM]
    stated = header.slice_spacing_mm
    if not len(steps):
        grid = _grid(header, positions[0], axes[:, 0] * (stated or LONE_SLICE_SPACING_MM), axes, 1)
        return Placement(grid, (0,) * len(positions))
    fits = [_fit(header, positions, along, axes, step) for step in filter(None, (stated, float(steps.min())))]
    off_mm, placement = min(fits, key=lambda fit: fit[0] > GRID_TOLERANCE_MM)
    if off_mm > GRID_TOLERANCE_MM:
        raise FormatError(
            f"{header.name}: frames lie up to {off_mm:.2f} mm from a regular grid of {steps.min():.4g} mm steps; "
            f"expected at most {GRID_TOLERANCE_MM} mm: name the series it was drawn on (--series UID --archive DIR)"
        )
    return placement


def placement_in(header: SegmentationHeader, target: Series) -> Placement:
    """Give the grid of a series, its axes turned to run as those of the frames, and the slice that each frame is.

    Frames are placed by their positions; those without, by the image they refer to.

    Raises
    ------
    FormatError
        The frames lie on another grid or in another frame of reference than the series; the message says by how many
        mm. Or a frame says that it was drawn on an image that lies elsewhere.
    NotAVolumeError
        The series is no regular stack.
    """
    images = image_positions(target)
    if header.orientation is None or any(frame.position_mm is None for frame in header.frames):
        return Placement(target.geometry, tuple(_slices_by_image(header, target, images)))
    positions, axes = _planes(header)
    shape = target.geometry.shape
    grid = turn_grid(np.broadcast_to(np.uint8(0), shape), target.geometry, axes)[1]
    slices = np.clip(np.rint(grid.to_voxels(positions)[:, 0]), 0, grid.shape[0] - 1).astype(int)
    off_mm = max(_off_mm(header, position, axes, grid, index) for position, index in _distinct(positions, slices))
    check_frame_of_reference(header.frame_of_reference_uid, target, header.name, off_mm)
    if off_mm > GRID_TOLERANCE_MM or grid.shape[1:] != (header.rows, header.columns):
        raise FormatError(_other_grid(header, grid, off_mm))
    _check_images(header, images, axes[:, 0])
    return Placement(grid, tuple(slices.tolist()))


def image_positions(series: Series) -> dict[str, tuple[float, ...]]:
    """SOPInstanceUID to ImagePositionPatient of the images of a series that hold one slice."""
    instances = series.instances
    columns = (instances.column(name) for name in ("SOPInstanceUID", "ImagePositionPatient", "frames"))
    return {uid: tuple(position) for uid, position, frames in zip(*columns, strict=True) if position and not frames}


def _planes(header: SegmentationHeader) -> tuple[Floats, Floats]:
    """Positions of the frames, and unit vectors across them, along their columns and along their rows, side by side."""
    absent = [
        what
        for what, value in (
            ("position", None if any(frame.position_mm is None for frame in header.frames) else ()),
            ("orientation", header.orientation),
            ("pixel spacing", header.pixel_spacing_mm),
        )
        if value is None
    ]
    if absent:
        raise FormatError(
            f"{header.name}: its frames have no {', '.join(absent)}, so that it has no grid of its own; name the "
            "series it was drawn on (--series UID --archive DIR)"
        )
    cosines = np.asarray(header.orientation, dtype=np.float64)
    axes = np.stack([slice_normal(cosines.tolist()), cosines[3:], cosines[:3]], axis=1)
    positions = np.asarray([frame.position_mm for frame in header.frames], dtype=np.float64)
    return positions, axes / np.linalg.norm(axes, axis=0)


def _fit(
    header: SegmentationHeader, positions: Floats, along: Floats, axes: Floats, step_mm: float
) -> tuple[float, Placement]:
    """Grid of a step between slices, and how far the furthest frame lies from it."""
    slices = np.rint((along - along.min()) / step_mm).astype(int)
    lowest, highest = int(along.argmin()), int(along.argmax())
    count = int(slices.max()) + 1
    _check_size(header, count)
    step = (positions[highest] - positions[lowest]) / max(count - 1, 1)
    grid = _grid(header, positions[lowest], step, axes, count)
    places = grid.to_mm(np.stack([slices, 0 * slices, 0 * slices], axis=1))
    return float(np.linalg.norm(places - positions, axis=1).max()), Placement(grid, tuple(slices.tolist()))


def _check_size(header: SegmentationHeader, count: int) -> None:
    """Refuse a grid that would fill the memory, before it is taken."""
    if count * header.rows * header.columns > DATA_LIMIT:
        raise FormatError(
            f"{header.name}: its frames span {count} slices of {header.rows} x {header.columns} pixels, more than any "
            "CT has; a position or the spacing is wrong: name the series it was drawn on (--series UID --archive DIR)"
        )


def _grid(header: SegmentationHeader, origin: Floats, step: Floats, axes: Floats, count: int) -> Geometry:
    rows_mm, columns_mm = header.pixel_spacing_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([step, axes[:, 1] * rows_mm, axes[:, 2] * columns_mm], axis=1)
    affine[:3, 3] = origin
    return Geometry.from_affine(affine, (count, header.rows, header.columns))


def _distinct(positions: Floats, slices: NDArray[np.int_]) -> Iterator[tuple[Floats, int]]:
    """Each position once, and its slice."""
    for index in np.unique(positions, axis=0, return_index=True)[1].tolist():
        yield positions[index], int(slices[index])


def _off_mm(header: SegmentationHeader, position: Floats, axes: Floats, grid: Geometry, index: int) -> float:
    """Largest distance of the corners of a frame from those of a slice."""
    mine = _grid(header, position, axes[:, 0], axes, 1).to_mm(_corners(0, header.rows, header.columns))
    theirs = grid.to_mm(_corners(index, *grid.shape[1:]))
    return float(np.linalg.norm(mine - theirs, axis=1).max())


def _corners(index: int, rows: int, columns: int) -> Sequence[tuple[int, int, int]]:
    return [(index, row, column) for row in (0, rows - 1) for column in (0, columns - 1)]


def _other_grid(header: SegmentationHeader, grid: Geometry, off_mm: float) -> str:
    return (
        f"{header.name}: frames of {header.rows} x {header.columns} pixels lie up to {off_mm:.2f} mm from the slices "
        f"of the series ({grid.shape[1]} x {grid.shape[2]}); expected the same size and at most {GRID_TOLERANCE_MM} "
        f"mm: give the series it was drawn on{_named(header)}"
    )


def _named(header: SegmentationHeader) -> str:
    return f", {' or '.join(header.series_uids)}" if header.series_uids else ""


def _check_images(header: SegmentationHeader, images: dict[str, tuple[float, ...]], normal: Floats) -> None:
    """Refuse a frame that says it was drawn on one image, which lies in another plane."""
    for frame in header.frames:
        if len(frame.sources) != 1 or frame.position_mm is None or frame.sources[0] not in images:
            continue
        way = np.subtract(frame.position_mm, images[frame.sources[0]])
        if (off_mm := abs(float(way @ normal))) > GRID_TOLERANCE_MM:
            raise FormatError(
                f"{header.name}: frame {frame.index + 1} says it was drawn on image {frame.sources[0]}, which lies "
                f"{off_mm:.2f} mm from it; expected at most {GRID_TOLERANCE_MM} mm: position or reference is wrong"
            )


def _slices_by_image(header: SegmentationHeader, target: Series, images: dict[str, tuple[float, ...]]) -> Iterator[int]:
    """Slice of the one image that each frame refers to."""
    if target.geometry.shape[1:] != (header.rows, header.columns):
        found = f"frames of {header.rows} x {header.columns} pixels without position"
        expected = " x ".join(map(str, target.geometry.shape[1:]))
        raise FormatError(f"{header.name}: {found}, the series has {expected}; give the series it was drawn on")
    for frame in header.frames:
        if len(frame.sources) != 1 or frame.sources[0] not in images:
            raise FormatError(
                f"{header.name}: frame {frame.index + 1} has no position, and the image it was drawn on is not in the "
                f"series given; give the series it was drawn on{_named(header)}"
            )
        yield round(float(target.geometry.to_voxels(images[frame.sources[0]])[0]))
