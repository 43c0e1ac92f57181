"""Two workers on PostgreSQL: they share accounts, sessions, limits and counts, and the log stays whole."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from builders import CtSeries
from hilum.serve.revision import PostgresRevision
from peers import free_port
from serve.conftest import PASSWORD, RunningSite, series_uid, sites, study_uid, write_collections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    LogIn = Callable[..., httpx.Client]

BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("absent"))
"""Debian's PostgreSQL, the newest that is installed."""

pytestmark = pytest.mark.skipif(
    not (BINARIES / "initdb").exists(), reason="PostgreSQL is not here: no initdb of Debian's"
)

READERS = [f"reader{number}@example.org" for number in range(4)]

ATTEMPTS = 5
"""Failed log-ins of one account in five minutes that allauth allows."""

FAILURES = "SELECT count(*) FROM access_auditrecord WHERE event = 'login-failed'"

MAKE_READERS = f"""
from pathlib import Path; import sys
from hilum.serve import site
site.open_site(Path(sys.argv[1]))
from hilum.serve.accounts.models import User
for email in {READERS!r}:
    user = User.objects.create_user(email, {PASSWORD!r})
    user.emailaddress_set.create(email=email, verified=True, primary=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Start a cluster of our own, with nothing in it; give its address, without a database's name."""
    folder = Path(tempfile.mkdtemp(prefix="hilum-pg-"))
    port = free_port()
    # PostgreSQL refuses to run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        postgres = pwd.getpwnam("postgres")
        os.chown(folder, postgres.pw_uid, postgres.pw_gid)

    def do(program: str, *arguments: str) -> None:
        command = [*as_user, str(BINARIES / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, text=True)

    do("initdb", "-U", "hilum", "-A", "trust", "-E", "UTF8", "--no-sync")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60"
    do("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        yield f"postgresql://hilum@127.0.0.1:{port}"
    finally:
        do("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def database(cluster: str) -> str:
    """Make the database of `site`; give its address."""
    return make_database(cluster, "site")


def make_database(cluster: str, name: str) -> str:
    with psycopg.connect(f"{cluster}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{cluster}/{name}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[RunningSite]:
    """A site of two workers, with readers; the tests share it."""
    folder = tmp_path_factory.mktemp("site")
    with sites(folder) as start:
        started = start(folder / "archive", workers=2, database=database)
        command = [sys.executable, "-c", MAKE_READERS, str(folder / "archive")]
        subprocess.run(command, check=True, env=os.environ | {"HILUM_SERVE_DATABASE": database})
        yield started


@pytest.fixture
def log_in(site: RunningSite) -> Iterator[LogIn]:
    """Give a function that logs somebody in and gives their client; all are closed at the end."""
    clients: list[httpx.Client] = []

    def go(email: str, password: str = PASSWORD) -> httpx.Client:
        client = httpx.Client(base_url=site.url, timeout=60, verify=False)
        clients.append(client)
        client.get("/accounts/login/")
        form = {"login": email, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/accounts/login/", data=form)
        return client

    yield go
    for client in clients:
        client.close()


def is_in(client: httpx.Client) -> bool:
    return client.get("/account/").status_code == 200


def workers_of(site: RunningSite) -> set[int]:
    """Processes that answered, from the log."""
    lines = [json.loads(line) for line in site.log.read_text().splitlines() if line.startswith("{")]
    return {line["worker"] for line in lines if "worker" in line}


def test_two_workers_share_everything(site: RunningSite, database: str, log_in: LogIn) -> None:
    clients = [log_in(email) for email in READERS]

    def ask(number: int) -> int:
        # A new connection each time, so that the workers take turns.
        with httpx.Client(base_url=site.url, cookies=clients[number % 4].cookies, timeout=60, verify=False) as fresh:
            return fresh.get("/account/").status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(48)))
    assert answers == [200] * 48
    assert len(workers_of(site)) == 2

    with psycopg.connect(database) as connection:
        logins = connection.execute("SELECT count(*) FROM access_auditrecord WHERE event = 'logged-in'").fetchone()
    assert logins == (len(READERS),)

    admin = log_in(site.admin_email, site.admin_password)
    assert admin.get("/account/").headers["Location"] == "/accounts/password/change/"


def test_a_limit_of_attempts_holds_across_workers(site: RunningSite, database: str, log_in: LogIn) -> None:
    email = READERS[3]
    with ThreadPoolExecutor(4) as pool, psycopg.connect(database, autocommit=True) as connection:
        # Attempts at the same moment may be refused unheard; five heard ones are the limit.
        while (connection.execute(FAILURES).fetchone() or (0,))[0] < ATTEMPTS:
            list(pool.map(lambda _: log_in(email, "wrong"), range(2)))
        entered = list(pool.map(lambda _: is_in(log_in(email)), range(8)))

    assert entered == [False] * 8
    assert len(workers_of(site)) == 2


def test_the_log_cannot_be_changed(database: str, log_in: LogIn) -> None:
    log_in(READERS[0])
    for statement in ("UPDATE access_auditrecord SET item = 'x'", "DELETE FROM access_auditrecord"):
        with psycopg.connect(database) as connection, pytest.raises(psycopg.Error, match="only ever appended to"):
            connection.execute(statement)


def hilum(*arguments: str, **options: str) -> str:
    """Run a command that succeeds; give what it prints."""
    command = [sys.executable, "-c", "from hilum.cli.app import main; main()", *arguments]
    own = {f"HILUM_SERVE_{name.upper()}": value for name, value in options.items()}
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_collection_is_published_and_searched(tmp_path: Path, cluster: str) -> None:
    database = make_database(cluster, "published")
    archive = write_collections(tmp_path).path
    hilum("site", "publish", "open_ct", "--access", "public", "--archive", str(archive), database=database)
    # One more slice: rows that are there are written over.
    series = CtSeries(
        participant="open_ct-1", study_uid=study_uid("open_ct"), series_uid=series_uid("open_ct"), shape=(9, 4, 4)
    )
    series.write(tmp_path / "files" / "open_ct" / "1")
    hilum("index", str(tmp_path / "files" / "open_ct"), "--collection", "open_ct", "--archive", str(archive))
    # A second collection of the same files: what both have is told once.
    hilum("index", str(tmp_path / "files" / "open_ct"), "--collection", "again", "--archive", str(archive))
    hilum("site", "publish", "again", "--access", "public", "--archive", str(archive), database=database)
    hilum("site", "publish", "--archive", str(archive), database=database)

    with sites(tmp_path) as start, httpx.Client(verify=False, timeout=60) as client:
        root = f"{start(archive, database=database).url}/dicom-web"

        def found(**query: str) -> int:
            return len(client.get(f"{root}/studies", params=query).raise_for_status().json())

        [answer] = client.get(f"{root}/studies").json()
        assert answer["00201208"]["Value"] == [9]
        for level, count in (("studies", "1"), ("series", "1"), ("instances", "9")):
            page = client.get(f"{root}/{level}", params={"limit": "1", "ModalitiesInStudy": "CT"}).raise_for_status()
            assert page.headers["X-Total-Count"] == count
        name = answer["00100010"]["Value"][0]["Alphabetic"]
        assert found(PatientName=f"{name.upper()[:3]}*") == found(PatientID="open_?t-1") == found(limit="1") == 1
        assert found(PatientID="OPEN*") == found(PatientID="open_%") == found(PatientID="opena*") == 0
        assert found(ModalitiesInStudy="C?") == 1
        inside = f"{root}/studies/{study_uid('open_ct')}/series/{series_uid('open_ct')}"
        frame = client.get(f"{inside}/instances/{series_uid('open_ct')}.1/frames/1").raise_for_status()
        assert "X-Request-ID" not in frame.headers, "it is given without Django's chain"
        assert len(client.get(f"{inside}/metadata").raise_for_status().json()) == 9

        with psycopg.connect(database, autocommit=True) as connection:
            for access, status in (("approved", 404), ("public", 200)) * 3:
                connection.execute("UPDATE published_collection SET access = %s", [access])
                assert [client.get(str(frame.url)).status_code for _ in range(3)] == [status] * 3


def test_the_state_is_another_after_each_commit_and_one_query_tells_all_who_wait(cluster: str) -> None:
    database = make_database(cluster, "states")

    async def ask() -> None:
        revision = PostgresRevision(database)
        states = [await revision.now(), await revision.now()]
        with psycopg.connect(database) as other:
            other.execute("CREATE TABLE rights (name TEXT)")
            before = await revision.now()
            other.commit()
            states += [await revision.now(), await revision.now()]
            assert before not in states[2:]
        assert states[0] == states[1] != states[2] == states[3]
        assert None not in states

        asked = revision._asked
        await asyncio.gather(*(revision.now() for _ in range(16)))
        assert revision._asked == asked + 2, "all but the first came while that asked, and wait for another query"
        assert revision._connection is not None
        await revision._connection.close()

    asyncio.run(ask())


def test_a_site_moves_from_sqlite_to_postgresql(tmp_path: Path, cluster: str) -> None:
    from hilum.catalog import Archive

    database = make_database(cluster, "moved")
    archive, backup = str(Archive.create(tmp_path / "archive").path), str(tmp_path / "site.gz")
    hilum("site", "user", "ann@example.org", "--role", "steward", "--archive", archive)
    hilum("site", "backup", backup, "--archive", archive)

    hilum("site", "restore", backup, "--archive", archive, database=database)
    # The next key comes after those that were restored.
    hilum("site", "user", "ben@example.org", "--role", "reader", "--archive", archive, database=database)

    events = hilum("site", "audit", "--archive", archive, database=database).splitlines()
    assert [json.loads(line)["item"] for line in events] == ["steward", "reader"]
