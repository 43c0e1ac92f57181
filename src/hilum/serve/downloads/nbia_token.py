"""Tokens for NBIA's clients, which ask for them with a name and a password.

The password may be an API token of that user, which is given back as it is: so whoever has a second factor, or comes
from an identity provider, uses these clients too, and a token for one cohort opens that cohort alone. An account's own
password is taken where no second factor guards the account, under the limits of attempts of the log-in page.

References
----------
RFC 6749, sections 4.3 (password), 5.1 and 5.2 (answers); NBIA Search with Authentication REST API Guide.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.utils import timezone

from hilum.serve.access.audit import Event, record
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import PREFIX, find_token, make_token
from hilum.serve.dicomweb.problem import service

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal

NAME = "download client"
"""What such tokens are called on the page of a user's tokens."""

LASTS = timedelta(hours=2)
"""As NBIA's; clients ask for another when it ends."""

LONGEST_NAME = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1)."""

WRONG = "user or password is wrong"
SECOND_FACTOR = "a second factor guards this account: make an API token on its page of tokens, and give it as password"
CHANGE_FIRST = "this password must be changed first: log in on the web"
TOO_MANY = "too many attempts; wait a few minutes"


class RefusedError(Exception):
    """No token is given; the status and OAuth's word for it."""

    def __init__(self, reason: str, status: int = 400, error: str = "invalid_grant") -> None:
        super().__init__(reason)
        self.status = status
        self.error = error


@service("POST")
def token(request: HttpRequest, _: Principal) -> HttpResponseBase:
    """Give a token for a name and a password."""
    try:
        answer = _answer(request)
    except RefusedError as refusal:
        problem = {"error": refusal.error, "error_description": str(refusal)}
        return JsonResponse(problem, status=refusal.status, headers={"Cache-Control": "no-store"})
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


def _answer(request: HttpRequest) -> dict[str, str | int]:
    form = request.POST
    if form.get("grant_type") != "password":
        raise RefusedError("expected grant_type=password", error="unsupported_grant_type")
    name, password = form.get("username", "").strip(), form.get("password", "")
    if not name or not password or len(name) > LONGEST_NAME or "\0" in name + password:
        raise RefusedError("expected username and password", error="invalid_request")
    if password.startswith(PREFIX):
        return _of_api_token(name, password)
    return _of_password(request, name, password)


def _of_api_token(name: str, text: str) -> dict[str, str | int]:
    found = find_token(text)
    if found is None or found.user.email.lower() != name.lower():
        raise RefusedError(WRONG)
    lasts = LASTS if found.expires_at is None else min(LASTS, found.expires_at - timezone.now())
    return _given(text, lasts)


def _of_password(request: HttpRequest, name: str, password: str) -> dict[str, str | int]:
    user = _authenticated(request, name, password)
    if is_mfa_enabled(user):
        raise RefusedError(SECOND_FACTOR)
    if user.must_change_password:
        raise RefusedError(CHANGE_FIRST)
    # Those that have ended would fill the page of tokens.
    user.tokens.filter(name=NAME, expires_at__lt=timezone.now()).delete()
    made, text = make_token(user, NAME, expires_at=timezone.now() + LASTS)
    record(Event.TOKEN_MADE, user_id=user.pk, token_id=made.pk)
    return _given(text, LASTS)


def _authenticated(request: HttpRequest, name: str, password: str) -> User:
    if not ratelimit.consume(request, action="login"):
        raise RefusedError(TOO_MANY, 429)
    try:
        user = get_adapter().authenticate(request, email=name, password=password)
    except ValidationError:
        raise RefusedError(TOO_MANY, 429) from None
    if not isinstance(user, User) or not user.is_active:
        raise RefusedError(WRONG)
    if not user.emailaddress_set.filter(verified=True).exists():  # type: ignore[attr-defined]
        raise RefusedError("the e-mail address of this account is not confirmed yet")
    return user


def _given(text: str, lasts: timedelta) -> dict[str, str | int]:
    return {"access_token": text, "token_type": "Bearer", "expires_in": max(0, int(lasts.total_seconds()))}
