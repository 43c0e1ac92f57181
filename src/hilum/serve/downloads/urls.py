"""Paths of downloads, of the API that NBIA's clients speak, and of the description of both."""

from __future__ import annotations

from django.urls import path

from hilum.serve.downloads import nbia_token, nbia_views, openapi, views
from hilum.serve.downloads.nbia_calls import METADATA_LIST

_NBIA = "nbia-api/services/<str:version>"

urlpatterns = [
    path("download/series/<str:series_uid>.zip", views.series, name="download-series"),
    *(
        one
        for kind in ("cohort", "collection")
        for one in (
            path(f"download/{kind}s/<str:name>.zip", views.bag, {"kind": kind}, name=f"download-{kind}-zip"),
            path(f"download/{kind}s/<str:name>.json", views.show_offer, {"kind": kind}, name=f"download-{kind}"),
            path(
                f"download/{kind}s/<str:name>/<str:file_name>",
                views.manifest,
                {"kind": kind},
                name=f"download-{kind}-manifest",
            ),
        )
    ),
    path("nbia-api/oauth/token", nbia_token.token, name="nbia-token"),
    *(path(f"{_NBIA}/{name}", view, name=f"nbia-{name}") for name, view in nbia_views.ROW_VIEWS.items()),
    path(f"{_NBIA}/{METADATA_LIST}", nbia_views.describe, name=f"nbia-{METADATA_LIST}"),
    path(f"{_NBIA}/getImage", nbia_views.image, name="nbia-getImage"),
    path(f"{_NBIA}/getImageWithMD5Hash", nbia_views.image_with_hashes, name="nbia-getImageWithMD5Hash"),
    path(f"{_NBIA}/getSingleImage", nbia_views.single_image, name="nbia-getSingleImage"),
    path("api/openapi.json", openapi.show_description, name="openapi"),
]
