"""Requests, grants, agreements and the log in Django's admin; and who may see a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm

from hilum.errors import AccessError
from hilum.serve.access.audit import Event, record
from hilum.serve.access.grants import withdraw_grant
from hilum.serve.access.models import AccessRequest, AuditRecord, DataUseAgreement, Grant
from hilum.serve.access.requests import approve, reject
from hilum.serve.accounts.models import User
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest


class DecisionForm(ActionForm):
    """What an action on requests needs besides them."""

    reason = forms.CharField(required=False, label="Reason of a rejection")


class _ReadOnly:
    """Rows that come about elsewhere."""

    def has_add_permission(self, *_: object, **__: object) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody."""
        return False


@admin.register(AccessRequest)
class AccessRequestAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Requests; decided here many at a time, or each on its page."""

    list_display = ("project_title", "user", "institution", "state", "submitted_at", "decided_by")
    list_filter = ("state", "collections")
    search_fields = ("project_title", "investigator", "institution", "user__email")
    actions = ("approve", "reject")
    action_form = DecisionForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessRequest]:
        """Leave drafts to who writes them."""
        return super().get_queryset(request).exclude(state=AccessRequest.State.DRAFT).select_related("user")

    @admin.action(description="Approve the chosen requests, without an end", permissions=["view"])
    def approve(self, request: HttpRequest, chosen: QuerySet[AccessRequest]) -> None:
        """Approve requests."""
        steward = _steward(request)
        self._each(request, chosen, lambda one: approve(one, by=steward, expires_at=None))

    @admin.action(description="Reject the chosen requests, with the reason given", permissions=["view"])
    def reject(self, request: HttpRequest, chosen: QuerySet[AccessRequest]) -> None:
        """Reject requests."""
        steward, reason = _steward(request), request.POST.get("reason", "")
        self._each(request, chosen, lambda one: reject(one, by=steward, reason=reason))

    def _each(
        self, request: HttpRequest, chosen: QuerySet[AccessRequest], step: Callable[[AccessRequest], object]
    ) -> None:
        for one in chosen:
            try:
                step(one)
            except AccessError as error:
                self.message_user(request, f"{one}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{one}: done", messages.SUCCESS)


@admin.register(Grant)
class GrantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Grants: given here without a request, too; never changed, only withdrawn."""

    list_display = ("user", "collection", "cohort", "granted_at", "expires_at", "withdrawn_at", "granted_by")
    list_filter = ("collection", "cohort")
    search_fields = ("user__email",)
    fields = ("user", "collection", "cohort", "expires_at")
    actions = ("withdraw",)

    def has_change_permission(self, *_: object, **__: object) -> bool:
        """Nobody: what was granted stays as it was granted."""
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody: a grant is withdrawn."""
        return False

    def save_model(self, request: HttpRequest, obj: Grant, form: Any, change: bool) -> None:
        """Give the grant, and tell the log."""
        obj.granted_by = _steward(request)
        super().save_model(request, obj, form, change)
        item = obj.collection_id or obj.cohort_id or ""
        record(Event.GRANTED, user_id=obj.user_id, by_user_id=request.user.pk, item=item, grant=obj.pk)

    @admin.action(description="Withdraw the chosen grants", permissions=["view"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[Grant]) -> None:
        """Withdraw grants."""
        for grant in chosen:
            withdraw_grant(grant, by=_steward(request))


@admin.register(DataUseAgreement)
class DataUseAgreementAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Agreements; a text that somebody has signed stays as it is, a change is a new version."""

    list_display = ("title", "name", "version", "published_at")
    filter_horizontal = ("collections",)

    def get_readonly_fields(self, _: HttpRequest, obj: DataUseAgreement | None = None) -> list[str]:
        """Give what may no longer be changed."""
        is_signed = obj is not None and obj.signatures.exists()
        return ["name", "version", "title", "text", "published_at"] if is_signed else []

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody."""
        return False


@admin.register(AuditRecord)
class AuditRecordAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """The log, to be read."""

    list_display = ("at", "event", "user_id", "token_id", "by_user_id", "item")
    list_filter = ("event", "at")
    search_fields = ("item",)
    ordering = ("-pk",)
    show_full_result_count = False


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Who sees a collection, and what it is called; the rest comes from the catalog."""

    list_display = ("collection_id", "title", "access", "published_at")
    list_filter = ("access",)
    fields = ("collection_id", "title", "access")
    readonly_fields = ("collection_id",)

    def has_add_permission(self, *_: object, **__: object) -> bool:
        """Nobody: collections are published from the catalog."""
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody, as with adding."""
        return False

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:
        """Keep the change, and tell the log who sees the collection now."""
        super().save_model(request, obj, form, change)
        if "access" in form.changed_data:
            record(Event.ACCESS_CHANGED, user_id=None, by_user_id=request.user.pk, item=obj.pk, access=str(obj.access))


def _steward(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise AccessError("nobody is logged in; log in as a steward")
    return request.user
