"""The application as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class DICOMwebConfig(AppConfig):
    """DICOMweb: QIDO-RS, WADO-RS, STOW-RS."""

    name = "hilum.serve.dicomweb"
    verbose_name = "DICOMweb"

    def ready(self) -> None:
        """Teach the database DICOM's wildcards."""
        from hilum.serve.dicomweb.lookups import register

        register()
