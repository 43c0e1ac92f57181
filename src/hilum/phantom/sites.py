"""Places in the body: the stations of nodes, and the courses of vessels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.phantom.draws import Vector

    Course = tuple[Sequence[Vector], Sequence[float]]
    """Points a vessel runs along, and its radius at each."""


@dataclass(frozen=True, slots=True)
class Station:
    """A place of lymph nodes.

    Attributes
    ----------
    name
        Anatomical name.
    centre, spread_mm
        Middle of the station in the body frame, and how far from it along each axis a node may lie.
    """

    name: str
    centre: Vector
    spread_mm: float
