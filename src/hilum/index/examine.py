"""The checks of a series: a pure function from its records and slices to what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.index.checks import Failure
from hilum.index.record import has_pixel_data, missing_pixel_bytes
from hilum.index.slices import is_one_orientation, is_one_pixel_spacing, is_one_size
from hilum.index.values import distinct, joined
from hilum.model.attributes import ATTRIBUTES
from hilum.model.geometry import UNIFORM_TOLERANCE_MM
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.index.record import Record
    from hilum.index.slices import Slice
    from hilum.model.geometry import Stack

MIN_SLICES = 3
"""With fewer positions neither the spacing nor a gap can be told."""

VALUES_SHOWN = 3

_IDENTITY = ("StudyInstanceUID", "PatientID")
_CHECKED_ELSEWHERE = frozenset({*_IDENTITY, "SeriesInstanceUID", "Modality"})
_SHARED = tuple(a.keyword for a in ATTRIBUTES if a.level != "instance" and a.keyword not in _CHECKED_ELSEWHERE)


def examine(
    records: Sequence[Record], slices: Sequence[Slice], stack: Stack | None, kind: ImageKind
) -> Iterator[Failure]:
    """Run every check on a series; give those that failed, each once.

    Parameters
    ----------
    records
        The instances, at least one.
    slices, stack
        Their slices (empty if they are not such), and how they lie (None where it cannot be measured).
    kind
        What the series shows.
    """
    yield from _of_kind(records, kind)
    yield from _of_pixels(records)
    yield from _of_slices(slices)
    if stack is not None:
        yield from _of_stack(stack, len(slices))
    yield from _of_attributes(records)


def _of_kind(records: Sequence[Record], kind: ImageKind) -> Iterator[Failure]:
    bare = [record for record in records if not has_pixel_data(record)]
    if bare:
        yield Failure("no-pixel-data", f"{_share(bare, records)} have none, such as {bare[0]['path']}")
    modalities = distinct(records, "Modality")
    if modalities != ["CT"]:
        yield Failure("not-ct", f"Modality {_shown(modalities)}, expected CT")
    for keyword in _IDENTITY:
        if len(found := distinct(records, keyword)) > 1:
            yield Failure("mixed-identity", f"{keyword} {_shown(found)}, expected one")
    if kind is ImageKind.LOCALIZER:
        yield Failure("localizer", f"ImageType {_shown(distinct(records, 'ImageType'))}")
    if kind is ImageKind.SECONDARY:
        yield Failure("secondary-image", f"ImageType {_shown(distinct(records, 'ImageType'))}")


def _of_pixels(records: Sequence[Record]) -> Iterator[Failure]:
    images = [record for record in records if has_pixel_data(record)]
    if colour := [record for record in images if record.get("SamplesPerPixel", 1) != 1]:
        samples = colour[0]["SamplesPerPixel"]
        yield Failure("not-grayscale", f"{_share(colour, records)} have {samples} samples a pixel")
    cut = [record for record in images if record.get("is_cut") or missing_pixel_bytes(record)]
    if cut:
        missing = missing_pixel_bytes(cut[0])
        lack = f"lacks {missing} bytes" if missing else "ends inside its compressed pixel data"
        yield Failure("short-pixel-data", f"{_share(cut, records)}: {cut[0]['path']} {lack}; get it again")


def _of_slices(slices: Sequence[Slice]) -> Iterator[Failure]:
    count = len(slices)
    for name, values in (
        ("size", [found.size for found in slices]),
        ("orientation", [found.orientation for found in slices]),
        ("pixel-spacing", [found.pixel_spacing_mm for found in slices]),
        ("position", [found.position_mm for found in slices]),
    ):
        if absent := values.count(None):
            yield Failure("bad-size" if name == "size" else f"no-{name}", f"{absent} of {count} slices")
    spacings = [found.pixel_spacing_mm for found in slices if found.pixel_spacing_mm is not None]
    if bad := [spacing for spacing in spacings if min(spacing) <= 0]:
        yield Failure("bad-pixel-spacing", f"{len(bad)} of {count} slices have {bad[0]} mm")
    if not is_one_size(slices):
        yield Failure("mixed-size", _shown([found.size for found in slices]))
    if not is_one_orientation(slices):
        yield Failure("mixed-orientation", _shown([found.orientation for found in slices]))
    if not is_one_pixel_spacing(slices):
        yield Failure("mixed-pixel-spacing", f"{_shown([found.pixel_spacing_mm for found in slices])} mm")


def _of_stack(stack: Stack, slice_count: int) -> Iterator[Failure]:
    position_count = slice_count - stack.duplicate_count
    if position_count < MIN_SLICES:
        yield Failure("too-few-slices", f"{position_count} slice positions, expected {MIN_SLICES} or more")
    if stack.duplicate_count:
        yield Failure("duplicated-positions", f"{stack.duplicate_count} of {slice_count} lie where another slice lies")
    if stack.missing_count:
        yield Failure("missing-slices", f"{stack.missing_count} are missing at a spacing of {stack.spacing_mm:g} mm")
    elif not stack.is_uniform:
        yield Failure(
            "uneven-spacing",
            f"a slice is {stack.max_displacement_mm:g} mm off its place at a spacing of {stack.spacing_mm:g} mm, "
            f"expected at most {UNIFORM_TOLERANCE_MM} mm",
        )
    if stack.is_tilted:
        yield Failure("gantry-tilt", f"{stack.tilt_deg:.2f} degrees")


def _of_attributes(records: Sequence[Record]) -> Iterator[Failure]:
    for keyword in _SHARED:
        if len(found := distinct(records, keyword)) > 1:
            yield Failure("inconsistent-attribute", f"{keyword} {_shown(found)}")
    unreadable = sorted({keyword for record in records for keyword in record.get("unreadable", ())})
    if unreadable:
        yield Failure("invalid-value", f"{', '.join(unreadable)}: the bytes fit no value representation")
    if not any(record.get("PatientID") for record in records):
        yield Failure("no-patient-id", "the series stands under an empty PatientID")


def _share(some: Sequence[Record], records: Sequence[Record]) -> str:
    return f"{len(some)} of {len(records)} instances"


def _shown(values: Sequence[object]) -> str:
    """Some of the different values, as text."""
    found = ["absent" if value is None else joined(value) for value in dict.fromkeys(values)]
    more = f" and {len(found) - VALUES_SHOWN} more" if len(found) > VALUES_SHOWN else ""
    return (" / ".join(found[:VALUES_SHOWN]) or "absent") + more
