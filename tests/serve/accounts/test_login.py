"""Registering, logging in, and what is tried against it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings as django_settings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from hilum.serve.access.models import AuditRecord
from hilum.serve.accounts import roles
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import find_token, make_token
from serve.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
NEW = "another long pass phrase"
SIGNUP = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"login": email, "password": password} | more)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def link_in(message: Any) -> str:
    found = re.search(r"http://127.0.0.1:8080(/\S+)", message.body)
    assert found is not None, message.body
    return found[1]


def test_somebody_registers_confirms_and_is_in() -> None:
    client = Client()
    client.post("/accounts/signup/", SIGNUP)
    assert not is_in(client)
    log_in(client, SIGNUP["email"])
    assert not is_in(client), "the address is not confirmed yet"

    path = link_in(mail.outbox[0])
    client.post(path)
    log_in(client, SIGNUP["email"])

    assert is_in(client)


def test_registration_can_be_closed(settings: Any) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, registration=False)

    Client().post("/accounts/signup/", SIGNUP)

    assert not User.objects.exists()
    assert "/accounts/signup/" not in Client().get("/requests/", follow=True).content.decode().split("</header>")[0]


def test_a_password_is_reset_by_mail_once(user_as: Callable[[str], User]) -> None:
    user, client = user_as("registered"), Client()
    client.post("/accounts/password/reset/", {"email": user.email})
    path = link_in(mail.outbox[0])
    page = client.get(path, follow=True)
    new = "another long pass phrase"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})

    log_in(client, user.email, new)
    assert is_in(client)
    assert "password1" not in Client().get(path, follow=True).content.decode(), "the link opens nothing a second time"


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("page", ["/accounts/password/reset/", "/accounts/signup/"])
def test_mails_name_the_site_and_lead_nowhere_else(
    page: str, known: bool, user_as: Callable[[str], User], settings: Any
) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, site_name="Chest <archive>", public_url="https://archive.example.org")
    email = user_as("registered").email if known else "nobody@example.org"

    Client().post(page, SIGNUP | {"email": email}, headers={"Host": "localhost"})

    [message] = mail.outbox
    assert message.subject.startswith("[Chest <archive>] ")
    assert message.body.rstrip().endswith("Chest <archive>\nhttps://archive.example.org")
    links = re.findall(r"\w+://[^/\s]+", str(message.body))
    assert set(links) == {"https://archive.example.org"}
    assert len(links) > 1
    assert "{" not in message.body


def test_a_changed_password_is_told_by_mail(user_as: Callable[[str], User]) -> None:
    user, client = user_as("registered"), Client()
    log_in(client, user.email)
    change(client, user)
    [message] = mail.outbox
    assert (message.subject, message.to) == ("[hilum] Your password has been changed", [user.email])
    assert "your tokens are revoked" in message.body
    assert "http://127.0.0.1:8080/accounts/password/reset/" in message.body


@pytest.mark.parametrize("page", ["/accounts/password/reset/", "/accounts/signup/"])
def test_nobody_learns_who_has_an_account(page: str, user_as: Callable[[str], User]) -> None:
    known = user_as("registered").email
    answers = []
    for email in (known, "nobody@example.org"):
        answer = Client().post(page, SIGNUP | {"email": email}, follow=True)
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()).replace(email, "")
        answers.append((answer.status_code, [path for path, _ in answer.redirect_chain], text))
    assert answers[0] == answers[1]


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(user_as: Callable[[str], User]) -> None:
    known = user_as("registered").email
    texts = []
    for email in (known, "nobody@example.org"):
        text = log_in(Client(), email, "wrong").content.decode().replace(email, "")
        texts.append(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text))
    assert texts[0] == texts[1]


def test_guessing_is_stopped_even_for_the_right_password(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    for number in range(5):
        log_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), user.email, "wrong")

    client = Client(REMOTE_ADDR="10.0.0.99")
    answer = log_in(client, user.email)

    assert "Too many failed login attempts" in answer.content.decode()
    assert not is_in(client)


def test_counts_of_attempts_are_not_pushed_out_by_many_others() -> None:
    cache.set("first", 1, 3600)
    for number in range(400):
        cache.set(f"other-{number}", number, 3600)

    assert cache.get("first") == 1


def test_the_session_changes_at_log_in_and_dies_at_log_out(user_as: Callable[[str], User]) -> None:
    user, client = user_as("registered"), Client()
    client.get(LOGIN)
    client.session["planted"] = "by somebody else"
    client.session.save()
    before = client.session.session_key
    client.cookies["sessionid"] = str(before)
    log_in(client, user.email)
    after = client.session.session_key
    assert before != after

    thief = Client()
    thief.cookies["sessionid"] = str(before)
    assert not is_in(thief)
    client.post("/accounts/logout/")
    thief.cookies["sessionid"] = str(after)
    assert not is_in(thief)


def test_a_new_password_ends_every_other_session(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        log_in(client, user.email)
    new = "another long pass phrase"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert is_in(here)
    assert not is_in(elsewhere)


def change(client: Client, _: User) -> None:
    """Change the password, as who knows it."""
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})


def reset(_: Client, user: User) -> None:
    """Set a new one with a link in a mail."""
    stranger = Client()
    stranger.post("/accounts/password/reset/", {"email": user.email})
    page = stranger.get(link_in(mail.outbox[0]), follow=True)
    stranger.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})


def let_in_again(_: Client, user: User) -> None:
    """Give a one-time password, as the command of the steward does."""
    roles.new_password(user.email)


@pytest.mark.parametrize("way", [change, reset, let_in_again])
def test_a_new_password_ends_sessions_and_revokes_tokens(
    way: Callable[[Client, User], None], user_as: Callable[[str], User]
) -> None:
    user, other = user_as("registered"), user_as("steward")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        log_in(client, user.email)
    (mine, text), (_, of_another) = make_token(user, "mine"), make_token(other, "another's")

    way(here, user)

    assert not is_in(elsewhere)
    assert find_token(text) is None
    assert find_token(of_another) is not None
    assert not User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert AuditRecord.objects.filter(event="token-revoked", user_id=user.pk, token_id=mine.pk).count() == 1
    assert AuditRecord.objects.filter(event="password-changed", user_id=user.pk).count() == 1


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example"]
)
def test_log_in_leads_to_no_other_site(target: str, user_as: Callable[[str], User]) -> None:
    answer = log_in(Client(), user_as("registered").email, next=target)

    assert answer.status_code == 302
    assert answer["Location"] == "/account/"


@pytest.mark.parametrize("path", [LOGIN, "/accounts/logout/", "/accounts/signup/", "/tokens/new", "/requests/new"])
def test_a_form_of_another_site_is_refused(path: str, user_as: Callable[[str], User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_as("registered"))

    assert client.post(path, {}).status_code == 403


def test_a_page_is_framed_by_nobody_and_runs_only_its_own_scripts() -> None:
    answer = Client().get(LOGIN)

    assert answer["X-Frame-Options"] == "DENY"
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_admin_has_no_log_in_of_its_own(user_as: Callable[[str], User]) -> None:
    answer = Client().get("/admin/login/", follow=True)

    assert answer.redirect_chain[-1][0].startswith(LOGIN)


def test_a_one_time_password_opens_the_page_for_a_new_one_and_nothing_else(user_as: Callable[[str], User]) -> None:
    user = user_as("admin")
    user.must_change_password = True
    user.save()
    client = Client()
    log_in(client, user.email)

    for path in ("/account/", "/admin/", "/requests/", "/tokens/"):
        assert client.get(path)["Location"] == "/accounts/password/change/"
    assert client.get("/accounts/password/change/").status_code == 200
    new = "another long pass phrase"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert is_in(client)


@pytest.mark.parametrize("word", ["hilum", "12345678", "password", "registered@example.org"])
def test_a_weak_password_is_refused(word: str) -> None:
    answer = Client().post("/accounts/signup/", SIGNUP | {"password1": word, "password2": word})

    assert answer.status_code == 200
    assert not User.objects.exists()


def totp_now(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def test_a_second_factor_is_added_asked_for_and_not_taken_twice(user_as: Callable[[str], User]) -> None:
    user, client = user_as("registered"), Client()
    log_in(client, user.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'value="([A-Z2-7]{16,})"', page)
    assert secret is not None
    assert 'class="qr" src="data:image/svg+xml' in page
    code = totp_now(secret[1])
    assert client.post("/accounts/2fa/totp/activate/", {"code": code}).status_code == 302

    fresh = Client()
    log_in(fresh, user.email)
    assert not is_in(fresh), "the password alone is not enough"
    fresh.post("/accounts/2fa/authenticate/", {"code": code})
    assert is_in(fresh)
    fresh = Client()
    log_in(fresh, user.email)
    fresh.post("/accounts/2fa/authenticate/", {"code": code})
    assert not is_in(fresh), "a code opens once"
    recovery = client.get("/accounts/2fa/recovery-codes/").content.decode()
    one = re.findall(r"\b[0-9a-f]{8}\b", recovery)
    assert one
    fresh.post("/accounts/2fa/authenticate/", {"code": one[0]})
    assert is_in(fresh)


def test_pages_of_accounts_stand_in_the_site_and_have_no_script_of_their_own(user_as: Callable[[str], User]) -> None:
    client = Client()
    log_in(client, user_as("registered").email)
    for path in ("/accounts/email/", "/accounts/password/change/", "/accounts/2fa/", "/account/", "/tokens/"):
        page = client.get(path).content.decode()
        assert "portal/hilum.css" in page, path
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page), path
        assert not re.search(r"\son\w+=|style=", page), path


def test_what_the_settings_promise() -> None:
    assert django_settings.SESSION_COOKIE_HTTPONLY
    assert django_settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert django_settings.MFA_SUPPORTED_TYPES == ["totp", "recovery_codes"]
