"""The real server: how it starts, what it takes, behind a proxy, and how it stops."""

from __future__ import annotations

import json
import os
import quopri
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from hilum.serve.assets.packages import PACKAGES
from hilum.serve.options import Options
from hilum.serve.site import settle_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serve.conftest import RunningSite

    Start = Callable[..., RunningSite]


def ask(site: RunningSite, path: str, **values: object) -> httpx.Response:
    with httpx.Client(verify=False, timeout=60) as client:
        return client.request(str(values.pop("method", "GET")), site.url + path, **values)  # type: ignore[arg-type]


def test_an_empty_folder_is_served_its_first_admin_let_in_and_it_stops_when_told(
    tmp_path: Path, start_site: Start
) -> None:
    site = start_site(tmp_path / "archive", workers=2)
    assert len(site.admin_password) == 16
    with httpx.Client(base_url=site.url, verify=False, timeout=60) as client:
        client.get("/accounts/login/")
        token = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/accounts/login/", data={"login": site.admin_email, "password": site.admin_password} | token)
        assert client.get("/admin/").headers["Location"] == "/accounts/password/change/"
    assert site.stop() == 0

    again = start_site(tmp_path / "archive")
    assert "password" not in again.log.read_text(), "it is printed at the first start only"
    lines = [json.loads(line) for line in site.log.read_text().splitlines() if line.startswith("{")]
    assert {line["route"] for line in lines if "route" in line} >= {"health", "account_login", "admin:index"}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_is_told_to_stop_leaves_nothing_behind(
    workers: int, tmp_path: Path, start_site: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    site = start_site(tmp_path / "archive", workers=workers)
    assert list((tmp_path / "temporary").iterdir()), "the counts of the workers"
    assert site.stop() == 0
    assert not list((tmp_path / "temporary").iterdir())


def test_a_request_under_way_ends_before_the_server_does(tmp_path: Path, start_site: Start) -> None:
    site = start_site(tmp_path / "archive")
    address = urlsplit(site.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=60) as connection:
        answer = connection.makefile("rb")
        connection.sendall(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n")
        connection.sendall(b"Expect: 100-continue\r\n\r\n")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n", "the request is under way"
        assert answer.readline() == b"\r\n"
        site.process.send_signal(signal.SIGTERM)
        connection.sendall(b"abcd")

        assert answer.readline() == b"HTTP/1.1 403 Forbidden\r\n", "a form without its token"
    assert site.process.wait(60) == 0


def test_behind_a_proxy_with_tls_only_what_that_says_is_believed(tmp_path: Path, start_site: Start) -> None:
    own = {"public_url": "https://archive.example.org", "proxies": "127.0.0.1"}
    site = start_site(tmp_path / "archive", **own)
    host = {"Host": "archive.example.org"}

    plain = ask(site, "/accounts/login/", headers=host)
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://archive.example.org/accounts/login/")
    assert ask(site, "/health").status_code == 200
    secure = ask(site, "/accounts/login/", headers=host | {"X-Forwarded-Proto": "https"})
    assert secure.status_code == 200
    assert re.fullmatch(r"max-age=31536000", secure.headers["Strict-Transport-Security"])
    assert "Secure" in secure.headers["Set-Cookie"]
    site.stop()

    unasked = start_site(tmp_path / "archive", public_url=own["public_url"])
    assert ask(unasked, "/accounts/login/", headers=host | {"X-Forwarded-Proto": "https"}).status_code == 301


@pytest.mark.parametrize(
    ("public_url", "host", "address", "warning"),
    [
        ("", "127.0.0.1", "http://127.0.0.1:9000", ""),
        ("", "192.0.2.7", "http://192.0.2.7:9000", ""),
        ("", "::1", "http://[::1]:9000", ""),
        ("", "0.0.0.0", "http://127.0.0.1:9000", "no other machine can open"),
        ("http://localhost:8080", "127.0.0.1", "http://localhost:8080", "listens on port 9000"),
        ("http://127.0.0.1:9000", "127.0.0.1", "http://127.0.0.1:9000", ""),
        ("http://archive.example.org", "127.0.0.1", "http://archive.example.org", ""),
        ("https://archive.example.org", "127.0.0.1", "https://archive.example.org", "sent in a circle"),
    ],
)
def test_links_lead_to_where_the_server_listens_unless_told_otherwise(
    public_url: str, host: str, address: str, warning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HILUM_SERVE_PUBLIC_URL", "")
    if public_url:
        (tmp_path / "serve.toml").write_text(f'public_url = "{public_url}"\n')
        monkeypatch.delenv("HILUM_SERVE_PUBLIC_URL")

    told = settle_address(tmp_path, host=host, port=9000)

    assert Options.load(os.environ | {"HILUM_ARCHIVE": str(tmp_path)}).address == address
    assert warning in told
    assert bool(told) is bool(warning)
    if "circle" in warning:
        monkeypatch.setenv("HILUM_SERVE_PROXIES", "127.0.0.1")
        assert settle_address(tmp_path, host=host, port=9000) == ""


def test_a_mail_leads_to_the_port_that_was_given(tmp_path: Path, start_site: Start) -> None:
    site = start_site(tmp_path / "archive")
    with httpx.Client(base_url=site.url, verify=False, timeout=60) as client:
        client.get("/accounts/signup/")
        form = {"email": "new@example.org", "password1": "a long pass phrase", "password2": "a long pass phrase"}
        client.post("/accounts/signup/", data=form | {"csrfmiddlewaretoken": client.cookies["csrftoken"]})
    site.stop()
    assert f"{site.url}/accounts/confirm-email/" in quopri.decodestring(site.log.read_bytes()).decode()


def test_a_misspelt_option_stops_the_start_and_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from hilum.cli.app import main; main()"]
    archive = ["--archive", str(tmp_path / "archive")]
    own = os.environ | {"HILUM_SERVE_SITENAME": "x"}
    done = subprocess.run([*command, "serve", *archive], env=own, capture_output=True, text=True, check=False)
    assert (done.returncode, "unknown option HILUM_SERVE_SITENAME" in done.stderr) == (2, True)

    done = subprocess.run(
        [*command, "site", "user", "ann@example.org", *archive], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--role or --new-password" in done.stderr


def test_a_start_without_the_viewer_says_so(tmp_path: Path) -> None:
    code = f"import sys; sys.prefix = {str(tmp_path)!r}; from hilum.cli.app import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        serve = ["serve", "--archive", str(tmp_path / "archive"), "--port", str(taken.getsockname()[1])]
        done = subprocess.run([sys.executable, "-c", code, *serve], capture_output=True, text=True, check=False)
    assert done.returncode != 0, "the port is taken"
    assert f"{', '.join(package.requirement for package in PACKAGES)} not installed" in done.stderr


def test_what_is_too_long_or_for_another_host_is_refused(tmp_path: Path, start_site: Start) -> None:
    site = start_site(tmp_path / "archive")

    refused = ask(site, "/accounts/login/", method="POST", content=b"x" * 1_000_001)
    assert refused.status_code == 413
    assert refused.json()["error"] == "the request is too long: at most 1,000,000 bytes are taken here"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert ask(site, "/accounts/login/", headers={"Host": "evil.example"}).status_code == 400
    assert "evil" not in site.log.read_text()
    with httpx.Client(verify=False, timeout=60) as client:
        reset = client.get(f"{site.url}/accounts/password/reset/")
        assert reset.status_code == 200
        assert "Server" not in reset.headers
