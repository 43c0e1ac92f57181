"""What a steward may do in Django's admin; an admin (`is_superuser`) may do all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from hilum.serve.accounts.models import User

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Model

STEWARD_MAY = frozenset(
    {
        "access.view_accessrequest",
        "access.view_auditrecord",
        "access.view_datauseagreement",
        "access.add_datauseagreement",
        "access.change_datauseagreement",
        "access.view_grant",
        "access.add_grant",
        "accounts.view_apitoken",
        "accounts.view_user",
        "published.view_cohort",
        "published.view_collection",
        "published.change_collection",
    }
)
"""Django's names of the permissions; that to decide and to withdraw comes with being a steward."""


class StewardBackend(BaseBackend):
    """Gives stewards their permissions; logs nobody in."""

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        """Whether a steward may do something."""
        return obj is None and perm in STEWARD_MAY and _is_steward(user_obj)

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        """Whether a steward may do anything in a part of the admin."""
        return _is_steward(user_obj) and any(name.startswith(f"{app_label}.") for name in STEWARD_MAY)


def _is_steward(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active and user.is_staff
