"""A cheap detector of text in an image: bright or dark marks of one size, side by side on a line.

It finds printed text of even brightness, as reports and captures show it. It does not find handwriting, letters that
touch, text over structures of its own brightness, letters below 6 pixels, and it reads nothing: whether a line is a
name or a scale is for people to see. An image without a finding is not proved to be without text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LETTER_HEIGHT = (6, 40)
"""Pixels; smaller marks are noise, larger ones anatomy or frames."""

LETTER_FILL = (0.12, 0.9)
"""Share of its box that a letter's strokes fill."""

LETTERS_IN_LINE = 5
"""Fewer marks in a row happen by chance: ticks of a scale, teeth, ribs."""

INK_SHARE = 0.25
"""Text covers less of an image; more of the brightest value is anatomy cut off, or an empty page."""

_NEAR_LEVEL = 0.3
"""Share of the grey range within which a pixel is ink: the edges of smoothed letters are grey."""


def letters_in_lines(grey: NDArray[Any]) -> int:
    """Count the marks that stand in lines as letters do.

    Parameters
    ----------
    grey
        ``(row, column)`` of any number type.

    Returns
    -------
    The greater count of light on dark and dark on light; 0 for an image of one value.
    """
    values = np.asarray(grey, dtype=np.float32)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not high > low:
        return 0
    near = _NEAR_LEVEL * (high - low)
    return max(_letters(values >= high - near), _letters(values <= low + near))


def _letters(ink: NDArray[np.bool_]) -> int:
    if not 0 < ink.mean() < INK_SHARE:
        return 0
    from scipy import ndimage

    labels, count = ndimage.label(ink, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = [
        (rows.start, rows.stop, columns.start, columns.stop)
        for (rows, columns), area in zip(ndimage.find_objects(labels), areas.tolist(), strict=True)
        if _is_letter(rows.stop - rows.start, columns.stop - columns.start, area)
    ]
    return sum(_run_lengths(sorted(boxes, key=lambda box: (box[1], box[2]))))


def _is_letter(height: int, width: int, area: int) -> bool:
    low, high = LETTER_HEIGHT
    sparse, dense = LETTER_FILL
    # "l" and "1" are strokes: all ink, and narrow.
    is_stroke = 2 <= width <= height / 2
    return (
        low <= height <= high
        and 2 <= width <= 1.5 * height
        and (sparse <= area / (height * width) <= dense or is_stroke)
    )


def _run_lengths(boxes: list[tuple[int, int, int, int]]) -> list[int]:
    """Lengths of the runs of boxes that stand on one base line, of one size, less than two heights apart."""
    lines: dict[int, list[tuple[int, int, int, int]]] = {}
    for box in boxes:
        base = next((at for at in (box[1] - 1, box[1], box[1] + 1) if at in lines), box[1])
        lines.setdefault(base, []).append(box)
    lengths = []
    for line in lines.values():
        run = 1
        ordered = sorted(line, key=lambda box: box[2])
        for left, right in zip(ordered, [*ordered[1:], None], strict=True):
            if right is not None and _are_neighbours(left, right):
                run += 1
                continue
            if run >= LETTERS_IN_LINE:
                lengths.append(run)
            run = 1
    return lengths


def _are_neighbours(left: tuple[int, int, int, int], right: tuple[int, int, int, int]) -> bool:
    heights = left[1] - left[0], right[1] - right[0]
    return max(heights) <= 1.7 * min(heights) and 0 <= right[2] - left[3] <= 2 * max(heights)
