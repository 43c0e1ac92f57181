"""Paths of requests and grants."""

from __future__ import annotations

from django.urls import path

from hilum.serve.access import views

urlpatterns = [
    path("requests/", views.list_requests, name="requests"),
    path("requests/new", views.new_request, name="new-request"),
    path("requests/<int:pk>", views.show_request, name="request"),
    path("requests/<int:pk>/edit", views.edit_request, name="edit-request"),
    path("requests/<int:pk>/sign", views.sign_request, name="sign-request"),
    path("requests/<int:pk>/withdraw", views.withdraw_request, name="withdraw-request"),
    path("requests/<int:pk>/approve", views.approve_request, name="approve-request"),
    path("requests/<int:pk>/reject", views.reject_request, name="reject-request"),
    path("grants/<int:pk>/withdraw", views.end_grant, name="withdraw-grant"),
]
