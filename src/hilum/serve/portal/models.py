"""Cohorts that people chose on the site."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from hilum.serve.published.models import Cohort


class ChosenCohort(models.Model):
    """Who chose a cohort on the site. They see the choice, but no more of its series than they would without it."""

    cohort = models.OneToOneField(Cohort, on_delete=models.CASCADE, related_name="chosen")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chosen_cohorts")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.cohort.title
