"""Paths of operation."""

from __future__ import annotations

from django.urls import path

from hilum.serve.operations import views

urlpatterns = [
    path("health", views.alive, name="health"),
    path("health/ready", views.ready, name="ready"),
    path("metrics", views.counts, name="metrics"),
    path("static/<slug:digest>/<path:name>", views.static_file, name="static-file"),
]
