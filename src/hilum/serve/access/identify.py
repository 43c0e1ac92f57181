"""Who sent a request: the session's user, or the user of a token in the Authorization header."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, JsonResponse, parse_cookie

from hilum.serve.access.principal import ANYBODY, Principal, Scope
from hilum.serve.accounts.tokens import find_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpResponse

    from hilum.serve.accounts.models import ApiToken, User

    Answer = Callable[[HttpRequest], HttpResponse]

SCHEME = "bearer"
"""How a token is announced (RFC 6750, 2.1); the scheme's case does not count (RFC 9110, 11.1)."""


def principal_of(request: HttpRequest) -> Principal:
    """Say who sent a request; asked twice of one request, it looks once."""
    known = getattr(request, "principal", None)
    if isinstance(known, Principal):
        return known
    # A page of an error may be made before anybody was looked for.
    found = of_user(request.user) if hasattr(request, "user") else ANYBODY
    request.principal = found  # type: ignore[attr-defined]
    return found


def of_headers(authorization: str, cookie: str) -> Principal | None:
    """Say who sent a request, by two of its headers; None where more is to be done than to answer it.

    For what is answered without Django's chain: who comes with a token that opens nothing is to be refused, and who
    must change their password to be sent to that page.
    """
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() == SCHEME:
        token = find_token(text.strip())
        return of_token(token) if token else None
    key = parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME)
    if key is None:
        return ANYBODY
    user = _user_of_session(key)
    return None if getattr(user, "must_change_password", False) else of_user(user)


def of_user(user: User | AnonymousUser) -> Principal:
    """Give the principal a user is."""
    if not (user.is_authenticated and user.is_active):
        return ANYBODY
    scope = Scope.ADMIN if user.is_superuser else Scope.STEWARD if user.is_staff else Scope.REGISTERED
    return Principal(scope, user.pk)


def of_token(token: ApiToken) -> Principal:
    """Give the principal that comes with a token: never more than its user is."""
    user = of_user(token.user)
    return Principal(user.scope, user.user_id, token.pk, token.cohort_id or "")


def carries_token(request: HttpRequest) -> bool:
    """Whether a request comes with a token; then its cookies count for nothing."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() == SCHEME


def _user_of_session(key: str) -> User | AnonymousUser:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return get_user(request)


def tokens(get_response: Answer) -> Answer:
    """Look at the token a request comes with, and refuse one that opens nothing (middleware).

    A program that believes to be known must not be given what is public instead. No other site can make a browser send
    this header, so that such a request needs no CSRF token.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if not carries_token(request):
            return get_response(request)
        token = find_token(request.headers["Authorization"].partition(" ")[2].strip())
        if token is None:
            refusal = {"error": "the token is unknown, expired or revoked; make a new one on the page of your tokens"}
            return JsonResponse(refusal, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        request.COOKIES.clear()
        request.principal = of_token(token)  # type: ignore[attr-defined]
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # noqa: SLF001 (Django's own switch)
        return get_response(request)

    return answer
