"""Accounts from the command line, and what a steward may do in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from hilum.errors import AccessError
from hilum.serve.access.models import AuditRecord
from hilum.serve.accounts.roles import Role, has_admin, new_password, set_role
from hilum.serve.accounts.stewards import STEWARD_MAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.serve.accounts.models import User

pytestmark = pytest.mark.django_db


def test_an_account_is_made_once_and_its_role_changed() -> None:
    user, password = set_role("Ann@example.org", Role.STEWARD)
    assert user.check_password(password)
    assert (user.is_staff, user.is_superuser, user.must_change_password) == (True, False, True)

    same, none = set_role("ann@Example.org", Role.ADMIN)
    assert (same, none) == (user, "")
    assert has_admin()
    set_role("ann@example.org", Role.READER)
    assert not has_admin()
    assert list(AuditRecord.objects.values_list("event", "item")) == [
        ("role-changed", "steward"),
        ("role-changed", "admin"),
        ("role-changed", "reader"),
    ]


def test_who_lost_their_password_is_let_in_again(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    client = Client()
    client.force_login(user)
    password = new_password(user.email)

    assert client.get("/account/").status_code == 302, "the old sessions have ended"
    client.post("/accounts/login/", {"login": user.email, "password": password})
    assert client.get("/account/")["Location"] == "/accounts/password/change/"
    with pytest.raises(AccessError, match="nobody here"):
        new_password("nobody@example.org")


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(AccessError, match="no e-mail address"):
        set_role("nobody", Role.READER)


def test_a_steward_makes_nobody_a_steward(client_as: Callable[[str], Client], user_as: Callable[[str], User]) -> None:
    steward, reader = client_as("steward"), user_as("registered")

    assert steward.get("/admin/accounts/user/").status_code == 200
    assert steward.post(f"/admin/accounts/user/{reader.pk}/change/", {"is_staff": "on"}).status_code == 403
    reader.refresh_from_db()
    assert not reader.is_staff
    assert not any(name.startswith(("accounts.change", "accounts.add", "accounts.delete")) for name in STEWARD_MAY)


def test_an_admin_changes_roles_and_it_is_logged(
    client_as: Callable[[str], Client], user_as: Callable[[str], User]
) -> None:
    admin, reader = client_as("admin"), user_as("registered")
    admin.post(f"/admin/accounts/user/{reader.pk}/change/", {"is_active": "on", "is_staff": "on"})

    reader.refresh_from_db()
    assert reader.is_staff
    record = AuditRecord.objects.get(event="role-changed")
    assert (record.user_id, record.detail) == (reader.pk, {"is_staff": True})


def test_a_reader_is_shown_no_admin(client_as: Callable[[str], Client]) -> None:
    assert client_as("registered").get("/admin/").status_code in {302, 403}
