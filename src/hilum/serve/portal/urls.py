"""Paths of the pages that people see."""

from __future__ import annotations

from django.urls import path

from hilum.serve.portal.views import cohorts, collections, participants, results, search

urlpatterns = [
    path("", collections.home, name="home"),
    path("collections/", collections.home, name="collections"),
    path("collections/<str:collection_id>/", collections.show, name="collection"),
    path("collections/<str:collection_id>/series/", collections.list_series, name="collection-series"),
    path("collections/<str:collection_id>/participants/", participants.list_participants, name="participants"),
    path("collections/<str:collection_id>/participants/<path:participant_id>/", participants.show, name="participant"),
    path("cohorts/", cohorts.list_cohorts, name="cohorts"),
    path("cohorts/new", cohorts.choose, name="choose-cohort"),
    path("cohorts/<str:cohort_id>/", cohorts.show, name="cohort"),
    path("cohorts/<str:cohort_id>/delete", cohorts.delete, name="delete-cohort"),
    path("results/", results.list_published, name="results"),
    path("results/<str:name>/", results.show, name="result"),
    path("results/<str:name>/assessment.json", results.numbers, name="result-numbers"),
    path("search", search.search, name="search"),
]
