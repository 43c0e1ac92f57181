"""The five groups of participants that the NLST image collection is published in.

A participant belongs to the first group that fits, in this order. "With image" is an original CT series in the
catalog; "in same study year" is one of the same screening round (T0, T1, T2 are study years 0, 1, 2).

1. Screen detected lung cancer with image in same study year: the cancer followed a positive screen (``can_scr`` 1), and
   the study year of its diagnosis (``cancyr``) has an image.
2. Lung cancer with image: any confirmed cancer (``can_scr`` 1 to 4), and any image.
3. Nodule positive or screen positive with image in same study year: in a round with an image, the screen's result is
   positive (``scr_res`` 4, 5, 6), or it is when read in isolation (``scr_iso`` 4: a nodule of 4 mm or more), as for
   nodules that comparison shows to be stable.
4. Three negative screens with three images: ``scr_res`` 1, 2 or 3 in every round, and an image of every round.
5. Other participants: all others with an image.

References
----------
NLST image collection, doi:10.7937/TCIA.HMQ8-J677; data dictionary of the NLST participant table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hilum.model.nlst import ROUND_BY_YEAR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ROUNDS = tuple(sorted(ROUND_BY_YEAR.values()))

NEGATIVE_SCREENS = frozenset({1, 2, 3})
POSITIVE_SCREENS = frozenset({4, 5, 6})
NOT_SCREENED = frozenset({10, 11, 13, 14, 15, 17, 23, 24, 95, 97})
"""Inadequate image, or no screen, by reason."""

CANCER_AFTER_POSITIVE_SCREEN = 1
CANCERS = frozenset({1, 2, 3, 4})
"""``can_scr``: after a positive screen, after a negative one, after a missed one, after the screening years."""


class Group(StrEnum):
    """A published group; the value is its published name."""

    SCREEN_DETECTED = "Screen detected lung cancer with image in same study year"
    CANCER = "Lung cancer with image"
    POSITIVE = "Nodule positive or screen positive with image in same study year"
    NEGATIVE = "3 negative screens with 3 images"
    OTHER = "Other participants"


PUBLISHED_PARTICIPANTS = {
    Group.SCREEN_DETECTED: 622,
    Group.CANCER: 436,
    Group.POSITIVE: 9470,
    Group.NEGATIVE: 12548,
    Group.OTHER: 3162,
}
"""Participants of each group in the published table."""


def participant_group(participant: Mapping[str, Any], rounds_with_image: Collection[int]) -> Group | None:
    """Group of a participant; None without any image.

    Parameters
    ----------
    participant
        ``scr_res0`` to ``2``, ``scr_iso0`` to ``2``, ``can_scr`` and ``cancyr``; None where the trial has no value.
    rounds_with_image
        Screening rounds of the participant's CT series; any other number stands for a series of no known round.
    """
    if not rounds_with_image:
        return None
    if participant["can_scr"] == CANCER_AFTER_POSITIVE_SCREEN and _has(participant["cancyr"], rounds_with_image):
        return Group.SCREEN_DETECTED
    if participant["can_scr"] in CANCERS:
        return Group.CANCER
    if any(_is_positive(participant, r) for r in ROUNDS if r in rounds_with_image):
        return Group.POSITIVE
    if all(r in rounds_with_image and participant[f"scr_res{r}"] in NEGATIVE_SCREENS for r in ROUNDS):
        return Group.NEGATIVE
    return Group.OTHER


def _has(year: int | None, rounds_with_image: Collection[int]) -> bool:
    return year is not None and year in rounds_with_image


def _is_positive(participant: Mapping[str, Any], screening_round: int) -> bool:
    return any(participant[f"{result}{screening_round}"] in POSITIVE_SCREENS for result in ("scr_res", "scr_iso"))
