"""What is typed into the pages of requests."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from hilum.serve.access.models import AccessRequest
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from datetime import date

    from django.db.models import QuerySet

GRANT_DAYS = 365
"""Days of access that the form of approval proposes."""

KEY_DIGITS = 18
"""Of a row's key: what every database takes for a whole number."""

_DAY_INPUT = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def collections_by_request() -> QuerySet[Collection]:
    """Collections that are open by request alone."""
    return Collection.objects.filter(access=Collection.Access.APPROVED).order_by("title")


class RequestForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """A project that asks for collections."""

    class Meta:
        """What is asked."""

        model = AccessRequest
        fields: ClassVar = [
            "project_title",
            "investigator",
            "institution",
            "aims",
            "collections",
            "participant_count",
        ]
        widgets: ClassVar = {"collections": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        if self.instance.cohort_id:
            del self.fields["collections"]
            return
        choice = self.fields["collections"]
        choice.queryset = collections_by_request()  # type: ignore[attr-defined]
        choice.label_from_instance = lambda collection: collection.title  # type: ignore[attr-defined]


class SignatureForm(forms.Form):
    """The typed name under the agreements that were shown."""

    name = forms.CharField(label="Your full name, as your signature", max_length=200)
    agrees = forms.BooleanField(label="I have read what stands above and agree to it for everybody of my project.")
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_shown(self) -> list[int]:
        """Give the keys of the agreements that were on the page."""
        parts = str(self.cleaned_data["shown"]).split(",")
        if not all(part.isascii() and part.isdecimal() and len(part) <= KEY_DIGITS for part in parts if part):
            raise ValidationError("The page was changed on its way; load it anew.")
        return [int(part) for part in parts if part]


class ApprovalForm(forms.Form):
    """How long an approval holds."""

    last_day = forms.DateField(
        label="Last day of access", required=False, widget=_DAY_INPUT, help_text="Empty: without an end."
    )

    @classmethod
    def proposed(cls) -> ApprovalForm:
        """Give the form with a year's access filled in."""
        return cls(initial={"last_day": timezone.now().date() + timedelta(days=GRANT_DAYS)})

    def clean_last_day(self) -> date | None:
        """Refuse a day that is past."""
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and day < timezone.now().date():
            raise ValidationError("This day is past.")
        return day

    @property
    def expires_at(self) -> datetime | None:
        """End of the last day, in UTC."""
        day = self.cleaned_data["last_day"]
        return datetime.combine(day + timedelta(days=1), time(), UTC) if day else None


class RejectionForm(forms.Form):
    """Why a request is rejected."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), help_text="Who asked reads it in a mail.", max_length=5000
    )
