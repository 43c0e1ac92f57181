"""Who sent a request: the session's user, or the user of a token in the Authorization header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.serve.access.principal import ANYBODY, Principal, Scope

if TYPE_CHECKING:
    from django.http import HttpRequest

    from hilum.serve.accounts.models import User


def principal_of(request: HttpRequest) -> Principal:
    """Say who sent a request."""
    return of_user(request.user) if request.user.is_authenticated else ANYBODY


def of_user(user: User) -> Principal:
    """Give the principal a user is."""
    if not user.is_active:
        return ANYBODY
    scope = Scope.ADMIN if user.is_superuser else Scope.STEWARD if user.is_staff else Scope.REGISTERED
    return Principal(scope, user.pk)
