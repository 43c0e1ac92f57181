"""Which hits, false positives and misses a report shows, and the pictures of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.matching import NONE, LesionState, MarkState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hilum.assess.assessment import Assessment
    from hilum.model.findings import Point

Crops = Callable[[str, "Point"], Mapping[str, bytes]]
"""Pictures of a place: exam and LPS position give PNG files by the name of their plane."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One plane of a place: its name, and the PNG as a ``data:`` address."""

    plane: str
    address: str


@dataclass(frozen=True, slots=True)
class Card:
    """One mark or lesion shown.

    Attributes
    ----------
    exam
        Name of the exam.
    position_mm
        LPS; of the mark, or of the lesion if it is a miss.
    score
        Of the mark; of a miss the score at which the lesion would be hit, None if no mark hits it.
    lesion_id, diameter_mm, distance_mm
        Of the lesion a mark is on; None where there is none.
    pictures
        Empty where there are none.
    """

    exam: str
    position_mm: Point
    score: float | None
    lesion_id: str | None = None
    diameter_mm: float | None = None
    distance_mm: float | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Cards of one kind, and how many there are in all."""

    name: str
    order: str
    total: int
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Gallery:
    """Chooses cards at an operating point.

    Attributes
    ----------
    assessment
        What is shown.
    rate
        False positives an exam of the operating point: marks at or above its threshold count.
    count
        Most cards of a kind.
    crops
        Gives the pictures; None: cards without pictures.
    exam_names
        Names to show instead of exam ids.
    """

    assessment: Assessment
    rate: float
    count: int
    crops: Crops | None = None
    exam_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """Score from which marks count; infinite if none may."""
        threshold = self.assessment.froc.operating_point(self.rate).threshold
        return inf if threshold is None else threshold

    def groups(self) -> tuple[Group, ...]:
        """Hits and false positives by descending score, misses by descending size."""
        hits = self._marks(MarkState.TRUE_POSITIVE)
        false = self._marks(MarkState.FALSE_POSITIVE)
        misses = self._misses()
        return (
            Group("Hits", "highest scores first", len(hits), tuple(map(self._mark_card, self._shown(hits)))),
            Group(
                "False positives", "highest scores first", len(false), tuple(map(self._mark_card, self._shown(false)))
            ),
            Group("Misses", "largest first", len(misses), tuple(map(self._lesion_card, self._shown(misses)))),
        )

    def _shown(self, rows: Sequence[int]) -> Sequence[int]:
        return rows[: self.count]

    def _marks(self, state: MarkState) -> list[int]:
        """Rows of the counted marks of a state; ties in the order given."""
        score = self.assessment.marks.score
        rows = np.nonzero((self.assessment.matching.mark_state == state) & (score >= self.threshold))[0]
        ordered: list[int] = rows[np.argsort(-score[rows], kind="stable")].tolist()
        return ordered

    def _misses(self) -> list[int]:
        """Rows of the lesions that no counted mark hits."""
        matching, lesions = self.assessment.matching, self.assessment.lesions
        is_hit = np.zeros(len(lesions), dtype=np.bool_)
        by_mark = matching.lesion_mark != NONE
        is_hit[by_mark] = self.assessment.marks.score[matching.lesion_mark[by_mark]] >= self.threshold
        rows = np.nonzero((matching.lesion_state != LesionState.EXCLUDED) & ~is_hit)[0]
        size = np.nan_to_num(lesions.diameter_mm[rows], nan=0.0)
        ordered: list[int] = rows[np.argsort(-size, kind="stable")].tolist()
        return ordered

    def _mark_card(self, row: int) -> Card:
        marks, lesions = self.assessment.marks, self.assessment.lesions
        position = _triple(marks.position_mm[row])
        lesion = int(self.assessment.matching.mark_lesion[row])
        exam_id = self.assessment.exam_ids[int(marks.exam[row])]
        card = Card(self._name(exam_id), position, float(marks.score[row]), pictures=self._pictures(exam_id, position))
        if lesion == NONE:
            return card
        distance = float(np.linalg.norm(marks.position_mm[row] - lesions.position_mm[lesion]))
        return self._with_lesion(card, lesion, distance)

    def _lesion_card(self, row: int) -> Card:
        lesions, mark = self.assessment.lesions, int(self.assessment.matching.lesion_mark[row])
        position = _triple(lesions.position_mm[row])
        exam_id = self.assessment.exam_ids[int(lesions.exam[row])]
        score = None if mark == NONE else float(self.assessment.marks.score[mark])
        card = Card(self._name(exam_id), position, score, pictures=self._pictures(exam_id, position))
        return self._with_lesion(card, row, None)

    def _with_lesion(self, card: Card, lesion: int, distance_mm: float | None) -> Card:
        diameter = float(self.assessment.lesions.diameter_mm[lesion])
        return Card(
            card.exam,
            card.position_mm,
            card.score,
            str(self.assessment.lesions.lesion_id[lesion]),
            diameter if diameter > 0 else None,
            distance_mm,
            card.pictures,
        )

    def _name(self, exam_id: str) -> str:
        return self.exam_names.get(exam_id, exam_id)

    def _pictures(self, exam_id: str, position: Point) -> tuple[Picture, ...]:
        found = self.crops(exam_id, position) if self.crops else {}
        return tuple(Picture(plane, _address(png)) for plane, png in found.items())


def _address(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def _triple(values: Iterable[float]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
