"""What reading a file of findings gives: the findings, the exams the file speaks of, and what was odd in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hilum.errors import Refusal
    from hilum.model.findings import Lesion, Mark


@dataclass(frozen=True, slots=True)
class LesionFile:
    """Lesions as a file or folder states them.

    Attributes
    ----------
    lesions
        In file order.
    exam_ids
        Exams the file speaks of, those without lesions included where the format can say so, each once.
    warnings
        What was odd and how it was taken.
    where
        File and line of each lesion; empty where the format has no such lines.
    refusals
        Lines that were left out; none unless the reading was lenient.
    """

    lesions: tuple[Lesion, ...]
    exam_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkFile:
    """Marks as a file or folder states them.

    Attributes
    ----------
    marks
        In file order; their score is 0 where the file gives none.
    exam_ids
        As in `LesionFile`.
    warnings
        What was odd and how it was taken.
    scored
        Whether the file gives scores; without them there is no FROC curve, only a candidate stage.
    lesion_ids
        For each mark the lesion the file itself assigns it to, empty where the file says it is on none; None where
        the format says nothing of the kind.
    where, refusals
        As in `LesionFile`.
    """

    marks: tuple[Mark, ...]
    exam_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    scored: bool = True
    lesion_ids: tuple[str, ...] | None = None
    where: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class ExamFile:
    """A list of exams, and whom they belong to where the file says so.

    Attributes
    ----------
    exam_ids
        In file order, each once.
    participants
        Exam to participant; empty where the file names none.
    columns
        The file's other columns, by name: exam to value.
    """

    exam_ids: tuple[str, ...]
    participants: dict[str, str]
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
