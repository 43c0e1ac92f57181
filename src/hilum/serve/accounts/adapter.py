"""What this site decides of allauth's ways: who may register, and which words mails begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts of this site."""

    def is_open_for_signup(self, _: HttpRequest) -> bool:
        """Whether anybody may make an account."""
        return bool(settings.OPTIONS.registration)

    def format_email_subject(self, subject: str) -> str:
        """Begin each subject with the site's name."""
        return f"[{settings.OPTIONS.site_name}] {subject}"
