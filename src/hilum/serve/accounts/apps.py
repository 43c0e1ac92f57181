"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who somebody is: users and their tokens."""

    name = "hilum.serve.accounts"
    verbose_name = "Accounts"
