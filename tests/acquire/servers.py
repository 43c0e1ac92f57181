"""Servers on loopback that fail as they are told: an HTTP directory, an S3 bucket and a DICOMweb server."""

from __future__ import annotations

import hashlib
import html
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

BOUNDARY = "--=_part"


@dataclass
class Fault:
    """What goes wrong with a file; lists are used up, a request each.

    Attributes
    ----------
    statuses
        Answered instead of the file.
    retry_after
        Header of those answers.
    cuts
        Bytes of the answer after which the connection is closed.
    contents, content, tag
        Sent instead of the file, a request each or always, with this ETag or their own.
    delay_s
        Before each of four pieces.
    """

    statuses: list[int] = field(default_factory=list)
    retry_after: str = ""
    cuts: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    content: bytes | None = None
    tag: str = ""
    delay_s: float = 0.0


class Store:
    """Files by name, and what goes wrong with them; what was requested is noted.

    Attributes
    ----------
    files, faults
        By name below the one folder that is served.
    requests
        Name and Range header of each request for a file.
    listings
        Requests for a listing.
    is_down
        Whether every connection is closed without an answer.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, Fault] = {}
        self.requests: list[tuple[str, str]] = []
        self.listings = 0
        self.is_down = False


class Handler(BaseHTTPRequestHandler):
    """Serves `store`; the protocols differ in listing and in how a file is wrapped."""

    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name = self.file_name(parts.path, query)
        if self.store.is_down:
            self.close_connection = True
        elif name is None:
            self.store.listings += 1
            self.send_listing(parts.path, query)
        else:
            self.store.requests.append((name, self.headers.get("Range", "")))
            self.send_file(name)

    def file_name(self, path: str, query: dict[str, str]) -> str | None:
        """Name of the file a request is for; None for a listing."""
        raise NotImplementedError

    def send_listing(self, path: str, query: dict[str, str]) -> None:
        raise NotImplementedError

    def send_file(self, name: str) -> None:
        fault = self.store.faults.get(name, Fault())
        if fault.statuses:
            self.send_whole(fault.statuses.pop(0), b"", retry_after=fault.retry_after)
        elif name not in self.store.files:
            self.send_whole(404, b"")
        else:
            instead = fault.contents.pop(0) if fault.contents else fault.content
            content = self.store.files[name] if instead is None else instead
            self.send_content(content, fault)

    def send_content(self, content: bytes, fault: Fault) -> None:
        start, tag = 0, fault.tag or etag(content)
        wanted = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if wanted and self.headers.get("If-Range", tag) == tag:
            start = int(wanted)
        if start and start >= len(content):
            self.send_whole(416, b"", content_range=f"bytes */{len(content)}")
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 02:13:55 GMT")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.send_body(content[start:], fault)

    def send_body(self, body: bytes, fault: Fault) -> None:
        if fault.cuts:
            body = body[: fault.cuts.pop(0)]
            self.close_connection = True
        step = max(1, -(-len(body) // 4))
        for place in range(0, len(body), step):
            time.sleep(fault.delay_s)
            self.wfile.write(body[place : place + step])
        self.wfile.flush()

    def send_whole(
        self, status: int, body: bytes, *, kind: str = "text/html", retry_after: str = "", content_range: str = ""
    ) -> None:
        self.send_response(status)
        for header, value in (("Retry-After", retry_after), ("Content-Range", content_range)):
            if value:
                self.send_header(header, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class WebHandler(Handler):
    """The store as ``/data/``, listed as nginx does."""

    def file_name(self, path: str, query: dict[str, str]) -> str | None:
        return None if path.endswith("/") else unquote(path.removeprefix("/data/"))

    def send_listing(self, path: str, query: dict[str, str]) -> None:
        below = unquote(path.removeprefix("/data/"))
        names = [name.removeprefix(below) for name in self.store.files if name.startswith(below)]
        folders = sorted({name.partition("/")[0] + "/" for name in names if "/" in name and not name.startswith(".")})
        files = [name for name in names if "/" not in name or name.startswith(".")]
        rows = [f'<a href="{quote(name)}">{html.escape(name)}</a>  22-Nov-2026 02:13  -' for name in folders]
        rows += [
            f'<a href="{quote(name, safe="")}">{html.escape(name)}</a>  22-Nov-2026 02:13  {size}'
            for name in files
            for size in [len(self.store.files[below + name])]
        ]
        page = '<html><pre><a href="../">../</a>\n<a href="?C=N;O=D">Name</a>\n' + "\n".join(rows) + "</pre></html>"
        self.send_whole(200, page.encode())


class S3Handler(Handler):
    """The store as ``s3://bucket/data/``."""

    def file_name(self, path: str, query: dict[str, str]) -> str | None:
        return None if "list-type" in query else unquote(path.removeprefix("/bucket/data/"))

    def send_listing(self, path: str, query: dict[str, str]) -> None:
        keys = sorted(f"data/{name}" for name in self.store.files)
        keys = [key for key in keys if key.startswith(query.get("prefix", ""))]
        rows = [
            f"<Contents><Key>{html.escape(key)}</Key><LastModified>2026-11-22T02:13:55.000Z</LastModified>"
            f"<ETag>&quot;{etag(content)[1:-1]}&quot;</ETag><Size>{len(content)}</Size></Contents>"
            for key in keys
            for content in [self.store.files[key.removeprefix("data/")]]
            if "delimiter" not in query or "/" not in key.removeprefix(query["prefix"])
        ]
        body = (
            f"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{''.join(rows)}</ListBucketResult>"
        )
        self.send_whole(200, body.encode(), kind="application/xml")


