"""One mark a lesion: neighbours of a surer mark are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from hilum.detect.detector import Detection

if TYPE_CHECKING:
    from numpy.typing import NDArray


def surest_detections(
    points_mm: NDArray[np.float64],
    scores: NDArray[np.float64],
    radius_mm: NDArray[np.float64],
    *,
    reach_mm: tuple[float, float],
    maximum_count: int,
) -> list[Detection]:
    """One mark of each node among scored candidates, the surest first.

    Parameters
    ----------
    points_mm
        ``(n, 3)`` LPS.
    scores, radius_mm
        ``(n,)`` of each candidate.
    reach_mm
        Least and most distance within which a surer mark drops a weaker one; between them, the candidate's radius.
    maximum_count
        Marks at most.
    """
    kept = suppress_neighbours(points_mm, scores, np.clip(radius_mm, *reach_mm), maximum_count=maximum_count)
    rows = np.column_stack([points_mm, scores])[kept].tolist()
    return [Detection((x, y, z), score) for x, y, z, score in rows]


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
