"""Matching of attributes, as a condition for the database and on the values of an instance.

References
----------
DICOM PS3.4 section C.2.2.2 (single value, list of UID, universal, wild card, range matching).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError
from hilum.serve.published.rows import comparable_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.serve.dicomweb.keys import Key

WILDCARDS = frozenset("*?")
NUMBER_VRS = frozenset({"IS", "US"})
DATE_COLUMNS = frozenset({"study_date", "series_date"})
"""Columns of dates; other dates are kept as text of eight digits."""

_LAST_TIME = "235959.999999"
MAX_UIDS = 5000
"""UIDs of one list; a database takes no more than some ten thousand values in a statement."""

_UID = re.compile(r"[0-9.]{1,64}")


def condition(key: Key, value: str, prefix: str = "") -> Q:
    """Condition that a key matches a value.

    Parameters
    ----------
    prefix
        Way from the table that is searched to that of the key, such as ``study__``.

    Raises
    ------
    ProblemError
        400: the value is none of the key's kind.
    """
    column = prefix + key.field
    if key.vr == "UI":
        return Q(**{f"{column}__in": uid_list(value, key)})
    if key.vr in NUMBER_VRS:
        return Q(**{column: number(value, key)})
    if key.vr in {"DA", "TM"}:
        low, high = _range(key, value)
        return _between(column, low, high, is_text=key.field not in DATE_COLUMNS)
    if key.vr == "PN":
        return Q(**{f"{column}__name_wildcard": value})
    return Q(**{f"{column}__wildcard" if WILDCARDS.intersection(value) else column: value})


def instance_matches(values: Mapping[str, Any], wanted: Sequence[tuple[Key, str]]) -> bool:
    """Whether the columns of an instance match keys of its level."""
    return all(_matches(values.get(key.field), key, value) for key, value in wanted)


def uid_list(value: str, key: Key) -> list[str]:
    r"""UIDs of a list, divided by commas or backslashes.

    Raises
    ------
    ProblemError
        400: one is no UID.
    """
    uids = [uid for uid in re.split(r"[,\\]", value) if uid]
    if not all(_UID.fullmatch(uid) for uid in uids):
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: expected UIDs, divided by commas")
    if len(uids) > MAX_UIDS:
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: {len(uids)} UIDs; expected at most {MAX_UIDS}")
    return uids


def number(value: str, key: Key) -> int:
    """Read a whole number.

    Raises
    ------
    ProblemError
        400: it is none.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", value):
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: expected a whole number")
    return int(value)


def _matches(found: Any, key: Key, value: str) -> bool:
    if key.vr == "UI":
        return found in uid_list(value, key)
    return bool(found == number(value, key))


def _range(key: Key, value: str) -> tuple[Any, Any]:
    """Both ends, inclusive; None for an open one."""
    low, dash, high = (part.strip() for part in value.partition("-"))
    if not dash:
        high = low
    if not (low or high):
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: a range without ends")
    read = _date if key.vr == "DA" else _time
    return read(key, low, is_end=False), read(key, high, is_end=True)


def _date(key: Key, text: str, *, is_end: bool) -> Any:  # noqa: ARG001 (as `_time`)
    if not text:
        return None
    try:
        found = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError as error:
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: expected YYYYMMDD, or two of them with a dash") from error
    return found if key.field in DATE_COLUMNS else text


def _time(key: Key, text: str, *, is_end: bool) -> str | None:
    """A time, as it is kept; one without minutes or seconds begins or ends its hour or minute."""
    if not text:
        return None
    start = comparable_time(text)
    if not start:
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: expected HHMMSS.FFFFFF or a beginning of it")
    digits = len(text.replace(":", ""))
    return start[:digits] + _LAST_TIME[digits:] if is_end else start


def _between(column: str, low: Any, high: Any, *, is_text: bool) -> Q:
    found = Q()
    if low is not None:
        found &= Q(**{f"{column}__gte": low})
    if high is not None:
        found &= Q(**{f"{column}__lte": high})
    # An empty text is no value, and is less than every time.
    return found & ~Q(**{column: ""}) if is_text else found
