"""The resources of DICOMweb, below ``/dicom-web``.

References
----------
DICOM PS3.18 tables 10.4.1-1, 10.5.1-1, 10.6.1-1 (resources), 8.9 (capabilities).
"""

from __future__ import annotations

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from hilum.serve.dicomweb import capabilities, pieces, retrieve, search, store


class UidConverter(StringConverter):
    """A UID as paths hold it: digits and dots, 64 at most."""

    regex = r"[0-9.]{1,64}"


class FramesConverter(StringConverter):
    """Numbers of frames, 1-based, with commas between."""

    regex = r"[1-9]\d{0,8}(?:,[1-9]\d{0,8})*"


register_converter(UidConverter, "uid")
register_converter(FramesConverter, "frames")

_STUDY = "studies/<uid:study_uid>"
_SERIES = f"{_STUDY}/series/<uid:series_uid>"
_INSTANCE = f"{_SERIES}/instances/<uid:sop_uid>"
FRAMES = f"{_INSTANCE}/frames/<frames:numbers>"

urlpatterns = [
    path(FRAMES, pieces.frames),
    path("studies", store.studies),
    path(f"{_STUDY}/series", search.search_series),
    path(f"{_SERIES}/metadata", retrieve.series_metadata),
    path(f"{_SERIES}/instances", search.search_instances),
    path(_INSTANCE, retrieve.instance),
    path(_SERIES, retrieve.series),
    path(_STUDY, store.study),
    path(f"{_STUDY}/instances", search.search_instances),
    path(f"{_STUDY}/metadata", retrieve.study_metadata),
    path(f"{_INSTANCE}/metadata", retrieve.instance_metadata),
    path(f"{_INSTANCE}/bulkdata/<path:place>", pieces.bulk_data),
    *(
        path(f"{resource}/{name}", retrieve.rendered, {"is_thumbnail": name == "thumbnail"})
        for resource in (_STUDY, _SERIES, _INSTANCE, FRAMES)
        for name in ("rendered", "thumbnail")
    ),
    path("series", search.search_series),
    path("instances", search.search_instances),
    re_path(r"^(?:capabilities)?$", capabilities.capabilities),
]
