"""Tokens that programs send: made once, found by their digest, revoked for good."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from hilum.serve.access.audit import Event, record
from hilum.serve.accounts.models import ApiToken

if TYPE_CHECKING:
    from datetime import datetime

    from hilum.serve.accounts.models import User
    from hilum.serve.published.models import Cohort

PREFIX = "hilum_"
"""Lets a scanner of repositories recognise a token that was put there by mistake."""

TOKEN_BYTES = 32
"""256 random bits: its digest needs no salt, and no limit of attempts."""

USE_NOTED_EVERY = timedelta(hours=1)


def make_token(
    user: User, name: str, *, cohort: Cohort | None = None, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token of a user, and give the text to send, which is kept nowhere."""
    text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    token = ApiToken.objects.create(user=user, name=name, digest=_digest(text), cohort=cohort, expires_at=expires_at)
    return token, text


def find_token(text: str) -> ApiToken | None:
    """Find the token that was sent, with its user, in one query; None if it opens nothing (any more)."""
    token = ApiToken.objects.valid().select_related("user").filter(digest=_digest(text)).first()
    if token is not None:
        _note_use(token)
    return token


def revoke_token(token: ApiToken) -> None:
    """Let a token open nothing any more."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db()


def revoke_all(user: User) -> None:
    """Let no token of a user open anything any more, and tell the log of each."""
    for token in user.tokens.filter(revoked_at=None):
        revoke_token(token)
        record(Event.TOKEN_REVOKED, user_id=user.pk, token_id=token.pk)


def _note_use(token: ApiToken) -> None:
    """Note when it was used, to the hour: a row is not written at every request."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
