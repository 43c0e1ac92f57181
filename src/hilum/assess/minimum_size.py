"""The minimum size: what lesions with a short axis under it, or an unknown one, count as."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess.columns import short_axis_mm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.columns import LesionColumns
    from hilum.assess.policy import Policy, Role
    from hilum.model.findings import Lesion

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SizeCounts:
    """How many lesions a minimum size concerned; excluded findings of the source are not among them.

    Attributes
    ----------
    smaller
        Lesions whose short axis is under the minimum.
    unknown
        Lesions of unknown short axis.
    background
        Of both, those that count as background: they are in no table of outcomes.
    """

    smaller: int = 0
    unknown: int = 0
    background: int = 0


NO_MINIMUM = SizeCounts()
"""Where there is no minimum, it concerns no lesion."""


def judge_sizes(lesions: LesionColumns, policy: Policy) -> tuple[LesionColumns, SizeCounts]:
    """Lesions as the policy's minimum size has them: some made excluded findings, some taken out as background.

    Excluded findings stay what they are. Without a minimum nothing changes.
    """
    if policy.min_short_axis_mm is None:
        return lesions, NO_MINIMUM
    sizes = np.full(len(lesions), np.nan) if lesions.short_axis_mm is None else lesions.short_axis_mm
    is_lesion = ~lesions.is_excluded
    is_smaller = is_lesion & (sizes < policy.min_short_axis_mm)
    is_unknown = is_lesion & np.isnan(sizes)

    def of_role(role: Role) -> Flags:
        concerned = (is_smaller & (policy.smaller == role)) | (is_unknown & (policy.unknown_size == role))
        return np.asarray(concerned, dtype=np.bool_)

    is_background = of_role("background")
    judged = replace(lesions, is_excluded=lesions.is_excluded | of_role("excluded")).take(~is_background)
    return judged, SizeCounts(int(is_smaller.sum()), int(is_unknown.sum()), int(is_background.sum()))


def judged_lesions(lesions: Sequence[Lesion], policy: Policy) -> list[Lesion]:
    """As `judge_sizes`, of lesions instead of columns."""
    return [
        lesion if role == "lesion" or lesion.is_excluded else replace(lesion, is_excluded=True)
        for lesion in lesions
        if (role := _role(lesion, policy)) != "background" or lesion.is_excluded
    ]


def _role(lesion: Lesion, policy: Policy) -> Role:
    if policy.min_short_axis_mm is None:
        return "lesion"
    size = short_axis_mm(lesion)
    if size is None:
        return policy.unknown_size
    return policy.smaller if size < policy.min_short_axis_mm else "lesion"
