"""Every route, asked by everybody: what each role gets, and no route that is not in the table.

Who adds a route adds its line here. The paths ask for the second study of ``closed_ct``, which only those see who were
approved for the whole collection, unless the line is about something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from hilum.serve.access.grants import give_grant
from hilum.serve.access.models import AccessRequest
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import make_token
from hilum.serve.downloads.nbia_calls import CALLS
from hilum.serve.published.models import Collection
from serve.conftest import COHORT, PASSWORD, ROLES, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hilum.catalog import Archive
    from hilum.publish.results import Result

Statuses = tuple[int, int, int, int, int, int]
"""Of public, registered, of_cohort, of_collection, steward, admin, as `ROLES`."""

EVERYBODY: Statuses = (200,) * 6
MEMBERS: Statuses = (302, 200, 200, 200, 200, 200)
STRANGERS: Statuses = (200, 302, 302, 302, 302, 302)
OF_COHORT: Statuses = (404, 404, 200, 404, 200, 200)
APPROVED: Statuses = (404, 404, 404, 200, 200, 200)
STEWARDS: Statuses = (404, 404, 404, 404, 200, 200)
SENT_ON: Statuses = (302,) * 6
NOBODY: Statuses = (404,) * 6
NO_FACTOR: Statuses = (302, 404, 404, 404, 404, 404)
"""Nobody here has a second factor yet."""


class Route(NamedTuple):
    """A route, a path that it takes, and what each role gets."""

    pattern: str
    path: str
    statuses: Statuses
    method: str = "GET"


STUDY = f"studies/{study_uid('closed_ct', 2)}"
SERIES = f"{STUDY}/series/{series_uid('closed_ct', 2)}"
INSTANCE = f"{SERIES}/instances/{series_uid('closed_ct', 2)}.1"
_STUDY = "dicom-web/studies/<uid:study_uid>"
_SERIES = f"{_STUDY}/series/<uid:series_uid>"
_INSTANCE = f"{_SERIES}/instances/<uid:sop_uid>"

ACCOUNTS = [
    Route("accounts/login/", "accounts/login/", STRANGERS),
    Route("accounts/logout/", "accounts/logout/", MEMBERS),
    Route("accounts/inactive/", "accounts/inactive/", EVERYBODY),
    Route("accounts/signup/", "accounts/signup/", STRANGERS),
    Route("accounts/reauthenticate/", "accounts/reauthenticate/", MEMBERS),
    Route("accounts/email/", "accounts/email/", MEMBERS),
    Route("accounts/confirm-email/", "accounts/confirm-email/", EVERYBODY),
    Route("accounts/password/change/", "accounts/password/change/", MEMBERS),
    Route("accounts/password/set/", "accounts/password/set/", SENT_ON),
    Route("accounts/password/reset/", "accounts/password/reset/", EVERYBODY),
    Route("accounts/password/reset/done/", "accounts/password/reset/done/", EVERYBODY),
    Route("accounts/password/reset/key/done/", "accounts/password/reset/key/done/", EVERYBODY),
    Route(
        r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        "accounts/password/reset/key/1-guessed/",
        EVERYBODY,
    ),
    Route("accounts/login/code/confirm/", "accounts/login/code/confirm/", SENT_ON),
    Route(r"accounts/^confirm-email/(?P<key>[-:\w]+)/$", "accounts/confirm-email/guessed/", EVERYBODY),
    Route("accounts/2fa/", "accounts/2fa/", MEMBERS),
    Route("accounts/2fa/authenticate/", "accounts/2fa/authenticate/", SENT_ON),
    Route("accounts/2fa/reauthenticate/", "accounts/2fa/reauthenticate/", SENT_ON),
    Route("accounts/2fa/totp/activate/", "accounts/2fa/totp/activate/", SENT_ON),
    Route("accounts/2fa/totp/deactivate/", "accounts/2fa/totp/deactivate/", NO_FACTOR),
    Route("accounts/2fa/recovery-codes/", "accounts/2fa/recovery-codes/", NO_FACTOR),
    Route("accounts/2fa/recovery-codes/generate/", "accounts/2fa/recovery-codes/generate/", SENT_ON),
    Route("accounts/2fa/recovery-codes/download/", "accounts/2fa/recovery-codes/download/", NO_FACTOR),
    Route("accounts/3rdparty/login/cancelled/", "accounts/3rdparty/login/cancelled/", EVERYBODY),
    Route("accounts/3rdparty/login/error/", "accounts/3rdparty/login/error/", (401,) * 6),
    Route("accounts/3rdparty/signup/", "accounts/3rdparty/signup/", SENT_ON),
    Route("accounts/3rdparty/", "accounts/3rdparty/", MEMBERS),
    *(
        Route(f"accounts/social/{old}/", f"accounts/social/{old}/", (301,) * 6)
        for old in ("login/cancelled", "login/error", "signup", "connections")
    ),
    Route(r"accounts/oidc/^(?P<provider_id>[^/]+)/login/", "accounts/oidc/house/login/", NOBODY),
    Route(r"accounts/oidc/^(?P<provider_id>[^/]+)/login/callback/", "accounts/oidc/house/login/callback/", NOBODY),
    Route("account/", "account/", MEMBERS),
    Route("account/profile", "account/profile", SENT_ON, "POST"),
    Route("tokens/", "tokens/", MEMBERS),
    Route("tokens/new", "tokens/new", SENT_ON, "POST"),
    Route("tokens/<int:pk>/revoke", "tokens/{token}/revoke", (302, 302, 404, 404, 404, 404), "POST"),
]

REQUESTS = [
    Route("requests/", "requests/", MEMBERS),
    Route("requests/new", "requests/new", MEMBERS),
    Route("requests/<int:pk>", "requests/{request}", (302, 200, 404, 404, 200, 200)),
    Route("requests/<int:pk>/edit", "requests/{draft}/edit", (302, 200, 404, 404, 404, 404)),
    Route("requests/<int:pk>/sign", "requests/{draft}/sign", (302, 422, 404, 404, 404, 404), "POST"),
    Route("requests/<int:pk>/withdraw", "requests/{request}/withdraw", (302, 302, 404, 404, 404, 404), "POST"),
    Route("requests/<int:pk>/approve", "requests/{request}/approve", (302, 404, 404, 404, 302, 302), "POST"),
    Route("requests/<int:pk>/reject", "requests/{request}/reject", (302, 404, 404, 404, 422, 422), "POST"),
    Route("grants/<int:pk>/withdraw", "grants/{grant}/withdraw", (302, 404, 404, 404, 302, 302), "POST"),
]

OPERATION = [
    Route("health", "health", EVERYBODY),
    Route("health/ready", "health/ready", EVERYBODY),
    Route("metrics", "metrics", STEWARDS),
    Route("static/<slug:digest>/<path:name>", "static/0/portal/hilum.css", EVERYBODY),
]

VIEWER = [
    Route("app-config.js", "app-config.js", EVERYBODY),
    Route("assets/portal/<path:name>", "assets/portal/absent.js", NOBODY),
    *(Route(f"{mode}/<path:path>", f"{mode}/absent.js", NOBODY) for mode in ("viewer", "microscopy", "segmentation")),
    Route("<path:name>", "absent.js", NOBODY),
]

_COLLECTION = "collections/<str:collection_id>/"
PORTAL = [
    Route("", "", EVERYBODY),
    Route("search", f"search?q={study_uid('closed_ct', 2)}", EVERYBODY),
    Route("collections/", "collections/", EVERYBODY),
    # That a collection is here, and how to ask for it, is for everybody.
    Route(_COLLECTION, "collections/closed_ct/", EVERYBODY),
    Route(f"{_COLLECTION}series/", "collections/closed_ct/series/", APPROVED),
    Route(f"{_COLLECTION}participants/", "collections/closed_ct/participants/", (404, 404, 200, 200, 200, 200)),
    Route(
        f"{_COLLECTION}participants/<path:participant_id>/", "collections/closed_ct/participants/closed_ct-2/", APPROVED
    ),
    Route("cohorts/", "cohorts/", MEMBERS),
    Route("cohorts/new", "cohorts/new", MEMBERS),
    Route("cohorts/<str:cohort_id>/", f"cohorts/{COHORT}/", (302, 404, 200, 404, 200, 200)),
    # Who chose it may delete it; nobody here did.
    Route("cohorts/<str:cohort_id>/delete", f"cohorts/{COHORT}/delete", (302, 404, 404, 404, 404, 404)),
    Route("results/", "results/", EVERYBODY),
    Route("results/<str:name>/", "results/closed/", APPROVED),
    Route("results/<str:name>/assessment.json", "results/closed/assessment.json", APPROVED),
]

DICOMWEB = [
    Route("dicom-web/^(?:capabilities)?$", "dicom-web/capabilities", EVERYBODY),
    Route("dicom-web/studies", "dicom-web/studies", EVERYBODY),
    Route("dicom-web/series", "dicom-web/series", EVERYBODY),
    Route("dicom-web/instances", "dicom-web/instances", EVERYBODY),
    Route(_STUDY, f"dicom-web/{STUDY}", APPROVED),
    Route(_SERIES, f"dicom-web/{SERIES}", APPROVED),
    Route(_INSTANCE, f"dicom-web/{INSTANCE}", APPROVED),
    Route(f"{_STUDY}/metadata", f"dicom-web/{STUDY}/metadata", APPROVED),
    Route(f"{_SERIES}/metadata", f"dicom-web/{SERIES}/metadata", APPROVED),
    Route(f"{_INSTANCE}/metadata", f"dicom-web/{INSTANCE}/metadata", APPROVED),
    Route(f"{_INSTANCE}/frames/<frames:numbers>", f"dicom-web/{INSTANCE}/frames/1", APPROVED),
    Route(f"{_INSTANCE}/bulkdata/<path:place>", f"dicom-web/{INSTANCE}/bulkdata/7FE00010", APPROVED),
    *(
        Route(f"{pattern}/{name}", f"dicom-web/{path}/{name}", APPROVED)
        for pattern, path in (
            (_STUDY, STUDY),
            (_SERIES, SERIES),
            (_INSTANCE, INSTANCE),
            (f"{_INSTANCE}/frames/<frames:numbers>", f"{INSTANCE}/frames/1"),
        )
        for name in ("rendered", "thumbnail")
    ),
    # A search below what one may not see finds nothing, as one below what is not there.
    Route(f"{_STUDY}/series", f"dicom-web/{STUDY}/series", EVERYBODY),
    Route(f"{_STUDY}/instances", f"dicom-web/{STUDY}/instances", EVERYBODY),
    Route(f"{_SERIES}/instances", f"dicom-web/{SERIES}/instances", EVERYBODY),
]

_NBIA = "nbia-api/services/<str:version>"
_ASKED = "Collection=closed_ct&Modality=CT&SeriesInstanceUID=1.2"
_IMAGE = f"SeriesInstanceUID={series_uid('closed_ct', 2)}"

DOWNLOADS = [
    Route("download/series/<str:series_uid>.zip", f"download/series/{series_uid('closed_ct', 2)}.zip", APPROVED),
    *(
        Route(f"download/collections/<str:name>{end}", f"download/collections/closed_ct{asked}", APPROVED)
        for end, asked in ((".zip", ".zip"), (".json", ".json"), ("/<str:file_name>", "/manifest.tcia"))
    ),
    *(
        Route(f"download/cohorts/<str:name>{end}", f"download/cohorts/{COHORT}{asked}", OF_COHORT)
        for end, asked in ((".zip", ".zip"), (".json", ".json"), ("/<str:file_name>", "/manifest.csv"))
    ),
    # Rows are of what one may see; what one may not see gives none.
    *(Route(f"{_NBIA}/{call.name}", f"nbia-api/services/v1/{call.name}?{_ASKED}", EVERYBODY) for call in CALLS),
    Route(f"{_NBIA}/getSeriesMetadata", "nbia-api/services/v4/getSeriesMetadata", (400,) * 6, "POST"),
    Route(f"{_NBIA}/getImage", f"nbia-api/services/v1/getImage?{_IMAGE}", APPROVED),
    Route(f"{_NBIA}/getImageWithMD5Hash", f"nbia-api/services/v4/getImageWithMD5Hash?{_IMAGE}", APPROVED),
    Route(
        f"{_NBIA}/getSingleImage",
        f"nbia-api/services/v2/getSingleImage?{_IMAGE}&SOPInstanceUID={series_uid('closed_ct', 2)}.1",
        (401, 404, 404, 200, 200, 200),
    ),
    Route("nbia-api/oauth/token", "nbia-api/oauth/token", (400,) * 6, "POST"),
    Route("api/openapi.json", "api/openapi.json", EVERYBODY),
]

ROUTES = [*ACCOUNTS, *REQUESTS, *OPERATION, *PORTAL, *DOWNLOADS, *VIEWER, *DICOMWEB]

NEEDS_THE_VIEWER = {"viewer", "microscopy", "segmentation"}
"""Routes that answer as everybody may when OHIF is installed, 503 when not; the browser tests ask them."""


def patterns(resolver: URLResolver, start: str = "") -> Iterator[str]:
    """Every pattern below a resolver, whole."""
    for one in resolver.url_patterns:
        pattern = start + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, pattern)
        elif isinstance(one, URLPattern):
            yield pattern


def site_patterns() -> set[str]:
    return set(patterns(get_resolver()))


def test_every_route_is_in_the_table_and_every_line_is_a_route() -> None:
    own = {pattern for pattern in site_patterns() if not pattern.startswith("admin/")}

    assert own == {route.pattern for route in ROUTES} | NEEDS_THE_VIEWER


@pytest.fixture
def places(served_archive: Archive, closed_result: Result) -> dict[str, int]:
    """Keys that paths name: a draft, a submitted request, a grant and a token of the reader ``registered``."""
    owner = User.objects.create_user("registered@example.org", PASSWORD)
    grant = give_grant(owner, Collection.objects.get(pk="open_ct"), by=None)
    states = {"draft": AccessRequest.State.DRAFT, "request": AccessRequest.State.SUBMITTED}
    keys = {
        name: AccessRequest.objects.create(user=owner, project_title=name, participant_count=1, state=state).pk
        for name, state in states.items()
    }
    return keys | {"grant": grant.pk, "token": make_token(owner, "mine")[0].pk}


@pytest.fixture
def log_in_as(places: dict[str, int], user_as: Callable[[str], User]) -> Callable[[str], Client]:
    """Give a function that gives a fresh browser of a role."""
    users = {role: user_as(role) for role in ROLES if role not in {"public", "registered"}}
    users["registered"] = User.objects.get(email="registered@example.org")

    def log_in(role: str) -> Client:
        client = Client(raise_request_exception=False)
        if role != "public":
            client.force_login(users[role])
        return client

    return log_in


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_the_table_says(
    role: str, places: dict[str, int], log_in_as: Callable[[str], Client]
) -> None:
    client, different = log_in_as(role), []
    for route in ROUTES:
        path = "/" + route.path.format(**places)
        with transaction.atomic():
            answer = client.generic(route.method, path)
            answer.close()
            transaction.set_rollback(True)
        expected = route.statuses[ROLES.index(role)]
        if answer.status_code != expected:
            different.append(f"{route.method} {path}: {answer.status_code}, expected {expected}")
    assert not different, "\n".join(different)


@pytest.mark.parametrize("role", ROLES)
def test_the_admin_is_for_stewards(role: str, log_in_as: Callable[[str], Client]) -> None:
    """Below a steward, every page of the admin leads to the log-in, or says no."""
    allowed = {200, 302, 403, 404, 405} if role in {"steward", "admin"} else {302, 403}
    client, different = log_in_as(role), []
    for pattern in sorted(site_patterns()):
        if not pattern.startswith("admin/"):
            continue
        path = "/" + pattern.replace("<path:object_id>", "1").replace("<int:content_type_id>", "1")
        path = path.replace("<path:object_id>", "1").replace("(?P<app_label>access|accounts)", "access")
        answer = client.get(path.replace("^", "").replace("$", ""))
        if answer.status_code not in allowed:
            different.append(f"{path}: {answer.status_code}")
    assert not different, "\n".join(different)
