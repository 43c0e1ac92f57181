"""What the National Lung Screening Trial writes into SeriesDescription, and its screening rounds.

``2,OPA,GE,LSPR16,STANDARD,390,2.5,120,48,0,1.4``: study year, image type, maker, model, kernel, field of view (mm),
slice thickness (mm), peak voltage (kV), exposure (mAs), and two more. A field without value is ``na``, ``null`` or
empty.

References
----------
NLST image collection on TCIA, doi:10.7937/TCIA.HMQ8-J677.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

COLLECTION_ID = "nlst"
ROUND_BY_YEAR = {1999: 0, 2000: 1, 2001: 2}
"""Study dates are shifted so that the year names the round: 1999-01-02 is T0."""

FIELD_COUNT = 11
_DESCRIPTION = re.compile(r"[0-9]+,[OD][PS][A-Z]?,")
_NO_VALUE = frozenset({"", "na", "null", "none"})


@dataclass(frozen=True, slots=True)
class NlstDescription:
    """The fields of an NLST SeriesDescription; None where it gives none."""

    screening_round: int | None
    image_type: str
    manufacturer_code: str | None
    model: str | None
    kernel: str | None
    field_of_view_mm: float | None
    slice_thickness_mm: float | None
    kvp: float | None
    exposure_mas: float | None


def parse_description(text: str | None) -> NlstDescription | None:
    """Take an NLST SeriesDescription apart; None if it is not in that form."""
    if text is None or not _DESCRIPTION.match(text):
        return None
    fields = [None if field.strip().lower() in _NO_VALUE else field.strip() for field in text.split(",")]
    if len(fields) > FIELD_COUNT:
        # A topogram's length of 1024 mm is written 1,024.
        fields[5:7] = [f"{fields[5]}{fields[6]}"]
    fields += [None] * (FIELD_COUNT - len(fields))
    year = int(text.split(",", 1)[0])
    return NlstDescription(
        screening_round=year if year in ROUND_BY_YEAR.values() else None,
        image_type=fields[1] or "",
        manufacturer_code=fields[2],
        model=fields[3],
        kernel=fields[4],
        field_of_view_mm=_number(fields[5]),
        slice_thickness_mm=_number(fields[6]),
        kvp=_number(fields[7]),
        exposure_mas=_number(fields[8]),
    )


def round_of_year(year: int | None) -> int | None:
    """Screening round (0, 1, 2) of a shifted study year; None for any other year."""
    return None if year is None else ROUND_BY_YEAR.get(year)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
