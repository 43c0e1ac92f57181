"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The pages that people see."""

    name = "hilum.serve.portal"
    verbose_name = "Portal"
