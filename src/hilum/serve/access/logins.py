"""Log-ins, and what else happens to an account, brought into the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.serve.access.audit import Event, record
from hilum.serve.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Mapping


def connect() -> None:
    """Begin to listen."""
    from allauth.account import signals as account
    from allauth.mfa import signals as second_factor
    from django.contrib.auth import signals

    signals.user_logged_in.connect(logged_in)
    signals.user_logged_out.connect(logged_out)
    signals.user_login_failed.connect(login_failed)
    account.password_changed.connect(password_changed)
    account.password_reset.connect(password_changed)
    account.password_set.connect(password_changed)
    second_factor.authenticator_added.connect(second_factor_added)
    second_factor.authenticator_removed.connect(second_factor_removed)


def logged_in(user: User, **_: Any) -> None:
    """Record a log-in."""
    record(Event.LOGGED_IN, user_id=user.pk)


def logged_out(user: User | None, **_: Any) -> None:
    """Record a log-out."""
    if user is not None:
        record(Event.LOGGED_OUT, user_id=user.pk)


def login_failed(credentials: Mapping[str, Any], **_: Any) -> None:
    """Record a failed log-in; an address that is nobody's here is not kept."""
    address = str(credentials.get("email", ""))
    known = User.objects.filter(email__iexact=address).values_list("pk", flat=True).first() if address else None
    record(Event.LOGIN_FAILED, user_id=known)


def password_changed(user: User, **_: Any) -> None:
    """Record a new password."""
    record(Event.PASSWORD_CHANGED, user_id=user.pk)


def second_factor_added(user: User, authenticator: Any, **_: Any) -> None:
    """Record that a second factor guards the account."""
    record(Event.FACTOR_ADDED, user_id=user.pk, item=authenticator.type)


def second_factor_removed(user: User, authenticator: Any, **_: Any) -> None:
    """Record that it guards it no more."""
    record(Event.FACTOR_REMOVED, user_id=user.pk, item=authenticator.type)
