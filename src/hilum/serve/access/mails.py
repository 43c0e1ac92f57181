"""What is mailed at each step of a request: to who asked, and to the stewards."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from hilum.serve.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hilum.serve.access.models import AccessRequest, Grant

_log = logging.getLogger(__name__)


def submitted(request: AccessRequest) -> None:
    """Tell both sides that a request waits."""
    _send([request.user], "Your request has arrived", "submitted", request)
    _send(_stewards(), "A request waits for a decision", "to_decide", request)


def approved(request: AccessRequest, expires_at: datetime | None) -> None:
    """Tell both sides that a request was approved."""
    _send([request.user], "Your request is approved", "approved", request, expires_at=expires_at)
    _send(_stewards(), "A request was approved", "decided", request)


def rejected(request: AccessRequest) -> None:
    """Tell both sides that a request was rejected, and why."""
    _send([request.user], "Your request is rejected", "rejected", request)
    _send(_stewards(), "A request was rejected", "decided", request)


def withdrawn(request: AccessRequest) -> None:
    """Tell both sides that a request was taken back."""
    _send([request.user], "You have withdrawn your request", "withdrawn", request)
    _send(_stewards(), "A request was withdrawn", "decided", request)


def grant_withdrawn(grant: Grant) -> None:
    """Tell a user that they see something no more."""
    _send([grant.user], "Your access has been withdrawn", "grant_withdrawn", grant.request, grant=grant)


def _stewards() -> list[User]:
    return list(User.objects.filter(is_staff=True, is_active=True))


def _send(users: Sequence[User], subject: str, template: str, request: AccessRequest | None, **values: object) -> None:
    """Send a mail to each; a mail server that fails must not undo what was decided, so that this is logged alone."""
    page = reverse("request", args=[request.pk]) if request else reverse("requests")
    values |= {"request": request, "site_name": settings.OPTIONS.site_name, "url": settings.OPTIONS.address + page}
    body = render_to_string(f"access/mails/{template}.txt", values)
    for user in users:
        message = EmailMessage(f"[{settings.OPTIONS.site_name}] {subject}", body, to=[user.email])
        try:
            message.send()
        except OSError as error:
            _log.error("a mail could not be sent", extra={"fields": {"mail": template, "error": type(error).__name__}})
