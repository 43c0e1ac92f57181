"""When a mark hits a lesion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns

UNKNOWN_DIAMETER_MM = 10.0
"""Diameter taken for a lesion of unknown size: LUNA16's rule for negative diameters."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a mark and a lesion of one exam, of which a criterion says whether the mark hits the lesion.

    Attributes
    ----------
    marks, lesions
        All marks and lesions.
    mark, lesion
        ``(n,)`` rows of the pairs in them.
    """

    marks: MarkColumns
    lesions: LesionColumns
    mark: NDArray[np.intp]
    lesion: NDArray[np.intp]

    @cached_property
    def squared_distance_mm2(self) -> NDArray[np.float64]:
        """``(n,)`` squared distance between the positions."""
        squared = np.zeros(len(self.mark))
        for axis in range(3):
            step = self.marks.position_mm[self.mark, axis] - self.lesions.position_mm[self.lesion, axis]
            squared += step * step
        return squared


class HitCriterion(Protocol):
    """Decides which marks hit which lesions."""

    @property
    def name(self) -> str:
        """The rule in words, with its parameters, as results state it."""
        ...

    def hits(self, pairs: Pairs) -> NDArray[np.bool_]:
        """For each pair whether the mark hits the lesion."""
        ...


@dataclass(frozen=True, slots=True)
class WithinLesionRadius:
    """A mark hits if it lies inside the sphere of the lesion's diameter.

    The squared distance must be strictly below (diameter / 2)². Where the source gives no diameter, the long axis
    stands for it, else the short axis; a lesion of unknown size (no size, or a negative diameter) counts as
    10 mm.

    References
    ----------
    LUNA16, evaluation: Setio et al. 2017, doi 10.1016/j.media.2017.06.015.
    """

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"within the lesion's radius (strictly; unknown size counts as {UNKNOWN_DIAMETER_MM:g} mm)"

    def hits(self, pairs: Pairs) -> NDArray[np.bool_]:
        """For each pair whether the mark hits the lesion."""
        diameter = pairs.lesions.diameter_mm
        radius = np.where(diameter >= 0, diameter, UNKNOWN_DIAMETER_MM) / 2.0
        inside: NDArray[np.bool_] = pairs.squared_distance_mm2 < (radius * radius)[pairs.lesion]
        return inside


@dataclass(frozen=True, slots=True)
class WithinDistance:
    """A mark hits if it lies strictly nearer than `mm` to the lesion's position, whatever the lesion's size.

    References
    ----------
    15 mm: Roth et al. 2014, doi 10.1007/978-3-319-10404-1_65, and NIH's mediastinal candidate files.
    """

    mm: float

    def __post_init__(self) -> None:
        if not 0 < self.mm < np.inf:
            raise ValueError(f"distance {self.mm} mm: expected a positive, finite length")

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"within {self.mm:g} mm of the lesion's position (strictly)"

    def hits(self, pairs: Pairs) -> NDArray[np.bool_]:
        """For each pair whether the mark hits the lesion."""
        inside: NDArray[np.bool_] = pairs.squared_distance_mm2 < self.mm * self.mm
        return inside


def parse_criterion(text: str) -> HitCriterion:
    """Criterion written as ``within-lesion-radius`` or ``within-distance:15`` (mm).

    Raises
    ------
    AssessmentError
        `text` is none of these.
    """
    rule, _, value = text.partition(":")
    if rule == "within-lesion-radius" and not value:
        return WithinLesionRadius()
    if rule == "within-distance":
        try:
            return WithinDistance(float(value))
        except ValueError:
            pass
    raise AssessmentError(
        f"hit criterion {text!r}: expected within-lesion-radius, or within-distance:MM with MM a length in mm, as "
        "within-distance:15"
    )