class DicomWebHandler(Handler):
    """The store's files as the instances of series 1.2.3 of study 1.2: ``/web/studies/1.2/series/1.2.3/instances``."""

    page = 2

    def file_name(self, path: str, query: dict[str, str]) -> str | None:
        last = path.rpartition("/")[2]
        return None if last in {"instances", "series"} else f"{unquote(last)}.dcm"

    def send_listing(self, path: str, query: dict[str, str]) -> None:
        if path.endswith("/series"):
            values = {"0020000D": "1.2", "0020000E": "1.2.3", "00100020": "P1", "00080060": "CT"}
            rows: list[dict[str, object]] = [dict(_element(tag, value) for tag, value in values.items())]
            rows[0]["00201209"] = {"vr": "IS", "Value": [len(self.store.files)]}
            rows = rows if self.store.files else []
        else:
            rows = [dict([_element("00080018", name.removesuffix(".dcm"))]) for name in self.store.files]
        start = int(query.get("offset", "0"))
        rows = rows[start : start + self.page]
        self.send_whole(200 if rows else 204, json.dumps(rows).encode() if rows else b"", kind="application/dicom+json")

    def send_content(self, content: bytes, fault: Fault) -> None:
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = head + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_body(body, fault)

    def send_body(self, body: bytes, fault: Fault) -> None:
        cut = fault.cuts.pop(0) if fault.cuts else None
        piece = body if cut is None else body[:cut]
        step = max(1, -(-len(piece) // 4))
        for place in range(0, len(piece), step):
            time.sleep(fault.delay_s)
            part = piece[place : place + step]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        # A cut answer ends cleanly, as chunked encoding goes: only the missing boundary tells.
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = cut is not None


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _element(tag: str, value: str) -> tuple[str, dict[str, object]]:
    return tag, {"vr": "UI", "Value": [value]}


@contextmanager
def serving(kind: type[Handler], tls: ssl.SSLContext | None = None) -> Iterator[tuple[Store, str]]:
    """Serve a new store on a free port; give it and the server's address. With `tls` it is that of localhost."""
    store = Store()
    handler = type(kind.__name__, (kind,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        port = server.server_address[1]
        yield store, f"https://localhost:{port}" if tls is not None else f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
