"""When a mark hits a lesion: the protocol, and the criteria of distance.

Overlap is in `hilum.assess.overlap`, label masks in `hilum.assess.masks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns, MarkColumns

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Border = Literal["open", "closed"]
"""Whether what lies exactly on the border of a criterion is out (``open``) or in (``closed``)."""

WITHIN_WORDS: dict[Border, str] = {"open": "strictly", "closed": "at most"}
"""How names of criteria state the border of a distance."""

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
    exam_ids
        What the rows of exams in the columns mean; empty where nobody said.
    """

    marks: MarkColumns
    lesions: LesionColumns
    mark: NDArray[np.intp]
    lesion: NDArray[np.intp]
    exam_ids: Sequence[str] = ()

    @cached_property
    def squared_distance_mm2(self) -> Floats:
        """``(n,)`` squared distance between the positions."""
        squared = np.zeros(len(self.mark))
        for axis in range(3):
            step = self.marks.position_mm[self.mark, axis] - self.lesions.position_mm[self.lesion, axis]
            squared += step * step
        return squared

    def are_within(self, squared_limit_mm2: Floats | float, border: Border) -> Flags:
        """``(n,)`` whether the squared distance is below a limit, or at it where the border is closed."""
        below: Flags = (
            self.squared_distance_mm2 < squared_limit_mm2
            if border == "open"
            else self.squared_distance_mm2 <= squared_limit_mm2
        )
        return below


class HitCriterion(Protocol):
    """Decides which marks hit which lesions."""

    @property
    def name(self) -> str:
        """The rule in words, with its parameters, as results state it."""
        ...

    def hits(self, pairs: Pairs) -> Flags:
        """For each pair whether the mark hits the lesion."""
        ...


@dataclass(frozen=True, slots=True)
class WithinLesionRadius:
    """A mark hits if it lies inside the sphere of the lesion's diameter.

    The squared distance must be below (diameter / 2)²; `border` says whether a mark on the sphere hits too. Where the
    source gives no diameter, the long axis stands for it, else the short axis; a lesion of unknown size (no size, or
    a negative diameter) counts as 10 mm.

    References
    ----------
    LUNA16, evaluation, with an open border: Setio et al. 2017, doi 10.1016/j.media.2017.06.015.
    """

    border: Border = "open"

    def __post_init__(self) -> None:
        require_border(self.border)

    @property
    def name(self) -> str:
        """The rule in words."""
        how = WITHIN_WORDS[self.border]
        return f"within the lesion's radius ({how}; unknown size counts as {UNKNOWN_DIAMETER_MM:g} mm)"

    def hits(self, pairs: Pairs) -> Flags:
        """For each pair whether the mark hits the lesion."""
        diameter = pairs.lesions.diameter_mm
        radius = np.where(diameter >= 0, diameter, UNKNOWN_DIAMETER_MM) / 2.0
        return pairs.are_within((radius * radius)[pairs.lesion], self.border)


@dataclass(frozen=True, slots=True)
class WithinDistance:
    """A mark hits if it lies nearer than `mm` to the lesion's position, whatever the lesion's size.

    `border` says whether a mark at exactly `mm` hits too.

    References
    ----------
    15 mm: Roth et al. 2014, doi 10.1007/978-3-319-10404-1_65, and NIH's mediastinal candidate files.
    """

    mm: float
    border: Border = "open"

    def __post_init__(self) -> None:
        require_border(self.border)
        if not 0 < self.mm < np.inf:
            raise ValueError(f"distance {self.mm} mm: expected a positive, finite length")

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"within {self.mm:g} mm of the lesion's position ({WITHIN_WORDS[self.border]})"

    def hits(self, pairs: Pairs) -> Flags:
        """For each pair whether the mark hits the lesion."""
        return pairs.are_within(self.mm * self.mm, self.border)


def require_border(border: str) -> None:
    """Check that a border is one.

    Raises
    ------
    ValueError
        It is not.
    """
    if border not in get_args(Border):
        raise ValueError(f"border {border!r}: expected open or closed")
