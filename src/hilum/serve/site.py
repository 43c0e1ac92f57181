"""The site of an archive: opened, prepared, run."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hilum.config import SERVE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.serve.options import Options

SETTINGS = "hilum.serve.settings"
APPLICATION = "hilum.serve.asgi:application"
FIRST_ADMIN = "admin@localhost"
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the folder through which the workers share their counts; prometheus_client reads it when imported."""

USUAL_PORTS = {"http": 80, "https": 443}
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
EVERY_HOST = ("0.0.0.0", "::", "")  # noqa: S104 (what is compared with, not what is listened on)

STOP_S = 30
"""Seconds that requests under way have to end after the order to stop."""


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """Whom a password was made for; it must be changed at the first log-in."""

    email: str
    password: str


@contextmanager
def shared_counts() -> Iterator[None]:
    """Let the workers that are started meanwhile share their counts (`hilum.serve.operations.metrics`)."""
    with tempfile.TemporaryDirectory(prefix="hilum-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[METRICS_FOLDER]


def settle_address(archive: Path, *, host: str, port: int) -> str:
    """Let links lead to where this server listens, unless the options name another address; give a warning.

    Parameters
    ----------
    archive
        The served archive, whose options are read.
    host, port
        Where the server will listen.

    Returns
    -------
    What is wrong with the address that links lead to; empty where nothing is.

    Raises
    ------
    ConfigError
        As `hilum.serve.options.Options.load`.
    """
    from hilum.serve.options import Options

    options = Options.load(os.environ | {"HILUM_ARCHIVE": str(archive.absolute())})
    if options.public_url:
        return _contradiction(options, port)
    reachable = host not in EVERY_HOST
    name = f"[{host}]" if ":" in host else host
    # The workers that are started read it from here.
    os.environ[f"{SERVE_PREFIX}PUBLIC_URL"] = f"http://{name if reachable else '127.0.0.1'}:{port}"
    if reachable:
        return ""
    return (
        f"public_url is not set: links in mails lead to http://127.0.0.1:{port}, which no other machine can open; set "
        f"it in {archive / 'serve.toml'} to the address that people type"
    )


def _contradiction(options: Options, port: int) -> str:
    """What of the options speaks against the address, or the address against where the server listens."""
    parts = urlsplit(options.address)
    if options.is_https and not options.proxies:
        return (
            f"public_url is {options.address}, but proxies is empty: no proxy is believed that it ended TLS, and "
            "browsers are sent in a circle; name the address of the proxy in front"
        )
    if parts.hostname not in LOCAL_HOSTS or (parts.port or USUAL_PORTS[parts.scheme]) == port:
        return ""
    return (
        f"links in mails lead to {options.address}, as public_url says, but the server listens on port {port}: leave "
        "public_url out, or name the address that people type"
    )


def is_site(archive: Path) -> bool:
    """Whether an archive is served, or has been: whether it has a database of a site.

    Raises
    ------
    ConfigError
        As `hilum.serve.options.Options.load`.
    """
    from hilum.serve.options import Options

    file = Options.load(os.environ | {"HILUM_ARCHIVE": str(archive.absolute())}).database_file
    return file is None or file.exists()


def open_site(archive: Path) -> None:
    """Let Django work on the archive in this process and those it starts."""
    import django

    os.environ["HILUM_ARCHIVE"] = str(archive.absolute())
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    django.setup()


def prepare() -> OneTimePassword | None:
    """Bring the tables up to date, and make an admin where the site has none; give that one's password."""
    from django.core.management import call_command

    prepare_tables()
    call_command("clearsessions", verbosity=0)
    return _first_admin()


def prepare_tables() -> None:
    """Bring the tables up to date."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def run(*, host: str, port: int, workers: int) -> None:
    """Serve until a signal says stop; requests under way end first."""
    import uvicorn

    from hilum.serve.settings import LOGGING, OPTIONS

    # Once it has stopped, uvicorn sends itself the signal again: it shall end this process, not cut it off.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        APPLICATION,
        host=host,
        port=port,
        workers=workers,
        lifespan="off",
        ws="none",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=bool(OPTIONS.proxies),
        forwarded_allow_ips=OPTIONS.proxies or None,
        timeout_graceful_shutdown=STOP_S,
    )


def _first_admin() -> OneTimePassword | None:
    from hilum.serve.accounts import roles

    if roles.has_admin():
        return None
    user, password = roles.set_role(FIRST_ADMIN, roles.Role.ADMIN)
    return OneTimePassword(user.email, password) if password else None
