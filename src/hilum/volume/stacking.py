"""Frames put in order along their normal, or refused with the name of the check that denies a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import NotAVolumeError
from hilum.model.geometry import (
    ORIENTATION_TOLERANCE,
    SAME_POSITION_MM,
    UNIFORM_TOLERANCE_MM,
    Geometry,
    Stack,
    stack_geometry,
    stack_slices,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.volume.frames import Frame

ALLOWABLE = ("missing-slices", "duplicated-positions", "uneven-spacing", "gantry-tilt")
"""Checks that a caller may waive; a stack of two sizes, orientations or pixel spacings has no grid at all.

A waived gap or uneven spacing puts the slices at equal distances between the first and the last; of slices at one
position the first is kept; a tilted gantry gives a sheared grid.
"""


def stack_frames(frames: Sequence[Frame], *, name: str, allow: Collection[str]) -> tuple[list[Frame], Geometry]:
    """Order frames along their normal and give their grid.

    Parameters
    ----------
    frames
        At least one.
    name
        What the frames are, for messages.
    allow
        Checks of `ALLOWABLE` that are waived.

    Raises
    ------
    NotAVolumeError
        A check that is not waived failed.
    ValueError
        `allow` names a check that cannot be waived.
    """
    if unknown := sorted(set(allow) - set(ALLOWABLE)):
        raise ValueError(f"allow={unknown}: only {', '.join(ALLOWABLE)} can be allowed")
    for check, detail in _unlike(frames):
        raise NotAVolumeError(f"{name} is no volume: {detail} (check {check})", check=check)
    stack = _stack(frames)
    for check, detail in _irregular(stack):
        if check not in allow:
            hint = f"pass allow=({check!r},) to load it as it is"
            raise NotAVolumeError(f"{name} is no regular volume: {detail} (check {check}); {hint}", check=check)
    ordered = _distinct([frames[index] for index in stack.order], stack)
    return ordered, _geometry(ordered)


def _unlike(frames: Sequence[Frame]) -> Iterator[tuple[str, str]]:
    """Checks that frames differ in what must be the same, each with what was found."""
    sizes = sorted({(frame.form.rows, frame.form.columns) for frame in frames})
    if len(sizes) > 1:
        yield "mixed-size", f"images of {' and '.join(f'{rows} x {columns}' for rows, columns in sizes)}"
    yield from _unlike_numbers("orientation", [frame.orientation for frame in frames], 6, ORIENTATION_TOLERANCE)
    yield from _unlike_numbers("pixel-spacing", [frame.pixel_spacing_mm for frame in frames], 2, SAME_POSITION_MM)
    positions = [frame.position_mm for frame in frames]
    yield from _absent("position", positions, 3)
    spacing = frames[0].pixel_spacing_mm
    if spacing is not None and min(spacing) <= 0:
        yield "bad-pixel-spacing", f"PixelSpacing {spacing} mm; expected two positive distances"


def _unlike_numbers(
    what: str, values: Sequence[tuple[float, ...] | None], length: int, tolerance: float
) -> Iterator[tuple[str, str]]:
    yield from _absent(what, values, length)
    table = _table(values)
    differs = np.max(np.abs(table - table[0]), axis=1) > tolerance
    if np.any(differs):
        other = values[int(np.argmax(differs))]
        yield f"mixed-{what}", f"{what.replace('-', ' ')} {values[0]} and {other}"


def _absent(what: str, values: Sequence[tuple[float, ...] | None], length: int) -> Iterator[tuple[str, str]]:
    bad = [value for value in values if value is None or len(value) != length or not np.all(np.isfinite(value))]
    if bad:
        yield f"no-{what}", f"{len(bad)} of {len(values)} images have {bad[0]} as {what.replace('-', ' ')}"


def _irregular(stack: Stack) -> Iterator[tuple[str, str]]:
    """Checks of regularity that a stack fails, each with what was found."""
    if stack.duplicate_count:
        yield "duplicated-positions", f"{stack.duplicate_count} slices lie where another slice lies"
    if stack.missing_count:
        yield "missing-slices", f"{stack.missing_count} slices are missing at a spacing of {stack.spacing_mm:g} mm"
    elif not stack.is_uniform:
        deviation = f"{stack.max_deviation_mm:g} mm from the median {stack.spacing_mm:g} mm"
        yield "uneven-spacing", f"slice spacings differ by {deviation}, more than {UNIFORM_TOLERANCE_MM} mm"
    if stack.is_tilted:
        yield "gantry-tilt", f"slices are shifted against each other by a tilt of {stack.tilt_deg:.2f} degrees"


def _stack(frames: Sequence[Frame]) -> Stack:
    return stack_slices(_table([frame.position_mm for frame in frames]), frames[0].orientation or ())


def _distinct(ordered: list[Frame], stack: Stack) -> list[Frame]:
    """First frame of each position."""
    if not stack.duplicate_count:
        return ordered
    along = _table([frame.position_mm for frame in ordered]) @ np.asarray(stack.normal)
    is_new = np.concatenate([[True], np.diff(along) > SAME_POSITION_MM])
    return [frame for frame, keep in zip(ordered, is_new.tolist(), strict=True) if keep]


def _geometry(frames: Sequence[Frame]) -> Geometry:
    first = frames[0]
    return stack_geometry(
        _stack(frames),
        _table([frame.position_mm for frame in frames]),
        first.orientation or (),
        pixel_spacing_mm=first.pixel_spacing_mm or (),
        rows=first.form.rows,
        columns=first.form.columns,
    )


def _table(values: Sequence[tuple[float, ...] | None]) -> NDArray[np.float64]:
    """Rows of numbers, none of them absent."""
    return np.asarray([value for value in values if value is not None], dtype=np.float64)
