"""What the service can do, for programs that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse

from hilum import __version__
from hilum.serve.dicomweb.frames import EXPLICIT
from hilum.serve.dicomweb.keys import KEYS, LEVELS
from hilum.serve.dicomweb.media import DICOM, DICOM_JSON, JSON, OCTETS, accepted, choose
from hilum.serve.dicomweb.pieces import MEDIA_TYPES
from hilum.serve.dicomweb.problem import READ, service
from hilum.serve.dicomweb.query import DEFAULT_LIMIT, MAX_LIMIT
from hilum.serve.dicomweb.retrieve import PICTURES

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from hilum.serve.access.principal import Principal

_OF_STUDY, _OF_SERIES = "/studies/{study}", "/studies/{study}/series/{series}"
_OF_INSTANCE = f"{_OF_SERIES}/instances/{{instance}}"

_SEARCHED = ["/studies", "/series", "/instances"]
_SEARCHED += [f"{_OF_STUDY}/series", f"{_OF_STUDY}/instances", f"{_OF_SERIES}/instances"]


@service(*READ)
def capabilities(request: HttpRequest, principal: Principal) -> HttpResponse:  # noqa: ARG001 (as every resource)
    """Resources, media types, transfer syntaxes and keys that are matched."""
    choose(accepted(request), (JSON, DICOM_JSON))
    return JsonResponse(
        {
            "service": "hilum",
            "version": __version__,
            "standard": "DICOM PS3.18",
            "search": {
                "resources": _SEARCHED,
                "keys": {level: [key.keyword for key in KEYS if key.level == level] for level in LEVELS},
                "parameters": ["includefield", "limit", "offset", "fuzzymatching"],
                "default_limit": DEFAULT_LIMIT,
                "largest_limit": MAX_LIMIT,
                "fuzzy_matching": False,
                "media_types": [DICOM_JSON, JSON],
            },
            "retrieve": {
                "objects": {"resources": [_OF_STUDY, _OF_SERIES, _OF_INSTANCE], "media_types": [DICOM]},
                "metadata": [f"{each}/metadata" for each in (_OF_STUDY, _OF_SERIES, _OF_INSTANCE)],
                "frames": {"resource": f"{_OF_INSTANCE}/frames/{{numbers}}", "media_types": [OCTETS, *_compressed()]},
                "bulk_data": {
                    "resource": f"{_OF_INSTANCE}/bulkdata/{{place}}",
                    "media_types": [OCTETS],
                    "ranges": True,
                },
                "pictures": {"names": ["rendered", "thumbnail"], "media_types": list(PICTURES)},
                "transfer_syntaxes": {"as_stored": sorted(MEDIA_TYPES), "decompressed": EXPLICIT},
            },
            "store": {"resources": ["/studies", _OF_STUDY], "media_types": [DICOM], "accepted_by": "a steward"},
        }
    )


def _compressed() -> list[str]:
    return sorted(set(MEDIA_TYPES.values()))
