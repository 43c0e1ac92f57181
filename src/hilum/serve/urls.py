"""Which path is whose."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

# Through allauth's page: its limits of attempts and its second factor hold for stewards too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

admin.site.site_header = admin.site.site_title = settings.OPTIONS.site_name
admin.site.index_title = "Stewards"

urlpatterns = [
    path("dicom-web/", include("hilum.serve.dicomweb.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("hilum.serve.accounts.urls")),
    path("", include("hilum.serve.access.urls")),
    path("", include("hilum.serve.operations.urls")),
    path("", include("hilum.serve.portal.urls")),
    path("", include("hilum.serve.downloads.urls")),
    path("", include("hilum.serve.viewer.urls")),
]
