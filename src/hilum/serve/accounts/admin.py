"""Accounts in Django's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

from hilum.serve.access.audit import Event, record
from hilum.serve.accounts.models import ApiToken, User
from hilum.serve.accounts.tokens import revoke_token

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Who has an account, and what they are; passwords are their own."""

    list_display = ("email", "institution", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "last_name", "institution")
    fields = (
        "email",
        "first_name",
        "last_name",
        "institution",
        "is_active",
        "is_staff",
        "is_superuser",
        "must_change_password",
        "last_login",
        "date_joined",
    )
    readonly_fields = ("email", "last_login", "date_joined")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by what is not shown: a steward could guess the digest of a password letter by letter."""
        return lookup.partition("__")[0] in self.fields and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, *_: object, **__: object) -> bool:
        """Nobody: people register, or ``hilum site user`` makes them."""
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody: an account that ends is made inactive, what it signed stays."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Keep the change, and tell the log of a new role."""
        super().save_model(request, obj, form, change)
        roles = {"is_active", "is_staff", "is_superuser"} & set(form.changed_data)
        if roles:
            values = {name: bool(getattr(obj, name)) for name in sorted(roles)}
            record(Event.ROLE_CHANGED, user_id=obj.pk, by_user_id=request.user.pk, item="", **values)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no types when it runs
    """Tokens, without what opens anything; a steward revokes them."""

    list_display = ("name", "user", "cohort", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("expires_at",)
    search_fields = ("name", "user__email")
    fields = list_display
    readonly_fields = list_display
    actions = ("revoke",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by what is not shown: the digest."""
        return lookup.partition("__")[0] in self.fields and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, *_: object, **__: object) -> bool:
        """Nobody: tokens are made by their users."""
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        """Nobody: a token is revoked."""
        return False

    @admin.action(description="Revoke the chosen tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        """Let tokens open nothing any more."""
        for token in chosen.filter(revoked_at=None):
            revoke_token(token)
            record(Event.TOKEN_REVOKED, user_id=token.user_id, token_id=token.pk, by_user_id=request.user.pk)
        self.message_user(request, f"Revoked at {timezone.now():%H:%M} UTC.")
