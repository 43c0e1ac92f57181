"""What a format does not hold of the findings written in it, so that nothing is lost without a word."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from hilum.model.findings import Lesion
from hilum.model.masks import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.findings.format import Format
    from hilum.model.findings import FindingSet
    from hilum.model.masks import LabelMask

PLACED = frozenset({"exam_id", "position_mm", "series_uid", "source"})
"""Attributes of a lesion that follow from the series and the file it is in."""

ENDS_OF_AXIS = {"long_axis_mm": "long_ends_mm", "short_axis_mm": "short_ends_mm"}
"""Lengths, and the ends that say the same."""


def losses(findings: FindingSet, form: Format) -> tuple[str, ...]:
    """Attributes of lesions, or of segments, that the findings have and the format does not hold, in their order."""
    if form.has_voxels:
        stated = set() if findings.mask is None else _stated_of_segments(findings.mask)
        names = [each.name for each in fields(Segment)]
    else:
        stated = _stated_of_lesions(findings.lesions, form.keeps)
        names = [each.name for each in fields(Lesion)]
    return tuple(name for name in names if name in stated - form.keeps)


def _stated_of_segments(mask: LabelMask) -> set[str]:
    """Attributes some segment has; a name that is its number says nothing."""
    stated = {each.name for each in fields(Segment)[1:] for one in mask.segments.values() if getattr(one, each.name)}
    return stated | ({"name"} if any(one.name != str(label) for label, one in mask.segments.items()) else set())


def _stated_of_lesions(lesions: Iterable[Lesion], keeps: frozenset[str]) -> set[str]:
    """Attributes some lesion has; names that are the numbers 1, 2, ... say nothing."""
    stated = {
        each.name
        for number, lesion in enumerate(lesions, start=1)
        for each in fields(lesion)
        if getattr(lesion, each.name) not in (None, "", False)
        and not (each.name == "lesion_id" and lesion.lesion_id == str(number))
        and not _is_said_by_ends(lesion, each.name, keeps)
    }
    return stated - PLACED


def _is_said_by_ends(lesion: Lesion, name: str, keeps: frozenset[str]) -> bool:
    ends = ENDS_OF_AXIS.get(name, "")
    return ends in keeps and getattr(lesion, ends) is not None
