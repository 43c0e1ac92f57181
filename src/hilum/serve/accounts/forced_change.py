"""A password that somebody else has chosen opens one page: that for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import redirect

from hilum.serve.access.identify import carries_token
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import revoke_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    Answer = Callable[[HttpRequest], HttpResponse]

OPEN_VIEWS = frozenset({"account_change_password", "account_logout", "account_reauthenticate", "static-file"})


class ForcedChange:
    """Sends who must change their password to that page."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        """Redirect where the password must be changed first."""
        if carries_token(request) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        match = request.resolver_match
        if match is not None and match.view_name in OPEN_VIEWS:
            return None
        must = isinstance(request.user, User) and request.user.must_change_password
        return redirect("account_change_password") if must else None


def note_change(user: User, **_: object) -> None:
    """Let somebody in who has changed their password, and their tokens no more (receives allauth's signals).

    Whoever has got hold of an account has had time to make tokens; sessions end by themselves, for they hang on the
    password.
    """
    revoke_all(user)
    if user.must_change_password:
        user.must_change_password = False
        user.save(update_fields=["must_change_password"])
