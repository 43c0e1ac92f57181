"""A site to ask: a small served archive, somebody of every role, and the real server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from django.test import Client

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.publish.result_freeze import publish_result
from hilum.publish.results import withdraw_result
from hilum.serve.access import audit
from hilum.serve.access.models import Grant
from hilum.serve.accounts.models import User
from hilum.serve.published.models import Cohort, Collection, Series
from hilum.serve.published.publish import publish
from peers import free_port
from publish.freezing import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hilum.publish.results import Result

PASSWORD = "a long enough pass phrase"
ROLES = ("public", "registered", "of_cohort", "of_collection", "steward", "admin")
"""Who may ask, each more than the one before, but for the third and fourth, who see different parts."""

COLLECTIONS = {
    "open_ct": Collection.Access.PUBLIC,
    "members_ct": Collection.Access.REGISTERED,
    "closed_ct": Collection.Access.APPROVED,
}
"""The served collections, of one participant and one series each but for the last, which has two of each."""

COHORT = "chosen"
"""A cohort of the first of the two series of ``closed_ct``."""

START_S = 60
"""Seconds that a server gets to answer for the first time; a busy machine is no failure."""


def series_uid(collection_id: str, number: int = 1) -> str:
    """UID of a series of the served archive; those of ``closed_ct`` have the numbers 1 and 2."""
    return f"{UID_ROOT}.{list(COLLECTIONS).index(collection_id) + 1}.{number}.1"


def study_uid(collection_id: str, number: int = 1) -> str:
    """UID of that series' study."""
    return series_uid(collection_id, number).removesuffix(".1")


def write_collections(root: Path) -> Archive:
    """Write the CT series, and index them where they lie."""
    archive = Archive.open_or_create(root / "archive")
    for collection_id in COLLECTIONS:
        for number in (1, 2) if collection_id == "closed_ct" else (1,):
            series = CtSeries(
                participant=f"{collection_id}-{number}",
                study_uid=study_uid(collection_id, number),
                series_uid=series_uid(collection_id, number),
            )
            series.write(root / "files" / collection_id / str(number))
        index_folder(archive, root / "files" / collection_id, collection_id)
    return archive


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Hash passwords in no time; a site takes half a second, on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def written_archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive of `served_archive` as the catalog has it; read it only."""
    return write_collections(tmp_path_factory.mktemp("served"))


@pytest.fixture
def served_archive(written_archive: Archive, settings: Any, db: None) -> Archive:
    """Serve three collections, open to everybody, to who has an account, to who was approved; and one cohort."""
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(written_archive.path))
    for collection_id, access in COLLECTIONS.items():
        publish(written_archive, collection_id, access=access, title=collection_id.replace("_", " "))
    cohort = Cohort.objects.create(cohort_id=COHORT, title="One of the closed series", digest="0" * 64)
    cohort.series.set(Series.objects.filter(series_uid=series_uid("closed_ct", 1)))
    return written_archive


@pytest.fixture
def closed_result(served_archive: Archive) -> Iterator[Result]:
    """Publish a result on both series of ``closed_ct``: a hit, a false positive and a miss in each."""
    exams = [series_uid("closed_ct", number) for number in (1, 2)]
    yield publish_result(served_archive, asked(served_archive, exams, name="closed"))
    withdraw_result(served_archive, "closed")


@pytest.fixture
def user_as(db: None) -> Callable[[str], User]:
    """Give a function that makes the user of a role; ask for `served_archive` first where grants matter."""

    def make(role: str) -> User:
        user = User.objects.create_user(
            f"{role}@example.org", PASSWORD, is_staff=role in {"steward", "admin"}, is_superuser=role == "admin"
        )
        user.emailaddress_set.create(email=user.email, verified=True, primary=True)  # type: ignore[attr-defined]
        if role == "of_cohort":
            Grant.objects.create(user=user, cohort_id=COHORT)
        if role == "of_collection":
            Grant.objects.create(user=user, collection_id="closed_ct")
        return user

    return make


@pytest.fixture
def client_as(user_as: Callable[[str], User]) -> Callable[[str], Client]:
    """Give a function that gives a browser in which somebody of a role (of `ROLES`) has logged in."""

    def log_in(role: str) -> Client:
        client = Client()
        if role != "public":
            client.force_login(user_as(role))
        return client

    return log_in


@dataclass
class RunningSite:
    """The real server, answering at `url`, with the first admin's one-time password."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    admin_email: str = "admin@localhost"

    @property
    def admin_password(self) -> str:
        """As it was printed at the first start."""
        line = next(line for line in self.log.read_text().splitlines() if "with the password" in line)
        return line.rpartition(" ")[2]

    def stop(self) -> int:
        """Tell it to stop; give its exit status."""
        self.process.terminate()
        return self.process.wait(START_S)


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[Callable[..., RunningSite]]:
    """Give a function that runs ``hilum serve`` on an archive; every server is stopped at the end."""
    with sites(tmp_path) as start:
        yield start


@contextmanager
def sites(logs: Path) -> Iterator[Callable[..., RunningSite]]:
    """Give that function, for a fixture of another scope; the servers' logs are written into the folder `logs`."""
    started: list[RunningSite] = []

    def start(archive: Path, *, workers: int = 1, port: int = 0, **options: str) -> RunningSite:
        port = port or free_port()
        log = logs / f"server-{port}.log"
        command = [sys.executable, "-c", "from hilum.cli.app import main; main()", "serve", "--archive", str(archive)]
        own = {f"HILUM_SERVE_{name.upper()}": value for name, value in options.items()}
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--workers", str(workers)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | own,
            )
        site = RunningSite(f"http://127.0.0.1:{port}", process, log)
        started.append(site)
        _wait_for(site)
        return site

    try:
        yield start
    finally:
        for site in started:
            if site.process.poll() is None:
                site.stop()


def _wait_for(site: RunningSite) -> None:
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at and site.process.poll() is None:
        try:
            with urlopen(f"{site.url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{site.log.read_text()}")


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    """Forget which studies were seen in this hour: the log of one test is not that of another."""
    audit._seen.clear()
