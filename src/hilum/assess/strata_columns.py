"""Columns that results are split by: values of lesions and exams as names of strata, in a sensible order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion

    Names = NDArray[np.str_]
    LesionValues = Mapping[tuple[str, str], object]
    ExamValues = Mapping[str, object]

UNKNOWN = "unknown"
"""Stratum of lesions and exams without a value."""

SIZE_BANDS = ("under 10 mm", "10 to under 15 mm", "15 to 20 mm", "over 20 mm")
"""Bands of size; 10 and 15 mm are the borders of RECIST 1.1 for nodes (doi 10.1016/j.ejca.2008.10.026)."""


def size_band(size_mm: float | None) -> str:
    """Band of a diameter or axis; `UNKNOWN` for None, NaN and the negative sizes by which LUNA16 means unknown."""
    if size_mm is None or not size_mm >= 0:
        return UNKNOWN
    if size_mm > 20.0:
        return SIZE_BANDS[3]
    return SIZE_BANDS[0 if size_mm < 10.0 else 1 if size_mm < 15.0 else 2]


def lesion_columns(lesions: Iterable[Lesion]) -> dict[str, dict[tuple[str, str], str]]:
    """Columns that lesions bring along: ``label``, and the size bands of ``diameter``, ``short axis``, ``long axis``.

    Returns
    -------
    Name to (exam, lesion) to value.
    """
    columns: dict[str, dict[tuple[str, str], str]] = {"label": {}, "diameter": {}, "short axis": {}, "long axis": {}}
    for lesion in lesions:
        key = (lesion.exam_id, lesion.lesion_id)
        columns["label"][key] = lesion.label
        columns["diameter"][key] = size_band(lesion.diameter_mm)
        columns["short axis"][key] = size_band(lesion.short_axis_mm)
        columns["long axis"][key] = size_band(lesion.long_axis_mm)
    return columns


def stratum_names(values: Iterable[object]) -> Names:
    """``(n,)`` name of each value; `UNKNOWN` for None, NaN and blanks."""
    return np.asarray([_name(value) for value in values], dtype=np.str_)


def in_order(names: Iterable[str]) -> list[str]:
    """Each name once: size bands from small to large, then numbers, then other names; `UNKNOWN` last."""
    return sorted(set(names), key=_place)


def _name(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    return f"{value:g}" if isinstance(value, float) else str(value).strip() or UNKNOWN


def _place(name: str) -> tuple[int, float, str]:
    if name == UNKNOWN:
        return 3, 0.0, name
    if name in SIZE_BANDS:
        return 0, SIZE_BANDS.index(name), name
    try:
        return 1, float(name), name
    except ValueError:
        return 2, 0.0, name
