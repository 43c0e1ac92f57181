"""The checks of a list of lesions, held against the volumes it belongs to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from hilum.check.finding import Finding
from hilum.errors import FormatError, HilumError
from hilum.findings.linking import link_to_series
from hilum.findings.of_series import SeriesLesions, read_lesions_of
from hilum.findings.reading import read_lesions
from hilum.volume.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.model.findings import Lesion
    from hilum.model.series import Series
    from hilum.volume.volume import Volume

AIR_HU = -900.0
"""Lungs lie above it (about -850 HU), the air about the body below (-1000 HU)."""

AIR_RADIUS_MM = 2.0
"""All voxels so near to a lesion's centre must be air: a finding is never smaller."""


def check_lesion_list(path: Path, series: Sequence[Series] | None, *, with_pixels: bool) -> Iterator[Finding]:
    """Check a file or folder of lesions, of any form that `read_lesions_of` reads.

    Parameters
    ----------
    series
        Volumes the lesions may belong to; with None, only the list itself is checked.
    with_pixels
        Read the volumes, to see whether lesions lie in air.
    """
    try:
        found = read_lesions(path, is_lenient=True) if series is None else _held_against(path, series)
    except (HilumError, OSError) as error:
        yield Finding(_check_of_failure(path, series), str(path), str(error))
        return
    for refusal in found.refusals:
        yield Finding("lesions-unreadable", refusal.item, refusal.reason, str(path))
    by_uid = {one.uid: one for one in series or ()}
    if isinstance(found, SeriesLesions):
        yield from _of_sizes(path, (*found.lesions, *found.unlinked), by_uid)
        yield from (Finding("lesion-unlinked", str(path), words, str(path)) for words in _unlinked(found))
        yield from _of_places(path, found.lesions, by_uid, with_pixels=with_pixels)
    else:
        yield from _of_sizes(path, found.lesions, by_uid)


def _unlinked(found: SeriesLesions) -> Iterator[str]:
    if found.unlinked:
        exams = sorted({lesion.exam_id for lesion in found.unlinked})
        yield f"{len(found.unlinked)} lesions of {len(exams)} exams, such as {exams[0]}"
    yield from found.of_others


def _held_against(path: Path, series: Sequence[Series]) -> SeriesLesions:
    return read_lesions_of(series, path, is_lenient=True, takes_outside=True)


def _check_of_failure(path: Path, series: Sequence[Series] | None) -> str:
    """The check that a list fails which cannot be read: NIH's points off the volumes end its reading."""
    if series is None or not path.is_dir():
        return "lesions-unreadable"
    try:
        link_to_series(read_lesions(path).lesions, series)
    except FormatError:
        return "lesions-unreadable"
    return "outside-volume"


def _of_sizes(path: Path, lesions: Sequence[Lesion], by_uid: Mapping[str, Series]) -> Iterator[Finding]:
    some_have_sizes = any(_sizes(lesion) for lesion in lesions)
    for lesion in lesions:
        who = _participant(lesion, by_uid)
        where = _name(path, lesion, who)
        if some_have_sizes and not any(_sizes(lesion)):
            yield Finding("no-size", where, f"lesion {lesion.lesion_id}: size 0 or none", str(path), who)
        short, long = lesion.short_axis_mm, lesion.long_axis_mm
        if short and long and short > long:
            detail = f"lesion {lesion.lesion_id}: short axis {short:g} mm, long axis {long:g} mm"
            yield Finding("short-above-long", where, detail, str(path), who)


def _participant(lesion: Lesion, by_uid: Mapping[str, Series]) -> str:
    """PatientID of the series a lesion belongs to; without one, the exam that its list names."""
    return by_uid[lesion.exam_id].participant_id if lesion.exam_id in by_uid else lesion.exam_id


def _sizes(lesion: Lesion) -> list[float]:
    """Every size a lesion has; voxels of a mask are one."""
    found = (lesion.short_axis_mm, lesion.long_axis_mm, lesion.diameter_mm, lesion.mask_label)
    return [float(size) for size in found if size] + list(lesion.box_mm or ())


def _name(path: Path, lesion: Lesion, participant: str) -> str:
    return lesion.source or f"{path.name}: {participant} {lesion.lesion_id}"


def _of_places(
    path: Path, lesions: Sequence[Lesion], by_uid: Mapping[str, Series], *, with_pixels: bool
) -> Iterator[Finding]:
    of_series: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in lesions:
        of_series[lesion.exam_id].append(lesion)
    for uid, found in sorted(of_series.items()):
        series = by_uid[uid]
        inside = []
        is_inside = series.geometry.contains([lesion.position_mm for lesion in found])
        for lesion, is_in in zip(found, is_inside.tolist(), strict=True):
            if is_in:
                inside.append(lesion)
                continue
            x, y, z = lesion.position_mm
            detail = f"lesion {lesion.lesion_id} at ({x:g}, {y:g}, {z:g}) mm lies outside series {uid}"
            who = series.participant_id
            yield Finding("outside-volume", _name(path, lesion, who), detail, str(path), who)
        if with_pixels and inside:
            yield from _of_air(path, inside, series)


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
            who = series.participant_id
            yield Finding("in-air", _name(path, lesion, who), detail, str(path), who)


def greatest_hu_about(volume: Volume, point_mm: Sequence[float]) -> float:
    """Greatest HU of the voxels within `AIR_RADIUS_MM` of a point in the volume, the nearest at least."""
    centre = np.rint(volume.geometry.to_voxels([point_mm])[0]).astype(int)
    reach = np.asarray([int(AIR_RADIUS_MM / spacing) for spacing in volume.geometry.spacing_mm])
    low = np.maximum(centre - reach, 0)
    high = np.minimum(centre + reach + 1, volume.hu.shape)
    part = volume.hu[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))]
    return float(part.max())
