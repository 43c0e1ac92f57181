"""Nobody gets more of a study than they may see, whatever they write into the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from serve.conftest import ROLES, series_uid, study_uid
from serve.dicomweb.conftest import Asker

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from hilum.catalog import Archive

pytestmark = pytest.mark.usefixtures("served_archive")

RESOURCES = (
    "/studies/{study}",
    "/studies/{study}/metadata",
    "/studies/{study}/rendered",
    "/studies/{study}/thumbnail",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/metadata",
    "/studies/{study}/series/{series}/rendered",
    "/studies/{study}/series/{series}/thumbnail",
    "/studies/{study}/series/{series}/instances/{series}.1",
    "/studies/{study}/series/{series}/instances/{series}.1/metadata",
    "/studies/{study}/series/{series}/instances/{series}.1/frames/1",
    "/studies/{study}/series/{series}/instances/{series}.1/frames/1/rendered",
    "/studies/{study}/series/{series}/instances/{series}.1/bulkdata/7FE00010",
    "/studies/{study}/series/{series}/instances/{series}.1/rendered",
    "/studies/{study}/series/{series}/instances/{series}.1/thumbnail",
)
SEARCHES = (
    "/studies?StudyInstanceUID={study}",
    "/series?SeriesInstanceUID={series}",
    "/studies/{study}/series",
    "/studies/{study}/instances",
    "/studies/{study}/series/{series}/instances",
    "/instances?SOPInstanceUID={series}.1",
)
SEEN_BY = {
    ("open_ct", 1): set(ROLES),
    ("members_ct", 1): set(ROLES) - {"public"},
    ("closed_ct", 1): {"of_cohort", "of_collection", "steward", "admin"},
    ("closed_ct", 2): {"of_collection", "steward", "admin"},
}
"""Who sees each series of the served archive."""


@pytest.mark.parametrize("role", ROLES)
def test_each_resource_of_each_series_is_there_for_those_who_may_see_it(
    role: str, client_as: Callable[[str], Client]
) -> None:
    ask = Asker(client_as(role))
    for place, seen_by in SEEN_BY.items():
        names = {"study": study_uid(*place), "series": series_uid(*place)}
        for resource in RESOURCES:
            status = ask(resource.format(**names)).status
            assert status == (200 if role in seen_by else 404), (role, place, resource)
        for search in SEARCHES:
            found = ask(search.format(**names)).json()
            assert bool(found) == (role in seen_by), (role, place, search)


def test_searching_everything_gives_what_may_be_seen(client_as: Callable[[str], Client]) -> None:
    for role in ROLES:
        ask = Asker(client_as(role))
        visible = {study_uid(*place) for place, seen_by in SEEN_BY.items() if role in seen_by}
        for path in ("/studies", "/series", "/instances"):
            assert set(ask(path).values("0020000D")) == visible, (role, path)


@pytest.mark.parametrize(
    "text",
    [
        "' OR '1'='1",
        '" OR 1=1 --',
        "1; DROP TABLE published_series",
        "%27%20OR",
        "\\",
        "*' UNION SELECT",
        "{{7*7}}",
        "%s",
    ],
)
def test_statements_in_parameters_are_text(text: str, client_as: Callable[[str], Client]) -> None:
    ask = Asker(client_as("public"))
    for keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyDescription", "ModalitiesInStudy"):
        assert ask("/studies", {keyword: text}).json() == []
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "limit", "offset", "includefield"):
        assert ask("/studies", {keyword: text}).status in {200, 400}
    assert len(ask("/studies").json()) == 1


def test_addresses_in_headers_cannot_be_broken(client_as: Callable[[str], Client]) -> None:
    ask = Asker(client_as("admin"))
    answer = ask("/studies", {"limit": "1", "PatientID": "*\u2028Set-Cookie: a=b\x85"})
    assert "\n" not in answer.header("Link")
    answer = ask("/studies?limit=1&PatientID=*%0d%0aSet-Cookie:%20a=b")
    assert answer.status == 400
    assert not answer.header("Set-Cookie")


def test_errors_tell_no_identifier(client_as: Callable[[str], Client], served_archive: Archive) -> None:
    ask = Asker(client_as("public"))
    for path in (f"/studies/{study_uid('closed_ct')}", "/studies?PatientIDs=closed_ct-1"):
        answer = ask(path)
        assert answer.status in {400, 404}
        for secret in (study_uid("closed_ct"), "closed_ct-1", str(served_archive.path)):
            assert secret not in answer.body.decode()


def test_answers_may_not_be_framed_or_kept(client_as: Callable[[str], Client]) -> None:
    answer = Asker(client_as("public"))("/studies")
    assert answer.header("X-Frame-Options") == "DENY"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Cache-Control") == "private, no-cache"
    assert "Authorization" in answer.header("Vary")
