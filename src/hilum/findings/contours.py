"""Contours filled: which pixels of a slice lie inside.

A pixel is inside where its centre is, by the even-odd rule over all contours of the slice together: a contour within
another is a hole, and so is what a keyhole contour goes round twice.

References
----------
DICOM PS3.3 C.8.8.6.3 (Contour Geometric Type: holes by keyholes, CLOSEDPLANAR_XOR). Hormann and Agathos 2001, doi
10.1016/S0925-7721(01)00012-8 (even-odd rule, half-open edges).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def fill_contours(contours: Iterable[Floats], rows: int, columns: int) -> Flags:
    """``(rows, columns)`` whether the centre of each pixel lies inside.

    Parameters
    ----------
    contours
        Each ``(n, 2)`` of (row, column), pixels' centres at whole numbers; closed by an edge from the last to the first
        point. They may reach beyond the slice. Of a centre that lies on an edge, one side of the contour has it, so
        that two contours with a common edge share no pixel and leave none out.
    """
    changes = np.zeros((rows, columns + 1), np.uint8)
    for contour in contours:
        crossed, reached = _crossings(contour, rows, columns)
        np.add.at(changes, (crossed, reached), 1)  # modulo 256 keeps odd and even
    inside: Flags = (np.cumsum(changes[:, :-1], axis=1, dtype=np.uint8) & 1).astype(np.bool_)
    return inside


def _crossings(contour: Floats, rows: int, columns: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that edges cross, and the first column not before each crossing; an edge has its upper end only."""
    following = np.roll(contour, -1, axis=0)
    # From the upper end in any case: an edge gone both ways, as in a keyhole, crosses at the same number.
    is_down = (contour[:, 0] <= following[:, 0])[:, None]
    upper, lower = np.where(is_down, contour, following), np.where(is_down, following, contour)
    first = np.clip(np.ceil(upper[:, 0]), 0, rows).astype(np.int64)
    counts = np.clip(np.ceil(lower[:, 0]), 0, rows).astype(np.int64) - first
    edge = np.repeat(np.arange(len(contour)), counts)
    crossed = first[edge] + np.arange(len(edge)) - (np.cumsum(counts) - counts)[edge]
    share = (crossed - upper[edge, 0]) / (lower[edge, 0] - upper[edge, 0])
    column = upper[edge, 1] + share * (lower[edge, 1] - upper[edge, 1])
    return crossed, np.clip(np.ceil(column), 0, columns).astype(np.int64)
