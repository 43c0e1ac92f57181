"""Tokens for NBIA's clients: for a password or an API token, never past a second factor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hilum.serve.access.models import AuditRecord
from hilum.serve.accounts.models import ApiToken
from hilum.serve.accounts.tokens import make_token, revoke_token
from hilum.serve.downloads import nbia_token
from hilum.serve.published.models import Cohort
from serve.conftest import COHORT, PASSWORD, series_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.serve.accounts.models import User

SERIES = "/nbia-api/services/v2/getSeries"


@pytest.fixture(autouse=True)
def _no_attempts_yet(db: None) -> None:
    cache.clear()


def ask(name: str, password: str) -> Any:
    form = {"grant_type": "password", "username": name, "password": password, "client_id": "NBIA"}
    return Client().post("/nbia-api/oauth/token", form)


def series_with(token: str) -> Any:
    return Client().get(SERIES, headers={"Authorization": f"Bearer {token}"})


def test_a_password_gives_a_token_for_two_hours(served_archive: Archive, user_as: Callable[[str], User]) -> None:
    user = user_as("of_collection")
    answer = ask(user.email, PASSWORD)

    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 7200)
    assert answer["Cache-Control"] == "no-store"
    assert len(series_with(answer.json()["access_token"]).json()) == 4
    assert list(AuditRecord.objects.values_list("event", "user_id")) == [("token-made", user.pk)]

    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert series_with(answer.json()["access_token"]).status_code == 401
    ask(user.email, PASSWORD)
    assert ApiToken.objects.count() == 1, "one that has ended is put away"


def test_an_api_token_is_a_password_and_comes_back_as_it_is(
    served_archive: Archive, user_as: Callable[[str], User]
) -> None:
    user = user_as("of_collection")
    token, text = make_token(user, "mine", cohort=Cohort.objects.get(pk=COHORT))
    answer = ask(user.email.upper(), text)

    assert answer.json()["access_token"] == text
    found = series_with(text).json()
    assert [row["SeriesInstanceUID"] for row in found] == [series_uid("closed_ct", 1)]
    assert ask("somebody@example.org", text).json()["error"] == "invalid_grant"
    revoke_token(token)
    assert ask(user.email, text).status_code == 400


def test_a_second_factor_is_not_gone_around(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    TOTP.activate(user, "A" * 32)

    answer = ask(user.email, PASSWORD)
    assert (answer.status_code, answer.json()["error_description"]) == (400, nbia_token.SECOND_FACTOR)
    assert not ApiToken.objects.exists()
    _, text = make_token(user, "mine")
    assert ask(user.email, text).status_code == 200


def test_attempts_are_limited_as_on_the_page(user_as: Callable[[str], User]) -> None:
    email = user_as("registered").email
    statuses = [ask(email, "wrong").status_code for _ in range(6)]

    assert statuses == [400] * 5 + [429]
    assert ask(email, PASSWORD).status_code == 429
    page = Client().post("/accounts/login/", {"login": email, "password": PASSWORD})
    assert page.status_code == 200, "the page counts the same attempts"
    assert AuditRecord.objects.filter(event="login-failed").count() == 5


@pytest.mark.parametrize("flaw", ["inactive", "unconfirmed", "must change", "unknown", "wrong"])
def test_who_could_not_log_in_gets_none(flaw: str, user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    user.is_active, user.must_change_password = flaw != "inactive", flaw == "must change"
    user.save()
    if flaw == "unconfirmed":
        user.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]

    answer = ask("nobody@example.org" if flaw == "unknown" else user.email, "wrong" if flaw == "wrong" else PASSWORD)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert not ApiToken.objects.exists()


def test_the_same_is_said_of_who_is_unknown_and_of_a_wrong_password(user_as: Callable[[str], User]) -> None:
    email = user_as("registered").email

    assert ask(email, "wrong").json() == ask("nobody@example.org", "wrong").json()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"username": ""}, "invalid_request"),
        ({"password": ""}, "invalid_request"),
        ({"username": "a\0b"}, "invalid_request"),
    ],
)
@pytest.mark.django_db
def test_a_form_that_is_none_is_refused(more: dict[str, str], error: str) -> None:
    form = {"grant_type": "password", "username": "a@example.org", "password": "b"} | more
    answer = Client().post("/nbia-api/oauth/token", form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.django_db
def test_another_site_gets_nothing() -> None:
    answer = Client(headers={"Origin": "https://evil.example"}).post("/nbia-api/oauth/token", {})

    assert answer.status_code == 403
    assert Client().get("/nbia-api/oauth/token").status_code == 405
