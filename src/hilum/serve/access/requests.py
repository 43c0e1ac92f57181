"""The way of a request: drafted, signed and submitted, then approved, rejected or withdrawn.

Each step is one transaction that starts from the state it needs, so that of two stewards who decide at once one is told
that it is decided. Mails go out when the step is in the database for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from hilum.errors import AccessError
from hilum.serve.access import mails
from hilum.serve.access.audit import Event, record
from hilum.serve.access.grants import give_grant, withdraw_grant
from hilum.serve.access.models import AccessRequest, DataUseAgreement, Grant, Signature
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from hilum.serve.accounts.models import User
    from hilum.serve.published.models import Cohort

State = AccessRequest.State


def agreements_for(collections: Iterable[Collection]) -> list[DataUseAgreement]:
    """Give the newest published version of every agreement that these collections need, by name."""
    versions = DataUseAgreement.objects.filter(collections__in=list(collections), published_at__lte=timezone.now())
    newest: dict[str, DataUseAgreement] = {}
    for agreement in versions.distinct().order_by("name", "published_at", "pk"):
        newest[agreement.name] = agreement
    return list(newest.values())


def draft_for_cohort(user: User, cohort: Cohort) -> AccessRequest:
    """Give a new request for a cohort, with the number of its participants."""
    participants = cohort.series.values("study__participant_id").distinct().count()
    return AccessRequest(user=user, cohort=cohort, participant_count=max(participants, 1))


def closed_collections(cohort: Cohort) -> QuerySet[Collection]:
    """Collections that a cohort is of and that are open only to who was approved."""
    of_cohort = Collection.objects.filter(series__in=cohort.series.all())
    return of_cohort.filter(access=Collection.Access.APPROVED).distinct()


@transaction.atomic
def submit(request: AccessRequest, *, shown: Iterable[int], name: str) -> None:
    """Sign the agreements with a typed name, and hand the request to the stewards.

    Parameters
    ----------
    request
        A draft.
    shown
        Keys of the agreements that were on the page.
    name
        The name as typed.

    Raises
    ------
    AccessError
        It is no draft, or the agreements are not those that were shown: a new version has come out.
    """
    needed = agreements_for(request.collections.all())
    if {agreement.pk for agreement in needed} != set(shown):
        raise AccessError("a new version of the agreement has come out; read it, then sign")
    _step(request, (State.DRAFT,), state=State.SUBMITTED, submitted_at=timezone.now())
    Signature.objects.bulk_create(Signature(request=request, agreement=one, name=name) for one in needed)
    record(Event.REQUEST_SUBMITTED, user_id=request.user_id, item=str(request.pk))
    transaction.on_commit(lambda: mails.submitted(request))


@transaction.atomic
def approve(request: AccessRequest, *, by: User, expires_at: datetime | None) -> list[Grant]:
    """Grant the request's cohort to who asked, or its collections where it names no cohort.

    Raises
    ------
    AccessError
        It does not wait for a decision (any more), or it is the steward's own.
    """
    _require_other(request, by)
    _step(request, (State.SUBMITTED,), state=State.APPROVED, decided_at=timezone.now(), decided_by=by)
    record(Event.REQUEST_APPROVED, user_id=request.user_id, by_user_id=by.pk, item=str(request.pk))
    items = [request.cohort] if request.cohort else list(request.collections.all())
    grants = [give_grant(request.user, item, by=by, expires_at=expires_at, request=request) for item in items]
    transaction.on_commit(lambda: mails.approved(request, expires_at))
    return grants


@transaction.atomic
def reject(request: AccessRequest, *, by: User, reason: str) -> None:
    """Refuse the request, with a reason.

    Raises
    ------
    AccessError
        As `approve`, or there is no reason.
    """
    if not reason.strip():
        raise AccessError("a request is not rejected without a reason; say what is missing")
    _require_other(request, by)
    _step(request, (State.SUBMITTED,), state=State.REJECTED, decided_at=timezone.now(), decided_by=by, reason=reason)
    record(Event.REQUEST_REJECTED, user_id=request.user_id, by_user_id=by.pk, item=str(request.pk))
    transaction.on_commit(lambda: mails.rejected(request))


@transaction.atomic
def withdraw(request: AccessRequest) -> None:
    """Take the request back, as who made it; what was granted for it ends.

    Raises
    ------
    AccessError
        It was rejected or withdrawn before.
    """
    was_private = request.state == State.DRAFT
    _step(request, (State.DRAFT, State.SUBMITTED, State.APPROVED), state=State.WITHDRAWN)
    for grant in request.grants.valid():
        withdraw_grant(grant, by=request.user)
    record(Event.REQUEST_WITHDRAWN, user_id=request.user_id, item=str(request.pk))
    if not was_private:
        transaction.on_commit(lambda: mails.withdrawn(request))


def _step(request: AccessRequest, states: tuple[AccessRequest.State, ...], **values: object) -> None:
    changed = AccessRequest.objects.filter(pk=request.pk, state__in=states).update(**values)
    request.refresh_from_db()
    if not changed:
        expected = " or ".join(states)
        raise AccessError(f"the request is {request.get_state_display()}; this step starts from {expected}")


def _require_other(request: AccessRequest, by: User) -> None:
    if request.user_id == by.pk:
        raise AccessError("nobody decides on their own request; ask another steward")
