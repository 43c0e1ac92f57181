"""One mark a lesion: neighbours of a surer mark are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray


def suppress_neighbours(
    points_mm: NDArray[np.float64], scores: NDArray[np.float64], reach_mm: NDArray[np.float64], *, maximum_count: int
) -> NDArray[np.intp]:
    """Indices of the points kept, highest score first.

    Parameters
    ----------
    points_mm
        ``(n, 3)``.
    scores
        ``(n,)``; of equal scores the earlier point wins.
    reach_mm
        ``(n,)`` distance within which a kept point drops the weaker ones.
    maximum_count
        Points kept at most.
    """
    if len(points_mm) == 0:
        return np.empty(0, dtype=np.intp)
    tree = cKDTree(points_mm)
    is_free = np.ones(len(points_mm), dtype=np.bool_)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(kept) == maximum_count:
            break
        if is_free[index]:
            kept.append(index)
            is_free[tree.query_ball_point(points_mm[index], reach_mm[index])] = False
    return np.asarray(kept, dtype=np.intp)
