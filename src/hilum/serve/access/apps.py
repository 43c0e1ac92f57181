"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Who may do what: scopes, requests, agreements, grants, the audit log."""

    name = "hilum.serve.access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Listen for log-ins."""
        from hilum.serve.access.logins import connect

        connect()
