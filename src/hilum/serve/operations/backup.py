"""Backup of what only the site's database knows: accounts, requests, grants, tokens, the log.

A backup is one gzip file of JSON lines, the same for SQLite and PostgreSQL, so that a site moves between them. What is
published stays out: it is built anew from the catalog. So do sessions: everybody logs in again.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import serializers
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.utils import Error as DatabaseError

from hilum.disk import settle, unfinished
from hilum.errors import ArchiveError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from django.db.models import Model

FORMAT = "hilum-site-backup"
VERSION = 1

MODELS = (
    "accounts.User",
    "published.Collection",
    "published.Cohort",
    "portal.ChosenCohort",
    "accounts.ApiToken",
    "account.EmailAddress",
    "mfa.Authenticator",
    "socialaccount.SocialAccount",
    "access.DataUseAgreement",
    "access.AccessRequest",
    "access.Signature",
    "access.Grant",
    "access.AuditRecord",
)
"""What is kept, in an order in which each refers only to those before it."""

REBUILT_FIELDS = frozenset({"series", "content_digest"})
"""Fields that publishing fills: which series a cohort has, and what says that a collection's rows are all there."""


def write_backup(path: Path) -> dict[str, int]:
    """Write a backup that shows one moment of the site; give the number of rows by model.

    Raises
    ------
    ArchiveError
        There is a file of that name, or no room left.
    """
    if path.exists():
        raise ArchiveError(f"{path} is there already; name another file, or remove it")
    counts: dict[str, int] = {}
    with unfinished(path) as draft:
        draft.touch(mode=0o600)
        with gzip.open(draft, "wt", encoding="utf-8") as file, transaction.atomic():
            _hold_one_moment()
            file.write(json.dumps(_head()) + "\n")
            for label in MODELS:
                counts[label] = 0
                for row in _rows(label):
                    file.write(json.dumps(row, default=_text) + "\n")
                    counts[label] += 1
        settle(draft, path)
    return counts


def read_backup(path: Path) -> dict[str, int]:
    """Bring a backup back into a site that has nobody yet, whole or not at all; give the number of rows by model.

    Raises
    ------
    ArchiveError
        The site has accounts already.
    FormatError
        The file is no backup, of a newer hilum, or damaged.
    """
    _require_empty()
    counts = dict.fromkeys(MODELS, 0)
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file, transaction.atomic():
            _require_readable(path, json.loads(file.readline()))
            for line in file:
                for one in serializers.deserialize("python", [_kept(json.loads(line))]):
                    one.save()
                    counts[one.object._meta.label] += 1  # noqa: SLF001 (Django's documented name)
            connection.check_constraints()
            _restart_sequences()
    except (ValueError, KeyError, EOFError, gzip.BadGzipFile, serializers.base.DeserializationError) as error:
        raise FormatError(f"{path} is no whole backup of this hilum ({error}); nothing was restored") from error
    except DatabaseError as error:
        raise FormatError(f"{path}: its rows do not fit together ({error}); nothing was restored") from error
    return counts


def _head() -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "at": datetime.now(UTC).isoformat(timespec="seconds")}


def _rows(label: str) -> Iterator[dict[str, Any]]:
    model = apps.get_model(label)
    fields = [field.name for field in (*model._meta.fields, *model._meta.many_to_many)]  # noqa: SLF001 (documented)
    kept = [name for name in fields if name not in REBUILT_FIELDS]
    rows = model._default_manager.order_by("pk").iterator(chunk_size=2000)  # noqa: SLF001 (documented)
    for row in rows:
        (plain,) = serializers.serialize("python", [row], fields=kept)
        yield plain


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row without what publishing fills, which earlier backups held."""
    fields = {name: value for name, value in row["fields"].items() if name not in REBUILT_FIELDS}
    return {**row, "fields": fields}


def _text(value: date) -> str:
    """A time to the microsecond; Django's own JSON keeps milliseconds."""
    return value.isoformat()


def _hold_one_moment() -> None:
    """Let every row be read as of now; SQLite does so in any transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _require_empty() -> None:
    if apps.get_model("accounts.User")._default_manager.exists():  # noqa: SLF001 (documented)
        raise ArchiveError(
            "this site has accounts already, and a restore never overwrites; name an archive that was not served yet, "
            "or an empty database"
        )


def _require_readable(path: Path, head: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FormatError(f"{path} is no backup of a site; expected a file that hilum site backup wrote")
    if head["version"] > VERSION:
        raise FormatError(f"{path} has version {head['version']}, this hilum reads up to {VERSION}: update hilum")


def _restart_sequences() -> None:
    """Let new rows begin after those that came with their keys."""
    models: list[type[Model]] = [apps.get_model(label) for label in MODELS]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
