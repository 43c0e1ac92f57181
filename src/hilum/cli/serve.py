"""``hilum serve``: the archive on the web."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import ArchiveOption, tell
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from hilum.serve.site import OneTimePassword


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("serve")(serve)


def serve(
    archive: ArchiveOption,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
) -> None:
    """Serve the archive to browsers and programs: accounts, requests, DICOMweb, viewer, downloads.

    An empty or absent folder becomes an archive. The first start makes an admin and prints a password, which is to be
    changed at the first log-in.
    """
    from hilum.catalog import Archive
    from hilum.serve import site
    from hilum.serve.assets.install import missing
    from hilum.serve.assets.packages import PACKAGES

    if absent := ", ".join(missing(PACKAGES)):
        tell(f"warning: {absent} not installed, so the viewer is not there; run hilum viewer install")
    _require_free(host, port)
    path = Archive.open_or_create(archive).path
    with site.shared_counts():
        if warning := site.settle_address(path, host=host, port=port):
            tell(f"warning: {warning}")
        site.open_site(path)
        if made := site.prepare():
            _tell_password(made)
        site.run(host=host, port=port, workers=workers)


def _require_free(host: str, port: int) -> None:
    """Refuse an address that nothing can listen on, before anything is made or told once only."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise ConfigError(
            f"cannot listen on {host}, port {port} ({reason}); name another with --host or --port"
        ) from error


def _tell_password(made: OneTimePassword) -> None:
    tell(f"The first admin is {made.email}, with the password {made.password}")
    tell("It is shown only now, and is to be changed at the first log-in.")
