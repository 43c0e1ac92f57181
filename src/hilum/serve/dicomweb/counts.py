"""Numbers of matches, remembered until what is counted changes: to count takes longer than to give a page."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

REMEMBERED = 10_000
"""Numbers that a worker remembers."""

_counts: dict[Any, int] = {}
_lock = Lock()


def remembered_count(rows: QuerySet[Any], seen: frozenset[tuple[str, datetime]] | None) -> int:
    """Count rows of the index, once a publishing.

    Parameters
    ----------
    rows
        What is counted, as far as it may be seen.
    seen
        Collections that it is counted in, each with when it was published; None: something else is seen too, and it is
        counted each time.
    """
    if seen is None:
        return rows.count()
    key = (seen, rows.query.sql_with_params())
    found = _counts.get(key)
    if found is None:
        found = rows.count()
        with _lock:
            if len(_counts) >= REMEMBERED:
                _counts.clear()
            _counts[key] = found
    return found
