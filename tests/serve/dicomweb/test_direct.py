"""Frames without Django's chain: the same frames, headers and refusals as with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.http import parse_cookie
from django.test import Client

from hilum.serve.access.models import Grant
from hilum.serve.accounts.models import ApiToken
from hilum.serve.accounts.tokens import make_token, revoke_token
from hilum.serve.dicomweb import direct
from hilum.serve.dicomweb.found import _unpacked
from serve.conftest import COLLECTIONS, ROLES, series_uid, study_uid
from serve.dicomweb.conftest import can_read_at_once
from serve.dicomweb.test_security import SEEN_BY

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.serve.accounts.models import User

pytestmark = pytest.mark.usefixtures("served_archive")

RELATED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


def path_of(collection_id: str, number: int = 1, frame: str = "1") -> str:
    study, series = study_uid(collection_id, number), series_uid(collection_id, number)
    return f"/dicom-web/studies/{study}/series/{series}/instances/{series}.1/frames/{frame}"


def scope_of(path: str, **headers: str) -> dict[str, Any]:
    fields = {"host": "testserver", "accept": RELATED} | headers
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }


def cookie_of(client: Client) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def wish_for(scope: dict[str, Any]) -> tuple[direct.Wish, direct.Asked] | None:
    asked = direct.asked_of(scope)
    wish = direct.look_up(asked.question) if asked else None
    return (wish, asked) if wish and asked else None


def answer(scope: dict[str, Any]) -> direct.Direct | None:
    wanted = wish_for(scope)
    return direct.give(*wanted) if wanted else None


def given(path: str, **headers: str) -> direct.Direct | None:
    return answer(scope_of(path, **headers))


@pytest.mark.parametrize("role", ROLES)
def test_a_frame_is_given_to_those_alone_who_may_see_it(role: str, client_as: Callable[[str], Client]) -> None:
    cookie = cookie_of(client_as(role))
    for place, seen_by in SEEN_BY.items():
        assert (given(path_of(*place), cookie=cookie) is not None) == (role in seen_by), (role, place)


@pytest.mark.parametrize("role", set(ROLES) - {"public"})
def test_a_token_gives_what_its_user_sees(role: str, user_as: Callable[[str], User]) -> None:
    token, text = make_token(user_as(role), "mine")
    for place, seen_by in SEEN_BY.items():
        found = given(path_of(*place), authorization=f"Bearer {text}")
        assert (found is not None) == (role in seen_by), (role, place)

    revoke_token(token)
    # Not even what is public: Django's chain refuses the token.
    assert all(given(path_of(name), authorization=f"Bearer {text}") is None for name in COLLECTIONS)


def test_a_right_that_ends_ends_at_once(client_as: Callable[[str], Client], user_as: Callable[[str], User]) -> None:
    client = client_as("of_collection")
    cookie, path = cookie_of(client), path_of("closed_ct")
    assert given(path, cookie=cookie)

    Grant.objects.update(withdrawn_at="2000-01-01T00:00Z")
    assert given(path, cookie=cookie) is None
    Grant.objects.update(withdrawn_at=None, expires_at="2000-01-01T00:00Z")
    assert given(path, cookie=cookie) is None
    Grant.objects.update(expires_at=None)
    assert given(path, cookie=cookie)

    client.logout()
    assert given(path, cookie=cookie) is None


def test_who_must_change_their_password_gets_nothing(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    client = Client()
    client.force_login(user)
    type(user).objects.update(must_change_password=True)
    assert given(path_of("open_ct"), cookie=cookie_of(client)) is None


def test_a_cohorts_token_gives_the_cohort_alone(user_as: Callable[[str], User]) -> None:
    token, text = make_token(user_as("steward"), "mine")
    ApiToken.objects.filter(pk=token.pk).update(cohort="chosen")
    seen = {place: given(path_of(*place), authorization=f"Bearer {text}") is not None for place in SEEN_BY}
    assert seen == {place: place == ("closed_ct", 1) for place in SEEN_BY}


@pytest.mark.parametrize("accept", [RELATED, "application/octet-stream", "*/*"])
def test_it_gives_what_django_gives(accept: str) -> None:
    client = Client()
    theirs = client.get(path_of("open_ct"), headers={"Accept": accept})
    ours = given(path_of("open_ct"), accept=accept)
    assert ours is not None
    assert ours.body.split(b"\r\n")[4:5] == theirs.content.split(b"\r\n")[4:5]
    assert len(ours.body) == len(theirs.content)
    headers = {name.decode(): value.decode() for name, value in ours.headers}
    expected = dict(theirs.headers.items())
    expected.pop("X-Request-ID")
    for found in (headers, expected):
        found["Content-Type"] = found["Content-Type"].partition("boundary=")[0]
    assert headers == expected


@pytest.mark.parametrize("accept", [RELATED, "application/octet-stream"])
def test_it_gives_the_same_without_waiting(accept: str, written_archive: Archive) -> None:
    wanted = wish_for(scope_of(path_of("open_ct"), accept=accept))
    assert wanted is not None
    waited = direct.give(*wanted)
    if not can_read_at_once(written_archive.path):
        pytest.skip("this file system cannot read without waiting")
    at_once = direct.give_at_once(*wanted)
    assert waited is not None
    assert at_once is not None
    assert split(at_once) == split(waited)


def split(found: direct.Direct) -> tuple[list[Any], bytes]:
    """Headers and body, without the boundary, which is drawn by lot."""
    kind = found.headers[0][1]
    boundary = kind.partition(b"boundary=")[2] or b"none"
    return [kind.replace(boundary, b""), *found.headers[1:]], bytes(found.body).replace(boundary, b"")


def test_nobody_asks_the_database_for_what_is_had_at_once(django_assert_num_queries: Any) -> None:
    wanted = wish_for(scope_of(path_of("open_ct")))
    _unpacked.cache_clear()
    assert wanted is not None
    with django_assert_num_queries(0):
        direct.give(*wanted)
        direct.give_at_once(*wanted)


def test_what_differs_in_anything_that_counts_is_another_question() -> None:
    scopes = [
        scope_of(path_of("open_ct")),
        scope_of(path_of("members_ct")),
        scope_of(path_of("open_ct")) | {"scheme": "https"},
        scope_of(path_of("open_ct"), cookie="sessionid=1"),
        scope_of(path_of("open_ct"), authorization="Bearer unknown"),
        scope_of(path_of("open_ct"), accept="*/*"),
        scope_of(path_of("open_ct"), host="localhost"),
    ]
    assert len({asked.question for asked in map(direct.asked_of, scopes) if asked}) == len(scopes)
    traced = direct.asked_of(scope_of(path_of("open_ct", frame="2"), traceparent="00-1-2-01"))
    first = direct.asked_of(scopes[0])
    assert traced is not None
    assert first is not None
    assert traced.question == first.question


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "HEAD"},
        {"query_string": b"accept=*/*"},
        {"root_path": "/site"},
        {"path": path_of("open_ct", frame="0")},
        {"path": path_of("open_ct") + "/rendered"},
        {"path": path_of("open_ct") + "\n"},
    ],
)
def test_what_is_not_plainly_frames_is_left_to_django(changed: dict[str, Any]) -> None:
    assert direct.asked_of(scope_of(path_of("open_ct")))
    assert not direct.asked_of(scope_of(path_of("open_ct")) | changed)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "elsewhere.example"},
        {"host": ""},
        {"accept": "image/jpeg"},
        {"accept": "no media type"},
        {"authorization": "Bearer unknown"},
        {"authorization": "bearer"},
    ],
)
def test_what_is_refused_is_refused_by_django(headers: dict[str, str]) -> None:
    assert given(path_of("open_ct"), **headers) is None
    assert given(path_of("open_ct", frame="2")) is None


def test_on_a_site_with_tls_plain_http_is_redirected_by_django(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    direct.common_headers.cache_clear()
    try:
        assert given(path_of("open_ct")) is None
        secure = answer(scope_of(path_of("open_ct")) | {"scheme": "https"})
        assert secure is not None
        assert (b"Strict-Transport-Security", b"max-age=3600") in secure.headers
    finally:
        direct.common_headers.cache_clear()


def test_a_cookie_may_come_in_several_headers(client_as: Callable[[str], Client]) -> None:
    scope = scope_of(path_of("closed_ct"))
    cookies = parse_cookie(cookie_of(client_as("steward")))
    scope["headers"] += [(b"cookie", f"{name}={value}".encode()) for name, value in {"a": "b", **cookies}.items()]
    assert answer(scope) is not None


@pytest.mark.parametrize("role", ROLES)
def test_who_may_send_is_known_by_the_headers_alone(role: str, client_as: Callable[[str], Client]) -> None:
    cookie = cookie_of(client_as(role))
    assert direct.may_send(scope_of("/dicom-web/studies", cookie=cookie)) == (role != "public")
    assert not direct.may_send(scope_of("/dicom-web/studies", cookie=cookie, authorization="Bearer unknown"))
