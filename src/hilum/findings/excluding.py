"""Lesions made excluded findings: those of the same scan under another identifier.

Those too small to matter are a choice of the assessment: `hilum.assess.minimum_size`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.model.findings import Lesion
    from hilum.model.series import Series


def exclude_in_same_scan(
    lesions: Sequence[Lesion], series: Iterable[Series], person_of: Mapping[str, str]
) -> list[Lesion]:
    """Give the lesions, and each again as an excluded finding of every other series that is the same scan.

    CT Lymph Nodes annotates some scans twice, under a MED identifier in the mediastinum and under an ABD identifier in
    the abdomen. A mark on a node of the other half is no false positive.

    Parameters
    ----------
    lesions
        ``exam_id`` is the SeriesInstanceUID.
    series
        Series of one person and one grid are taken for the same scan.
    person_of
        Person of each SeriesInstanceUID.
    """
    by_person: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_person[person_of[one.uid]].append(one)
    own: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in lesions:
        own[lesion.exam_id].append(lesion)
    shared = [
        replace(
            lesion,
            exam_id=one.uid,
            series_uid=one.uid,
            lesion_id=f"{other.participant_id}/{lesion.lesion_id}",
            is_excluded=True,
        )
        for group in by_person.values()
        for one, other in permutations(group, 2)
        if own[other.uid] and one.geometry.is_close(other.geometry)
        for lesion in own[other.uid]
    ]
    return [*lesions, *shared]
