"""The log of what was done with the archive: only ever appended to, here and nowhere else.

A record names its user, token and item by their keys; names and addresses stay in the tables they are kept in.
"""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from hilum.serve.access.models import AuditRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hilum.serve.access.principal import Principal

Event = AuditRecord.Event

VIEW_EVERY = timedelta(hours=1)
"""A study that somebody keeps looking at is told once in this time."""

COLUMNS = ("id", "at", "event", "user_id", "token_id", "by_user_id", "item", "detail")
"""What is exported of a record."""

REMEMBERED_VIEWS = 10_000
"""Views a worker remembers, so that a frame costs no look at the log."""


class StudyName(Protocol):
    """A study's key and UID: its row, or what is known of it without one."""

    @property
    def pk(self) -> int:
        """Key."""

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""


_seen: dict[tuple[int | None, int], float] = {}
_seen_lock = Lock()


def record(
    event: AuditRecord.Event,
    *,
    user_id: int | None,
    token_id: int | None = None,
    by_user_id: int | None = None,
    item: str = "",
    **detail: Any,
) -> None:
    """Append a record.

    Parameters
    ----------
    event
        What happened.
    user_id, token_id
        Whose account it concerns, and the token they came with.
    by_user_id
        Who did it, where that is somebody else: a steward.
    item
        What it concerns: a study's UID, a collection, a request.
    detail
        What else must be known; no names, no addresses.
    """
    AuditRecord.objects.create(
        event=event, user_id=user_id, token_id=token_id, by_user_id=by_user_id, item=item, detail=detail
    )


def viewed(principal: Principal, study: StudyName) -> None:
    """Record that somebody looked at a study: one record a user, study and hour, however many frames they load.

    Two workers may each write one.
    """
    key = (principal.user_id, study.pk)
    now = time.monotonic()
    with _seen_lock:
        if now - _seen.get(key, -VIEW_EVERY.total_seconds()) < VIEW_EVERY.total_seconds():
            return
        if len(_seen) >= REMEMBERED_VIEWS:
            _seen.clear()
        _seen[key] = now
    record(Event.VIEWED, user_id=principal.user_id, token_id=principal.token_id, item=study.study_uid)


def downloaded(principal: Principal, item: str, **detail: Any) -> None:
    """Record that somebody fetched data; `item` is a cohort, collection or series."""
    record(Event.DOWNLOADED, user_id=principal.user_id, token_id=principal.token_id, item=item, **detail)


def received(principal: Principal, delivery: str, **detail: Any) -> None:
    """Record that somebody sent objects to the inbox."""
    record(Event.RECEIVED, user_id=principal.user_id, token_id=principal.token_id, item=delivery, **detail)


def rows(since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Give the log's records in order, as they are exported."""
    records = AuditRecord.objects.all() if since is None else AuditRecord.objects.filter(at__gte=since)
    for one in records.iterator(chunk_size=2000):
        yield {
            "id": one.pk,
            "at": one.at.isoformat(),
            "event": one.event,
            "user_id": one.user_id,
            "token_id": one.token_id,
            "by_user_id": one.by_user_id,
            "item": one.item,
            "detail": one.detail,
        }
