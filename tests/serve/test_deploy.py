"""What ``deploy/`` holds, as far as one machine can run it: the Caddyfile in front of a real site; pins and options."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import httpx
import pydicom
import pytest
import yaml

from builders import UID_ROOT, CtSeries
from hilum.config import SERVE_PREFIX
from hilum.serve.assets.packages import PACKAGES
from hilum.serve.dicomweb.multipart import Writer
from hilum.serve.options import Options
from peers import free_port
from serve.conftest import START_S, series_uid, sites, study_uid, write_collections
from serve.downloads.conftest import MAKE_READER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serve.conftest import RunningSite

DEPLOY = Path(__file__).parents[2] / "deploy"
CADDY = shutil.which("caddy") or "caddy"
needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not here")

ATTEMPTS = 31
"""One more log-in than allauth takes of one address in a minute."""


@dataclass
class Proxied:
    """A site behind the Caddyfile, the token of somebody who may see all of it, and who trusts the proxy's TLS."""

    site: RunningSite
    url: str
    token: str
    trust: ssl.SSLContext

    def client(self, **headers: str) -> httpx.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Client(base_url=self.url, headers=named, verify=self.trust, timeout=60)

    def get(self, path: str, **headers: str) -> httpx.Response:
        with self.client(**headers) as client:
            return client.get(path)


