"""What this site decides of allauth's ways: who may register, and which words mails begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings

if TYPE_CHECKING:
    from allauth.account.models import EmailConfirmation
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts of this site."""

    def is_open_for_signup(self, _: HttpRequest) -> bool:
        """Whether anybody may make an account."""
        return bool(settings.OPTIONS.registration)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Lead to the site's own address, whatever name the request was sent to: its Host is the sender's choice."""
        return _on_this_site(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: EmailConfirmation) -> str:
        """Lead to the site's own address, as above."""
        return _on_this_site(super().get_email_confirmation_url(request, emailconfirmation))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail that names this site, and leads to its own address alone."""
        options = settings.OPTIONS
        site = {"site_name": options.site_name, "site_url": options.address, "registration": options.registration}
        super().send_mail(template_prefix, email, context | site)

    def format_email_subject(self, subject: str) -> str:
        """Begin each subject with the site's name."""
        return f"[{settings.OPTIONS.site_name}] {subject}"


def _on_this_site(address: str) -> str:
    return str(settings.OPTIONS.address) + urlsplit(address).path
