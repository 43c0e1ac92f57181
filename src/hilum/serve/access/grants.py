"""Grants: given for a time, withdrawn at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from hilum.errors import AccessError
from hilum.serve.access import mails
from hilum.serve.access.audit import Event, record
from hilum.serve.access.models import Grant
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from datetime import datetime

    from hilum.serve.access.models import AccessRequest
    from hilum.serve.accounts.models import User
    from hilum.serve.published.models import Cohort


@transaction.atomic
def give_grant(
    user: User,
    item: Collection | Cohort,
    *,
    by: User | None,
    expires_at: datetime | None = None,
    request: AccessRequest | None = None,
) -> Grant:
    """Let a user see a collection or a cohort, for good or until a time.

    Raises
    ------
    AccessError
        That time is past.
    """
    if expires_at is not None and expires_at <= timezone.now():
        raise AccessError(f"the grant would expire at {expires_at:%Y-%m-%d %H:%M}, which is past; name a later day")
    collection, cohort = (item, None) if isinstance(item, Collection) else (None, item)
    grant = Grant.objects.create(
        user=user, collection=collection, cohort=cohort, request=request, granted_by=by, expires_at=expires_at
    )
    record(Event.GRANTED, user_id=user.pk, by_user_id=by.pk if by else None, item=str(item.pk), grant=grant.pk)
    return grant


@transaction.atomic
def withdraw_grant(grant: Grant, *, by: User | None) -> None:
    """End a grant now; one that has ended stays as it is."""
    changed = Grant.objects.filter(pk=grant.pk, withdrawn_at=None).update(withdrawn_at=timezone.now())
    grant.refresh_from_db()
    if not changed:
        return
    by_id = by.pk if by else None
    item = grant.collection_id or grant.cohort_id or ""
    record(Event.GRANT_WITHDRAWN, user_id=grant.user_id, by_user_id=by_id, item=item, grant=grant.pk)
    if by_id != grant.user_id:
        transaction.on_commit(lambda: mails.grant_withdrawn(grant))
