"""Accounts made, changed and let in again from the command line."""

from __future__ import annotations

import secrets
from enum import StrEnum

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from hilum.errors import AccessError
from hilum.serve.access.audit import Event, record
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import revoke_all

PASSWORD_BYTES = 12
"""Random bytes of a one-time password: 96 bits, 16 characters."""


class Role(StrEnum):
    """What an account is."""

    READER = "reader"
    STEWARD = "steward"
    ADMIN = "admin"


@transaction.atomic
def set_role(email: str, role: Role) -> tuple[User, str]:
    """Give an account a role; make it where there is none, and give the one-time password of a new one.

    Raises
    ------
    AccessError
        That is no e-mail address.
    """
    user = User.objects.filter(email__iexact=email).first()
    password = ""
    if user is None:
        user, password = _make(email)
    user.is_staff, user.is_superuser = role is not Role.READER, role is Role.ADMIN
    user.save(update_fields=["is_staff", "is_superuser"])
    record(Event.ROLE_CHANGED, user_id=user.pk, item=role)
    return user, password


@transaction.atomic
def new_password(email: str) -> str:
    """Give an account a one-time password, end its sessions, which hang on the old one, and revoke its tokens.

    Raises
    ------
    AccessError
        Nobody here has that address.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise AccessError(
            f"nobody here has the address {email}; hilum site user {email} --role reader makes an account"
        )
    password = _one_time(user)
    user.save(update_fields=["password", "must_change_password"])
    record(Event.PASSWORD_CHANGED, user_id=user.pk, item="one-time")
    revoke_all(user)
    return password


def has_admin() -> bool:
    """Whether the site has an admin."""
    return User.objects.filter(is_superuser=True).exists()


def _make(email: str) -> tuple[User, str]:
    try:
        validate_email(email)
    except ValidationError as error:
        raise AccessError(f"{email!r} is no e-mail address; expected one such as name@example.org") from error
    user = User(email=User.objects.normalize_email(email))
    password = _one_time(user)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user, password


def _one_time(user: User) -> str:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.must_change_password = True
    return password
