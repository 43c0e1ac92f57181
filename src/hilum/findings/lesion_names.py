"""Names of lesions in files whose points have free text: each lesion gets a name of its own, a mark its number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.model.findings import Lesion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.model.findings import FindingSet


def name_lesions(lesions: Iterable[Lesion]) -> tuple[tuple[Lesion, ...], tuple[str, ...]]:
    """Give every lesion of an exam a name: its own where no earlier one has it, else its number in the source.

    Returns
    -------
    The lesions, and a warning where names were given.
    """
    named: dict[str, Lesion] = {}
    changed = 0
    for number, lesion in enumerate(lesions, start=1):
        name = lesion.lesion_id or str(number)
        while name in named:
            name = f"{name}.{number}"
        changed += bool(lesion.lesion_id) and name != lesion.lesion_id
        named[name] = replace(lesion, lesion_id=name)
    warning = f"{changed} lesion(s) had the name of another and got their number besides"
    return tuple(named.values()), (warning,) if changed else ()


def points_of(findings: FindingSet) -> tuple[Lesion, ...]:
    """Lesions of an exam; where it has none its marks as points, named by number and described by their score."""
    return findings.lesions or tuple(
        Lesion(mark.exam_id, str(number), mark.position_mm, label=f"score {mark.score:.6g}", box_mm=mark.box_mm)
        for number, mark in enumerate(findings.marks, start=1)
    )
