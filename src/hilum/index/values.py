"""From the values of many instances to one value of a series' row, in the type of its column."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from hilum.model.attributes import BY_KEYWORD
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.index.record import Record
    from hilum.model.tables import Column

INT64_LIMIT = 1 << 63
_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
"""``YYYYMMDD``, and ``YYYY.MM.DD`` of ACR-NEMA (PS3.5 section 6.2 note on DA)."""

ATTRIBUTE_COLUMNS: tuple[Column, ...] = tuple(column for column in SERIES.columns if column.name in BY_KEYWORD)
"""Columns of the series table that are DICOM attributes; ImageType, which is told apart, not among them."""


class Invalid(ValueError):  # noqa: N818 - says what a value is, and is caught next door
    """A value has not the form that its column demands."""


def most_common(records: Sequence[Record], keyword: str) -> Any:
    """The value that most records have (of equally many the first one's); None if none has any."""
    counts = Counter(record[keyword] for record in records if keyword in record)
    return counts.most_common(1)[0][0] if counts else None


def distinct(records: Sequence[Record], keyword: str) -> list[Any]:
    """The different values of the records, in order of first appearance."""
    return list(dict.fromkeys(record[keyword] for record in records if keyword in record))


def column_value(value: Any, column: Column) -> Any:
    """`value` in the type of `column`; None stays None.

    Raises
    ------
    Invalid
        It has not that form.
    """
    return None if value is None else _CONVERTERS[column.type](value)


def joined(value: Any) -> str:
    """Text of a value; several values are joined by a backslash."""
    return "\\".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and value else value


def _float(value: Any) -> float:
    number = _first(value)
    if not isinstance(number, int | float) or not math.isfinite(number):
        raise Invalid
    return float(number)


def _int(value: Any) -> int:
    number = _float(value)
    if not number.is_integer() or not -INT64_LIMIT <= number < INT64_LIMIT:
        raise Invalid
    return int(number)


def _date(value: Any) -> date:
    found = _DATE.fullmatch(str(_first(value)).strip())
    if found is None:
        raise Invalid
    try:
        return date(*map(int, found.groups()))
    except ValueError as error:
        raise Invalid from error


_CONVERTERS: dict[str, Callable[[Any], Any]] = {"text": joined, "float": _float, "int": _int, "date": _date}
