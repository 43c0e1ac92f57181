"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who somebody is: users and their tokens."""

    name = "hilum.serve.accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Hear of changed passwords."""
        from allauth.account import signals

        from hilum.serve.accounts.forced_change import note_change

        for signal in (signals.password_changed, signals.password_set, signals.password_reset):
            signal.connect(note_change)
