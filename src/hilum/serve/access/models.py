"""What was asked for, signed, approved, for whom, until when; and the log of all that happened."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from hilum.serve.published.models import Cohort, Collection


class DataUseAgreement(models.Model):
    """One version of a text that whoever asks for certain collections signs; once signed it never changes."""

    name = models.CharField(max_length=100, help_text="Same for every version of the agreement.")
    version = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    text = models.TextField(help_text="Plain text; an empty line begins a paragraph.")
    collections = models.ManyToManyField(Collection, related_name="agreements", blank=True)
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="The version published last is the one that is signed."
    )

    class Meta:
        """One row a version."""

        verbose_name = "data use agreement"
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "version"], name="one_text_a_version")]
        ordering: ClassVar = ["name", "-published_at"]

    def __str__(self) -> str:
        return f"{self.title}, version {self.version}"


class AccessRequest(models.Model):
    """A project that asks for collections or for one cohort, what was signed for it, and what a steward decided.

    Of a request for a cohort `collections` are those it is of that are open by approval alone: their agreements are
    signed.
    """

    class State(models.TextChoices):
        """How far a request is."""

        DRAFT = "draft", "draft"
        SUBMITTED = "submitted", "waits for a decision"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"
        WITHDRAWN = "withdrawn", "withdrawn"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests")
    project_title = models.CharField(max_length=200)
    investigator = models.CharField("principal investigator", max_length=200)
    institution = models.CharField(max_length=200)
    aims = models.TextField("specific aims", help_text="What you want to find out, and why these data answer it.")
    collections = models.ManyToManyField(Collection, related_name="requests")
    cohort = models.ForeignKey(
        Cohort, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="requests"
    )
    participant_count = models.PositiveIntegerField(
        "number of participants", validators=[MinValueValidator(1)], help_text="How many you expect to analyse."
    )
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="decisions"
    )
    reason = models.TextField(blank=True, editable=False)

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["state", "submitted_at"])]

    def __str__(self) -> str:
        return self.project_title


class Signature(models.Model):
    """That a version of an agreement was signed for a request: the name as typed, and when."""

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="signatures")
    agreement = models.ForeignKey(DataUseAgreement, on_delete=models.PROTECT, related_name="signatures")
    name = models.CharField(max_length=200)
    signed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """An agreement is signed once for a request."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["request", "agreement"], name="signed_once")]

    def __str__(self) -> str:
        return f"{self.agreement}: {self.name}"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Grants, chosen."""

    def valid(self) -> GrantQuerySet:
        """Those that are neither withdrawn nor expired now."""
        # The database's clock: a statement that is remembered must not remember the time.
        return self.filter(withdrawn_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))


class Grant(models.Model):
    """A user's access to one collection or one cohort.

    What is granted is protected from deletion: building the index anew must not take access away unnoticed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, null=True, blank=True)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, null=True, blank=True)
    request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="grants"
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="given_grants"
    )
    granted_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not expire.")
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        """A grant is for a collection or for a cohort."""

        indexes: ClassVar = [models.Index(fields=["user", "withdrawn_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(collection=None) ^ models.Q(cohort=None), name="collection_or_cohort"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.collection or self.cohort}"


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Records of the log; they are never changed or deleted."""

    def update(self, **_: Any) -> int:
        """Refuse."""
        raise TypeError("the audit log is only ever appended to")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise TypeError("the audit log is only ever appended to")


class AuditRecord(models.Model):
    """One thing that happened; keys without foreign keys, so that the log outlives what it tells of."""

    class Event(models.TextChoices):
        """What happened."""

        LOGGED_IN = "logged-in", "logged in"
        LOGIN_FAILED = "login-failed", "log-in failed"
        LOGGED_OUT = "logged-out", "logged out"
        PASSWORD_CHANGED = "password-changed", "password changed"
        FACTOR_ADDED = "factor-added", "second factor added"
        FACTOR_REMOVED = "factor-removed", "second factor removed"
        ROLE_CHANGED = "role-changed", "role changed"
        REQUEST_SUBMITTED = "request-submitted", "request submitted"
        REQUEST_APPROVED = "request-approved", "request approved"
        REQUEST_REJECTED = "request-rejected", "request rejected"
        REQUEST_WITHDRAWN = "request-withdrawn", "request withdrawn"
        GRANTED = "granted", "access granted"
        GRANT_WITHDRAWN = "grant-withdrawn", "access withdrawn"
        TOKEN_MADE = "token-made", "token made"
        TOKEN_REVOKED = "token-revoked", "token revoked"
        ACCESS_CHANGED = "access-changed", "who sees a collection changed"
        COLLECTION_WITHDRAWN = "collection-withdrawn", "collection withdrawn"
        COHORT_REMOVED = "cohort-removed", "cohort removed"
        SNAPSHOT_REMOVED = "snapshot-removed", "snapshot of the catalog removed"
        VIEWED = "viewed", "study viewed"
        DOWNLOADED = "downloaded", "data downloaded"
        RECEIVED = "received", "objects received"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    event = models.CharField(max_length=30, choices=Event)
    user_id = models.BigIntegerField(null=True, db_index=True)
    token_id = models.BigIntegerField(null=True)
    by_user_id = models.BigIntegerField(null=True)
    item = models.CharField(max_length=200, blank=True, db_index=True)
    detail = models.JSONField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        """In the order in which things happened."""

        verbose_name = "record of the audit log"
        verbose_name_plural = "audit log"
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event} {self.item}"

    def save(self, **values: Any) -> None:
        """Append it; refuse to change one that is there."""
        if self.pk is not None:
            raise TypeError("the audit log is only ever appended to")
        super().save(**values)

    def delete(self, *_: Any, **__: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise TypeError("the audit log is only ever appended to")
