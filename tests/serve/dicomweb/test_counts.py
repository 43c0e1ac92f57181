"""Remembered numbers of matches follow what is published, and who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hilum.serve.access.models import Grant
from hilum.serve.published.models import Collection
from hilum.serve.published.publish import publish, withdraw
from serve.conftest import ROLES
from serve.dicomweb.conftest import Asker

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from hilum.catalog import Archive

TOTALS = {"public": 1, "registered": 2, "of_cohort": 3, "of_collection": 4, "steward": 4, "admin": 4}
"""Studies that each role sees; the page shows none, so that they must be counted."""


def total(ask: Asker, **query: str) -> int:
    return int(ask("/studies", {"limit": "0", **query}).header("X-Total-Count"))


@pytest.mark.usefixtures("served_archive")
def test_each_gets_the_number_they_may_see(client_as: Callable[[str], Client]) -> None:
    askers = {role: Asker(client_as(role)) for role in ROLES}
    for _ in range(2):
        assert {role: total(ask) for role, ask in askers.items()} == TOTALS
        assert {role: total(ask, ModalitiesInStudy="CT") for role, ask in askers.items()} == TOTALS
        assert {total(ask, PatientID="nobody") for ask in askers.values()} == {0}


@pytest.mark.usefixtures("served_archive")
def test_nothing_is_counted_twice(client_as: Callable[[str], Client]) -> None:
    ask = Asker(client_as("registered"))
    total(ask)
    with CaptureQueriesContext(connection) as asked:
        total(ask)
    assert not [query for query in asked.captured_queries if "COUNT(*)" in query["sql"]]


def test_a_change_is_counted_at_once(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    steward, reader = Asker(client_as("steward")), Asker(client_as("of_collection"))
    assert (total(steward), total(reader)) == (4, 4)

    Grant.objects.update(withdrawn_at="2000-01-01T00:00Z")
    assert total(reader) == 2
    Collection.objects.filter(pk="members_ct").update(access="approved")
    assert total(reader) == 1
    # It is granted, and so it stays as an empty row.
    withdraw("closed_ct")
    assert total(steward) == 2
    publish(served_archive, "closed_ct")
    assert total(steward) == 4
