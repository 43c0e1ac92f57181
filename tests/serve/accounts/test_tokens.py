"""Tokens: shown once, kept as a digest, refused when revoked, expired or its user's time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from hilum.serve.access.decisions import visible_collections, visible_series
from hilum.serve.access.grants import withdraw_grant
from hilum.serve.access.identify import of_token, principal_of, tokens
from hilum.serve.access.models import AuditRecord, Grant
from hilum.serve.accounts.models import ApiToken
from hilum.serve.accounts.tokens import find_token, make_token, revoke_token
from hilum.serve.published.models import Cohort
from serve.conftest import COHORT, PASSWORD, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.serve.accounts.models import User


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def status_with(text: str) -> int:
    return Client().get("/health", headers=bearer(text)).status_code


def test_a_token_is_its_user_and_only_its_digest_is_kept(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    token, text = make_token(user, "workstation")

    assert find_token(text) == token
    assert text not in str(ApiToken.objects.values().get())
    assert len(text) == len("hilum_") + 43


def test_a_token_is_found_in_one_query(
    user_as: Callable[[str], User], django_assert_num_queries: Callable[[int], Any]
) -> None:
    _, text = make_token(user_as("registered"), "workstation")
    find_token(text)

    with django_assert_num_queries(1):
        found = find_token(text)
        assert found is not None
        of_token(found)


@pytest.mark.parametrize("end", ["revoked", "expired", "inactive"])
def test_a_token_that_is_over_is_refused(end: str, user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    token, text = make_token(user, "workstation", expires_at=timezone.now() + timedelta(days=1))
    assert status_with(text) == 200

    if end == "revoked":
        revoke_token(token)
    elif end == "expired":
        ApiToken.objects.update(expires_at=timezone.now())
    else:
        user.is_active = False
        user.save()

    answer = Client().get("/health", headers=bearer(text))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("text", ["", "hilum_", "x" * 10_000, "\x00", "hilum_' OR 1=1 --"])
@pytest.mark.django_db
def test_what_is_no_token_is_refused(text: str) -> None:
    assert status_with(text) == 401


def test_a_token_of_a_cohort_opens_that_cohort_and_nothing_else(
    served_archive: Archive, user_as: Callable[[str], User]
) -> None:
    for role in ("of_collection", "steward"):
        token, _ = make_token(user_as(role), "cohort", cohort=Cohort.objects.get(pk=COHORT))
        principal = of_token(token)
        found = list(visible_series(principal).values_list("series_uid", flat=True))
        assert found == [series_uid("closed_ct", 1)]
        assert not visible_collections(principal).exists()


def test_a_token_opens_nothing_that_was_withdrawn_from_its_user(
    served_archive: Archive, user_as: Callable[[str], User]
) -> None:
    user = user_as("of_collection")
    _, text = make_token(user, "workstation")
    path = f"/dicom-web/studies/{study_uid('closed_ct', 2)}/metadata"
    assert Client().get(path, headers=bearer(text)).status_code == 200

    withdraw_grant(Grant.objects.get(user=user), by=None)

    assert Client().get(path, headers=bearer(text)).status_code == 404
    assert Client().get(path).status_code == 404


def test_a_token_counts_and_the_cookie_beside_it_does_not(
    served_archive: Archive, client_as: Callable[[str], Client], user_as: Callable[[str], User]
) -> None:
    _, text = make_token(user_as("registered"), "workstation")
    steward = client_as("steward")
    assert steward.get("/metrics").status_code == 200

    assert steward.get("/metrics", headers=bearer(text)).status_code == 404
    assert steward.get("/account/", headers=bearer(text)).status_code == 302


def test_a_request_with_a_token_needs_no_csrf_token_and_one_without_does(user_as: Callable[[str], User]) -> None:
    seen = []

    def answer(request: Any) -> Any:
        seen.append((principal_of(request).token_id, request._dont_enforce_csrf_checks))
        return None

    token, text = make_token(user_as("registered"), "workstation")
    tokens(answer)(RequestFactory().post("/", headers=bearer(text)))
    assert seen == [(token.pk, True)]


def test_a_token_is_made_on_its_page_shown_once_and_revoked_there(
    served_archive: Archive, user_as: Callable[[str], User]
) -> None:
    user, client = user_as("of_cohort"), Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    last_day = (timezone.now() + timedelta(days=10)).date().isoformat()

    asked = client.post("/tokens/new", {"name": "mine", "cohort": COHORT, "last_day": last_day})
    assert not ApiToken.objects.exists(), "the password is asked for once more"
    page = client.post(asked["Location"], {"password": PASSWORD}).content.decode()

    text = page.split(">hilum_")[1].split("</pre>")[0]
    found = find_token(f"hilum_{text}")
    assert found is not None
    assert found.cohort_id == COHORT
    assert text not in client.get("/tokens/").content.decode()
    client.post(f"/tokens/{found.pk}/revoke")
    assert find_token(f"hilum_{text}") is None
    assert list(AuditRecord.objects.values_list("event", flat=True)) == ["logged-in", "token-made", "token-revoked"]


def test_a_cohort_one_may_not_see_is_no_choice(served_archive: Archive, user_as: Callable[[str], User]) -> None:
    user, client = user_as("registered"), Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    day = timezone.now().date().isoformat()

    assert client.post("/tokens/new", {"name": "mine", "cohort": COHORT, "last_day": day}).status_code == 422
    far = (timezone.now() + timedelta(days=4000)).date().isoformat()
    assert client.post("/tokens/new", {"name": "mine", "last_day": far}).status_code == 422
    assert not ApiToken.objects.exists()


def test_nobody_revokes_the_token_of_another(
    user_as: Callable[[str], User], client_as: Callable[[str], Client]
) -> None:
    token, text = make_token(user_as("registered"), "workstation")

    assert client_as("steward").post(f"/tokens/{token.pk}/revoke").status_code == 404
    assert find_token(text) is not None
