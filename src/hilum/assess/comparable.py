"""Whether two results may be held against each other, and if not, why."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hilum.assess.assessment import Assessment

    LesionKey = tuple[str, tuple[float, ...], float | None, bool, tuple[float, ...], int]


def why_not_comparable(first: Assessment, second: Assessment, names: tuple[str, str]) -> tuple[str, ...]:
    """What differs between two results apart from their marks: exams, participants, lesions, criterion, policy.

    Parameters
    ----------
    names
        What the results are called in the reasons.

    Returns
    -------
    A reason each; none where the results may be compared.
    """
    return tuple(
        reason
        for reason in (
            _other_exams(first, second, names),
            _other_participants(first, second, names),
            _other_lesions(first, second, names),
            *_other_choices(first, second, names),
        )
        if reason
    )


def _other_exams(first: Assessment, second: Assessment, names: tuple[str, str]) -> str:
    one, two = set(first.exam_ids), set(second.exam_ids)
    return _only("exams", sorted(one - two), sorted(two - one), names)


def _other_participants(first: Assessment, second: Assessment, names: tuple[str, str]) -> str:
    one = dict(zip(first.exam_ids, first.participants, strict=True))
    two = dict(zip(second.exam_ids, second.participants, strict=True))
    other = [exam_id for exam_id in one if exam_id in two and one[exam_id] != two[exam_id]]
    if not other:
        return ""
    return (
        f"participants: {len(other)} exams belong to different ones, as {other[0]!r}: {one[other[0]]!r} in "
        f"{names[0]!r}, {two[other[0]]!r} in {names[1]!r}"
    )


def _other_lesions(first: Assessment, second: Assessment, names: tuple[str, str]) -> str:
    shared = set(first.exam_ids) & set(second.exam_ids)
    one, two = (Counter(key for key in lesion_keys(each) if key[0] in shared) for each in (first, second))
    only = [[_lesion_words(key) for key in (mine - others).elements()] for mine, others in ((one, two), (two, one))]
    return _only("lesions", only[0], only[1], names)


def lesion_keys(assessment: Assessment) -> list[LesionKey]:
    """Each lesion as what decides about hits: exam, position, size, kind, box, mask label; its name does not."""
    lesions = assessment.lesions
    count = len(lesions)
    boxes = [[]] * count if lesions.box_mm is None else np.nan_to_num(lesions.box_mm).tolist()
    labels = [0] * count if lesions.mask_label is None else lesions.mask_label.tolist()
    return [
        (
            assessment.exam_ids[exam],
            tuple(position),
            None if math.isnan(diameter) else diameter,
            is_excluded,
            box,
            label,
        )
        for exam, position, diameter, is_excluded, box, label in zip(
            lesions.exam.tolist(),
            lesions.position_mm.tolist(),
            lesions.diameter_mm.tolist(),
            lesions.is_excluded.tolist(),
            map(tuple, boxes),
            labels,
            strict=True,
        )
    ]


def _lesion_words(key: LesionKey) -> str:
    exam_id, position, diameter, is_excluded, box, label = key
    what = "excluded finding" if is_excluded else "lesion"
    size = "unknown size" if diameter is None else f"{diameter:g} mm"
    size += f", box {' × '.join(f'{side:g}' for side in box)} mm" if any(box) else ""
    size += f", mask label {label}" if label else ""
    return f"{what} of {size} at ({', '.join(f'{value:g}' for value in position)}) in {exam_id}"


def _other_choices(first: Assessment, second: Assessment, names: tuple[str, str]) -> list[str]:
    one = {"hit criterion": first.criterion, **first.policy.in_words()}
    two = {"hit criterion": second.criterion, **second.policy.in_words()}
    return [
        f"{choice}: {one[choice]!r} in {names[0]!r}, {two[choice]!r} in {names[1]!r}"
        for choice in one
        if one[choice] != two[choice]
    ]


def _only(what: str, first: list[str], second: list[str], names: tuple[str, str]) -> str:
    sides = [
        f"{len(found)} only in {name!r}, as {found[0]!r}"
        for found, name in zip((first, second), names, strict=True)
        if found
    ]
    return f"{what}: {'; '.join(sides)}" if sides else ""
