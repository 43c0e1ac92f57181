"""What every page shows besides its own: the site's name, and where one can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from hilum.serve.access.identify import principal_of
from hilum.serve.access.principal import Scope

if TYPE_CHECKING:
    from django.http import HttpRequest

_PLACES = (
    (Scope.PUBLIC, "/", "Collections"),
    (Scope.REGISTERED, "/cohorts/", "Cohorts"),
    (Scope.PUBLIC, "/results/", "Results"),
    (Scope.REGISTERED, "/requests/", "Requests"),
    (Scope.REGISTERED, "/tokens/", "Tokens"),
    (Scope.STEWARD, "/admin/", "Admin"),
)
"""Who is shown a place; whoever is not shown it is refused there too, by the place itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    path: str
    title: str
    is_current: bool


def site(request: HttpRequest) -> dict[str, Any]:
    """Give the templates what `portal/base.html` needs."""
    scope = principal_of(request).scope
    return {
        "site_name": settings.OPTIONS.site_name,
        "registration": settings.OPTIONS.registration,
        "navigation": [
            Place(path, title, is_current=_is_current(path, request.path))
            for needed, path, title in _PLACES
            if scope >= needed
        ],
    }


def _is_current(place: str, path: str) -> bool:
    return path == "/" or path.startswith("/collections/") if place == "/" else path.startswith(place)
