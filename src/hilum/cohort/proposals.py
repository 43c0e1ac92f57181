"""Proposals of links: PatientIDs under which the same study, the same grid or the same pixels stand.

Equal grids are a hint only: two people scanned with one protocol may share one. Equal pixels say that one scan stands
under two ids; they are looked for among series of one size, wherever these lie in the patient.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hilum.cohort.persons import Link
from hilum.errors import PixelError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from pathlib import Path

    from hilum.model.instances import Instances
    from hilum.model.series import Series

LEAST_SLICES = 5
"""Fewer slices make no grid worth comparing: localizers have up to four images, often at the same place."""

SLICES_COMPARED = 3
"""Slices whose pixels are compared; noise makes even one of a CT unique."""

POSITION_DIGITS = 3
"""Decimals of a millimetre at which grids are compared: a micrometre."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Links that the data propose, and the series whose pixels could not be compared."""

    links: tuple[Link, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Print:
    """What two series are compared by; digests are None where there is nothing to compare.

    Attributes
    ----------
    participant_id, uid, study_uid
        PatientID, SeriesInstanceUID, StudyInstanceUID.
    size
        Images, rows and columns, in words.
    grid, pixels
        Digests of the positions of all slices, and of the pixels of those read.
    slices_read
        How many, of how many, in words.
    """

    participant_id: str
    uid: str
    study_uid: str
    size: str
    grid: bytes | None
    pixels: bytes | None = None
    slices_read: str = ""


def propose_links(
    series: Iterable[Series],
    *,
    pixels: bool = False,
    slices: int = SLICES_COMPARED,
    on_progress: Callable[[int], None] | None = None,
) -> Proposals:
    """Look for participants that may be one person.

    Parameters
    ----------
    series
        The series of a cohort.
    pixels
        Read pixels, and propose by them instead of by grids. The bytes are compared as they are stored: a scan that
        was compressed under one id only is not found.
    slices
        Slices of a series whose pixels are read, spread evenly; 0: all.
    on_progress
        Called with 1 after each series.

    Returns
    -------
    One link for each further PatientID of a group, to the lowest of the group. A study that stands under two ids is
    proposed in any case.
    """
    prints, refusals = [], []
    for one in series:
        found = print_of(one)
        if pixels:
            try:
                found = _with_pixels(found, one, slices)
            except (PixelError, OSError) as error:
                refusals.append(Refusal(one.uid, "pixels-not-compared", str(error)))
        prints.append(found)
        if on_progress:
            on_progress(1)
    return Proposals(links_of(prints, pixels=pixels), tuple(refusals))


def print_of(series: Series) -> Print:
    """Give what a series is compared by, without its pixels."""
    instances = series.instances if series["instances"] is not None else None
    return Print(
        series.participant_id,
        series.uid,
        series.study_uid,
        size=_size(instances) if instances else "",
        grid=_grid_digest(instances) if instances else None,
    )


def _size(instances: Instances) -> str:
    rows, columns = instances.column("Rows"), instances.column("Columns")
    return " × ".join(str(value) for value in (len(instances), rows[0], columns[0]))


def _grid_digest(instances: Instances) -> bytes | None:
    columns = [
        instances.column(name)
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
    ]
    if len(instances) < LEAST_SLICES or any(value is None for column in columns for value in column):
        return None
    # Adding 0 makes -0.0 and 0.0 one number.
    numbers = np.hstack([np.reshape(column, (len(instances), -1)) for column in columns]).round(POSITION_DIGITS) + 0.0
    return hashlib.blake2b(numbers.astype("<f8").tobytes(), digest_size=16).digest()


def _with_pixels(found: Print, series: Series, slices: int) -> Print:
    instances = series.instances
    count = len(instances)
    chosen = range(count) if not 0 < slices < count else [(2 * k + 1) * count // (2 * slices) for k in range(slices)]
    digest = hashlib.blake2b(digest_size=16)
    is_blank = True
    paths, sizes = instances.paths(), instances.column("size_bytes")
    offsets, lengths = instances.column("pixel_offset"), instances.column("pixel_length")
    for index in chosen:
        stored = _stored_bytes(paths[index], sizes[index], offsets[index], lengths[index])
        is_blank = is_blank and _is_one_value(stored)
        digest.update(stored)
    if is_blank:
        raise PixelError(f"the {len(chosen)} slices read hold one value each, which says nothing; compare more slices")
    return replace(found, pixels=digest.digest(), slices_read=f"{len(chosen)} of {count}")


def _stored_bytes(path: Path, size_bytes: int, offset: int | None, length: int) -> bytes:
    if offset is None or offset < 0:
        raise PixelError(f"{path} has no pixel data that can be read by its place in the file")
    with path.open("rb") as file:
        if file.seek(0, 2) != size_bytes:
            raise PixelError(f"{path} has changed since it was indexed; index its folder again")
        file.seek(offset)
        stored = file.read(length)  # -1, encapsulated: to the end
    if len(stored) < length:
        raise PixelError(f"{path} ends after {len(stored)} of {length} bytes of pixel data; fetch the file again")
    return stored


def _is_one_value(stored: bytes) -> bool:
    """Whether bytes repeat after two, as an image of one value of 8 or 16 bits does."""
    return stored[2:] == stored[:-2]


def links_of(prints: Sequence[Print], *, pixels: bool = False) -> tuple[Link, ...]:
    """Give the links that prints propose, by pixels or by grids; parameters and links as `propose_links`."""
    links: dict[tuple[str, str], Link] = {}
    for low, high in _pairs(prints, lambda found: found.study_uid):
        _add(links, low, high, "one study under both ids")
    if pixels:
        for low, high in _pairs(prints, lambda found: found.pixels and (found.size, found.pixels)):
            grid = "equal grid" if low.grid == high.grid else "other grid"
            _add(links, low, high, f"equal pixels in {low.slices_read} slices, {grid}")
    else:
        for low, high in _pairs(prints, lambda found: found.grid):
            _add(links, low, high, f"equal grid of {low.size}")
    return tuple(links[pair] for pair in sorted(links))


def _pairs(prints: Iterable[Print], key: Callable[[Print], Hashable]) -> Iterable[tuple[Print, Print]]:
    """Each further participant's first series of a group of equal keys, with that of the lowest participant."""
    groups: dict[Hashable, dict[str, Print]] = defaultdict(dict)
    for found in sorted(prints, key=lambda found: (found.participant_id, found.uid)):
        if key(found) is not None:
            groups[key(found)].setdefault(found.participant_id, found)
    for group in groups.values():
        first, *others = group.values()
        yield from ((first, other) for other in others)


def _add(links: dict[tuple[str, str], Link], low: Print, high: Print, evidence: str) -> None:
    pair = high.participant_id, low.participant_id
    known = links.get(pair, Link(*pair, "", high.uid, low.uid))
    if evidence not in known.evidence:
        links[pair] = replace(known, evidence="; ".join(filter(None, (known.evidence, evidence))))
