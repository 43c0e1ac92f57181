"""Every hit, false positive and miss of a report, and the pictures of the first of each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.assess.listing import Listing, list_at
from hilum.assess.matching import NONE
from hilum.model.findings import as_point

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """All of one kind.

    Attributes
    ----------
    name, order
        What they are, and how they are sorted, in words.
    cards
        All of them, without pictures.
    pictured
        The first of them again, with pictures.
    """

    name: str
    order: str
    cards: tuple[Card, ...]
    pictured: tuple[Card, ...]

    @property
    def has_lesions(self) -> bool:
        """Whether the cards are of lesions: then they have a name and mostly a size."""
        return any(card.lesion_id is not None for card in self.cards)

    @property
    def has_distances(self) -> bool:
        """Whether the cards are of marks on lesions."""
        return any(card.distance_mm is not None for card in self.cards)


@dataclass(frozen=True)
class Gallery:
    """What an operating point hits, adds and misses.

    Attributes
    ----------
    assessment
        What is shown.
    rate
        False positives an exam of the operating point: marks at or above its threshold count.
    count
        Most pictures of a kind.
    crops
        Gives the pictures; None: there are none.
    exam_names
        Names to show instead of exam ids.
    """

    assessment: Assessment
    rate: float
    count: int
    crops: Crops | None = None
    exam_names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def listing(self) -> Listing:
        """The rows that are shown."""
        return list_at(self.assessment, self.rate)

    def groups(self) -> tuple[Group, ...]:
        """Hits and false positives by descending score, misses by descending size."""
        return (
            self._group("Hits", "highest scores first", self.listing.hits, self._hit),
            self._group("False positives", "highest scores first", self.listing.false_positives, self._card),
            self._group("Misses", "largest first", self.listing.missed, self._card),
        )

    def _group(
        self, name: str, order: str, rows: Iterable[dict[str, Any]], card_of: Callable[[dict[str, Any]], Card]
    ) -> Group:
        exams, cards = [], []
        for row in rows:
            exams.append(row["exam_id"])
            cards.append(card_of(row))
        pictured = [
            replace(card, pictures=self._pictures(exam_id, card.position_mm))
            for exam_id, card in zip(exams[: self.count], cards, strict=False)
        ]
        return Group(name, order, tuple(cards), tuple(card for card in pictured if card.pictures))

    def _card(self, row: dict[str, Any]) -> Card:
        """A row of marks or lesions as it stands."""
        diameter = row.get("diameter_mm")
        return Card(
            self.exam_names.get(row["exam_id"], row["exam_id"]),
            (row["x_mm"], row["y_mm"], row["z_mm"]),
            row["score"],
            row["lesion_id"],
            diameter if diameter and diameter > 0 else None,
        )

    def _hit(self, row: dict[str, Any]) -> Card:
        """A lesion's row, at the place of the mark that hits it."""
        lesion = self._lesion_rows[row["exam_id"], row["lesion_id"]]
        marks, lesions = self.assessment.marks, self.assessment.lesions
        position = marks.position_mm[int(self.assessment.matching.lesion_mark[lesion])]
        return replace(
            self._card(row),
            position_mm=as_point(position),
            distance_mm=float(np.linalg.norm(position - lesions.position_mm[lesion])),
        )

    @cached_property
    def _lesion_rows(self) -> dict[tuple[str, str], int]:
        """Row of each lesion that a mark hits, by exam and name."""
        lesions, hit = self.assessment.lesions, self.assessment.matching.lesion_mark != NONE
        return {
            (self.assessment.exam_ids[int(lesions.exam[row])], str(lesions.lesion_id[row])): int(row)
            for row in np.nonzero(hit)[0]
        }

    def _pictures(self, exam_id: str, position: Point) -> tuple[Picture, ...]:
        found = self.crops(exam_id, position) if self.crops else {}
        return tuple(Picture(plane, _address(png)) for plane, png in found.items())


def _address(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode("ascii")
