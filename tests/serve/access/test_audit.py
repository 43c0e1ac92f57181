"""The log: nothing is changed or deleted, a view is one record an hour, it leaves as CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.utils import timezone

from hilum.serve.access import audit
from hilum.serve.access.export import write_csv, write_jsonl
from hilum.serve.access.identify import of_user
from hilum.serve.access.models import AuditRecord
from hilum.serve.published.models import Study
from serve.conftest import PASSWORD, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive
    from hilum.serve.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def one() -> AuditRecord:
    audit.record(audit.Event.GRANTED, user_id=1, by_user_id=2, item="closed_ct", grant=3)
    return AuditRecord.objects.get()


def test_django_refuses_to_change_or_delete_a_record(one: AuditRecord) -> None:
    one.item = "another"
    for step in (one.save, one.delete, AuditRecord.objects.all().delete, lambda: AuditRecord.objects.update(item="x")):
        with pytest.raises(TypeError, match="only ever appended to"):
            step()


@pytest.mark.parametrize("statement", ["UPDATE access_auditrecord SET item = 'x'", "DELETE FROM access_auditrecord"])
def test_the_database_refuses_too(one: AuditRecord, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="only ever appended to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditRecord.objects.get().item == "closed_ct"


def test_many_frames_of_a_study_are_one_record(served_archive: Archive, user_as: Callable[[str], User]) -> None:
    principal = of_user(user_as("registered"))
    study = Study.objects.get(study_uid=study_uid("open_ct"))
    before = AuditRecord.objects.count()

    for _ in range(500):
        audit.viewed(principal, study)

    (record,) = AuditRecord.objects.all()[before:]
    assert (record.event, record.user_id, record.item) == ("viewed", principal.user_id, study.study_uid)


def test_the_log_leaves_whole(one: AuditRecord) -> None:
    audit.record(audit.Event.LOGIN_FAILED, user_id=None)
    lines, table = io.StringIO(), io.StringIO()
    write_jsonl(lines)
    write_csv(table)

    rows = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [row["event"] for row in rows] == ["granted", "login-failed"]
    assert rows[0] | {"id": 0, "at": ""} == {
        "id": 0,
        "at": "",
        "event": "granted",
        "user_id": 1,
        "token_id": None,
        "by_user_id": 2,
        "item": "closed_ct",
        "detail": {"grant": 3},
    }
    cells = list(csv.DictReader(io.StringIO(table.getvalue())))
    assert [cell["event"] for cell in cells] == ["granted", "login-failed"]
    assert json.loads(cells[0]["detail"]) == {"grant": 3}

    later = io.StringIO()
    write_jsonl(later, timezone.now() + timedelta(seconds=1))
    assert later.getvalue() == ""


def test_logins_are_told_without_addresses(user_as: Callable[[str], User]) -> None:
    user = user_as("registered")
    client = Client()
    for email, password in ((user.email, "wrong"), ("nobody@example.org", "wrong"), (user.email, PASSWORD)):
        client.post("/accounts/login/", {"login": email, "password": password})
    client.post("/accounts/logout/")

    assert list(AuditRecord.objects.values_list("event", "user_id")) == [
        ("login-failed", user.pk),
        ("login-failed", None),
        ("logged-in", user.pk),
        ("logged-out", user.pk),
    ]
    kept = io.StringIO()
    write_jsonl(kept)
    assert "example.org" not in kept.getvalue()
