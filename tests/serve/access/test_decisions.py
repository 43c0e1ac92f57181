"""Who sees what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hilum.serve.access.decisions import (
    visible_cohorts,
    visible_collections,
    visible_results,
    visible_series,
    visible_studies,
)
from hilum.serve.access.identify import of_user
from hilum.serve.access.principal import ANYBODY
from serve.conftest import COHORT, ROLES, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.publish.results import Result
    from hilum.serve.accounts.models import User

OPEN, MEMBERS, FIRST, SECOND = ("open_ct", 1), ("members_ct", 1), ("closed_ct", 1), ("closed_ct", 2)
SEEN = {
    "public": {OPEN},
    "registered": {OPEN, MEMBERS},
    "of_cohort": {OPEN, MEMBERS, FIRST},
    "of_collection": {OPEN, MEMBERS, FIRST, SECOND},
    "steward": {OPEN, MEMBERS, FIRST, SECOND},
    "admin": {OPEN, MEMBERS, FIRST, SECOND},
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_rows_and_no_other(
    role: str, served_archive: Archive, user_as: Callable[[str], User]
) -> None:
    principal = ANYBODY if role == "public" else of_user(user_as(role))

    assert set(visible_series(principal).values_list("series_uid", flat=True)) == {
        series_uid(*place) for place in SEEN[role]
    }
    assert set(visible_studies(principal).values_list("study_uid", flat=True)) == {
        study_uid(*place) for place in SEEN[role]
    }
    whole = {place[0] for place in SEEN[role]} - ({"closed_ct"} if role == "of_cohort" else set())
    assert set(visible_collections(principal).values_list("pk", flat=True)) == whole
    cohorts = {COHORT} if role in {"of_cohort", "steward", "admin"} else set()
    assert set(visible_cohorts(principal).values_list("pk", flat=True)) == cohorts


@pytest.mark.parametrize("role", ROLES)
def test_a_result_is_seen_by_who_sees_all_its_collections(
    role: str, served_archive: Archive, closed_result: Result, user_as: Callable[[str], User]
) -> None:
    principal = ANYBODY if role == "public" else of_user(user_as(role))
    whole = {place[0] for place in SEEN[role]} - ({"closed_ct"} if role == "of_cohort" else set())
    is_steward = role in {"steward", "admin"}

    for made_on in (("open_ct",), ("open_ct", "members_ct"), ("closed_ct", "open_ct"), ("not_served",), ()):
        result = replace(closed_result, collection_ids=made_on)
        expected = is_steward or (bool(made_on) and whole.issuperset(made_on))
        assert visible_results(principal, [result]) == ([result] if expected else []), made_on


def test_a_token_of_a_cohort_opens_no_result(closed_result: Result, user_as: Callable[[str], User]) -> None:
    principal = replace(of_user(user_as("steward")), cohort_id=COHORT)

    assert visible_results(principal, [closed_result]) == []
