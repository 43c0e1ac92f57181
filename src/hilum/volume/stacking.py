"""Slices put in order along their normal, or refused with the name of the check that denies a volume."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import NotAVolumeError, PixelError
from hilum.index.checks import Severity, first_error, severity_of
from hilum.index.examine import examine
from hilum.index.slices import measure, slices_of
from hilum.model.geometry import SAME_POSITION_MM, Geometry, stack_geometry
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hilum.index.checks import Failure
    from hilum.index.record import Record
    from hilum.index.slices import Slice
    from hilum.model.geometry import Stack
    from hilum.model.series import Series

Place = tuple[int, int]
"""Index of an instance in its series, and of a frame in the instance."""

ALLOWABLE = (
    "not-ct",
    "mixed-identity",
    "localizer",
    "secondary-image",
    "too-few-slices",
    "duplicated-positions",
    "missing-slices",
    "uneven-spacing",
    "gantry-tilt",
)
"""Checks that a caller may waive; slices of two sizes, orientations or pixel spacings have no grid at all.

Waiving a gap or uneven spacing puts the slices at equal distances between the first and the last; of slices at one
position the first is kept; a tilted gantry gives a sheared grid.
"""

PIXEL_CHECKS = frozenset({"no-pixel-data", "not-grayscale", "bad-size", "short-pixel-data"})
"""Checks whose failure is an error of the pixel data, not of the stack."""


def records_of(series: Series, columns: Iterable[str] | None = None) -> list[Record]:
    """Give the instances as indexing made them, without what an instance lacks; of all columns, or of some."""
    instances = series.instances if columns is None else series.instances.select(columns)
    return [{name: value for name, value in row.items() if value is not None} for row in instances]


def stack_series(
    series: Series, records: Sequence[Record], allow: Collection[str] = ()
) -> tuple[list[Place], Geometry]:
    """Order the slices of a series along their normal and give their grid.

    Parameters
    ----------
    records
        Its instances, from `records_of`.
    allow
        Checks of `ALLOWABLE` that are waived.

    Returns
    -------
    Instance and frame in it, both 0-based, of each slice in ascending position; and the grid.

    Raises
    ------
    NotAVolumeError
        A check failed that is not waived.
    PixelError
        The headers show that pixel data are absent, short, or in colour.
    ValueError
        `allow` names a check that cannot be waived.
    """
    if unknown := sorted(set(allow) - set(ALLOWABLE)):
        raise ValueError(f"allow={unknown}: only {', '.join(ALLOWABLE)} can be allowed")
    if series.is_simple_stack:
        return [(index, 0) for index in range(len(records))], series.geometry
    slices = slices_of(records)
    stack = measure(slices)
    if not series.row.get("is_volume"):  # what indexing found whole needs no second look
        kind = ImageKind(series.row.get("image_kind") or ImageKind.AXIAL)
        failures = examine(records, slices, stack, kind)
        _refuse(series.uid, [failure for failure in failures if failure.check not in allow])
    if stack is None:  # cannot be: a check has failed that is not waived
        raise NotAVolumeError(f"series {series.uid} is no volume: its slices have no common grid", check="no-position")
    order = _distinct(slices, stack)
    ordered, places = [slices[index] for index in order], _places(slices)
    if stack.duplicate_count or stack.order != tuple(range(len(slices))):
        stack = measure(ordered)
    return [places[index] for index in order], _geometry(ordered, stack)


def _refuse(uid: str, failures: Sequence[Failure]) -> None:
    """Raise for the first error among failures, warnings aside."""
    check = first_error(list(failures))
    if check is None:
        return
    found = "; ".join(f"{f.check} ({f.detail})" for f in failures if severity_of(f.check) is Severity.ERROR)
    if check in PIXEL_CHECKS:
        raise PixelError(f"series {uid}: {found}")
    hint = f"; allow {check} to load it as it is" if check in ALLOWABLE else ""
    raise NotAVolumeError(f"series {uid} is no regular volume: {found}{hint}", check=check)


def _places(slices: Sequence[Slice]) -> list[Place]:
    """Instance and frame in it of each slice."""
    frames_before: Counter[int] = Counter()
    places = []
    for found in slices:
        places.append((found.record, frames_before[found.record]))
        frames_before[found.record] += 1
    return places


def _distinct(slices: Sequence[Slice], stack: Stack) -> list[int]:
    """First slice of each position, in ascending position."""
    along = np.asarray([slices[index].position_mm for index in stack.order]) @ np.asarray(stack.normal)
    is_new = np.append(True, np.diff(along) > SAME_POSITION_MM)
    return [index for index, keep in zip(stack.order, is_new.tolist(), strict=True) if keep]


def _geometry(slices: Sequence[Slice], stack: Stack | None) -> Geometry:
    """Grid of slices in ascending position, and the stack measured of them."""
    first = slices[0]
    if stack is None or first.size is None:  # the checks have made sure that they are there
        raise ValueError("slices without position or size")
    return stack_geometry(
        stack,
        [found.position_mm or () for found in slices],
        first.orientation or (),
        pixel_spacing_mm=first.pixel_spacing_mm or (),
        rows=first.size[0],
        columns=first.size[1],
    )
