"""Upkeep of a site: its backup, its audit log, its accounts (verbs of ``hilum site``)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.opened_site import open_with_site
from hilum.cli.output import ArchiveOption, JsonOption, show_json, show_table, tell


class LogFormat(StrEnum):
    """Form of an exported log."""

    CSV = "csv"
    JSONL = "jsonl"


class Role(StrEnum):
    """What an account is."""

    READER = "reader"
    STEWARD = "steward"
    ADMIN = "admin"


FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="File of the backup.", show_default=False)]


def add_upkeep(site: typer.Typer) -> None:
    """Add the verbs."""
    site.command("backup")(backup)
    site.command("restore")(restore)
    site.command("audit")(audit)
    site.command("user")(user)


def backup(file: FileArgument, archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """Write accounts, requests, grants, tokens and the log into one file, while the site runs."""
    open_with_site(archive)
    from hilum.serve.operations.backup import write_backup

    _show(write_backup(file), as_json=as_json)


def restore(file: FileArgument, archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """Bring a backup back into a site that has no accounts yet; then publish the collections again."""
    open_with_site(archive)
    from hilum.serve.operations.backup import read_backup

    _show(read_backup(file), as_json=as_json)
    tell("now bring back what is served: hilum site publish")


def audit(
    archive: ArchiveOption,
    since: Annotated[
        datetime | None, typer.Option(help="Only from this time on, in UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
    ] = None,
    form: Annotated[LogFormat, typer.Option("--format", help="csv or jsonl.")] = LogFormat.JSONL,
) -> None:
    """Print the audit log: log-ins, requests, grants, tokens, views and downloads."""
    import sys

    open_with_site(archive)
    from hilum.serve.access.export import write_csv, write_jsonl

    write = write_csv if form is LogFormat.CSV else write_jsonl
    write(sys.stdout, since.replace(tzinfo=UTC) if since else None)


def user(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Address of the account.", show_default=False)],
    archive: ArchiveOption,
    role: Annotated[
        Role | None, typer.Option(help="What the account is to be; it is made if there is none.", show_default=False)
    ] = None,
    password: Annotated[
        bool, typer.Option("--new-password", help="Give it a one-time password, for who has lost theirs.")
    ] = False,
) -> None:
    """Make an account, change its role, or let somebody in again."""
    if role is None and not password:
        raise typer.BadParameter("say what to do: --role or --new-password")
    open_with_site(archive)
    from hilum.serve.accounts import roles

    made = ""
    if role is not None:
        found, made = roles.set_role(email, roles.Role(role))
        tell(f"{found.email} is {'an' if role is Role.ADMIN else 'a'} {role}")
    if password:
        made = roles.new_password(email)
    if made:
        tell(f"Its one-time password, shown only now and to be changed at the first log-in: {made}")


def _show(counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        show_json(counts)
    else:
        show_table([{"of": name, "rows": count} for name, count in counts.items()], as_json=False)
