"""What a format does not hold of the findings written in it, so that nothing is lost without a word."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from hilum.findings.masks import described
from hilum.model.findings import Lesion, Mark
from hilum.model.masks import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hilum.findings.format import Format
    from hilum.model.findings import FindingSet
    from hilum.model.masks import LabelMask
    from hilum.model.series import Series

PLACED = frozenset({"exam_id", "position_mm", "series_uid", "source"})
"""Attributes of a lesion or mark that follow from the series and the file it is in."""

OF_SEGMENT = frozenset({"lesion_id", "label", "kind", "site", "tracking_uid", "mask_label"})
"""Attributes of a lesion that its segment says (`hilum.findings.masks.segment_of`)."""

ENDS_OF_AXIS = {"long_axis_mm": "long_ends_mm", "short_axis_mm": "short_ends_mm"}
"""Lengths, and the ends that say the same."""


def losses(findings: FindingSet, form: Format, target: Series | None = None) -> tuple[str, ...]:
    """Say what findings have that a file of the format does not hold.

    Parameters
    ----------
    findings
        As they are written: with a mask where the format has voxels, else with all lesions.
    target
        The series they are written for.

    Returns
    -------
    Attributes of segments, lesions and marks, in their order, then what else it is in words (``3 marks``).
    """
    lost = _of_voxels(findings, form) if form.has_voxels else _of_points(findings, form)
    return (*dict.fromkeys(lost), *form.loses(findings, target))


def _of_voxels(findings: FindingSet, form: Format) -> Iterator[str]:
    """What is lost in a format of voxels: words, stated sizes, and findings that have no voxels."""
    if findings.mask is None:
        return
    mask = described(findings.mask, findings.lesions)
    drawn = [lesion for lesion in findings.lesions if lesion.mask_label in mask.present]
    yield from _in_order(Segment, _stated_of_segments(mask) - form.keeps)
    yield from _in_order(Lesion, _stated_of_lesions(drawn, form.keeps) - OF_SEGMENT)
    if others := len(findings.lesions) - len(drawn):
        yield f"{others} lesions without voxels"
    if findings.marks:
        yield f"{len(findings.marks)} marks"


def _of_points(findings: FindingSet, form: Format) -> Iterator[str]:
    yield from _in_order(Lesion, _stated_of_lesions(findings.lesions, form.keeps) - form.keeps)
    stated = {each.name for mark in findings.marks for each in fields(mark) if getattr(mark, each.name) is not None}
    yield from _in_order(Mark, stated - PLACED - form.keeps_of_marks)


def _in_order(kind: type[Segment | Lesion | Mark], names: set[str]) -> Iterator[str]:
    return (each.name for each in fields(kind) if each.name in names)


def _stated_of_segments(mask: LabelMask) -> set[str]:
    """Attributes some segment has; a name or tracking id that is its number says nothing."""
    return {
        each.name
        for label, segment in mask.segments.items()
        for each in fields(segment)
        if getattr(segment, each.name) not in (None, "", str(label))
    }


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
