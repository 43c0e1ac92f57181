"""The way of a request, its mails and what it opens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.utils import timezone

from hilum.errors import AccessError
from hilum.serve.access import requests as steps
from hilum.serve.access.decisions import visible_collections, visible_series, visible_studies
from hilum.serve.access.grants import give_grant, withdraw_grant
from hilum.serve.access.identify import of_user
from hilum.serve.access.models import AccessRequest, AuditRecord, DataUseAgreement, Grant
from hilum.serve.published.models import Cohort, Collection
from hilum.serve.published.publish import withdraw as unpublish
from serve.conftest import COHORT, series_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.serve.accounts.models import User

State = AccessRequest.State


@pytest.fixture
def reader(served_archive: Archive, user_as: Callable[[str], User]) -> User:
    return user_as("registered")


@pytest.fixture
def steward(served_archive: Archive, user_as: Callable[[str], User]) -> User:
    return user_as("steward")


@pytest.fixture
def draft(reader: User) -> AccessRequest:
    request = AccessRequest.objects.create(
        user=reader,
        project_title="Nodes of the station 4R",
        investigator="A. Reader",
        institution="Example University",
        aims="To count them.",
        participant_count=20,
    )
    request.collections.add(Collection.objects.get(pk="closed_ct"))
    return request


def publish_agreement(version: str = "1", days_ago: float = 1) -> DataUseAgreement:
    agreement = DataUseAgreement.objects.create(
        name="usual",
        version=version,
        title="Usual agreement",
        text="Do not try to identify anybody.",
        published_at=timezone.now() - timedelta(days=days_ago),
    )
    agreement.collections.add(Collection.objects.get(pk="closed_ct"))
    return agreement


def sees_closed(user: User) -> bool:
    return visible_collections(of_user(user)).filter(pk="closed_ct").exists()


def test_a_request_is_signed_decided_and_opens_what_it_asked_for(
    draft: AccessRequest, reader: User, steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    agreement = publish_agreement()
    with django_capture_on_commit_callbacks(execute=True):
        steps.submit(draft, shown=[agreement.pk], name="Ann Reader")
    signature = draft.signatures.get()
    assert (signature.name, signature.agreement) == ("Ann Reader", agreement)
    assert not sees_closed(reader)

    expires_at = timezone.now() + timedelta(days=30)
    with django_capture_on_commit_callbacks(execute=True):
        (grant,) = steps.approve(draft, by=steward, expires_at=expires_at)

    assert draft.state == State.APPROVED
    assert sees_closed(reader)
    assert (grant.expires_at, grant.granted_by, grant.request) == (expires_at, steward, draft)
    told = [(message.to, message.subject) for message in mail.outbox]
    assert told == [
        ([reader.email], "[hilum] Your request has arrived"),
        ([steward.email], "[hilum] A request waits for a decision"),
        ([reader.email], "[hilum] Your request is approved"),
        ([steward.email], "[hilum] A request was approved"),
    ]
    assert f"http://127.0.0.1:8080/requests/{draft.pk}" in mail.outbox[2].body
    assert "closed ct" in mail.outbox[2].body
    assert list(AuditRecord.objects.values_list("event", "user_id", "by_user_id", "item")) == [
        ("request-submitted", reader.pk, None, str(draft.pk)),
        ("request-approved", reader.pk, steward.pk, str(draft.pk)),
        ("granted", reader.pk, steward.pk, "closed_ct"),
    ]


def test_a_rejection_has_a_reason_and_opens_nothing(
    draft: AccessRequest, reader: User, steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    steps.submit(draft, shown=[], name="Ann Reader")
    with pytest.raises(AccessError, match="without a reason"):
        steps.reject(draft, by=steward, reason="  ")

    with django_capture_on_commit_callbacks(execute=True):
        steps.reject(draft, by=steward, reason="The aims are too short.")

    assert draft.state == State.REJECTED
    assert not sees_closed(reader)
    assert "The aims are too short." in mail.outbox[0].body


def test_the_newest_version_is_signed_and_not_the_one_that_was_shown_before(draft: AccessRequest) -> None:
    old = publish_agreement("1", days_ago=9)
    assert steps.agreements_for(draft.collections.all()) == [old]
    new = publish_agreement("2", days_ago=1)
    publish_agreement("3", days_ago=-1)

    assert steps.agreements_for(draft.collections.all()) == [new]
    with pytest.raises(AccessError, match="new version"):
        steps.submit(draft, shown=[old.pk], name="Ann Reader")
    assert (draft.state, draft.signatures.count()) == (State.DRAFT, 0)


def test_two_stewards_who_decide_at_once_decide_once(draft: AccessRequest, reader: User, steward: User) -> None:
    steps.submit(draft, shown=[], name="Ann Reader")
    same = AccessRequest.objects.get(pk=draft.pk)
    steps.approve(draft, by=steward, expires_at=None)

    with pytest.raises(AccessError, match="is approved"):
        steps.reject(same, by=steward, reason="Too late.")
    assert Grant.objects.count() == 1


def test_nobody_decides_on_their_own_request(draft: AccessRequest, steward: User) -> None:
    AccessRequest.objects.filter(pk=draft.pk).update(user=steward, state=State.SUBMITTED)
    draft.refresh_from_db()

    with pytest.raises(AccessError, match="own request"):
        steps.approve(draft, by=steward, expires_at=None)


def test_a_draft_cannot_be_approved(draft: AccessRequest, steward: User) -> None:
    with pytest.raises(AccessError, match="starts from submitted"):
        steps.approve(draft, by=steward, expires_at=None)


def test_who_withdraws_a_request_sees_no_more(draft: AccessRequest, reader: User, steward: User) -> None:
    steps.submit(draft, shown=[], name="Ann Reader")
    steps.approve(draft, by=steward, expires_at=None)
    assert sees_closed(reader)

    steps.withdraw(draft)

    assert not sees_closed(reader)
    with pytest.raises(AccessError, match="is withdrawn"):
        steps.withdraw(draft)


def test_a_grant_ends_when_it_is_withdrawn_and_its_user_is_told(
    reader: User, steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    grant = give_grant(reader, Collection.objects.get(pk="closed_ct"), by=steward)
    assert sees_closed(reader)

    with django_capture_on_commit_callbacks(execute=True):
        withdraw_grant(grant, by=steward)
        withdraw_grant(grant, by=steward)

    assert not sees_closed(reader)
    assert [message.to for message in mail.outbox] == [[reader.email]]
    assert AuditRecord.objects.filter(event="grant-withdrawn").count() == 1


def test_a_grant_ends_at_its_time(reader: User, steward: User) -> None:
    collection = Collection.objects.get(pk="closed_ct")
    with pytest.raises(AccessError, match="is past"):
        give_grant(reader, collection, by=steward, expires_at=timezone.now() - timedelta(seconds=1))
    grant = give_grant(reader, collection, by=steward, expires_at=timezone.now() + timedelta(days=1))
    assert sees_closed(reader)

    # SQLite's clock has milliseconds, and this takes less than one.
    Grant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() - timedelta(milliseconds=1))

    assert not sees_closed(reader)


def test_grants_outlive_the_publishing_of_their_collection(reader: User, steward: User) -> None:
    give_grant(reader, Collection.objects.get(pk="closed_ct"), by=steward)

    unpublish("closed_ct")

    assert Grant.objects.count() == 1
    assert not visible_studies(of_user(steward)).filter(collection="closed_ct").exists()


def test_a_mail_server_that_is_away_undoes_nothing(
    draft: AccessRequest, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    with django_capture_on_commit_callbacks(execute=True):
        steps.submit(draft, shown=[], name="Ann Reader")

    assert draft.state == State.SUBMITTED


def test_a_cohort_is_asked_for_and_granted_alone(served_archive: Archive, reader: User, steward: User) -> None:
    cohort = Cohort.objects.get(pk=COHORT)
    asked = steps.draft_for_cohort(reader, cohort)
    assert asked.participant_count == 1
    asked.project_title, asked.investigator, asked.institution, asked.aims = "Nodes", "A", "B", "C"
    asked.save()
    asked.collections.set(steps.closed_collections(cohort))
    assert [one.pk for one in asked.collections.all()] == ["closed_ct"]
    needed = publish_agreement()
    needed.collections.add(Collection.objects.get(pk="closed_ct"))
    steps.submit(asked, shown=[needed.pk], name="A. Reader")
    (grant,) = steps.approve(asked, by=steward, expires_at=None)
    assert (grant.collection, grant.cohort) == (None, cohort)
    principal = of_user(reader)
    assert "closed_ct" not in visible_collections(principal).values_list("pk", flat=True)
    seen = visible_series(principal).filter(collection="closed_ct")
    assert [one.series_uid for one in seen] == [series_uid("closed_ct", 1)]
