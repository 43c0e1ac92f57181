"""Results to publish: two marks and two lesions an exam at places of `builders.CtSeries`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.assess import assess, parse_criterion, stratify
from hilum.model.findings import Lesion, Mark
from hilum.publish.outcomes import series_of_exams
from hilum.publish.result_freeze import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.catalog import Archive
    from hilum.model.findings import Point

HIT = "within-distance:1"
RATES = (0.5, 4.0)
SLICE = 2
"""Index of the slice that the places lie on, but for the mark between two slices."""


def at(slice_index: float, row: float, column: float) -> Point:
    """LPS of a voxel of `builders.CtSeries`: first voxel at (-100, -120, -300), 2 mm a slice, 0.7 mm a pixel."""
    return (-100 + 0.7 * column, -120 + 0.7 * row, -300 + 2.0 * slice_index)


HIT_LESION, MISSED_LESION, FALSE = at(SLICE, 3, 5), at(0, 10, 10), at(1.2, 12, 1)


def findings(exam_ids: Sequence[str]) -> tuple[list[Lesion], list[Mark]]:
    """A lesion that is hit, a missed one, a false and a less sure true mark in each exam, the first the surest."""
    lesions = [
        lesion
        for exam_id in exam_ids
        for lesion in (
            Lesion(exam_id, "1", HIT_LESION, diameter_mm=8.0),
            Lesion(exam_id, "2", MISSED_LESION, diameter_mm=12.0),
        )
    ]
    marks = [
        mark
        for number, exam_id in enumerate(exam_ids)
        for mark in (Mark(exam_id, FALSE, 0.9 - number / 5), Mark(exam_id, HIT_LESION, 0.8 - number / 5))
    ]
    return lesions, marks


def asked(archive: Archive, exam_ids: Sequence[str], **changed: Any) -> Asked:
    """What is asked for, of the findings above."""
    lesions, marks = findings(exam_ids)
    rates = changed.pop("rates", RATES)
    assessment = assess(lesions, marks, exam_ids, hit=parse_criterion(HIT), bootstraps=0, rates=rates)
    usual: dict[str, Any] = {
        "name": "first",
        "title": "The first",
        "subtitle": "on some",
        "notice": "",
        "assessment": assessment,
        "strata": [stratify(assessment, "size", rates=rates)],
        "hit": HIT,
        "rates": rates,
        "series": series_of_exams(archive, exam_ids, [*lesions, *marks]),
        "collection_ids": (),
        "about": {},
        "provenance": {"run": "first"},
        "remarks": (),
    }
    return Asked(**usual | changed)