def configuration(folder: Path, ports: dict[str, int]) -> Path:
    """Give the Caddyfile as Caddy's JSON, on free ports, with a certificate authority of its own in `folder`."""
    own = {"HOST": "localhost", "HILUM": f"127.0.0.1:{ports['site']}"}
    adapted = subprocess.run(
        [CADDY, "adapt", "--config", DEPLOY / "Caddyfile"], env=os.environ | own, capture_output=True, check=True
    )
    made = json.loads(adapted.stdout)
    made["apps"]["http"] |= {"http_port": ports["http"], "https_port": ports["https"]}
    for server in made["apps"]["http"]["servers"].values():
        server["listen"] = [f"127.0.0.1:{ports['https']}"]
    made |= {"admin": {"disabled": True}, "storage": {"module": "file_system", "root": str(folder / "caddy")}}
    made["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    path = folder / "caddy.json"
    path.write_text(json.dumps(made))
    return path


def trust_of(folder: Path, process: subprocess.Popen[bytes], port: int) -> ssl.SSLContext:
    """Wait for the proxy; give what trusts its certificate authority."""
    root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            context = ssl.create_default_context(cafile=str(root))
            with (
                socket.create_connection(("localhost", port), 5) as plain,
                context.wrap_socket(plain, server_hostname="localhost"),
            ):
                return context
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Caddy did not start:\n{(folder / 'caddy.log').read_text()}")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """Serve a public and a closed collection behind Caddy, as docs/install.md has it."""
    folder = tmp_path_factory.mktemp("proxied")
    archive = write_collections(folder)
    made = subprocess.run(
        [sys.executable, "-c", MAKE_READER, str(archive.path)], check=True, stdout=subprocess.PIPE, text=True
    )
    ports = {name: free_port() for name in ("site", "http", "https")}
    url = f"https://localhost:{ports['https']}"
    command = [CADDY, "run", "--config", str(configuration(folder, ports))]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"XDG_CONFIG_HOME": str(folder)})
    try:
        with sites(folder) as start:
            site = start(archive.path, port=ports["site"], public_url=url, proxies="127.0.0.1", upload_limit_mb="2")
            yield Proxied(site, url, made.stdout.split()[-1], trust_of(folder, process, ports["https"]))
    finally:
        process.terminate()
        process.wait(START_S)


def instance(collection_id: str) -> str:
    series = series_uid(collection_id)
    return f"/dicom-web/studies/{study_uid(collection_id)}/series/{series}/instances/{series}.1"


@needs_caddy
def test_pages_come_over_tls_and_browsers_are_told_to_stay_there(proxied: Proxied) -> None:
    page = proxied.get("/accounts/login/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in page.headers["Set-Cookie"]
    assert proxied.get("/health/ready").json() == {"database": "ok", "catalog": "ok"}


@needs_caddy
def test_links_have_the_address_that_readers_type(proxied: Proxied) -> None:
    found = proxied.get("/dicom-web/studies?limit=1")
    assert found.json()[0]["00081190"]["Value"][0].startswith(f"{proxied.url}/dicom-web/studies/")
    for name in ("fetch.txt", "manifest.tcia"):
        addresses = re.findall(r"\bhttps?://\S+", proxied.get(f"/download/collections/open_ct/{name}").text)
        assert addresses
        assert {address for address in addresses if not address.startswith(f"{proxied.url}/")} == set()


@needs_caddy
def test_frames_ranges_and_zips_come_as_they_are(proxied: Proxied) -> None:
    frame = proxied.get(f"{instance('open_ct')}/frames/1", Accept="application/octet-stream")
    stored = proxied.get(instance("open_ct"), Accept="application/dicom")
    assert frame.status_code == 200
    assert frame.content == pydicom.dcmread(BytesIO(stored.content)).PixelData

    path = f"/download/series/{series_uid('open_ct')}.zip"
    whole, part = proxied.get(path), proxied.get(path, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert proxied.get(path, If_None_Match=whole.headers["ETag"]).status_code == 304
    with ZipFile(BytesIO(proxied.get("/download/collections/open_ct.zip").content)) as archive:
        assert archive.testzip() is None


def message(size_bytes: int) -> tuple[bytes, str]:
    """A STOW message of one instance, filled up with zeros to a size."""
    dataset = next(
        iter(CtSeries(shape=(1, 4, 4), study_uid=f"{UID_ROOT}.90", series_uid=f"{UID_ROOT}.90.1").datasets())
    )
    buffer = BytesIO()
    dataset.add_new(0x00420011, "OB", bytes(size_bytes))
    dataset.save_as(buffer, enforce_file_format=True)
    writer, body = Writer("application/dicom"), buffer.getvalue()
    return writer.head("application/dicom", "/x", len(body)) + body + b"\r\n" + writer.end(), writer.content_type


@needs_caddy
def test_what_is_sent_arrives_up_to_the_limit_of_the_site(proxied: Proxied) -> None:
    for size_bytes, has_token, status in ((1_900_000, True, 200), (2_100_000, True, 413), (1_900_000, False, 401)):
        body, kind = message(size_bytes)
        headers = {"Authorization": f"Bearer {proxied.token}"} if has_token else {}
        with proxied.client(Content_Type=kind, **headers) as client:
            assert client.post("/dicom-web/studies", content=body).status_code == status


@needs_caddy
def test_nobody_chooses_the_address_that_attempts_are_counted_by(proxied: Proxied) -> None:
    with proxied.client(Referer=proxied.url) as client:
        client.get("/accounts/login/")
        form = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
        answers = [
            client.post("/accounts/login/", data=form, headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(ATTEMPTS)
        ]
    assert (answers[0], answers[-1]) == (200, 429)


@needs_caddy
def test_an_upgrade_to_a_websocket_opens_nothing(proxied: Proxied) -> None:
    wanted = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    assert proxied.get("/", Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", **wanted).status_code == 200, (
        "the page, as if nobody had asked"
    )
    assert "Unsupported upgrade" in proxied.site.log.read_text()


@pytest.mark.parametrize("name", ["deploy/Dockerfile", "docs/install.md", "docs/viewer.md"])
def test_the_viewer_is_fetched_in_the_version_that_is_pinned(name: str) -> None:
    packed = re.findall(r"npm pack (\S+ [^\s)]+)", (DEPLOY.parent / name).read_text())
    assert packed == [" ".join(package.requirement for package in PACKAGES)]


def test_containers_are_given_options_that_there_are() -> None:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    own = [name for name in services["hilum"]["environment"] if name.startswith(SERVE_PREFIX)]
    assert own
    assert {name.removeprefix(SERVE_PREFIX).lower() for name in own} <= {field.name for field in fields(Options)}
