"""What was approved, for whom, until when."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from hilum.serve.published.models import Cohort, Collection


class GrantQuerySet(models.QuerySet["Grant"]):
    """Grants, chosen."""

    def valid(self) -> GrantQuerySet:
        """Those that are neither withdrawn nor expired now."""
        now = timezone.now()
        return self.filter(withdrawn_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))


class Grant(models.Model):
    """A user's access to one collection or one cohort."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, blank=True)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, null=True, blank=True)
    granted_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        """A grant is for a collection or for a cohort."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(collection=None) ^ models.Q(cohort=None), name="collection_or_cohort"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.collection or self.cohort}"
