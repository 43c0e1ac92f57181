"""The viewer's paths; the last one takes every name that no other part has, so it stands last in the site's list."""

from __future__ import annotations

from django.urls import path

from hilum.serve.viewer import views

urlpatterns = [
    path("app-config.js", views.configuration, name="viewer-configuration"),
    path("assets/portal/<path:name>", views.portal_file, name="portal-asset"),
    *(path(mode, views.start_page, name=mode) for mode in views.MODES),
    *(path(f"{mode}/<path:path>", views.start_page, name=f"{mode}-place") for mode in views.MODES),
    path("<path:name>", views.file, name="viewer-file"),
]
