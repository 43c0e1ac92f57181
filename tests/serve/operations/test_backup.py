"""A backup holds what only the database knows, and comes back into an empty site, of the same database or another."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client

from hilum.errors import ArchiveError, FormatError
from hilum.serve.access.audit import Event, record
from hilum.serve.access.models import AccessRequest, AuditRecord, Grant
from hilum.serve.accounts.models import ApiToken, User
from hilum.serve.accounts.tokens import find_token, make_token
from hilum.serve.operations.backup import MODELS, read_backup, write_backup
from hilum.serve.published.models import Cohort, Collection, Series
from hilum.serve.published.publish import publish
from serve.conftest import COHORT, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.catalog import Archive


def empty_the_site() -> None:
    """As a database is before anybody came; the log's trigger is put aside, as only its owner can."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_delete")
        cursor.execute("DELETE FROM access_auditrecord")
    for model in (Grant, AccessRequest, ApiToken, User, Series, Cohort, Collection):
        model.objects.all().delete()


@pytest.fixture
def text(served_archive: Archive, user_as: Callable[[str], User]) -> str:
    """A site with users, grants, a request and the log; give the text of a token."""
    reader, steward = user_as("of_cohort"), user_as("steward")
    request = AccessRequest.objects.create(user=reader, project_title="Nöte", participant_count=3)
    request.collections.add(Collection.objects.get(pk="closed_ct"))
    record(Event.GRANTED, user_id=reader.pk, by_user_id=steward.pk, item=COHORT)
    return make_token(reader, "workstation", cohort=Cohort.objects.get(pk=COHORT))[1]


def test_what_was_backed_up_comes_back(text: str, tmp_path: Path) -> None:
    written = write_backup(tmp_path / "site.gz")
    before = {model: list(model.objects.order_by("pk").values()) for model in (User, Grant, ApiToken, AuditRecord)}
    empty_the_site()

    assert read_backup(tmp_path / "site.gz") == written

    for model, rows in before.items():
        assert list(model.objects.order_by("pk").values()) == rows
    request = AccessRequest.objects.get()
    assert (request.project_title, [one.pk for one in request.collections.all()]) == ("Nöte", ["closed_ct"])
    found = find_token(text)
    assert found is not None
    client = Client()
    client.post("/accounts/login/", {"login": found.user.email, "password": PASSWORD})
    assert client.get("/account/").status_code == 200
    assert User.objects.create_user("later@example.org").pk > max(row["id"] for row in before[User])


def test_publishing_brings_the_images_back(text: str, served_archive: Archive, tmp_path: Path) -> None:
    series_count = Series.objects.count()
    digests = dict(Collection.objects.values_list("pk", "content_digest"))
    path = tmp_path / "site.gz"
    write_backup(path)
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for row in rows:
        if row.get("model") == "published.collection":
            # Earlier backups held what tells that nothing is to be done.
            row["fields"]["content_digest"] = digests[row["pk"]]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    empty_the_site()

    read_backup(path)
    for collection_id in digests:
        publish(served_archive, collection_id)

    assert Series.objects.count() == series_count > 0


def test_a_backup_is_its_owners_alone_and_holds_no_token(text: str, tmp_path: Path) -> None:
    write_backup(tmp_path / "site.gz")

    assert (tmp_path / "site.gz").stat().st_mode & 0o077 == 0
    assert text not in gzip.decompress((tmp_path / "site.gz").read_bytes()).decode()


def test_a_site_with_accounts_is_not_overwritten_nor_is_a_file(text: str, tmp_path: Path) -> None:
    write_backup(tmp_path / "site.gz")

    with pytest.raises(ArchiveError, match="accounts already"):
        read_backup(tmp_path / "site.gz")
    with pytest.raises(ArchiveError, match="is there already"):
        write_backup(tmp_path / "site.gz")


@pytest.mark.parametrize("flaw", ["cut", "no-gzip", "other", "newer", "broken-line", "missing-row"])
def test_a_damaged_backup_changes_nothing(flaw: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "site.gz"
    write_backup(path)
    whole = path.read_bytes()
    lines = gzip.decompress(whole).decode().splitlines(keepends=True)
    damaged = {
        "cut": whole[: len(whole) // 2],
        "no-gzip": b"PK not gzip",
        "other": gzip.compress(b'{"format": "another"}\n'),
        "newer": gzip.compress(json.dumps({"format": "hilum-site-backup", "version": 99}).encode() + b"\n"),
        "broken-line": gzip.compress("".join([*lines, "{"]).encode()),
        "missing-row": gzip.compress("".join(line for line in lines if '"accounts.user"' not in line).encode()),
    }
    path.write_bytes(damaged[flaw])
    empty_the_site()

    with pytest.raises(FormatError):
        read_backup(path)
    assert not User.objects.exists()


def test_every_table_that_publishing_does_not_fill_is_in_the_backup() -> None:
    from django.apps import apps

    left_out = {
        "admin.LogEntry",  # the audit log tells the same
        "auth.Group",  # stewards and admins are said by the account
        "auth.Permission",  # made by the migrations
        "contenttypes.ContentType",  # as above
        "sessions.Session",  # everybody logs in again
        "account.EmailConfirmation",  # links in mails; asked for anew
        "socialaccount.SocialApp",  # the options say them
        "socialaccount.SocialToken",  # not kept (SOCIALACCOUNT_STORE_TOKENS)
    }
    kept_elsewhere: set[str] = {label for label in _labels(apps) if label.startswith("published.")}
    assert _labels(apps) - set(MODELS) - left_out - kept_elsewhere - _labels_of_uploads(apps) == set()


def _labels(apps: Any) -> set[str]:
    return {model._meta.label for model in apps.get_models()}


def _labels_of_uploads(apps: Any) -> set[str]:
    return {label for label in _labels(apps) if label.startswith("dicomweb.")}
