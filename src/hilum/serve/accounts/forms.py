"""What is typed into the pages of an account."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from hilum.serve.accounts.models import User
from hilum.serve.published.models import Cohort

if TYPE_CHECKING:
    from datetime import date

    from django.db.models import QuerySet

TOKEN_DAYS = 90
"""Days that the form of a new token proposes, and four times that many at most."""

LONGEST_TOKEN_DAYS = 4 * TOKEN_DAYS


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Who somebody is."""

    class Meta:
        """What they may say of themselves."""

        model = User
        fields: ClassVar = ["first_name", "last_name", "institution"]


class TokenForm(forms.Form):
    """A token to be made."""

    name = forms.CharField(max_length=100, help_text="What it is for, such as the program or machine that uses it.")
    cohort = forms.ModelChoiceField(
        Cohort.objects.none(), required=False, empty_label="all that I may see", label="Opens"
    )
    last_day = forms.DateField(label="Last day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, cohorts: QuerySet[Cohort], **values: Any) -> None:
        values.setdefault("initial", {"last_day": timezone.now().date() + timedelta(days=TOKEN_DAYS)})
        super().__init__(*args, **values)
        self.fields["cohort"].queryset = cohorts  # type: ignore[attr-defined]

    def clean_last_day(self) -> date:
        """Refuse a day that is past or too far away."""
        day: date = self.cleaned_data["last_day"]
        today = timezone.now().date()
        if not today <= day <= today + timedelta(days=LONGEST_TOKEN_DAYS):
            raise ValidationError(f"Name a day from today to {LONGEST_TOKEN_DAYS} days from now.")
        return day

    @property
    def expires_at(self) -> datetime:
        """End of the last day, in UTC."""
        return datetime.combine(self.cleaned_data["last_day"] + timedelta(days=1), time(), UTC)
