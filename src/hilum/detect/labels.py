"""Which candidates lie on a lesion: what a classifier learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion

LEAST_RADIUS_MM = 5.0
"""A candidate so near a lesion's centre is on it, however small or unmeasured the lesion is: blob centres and hand-set
centres differ by 2 to 4 mm."""

UNSURE_FACTOR = 2.0
"""Between one and two radii a candidate is neither example nor counter-example: part of the lesion, or its edge."""

POSITIVE, NEGATIVE, UNSURE = 1, 0, -1


def label_candidates(
    points_mm: NDArray[np.float64], lesions: Sequence[Lesion]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Say of each candidate whether it lies on a lesion.

    Parameters
    ----------
    points_mm
        ``(n, 3)`` LPS.
    lesions
        Of the same series. Candidates on or near an excluded lesion are `UNSURE`.

    Returns
    -------
    ``(n,)`` of `POSITIVE`, `NEGATIVE`, `UNSURE`; and ``(n,)`` weights: 1, or 1 / n for n candidates on one lesion, so
    that a large lesion counts no more than a small one.
    """
    labels = np.full(len(points_mm), NEGATIVE, dtype=np.int8)
    weights = np.ones(len(points_mm))
    if not lesions or len(points_mm) == 0:
        return labels, weights
    centres = np.array([lesion.position_mm for lesion in lesions])
    radii = np.array([lesion_radius_mm(lesion) for lesion in lesions])
    distance = np.linalg.norm(points_mm[:, None] - centres, axis=2)
    labels[np.any(distance <= UNSURE_FACTOR * radii, axis=1)] = UNSURE
    is_counted = np.array([not lesion.is_excluded for lesion in lesions])
    is_on = (distance <= radii) & is_counted
    owner = np.where(is_on, distance / radii, np.inf).argmin(axis=1)
    is_positive = is_on.any(axis=1)
    labels[is_positive] = POSITIVE
    shares = np.bincount(owner[is_positive], minlength=len(lesions))
    weights[is_positive] = 1 / shares[owner[is_positive]]
    return labels, weights


def require_both(labels: NDArray[np.int8]) -> None:
    """Ask for candidates on lesions and for others.

    Raises
    ------
    DetectorError
        Labels of one of the two kinds are missing.
    """
    positives, negatives = np.count_nonzero(labels == POSITIVE), np.count_nonzero(labels == NEGATIVE)
    if positives == 0 or negatives == 0:
        raise DetectorError(
            f"{positives} candidates on lesions and {negatives} elsewhere: training needs both. Check that the lesions "
            "belong to these series and that their positions are LPS mm."
        )


def lesion_radius_mm(lesion: Lesion) -> float:
    """Half the largest size the source gives, at least `LEAST_RADIUS_MM`."""
    sizes = (lesion.short_axis_mm, lesion.long_axis_mm, lesion.diameter_mm)
    return max([LEAST_RADIUS_MM, *(size / 2 for size in sizes if size is not None)])
