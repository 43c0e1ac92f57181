"""The checks of a list of lesions, held against the volumes it belongs to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from hilum.check.finding import Finding
from hilum.errors import FormatError, HilumError, NotAVolumeError
from hilum.findings.linking import link_to_series
from hilum.findings.reading import read_lesions
from hilum.volume.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.model.findings import Lesion
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series
    from hilum.volume.volume import Volume

AIR_HU = -900.0
"""Lungs lie above it (about -850 HU), the air about the body below (-1000 HU)."""

AIR_RADIUS_MM = 2.0
"""All voxels so near to a lesion's centre must be air: a finding is never smaller."""


def check_lesion_list(path: Path, series: Sequence[Series], *, with_pixels: bool) -> Iterator[Finding]:
    """Check a file or folder of lesions.

    Parameters
    ----------
    series
        Series the lesions may belong to; with none, only the list itself is checked.
    with_pixels
        Read the volumes, to see whether lesions lie in air.
    """
    try:
        lesions = read_lesions(path).lesions
    except (FormatError, OSError) as error:
        yield Finding("lesions-unreadable", str(path), str(error))
        return
    yield from _of_sizes(path, lesions)
    if not series:
        return
    geometries, findings = _geometries(series)
    yield from findings
    if path.is_dir():  # NIH's points may lie in another frame than the CT: where it is known, the indices decide
        grids = {one.participant_id: geometries[one.uid] for one in series if one.uid in geometries}
        try:
            lesions = read_lesions(path, geometries=grids).lesions
        except FormatError as error:
            yield Finding("outside-volume", str(path), str(error))
            return
    try:
        linked = link_to_series(lesions, series)
    except FormatError as error:
        yield Finding("lesions-unreadable", str(path), str(error))
        return
    if linked.unlinked:
        exams = sorted({lesion.exam_id for lesion in linked.unlinked})
        detail = f"{len(linked.unlinked)} lesions of {len(exams)} exams, such as {exams[0]}"
        yield Finding("lesion-unlinked", str(path), detail, str(path))
    yield from _of_places(path, linked.findings, series, geometries, with_pixels=with_pixels)


def _of_sizes(path: Path, lesions: Sequence[Lesion]) -> Iterator[Finding]:
    some_have_sizes = any(_sizes(lesion) for lesion in lesions)
    for lesion in lesions:
        where = _name(path, lesion)
        if some_have_sizes and not any(_sizes(lesion)):
            yield Finding("no-size", where, f"lesion {lesion.lesion_id}: size 0 or none", str(path), lesion.exam_id)
        short, long = lesion.short_axis_mm, lesion.long_axis_mm
        if short and long and short > long:
            detail = f"lesion {lesion.lesion_id}: short axis {short:g} mm, long axis {long:g} mm"
            yield Finding("short-above-long", where, detail, str(path), lesion.exam_id)


def _sizes(lesion: Lesion) -> list[float]:
    """Every size a lesion has; voxels of a mask are one."""
    found = (lesion.short_axis_mm, lesion.long_axis_mm, lesion.diameter_mm, lesion.mask_label)
    return [float(size) for size in found if size] + list(lesion.box_mm or ())


def _name(path: Path, lesion: Lesion) -> str:
    return lesion.source or f"{path.name}: {lesion.exam_id} {lesion.lesion_id}"


def _geometries(series: Sequence[Series]) -> tuple[dict[str, Geometry], list[Finding]]:
    """Grids of those that are volumes, by SeriesInstanceUID."""
    grids: dict[str, Geometry] = {}
    findings = []
    for one in series:
        try:
            grids[one.uid] = one.geometry
        except NotAVolumeError:
            continue  # indexing has told why
        except HilumError as error:
            findings.append(Finding("unreadable-object", one.uid, str(error), participant=one.participant_id))
    return grids, findings


def _of_places(
    path: Path,
    lesions: Sequence[Lesion],
    series: Sequence[Series],
    geometries: Mapping[str, Geometry],
    *,
    with_pixels: bool,
) -> Iterator[Finding]:
    by_uid = {one.uid: one for one in series}
    of_series: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in lesions:
        if lesion.series_uid in geometries:
            of_series[lesion.series_uid].append(lesion)
    for uid, found in sorted(of_series.items()):
        inside = []
        is_inside = geometries[uid].contains([lesion.position_mm for lesion in found])
        for lesion, is_in in zip(found, is_inside.tolist(), strict=True):
            if is_in:
                inside.append(lesion)
                continue
            x, y, z = lesion.position_mm
            detail = f"lesion {lesion.lesion_id} at ({x:g}, {y:g}, {z:g}) mm lies outside series {uid}"
            yield Finding("outside-volume", _name(path, lesion), detail, str(path), by_uid[uid].participant_id)
        if with_pixels and inside:
            yield from _of_air(path, inside, by_uid[uid])


def _of_air(path: Path, lesions: Sequence[Lesion], series: Series) -> Iterator[Finding]:
    try:
        volume = load(series, dtype="float32")
    except HilumError as error:
        yield Finding("unreadable-pixels", series.uid, str(error), participant=series.participant_id)
        return
    for lesion in lesions:
        greatest = greatest_hu_about(volume, lesion.position_mm)
        if greatest < AIR_HU:
            detail = f"lesion {lesion.lesion_id}: at most {greatest:g} HU within {AIR_RADIUS_MM:g} mm"
            yield Finding("in-air", _name(path, lesion), detail, str(path), series.participant_id)


def greatest_hu_about(volume: Volume, point_mm: Sequence[float]) -> float:
    """Greatest HU of the voxels within `AIR_RADIUS_MM` of a point in the volume, the nearest at least."""
    centre = np.rint(volume.geometry.to_voxels([point_mm])[0]).astype(int)
    reach = np.asarray([int(AIR_RADIUS_MM / spacing) for spacing in volume.geometry.spacing_mm])
    low = np.maximum(centre - reach, 0)
    high = np.minimum(centre + reach + 1, volume.hu.shape)
    part = volume.hu[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))]
    return float(part.max())
