"""Servers with certificates: trusted by the authority that is named, for the host that is named, and else not asked."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from acquire.nbia_server import Stored, serve_nbia
from acquire.scripted import answer, saying
from acquire.servers import S3Handler, serving
from hilum.acquire.answers import open_client
from hilum.acquire.nbia import NbiaSource
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID = "1.2.3"
CONTENT = bytes(700_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, ``ca.pem``, and the certificate that it gave ``localhost``: ``host.pem``, ``host.key``."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for words in (
        f"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Lab -addext keyUsage=critical,keyCertSign",
        f"req {key} -keyout host.key -out host.csr -subj /CN=localhost",
        "x509 -req -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out host.pem -days 2 -extfile names",
    ):
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "host.key")
    return context


@pytest.fixture
def ca_file(folder: Path) -> str:
    return str(folder / "ca.pem")


@pytest.fixture
def s3_url(tls: ssl.SSLContext) -> Iterator[str]:
    with serving(S3Handler, tls) as (store, url):
        store.files["a.dcm"] = CONTENT
        yield url


def fetched(endpoint: str, ca_file: str, listed: S3Source) -> bytes:
    """The one object, fetched by a source of its own from the list that another has."""
    (series,) = listed.find("s3://bucket/data/")
    (file,) = listed.list_files(series)
    with S3Source(S3Options(endpoint=endpoint, ca_file=ca_file)).fetch(series, file, 0) as deliveries:
        return b"".join(bytes(chunk) for delivery in deliveries for chunk in delivery.chunks)


def test_a_bucket_of_an_authority_that_is_named_is_pulled(s3_url: str, ca_file: str, tmp_path: Path) -> None:
    source = S3Source(S3Options(endpoint=s3_url, ca_file=ca_file))
    report = pull(source.find("s3://bucket/data/"), source, tmp_path / "to", folder_of=lambda series: "a")
    assert (report.series_whole, report.refusals) == (1, [])
    assert (tmp_path / "to" / "a" / "a.dcm").read_bytes() == CONTENT


@pytest.mark.parametrize(("host", "is_known"), [("localhost", False), ("127.0.0.1", True)])
def test_a_bucket_of_another_authority_or_host_is_neither_listed_nor_fetched(
    s3_url: str, ca_file: str, host: str, is_known: bool
) -> None:
    endpoint, named = s3_url.replace("localhost", host), ca_file if is_known else ""
    with pytest.raises(SourceError, match="--ca-file") as error:
        S3Source(S3Options(endpoint=endpoint, ca_file=named)).find("s3://bucket/data/")
    assert (error.value.check, error.value.may_pass) == ("bad-certificate", False)
    listed = S3Source(S3Options(endpoint=s3_url, ca_file=ca_file))
    with pytest.raises(SourceError, match="--ca-file") as error:
        fetched(endpoint, named, listed)
    assert (error.value.check, error.value.may_pass) == ("bad-certificate", False)


def test_an_nbia_server_is_asked_only_if_it_proves_who_it_is(tls: ssl.SSLContext, ca_file: str) -> None:
    with serve_nbia(tls) as server, open_client(ca_file=ca_file) as trusting, open_client() as other:
        server.add(Stored(UID, {"a.dcm": b"image"}))
        once = Pace(patience=Patience(attempts=1))
        assert len(NbiaSource(trusting, server.url, pace=once).describe([UID]).series) == 1
        asked = len(server.requests)
        for client, url in ((other, server.url), (trusting, server.url.replace("localhost", "127.0.0.1"))):
            with pytest.raises(SourceError, match="--ca-file") as error:
                NbiaSource(client, url).describe([UID])
            assert error.value.check == "bad-certificate"
        assert len(server.requests) == asked


def test_https_is_not_left_for_http(tls: ssl.SSLContext, ca_file: str) -> None:
    with saying(lambda request: answer(b"forged")) as other, open_client(ca_file=ca_file) as client:
        with saying(lambda request: answer(b"", f"Location: {other.url}", status="302 Found"), tls) as server:
            with pytest.raises(SourceError, match="sends on to") as error:
                client.get(server.url)
            assert (error.value.check, error.value.may_pass) == ("not-encrypted", False)
        assert (len(server.requests), other.requests) == (1, [])


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "none.pem"):
        with pytest.raises(ConfigError, match=name):
            open_client(ca_file=str(tmp_path / name))
        with pytest.raises(ConfigError, match=name):
            S3Source(S3Options(ca_file=str(tmp_path / name))).find("s3://bucket/")


def test_a_proxy_only_passes_on_what_it_cannot_read(s3_url: str, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = S3Source(S3Options(endpoint=s3_url, ca_file=ca_file))
    listed.find("s3://bucket/data/")  # without the proxy: it keeps that connection
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        asked: list[bytes] = []
        thread = threading.Thread(target=relay, args=(listener, int(s3_url.rpartition(":")[2]), asked))
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://me:word@127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        assert fetched(s3_url, ca_file, listed) == CONTENT
        thread.join()
    assert asked[0].startswith(f"CONNECT {s3_url.removeprefix('https://')} HTTP/1.".encode())
    assert b"Proxy-Authorization: Basic bWU6d29yZA==" in asked[0]


def relay(listener: socket.socket, port: int, asked: list[bytes]) -> None:
    """Be a proxy for one connection."""
    with listener.accept()[0] as client, socket.create_connection(("127.0.0.1", port)) as server:
        asked.append(client.recv(1 << 16))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=copy, args=(server, client))
        back.start()
        copy(client, server)
        back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # of an end that is closed already
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
