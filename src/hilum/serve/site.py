"""The site of an archive: opened, prepared, run."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = "hilum.serve.settings"
APPLICATION = "hilum.serve.asgi:application"
FIRST_ADMIN = "admin@localhost"
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the folder through which the workers share their counts; prometheus_client reads it when imported."""

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

    uvicorn.run(
        APPLICATION,
        host=host,
        port=port,
        workers=workers,
        lifespan="off",
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
