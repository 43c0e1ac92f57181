"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class PublishedConfig(AppConfig):
    """What is served: collections, studies, series and cohorts, looked up in the database."""

    name = "hilum.serve.published"
    verbose_name = "Published"
