"""Paths of an account; those of log-in and passwords are allauth's."""

from __future__ import annotations

from django.urls import path

from hilum.serve.accounts import views

urlpatterns = [
    path("account/", views.show_account, name="account"),
    path("account/profile", views.change_profile, name="change-profile"),
    path("tokens/", views.list_tokens, name="tokens"),
    path("tokens/new", views.new_token, name="new-token"),
    path("tokens/<int:pk>/revoke", views.end_token, name="revoke-token"),
]
