"""Checks of findings that need more than their line: exams that are not there, lines that repeat, places off the CT."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hilum.findings.refusing import DUPLICATE, OUTSIDE, UNKNOWN_EXAM

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from hilum.findings.lists import LesionFile, MarkFile
    from hilum.findings.refusing import Refusals
    from hilum.model.findings import Lesion, Mark
    from hilum.model.geometry import Geometry


def check_marks(
    file: MarkFile,
    refusals: Refusals,
    *,
    exam_ids: Collection[str] | None = None,
    geometries: Mapping[str, Geometry] | None = None,
) -> MarkFile:
    """Refuse marks of unknown exams, marks that stand twice, and marks off the CT.

    Parameters
    ----------
    refusals
        Where refused marks go.
    exam_ids
        The exams there are; None: any exam is taken.
    geometries
        Grids of the CTs by exam; marks of exams without one may lie anywhere.

    Returns
    -------
    The file without the refused marks. Where lines are not known (`MarkFile.where` is empty), marks are taken as
    different and of any exam: the assessment refuses unknown ones.

    Raises
    ------
    FormatError
        A mark is refused and the reading is strict.
    """
    keys = [(mark.exam_id, mark.position_mm, mark.score, mark.diameter_mm, mark.box_mm) for mark in file.marks]
    kept = _Check(refusals, exam_ids, geometries or {}).passed(file.marks, keys, file.where)
    ids = file.lesion_ids
    return replace(
        file,
        marks=tuple(file.marks[row] for row in kept),
        where=tuple(file.where[row] for row in kept) if file.where else (),
        lesion_ids=None if ids is None else tuple(ids[row] for row in kept),
        refusals=refusals.found,
    )


def check_lesions(
    file: LesionFile,
    refusals: Refusals,
    *,
    exam_ids: Collection[str] | None = None,
    geometries: Mapping[str, Geometry] | None = None,
) -> LesionFile:
    """Refuse lesions likewise, and those that have the name of another of their exam.

    Excluded findings may stand twice (LUNA16's list has 11,105 such lines): a mark on two counts as on one. The
    warnings say how many do.
    """
    keys = [_lesion_key(lesion) for lesion in file.lesions]
    kept = _Check(refusals, exam_ids, geometries or {}).passed(file.lesions, keys, file.where)
    kept = _once_named(file, kept, refusals)
    excluded = [key for key, lesion in zip(keys, file.lesions, strict=True) if lesion.is_excluded]
    repeated = len(excluded) - len(set(excluded))
    said = (f"{repeated} excluded findings stand twice, which changes no figure",) if repeated else ()
    return replace(
        file,
        lesions=tuple(file.lesions[row] for row in kept),
        where=tuple(file.where[row] for row in kept) if file.where else (),
        warnings=(*file.warnings, *said),
        refusals=refusals.found,
    )


def _lesion_key(lesion: Lesion) -> Hashable:
    sizes = (lesion.diameter_mm, lesion.short_axis_mm, lesion.long_axis_mm, lesion.box_mm)
    return lesion.exam_id, lesion.position_mm, sizes, lesion.is_excluded, lesion.mask_label


@dataclass(frozen=True, slots=True)
class _Check:
    """The checks that lesions and marks share; parameters as `check_marks`."""

    refusals: Refusals
    exam_ids: Collection[str] | None
    geometries: Mapping[str, Geometry]

    def passed(self, findings: Sequence[Lesion | Mark], keys: Sequence[Hashable], where: Sequence[str]) -> list[int]:
        """Rows of the findings that pass; equal keys are the same finding, where lines are known."""
        known = None if self.exam_ids is None else set(self.exam_ids)
        is_outside = _outside(findings, self.geometries)
        first: dict[Hashable, int] = {}
        kept = []
        for row, (finding, key) in enumerate(zip(findings, keys, strict=True)):
            place = where[row] if where else f"finding {row + 1} of exam {finding.exam_id}"
            earlier = first.setdefault(key, row)
            if where and known is not None and finding.exam_id not in known:
                reason = f"exam {finding.exam_id!r} is not among the {len(known)} exams; expected one of them"
                self.refusals.refuse(place, UNKNOWN_EXAM, reason)
            elif where and earlier != row and not getattr(finding, "is_excluded", False):
                reason = f"the same stands at {where[earlier]}; expected each once"
                self.refusals.refuse(place, DUPLICATE, reason)
            elif is_outside[row]:
                self.refusals.refuse(place, OUTSIDE, self._outside_words(finding))
            else:
                kept.append(row)
        return kept

    def _outside_words(self, finding: Lesion | Mark) -> str:
        x, y, z = finding.position_mm
        shape = " x ".join(map(str, self.geometries[finding.exam_id].shape))
        return (
            f"({x:g}, {y:g}, {z:g}) mm lies outside the CT of exam {finding.exam_id!r} ({shape} voxels); expected LPS "
            "mm in its frame"
        )


def _outside(findings: Sequence[Lesion | Mark], geometries: Mapping[str, Geometry]) -> Sequence[bool]:
    """Whether each finding lies outside the grid of its exam; False where that is not known."""
    rows_of: dict[str, list[int]] = {}
    for row, finding in enumerate(findings):
        if finding.exam_id in geometries:
            rows_of.setdefault(finding.exam_id, []).append(row)
    outside = np.zeros(len(findings), dtype=np.bool_)
    for exam_id, rows in rows_of.items():
        outside[rows] = ~geometries[exam_id].contains([findings[row].position_mm for row in rows])
    return list(map(bool, outside))


def _once_named(file: LesionFile, rows: list[int], refusals: Refusals) -> list[int]:
    first: dict[tuple[str, str], int] = {}
    kept = []
    for row in rows:
        lesion = file.lesions[row]
        earlier = first.setdefault((lesion.exam_id, lesion.lesion_id), row)
        if earlier == row or not file.where:
            kept.append(row)
            continue
        reason = f"exam {lesion.exam_id!r} has a lesion named {lesion.lesion_id!r} at {file.where[earlier]}"
        refusals.refuse(file.where[row], DUPLICATE, f"{reason}; expected a name each")
    return kept
