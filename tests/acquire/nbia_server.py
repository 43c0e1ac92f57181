"""A small NBIA server on loopback, with faults that can be switched on, series by series and request by request."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from acquire.zips import streamed_zip

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

Fault = Literal[
    "cut",  # the connection breaks in the middle
    "short",  # a file is not found: the zip is closed cleanly there, status 200
    "500",
    "page",  # status 200, and a page of an error where the zip should be
    "page inside",  # the same in the middle of the zip
    "slow",
    "wrong hash",
    "missing file",  # not in the zip, though in its hashes
    "no hashes",
    "slip",  # a name that leaves its folder
    "twice",  # two files of one name
    "bomb",
    "429",
    "expired",  # the token is refused
    "none",
]

PIECE_BYTES = 4096
_CALLS = {
    "getSeries": "_get_series",
    "getSeriesMetaData": "_get_series_metadata_v1",
    "getSeriesMetadata": "_get_series_metadata_v4",
    "getSeriesSize": "_get_series_size",
    "getSOPInstanceUIDs": "_get_sop_instance_uids",
    "getSingleImage": "_get_single_image",
    "getImage": "_get_image",
    "getImageWithMD5Hash": "_get_image_with_md5_hash",
}
USER, PASSWORD = "reader", "open sesame"


@dataclass
class Stored:
    """A series that the server has."""

    series_uid: str
    images: dict[str, bytes]
    participant_id: str = "P1"
    study_uid: str = "1.2.3"
    collection: str = "CT Lymph Nodes"
    is_public: bool = True
    count: int | None = None
    size_bytes: int | None = None

    def record(self) -> dict[str, str]:
        """What the API says of it, with the names of getSeriesMetaData."""
        return {
            "Series UID": self.series_uid,
            "Collection": self.collection,
            "Subject ID": self.participant_id,
            "Study UID": self.study_uid,
            "Study Description": "chest, routine",
            "Study Date": "01-02-2000",
            "Series Description": "axial",
            "Series Number": "2",
            "Modality": "CT",
            "Number of Images": str(self.said_count),
            "File Size": str(self.said_bytes),
            "License Name": "Creative Commons Attribution 3.0 Unported License",
        }

    def record_v4(self) -> dict[str, str]:
        """The same with the names of v4."""
        names = {
            "Series UID": "SeriesInstanceUID", "Subject ID": "PatientID", "Study UID": "StudyInstanceUID",
            "Number of Images": "ImageCount", "File Size": "FileSize", "License Name": "LicenseName",
        }  # fmt: skip
        return {names.get(name, name.replace(" ", "")): value for name, value in self.record().items()}

    @property
    def said_count(self) -> int:
        return len(self.images) if self.count is None else self.count

    @property
    def said_bytes(self) -> int:
        return sum(map(len, self.images.values())) if self.size_bytes is None else self.size_bytes


@dataclass
class NbiaServer:
    """What the server has, does wrong, and was asked."""

    url: str = ""
    series: dict[str, Stored] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """Answered to the next requests of any kind."""
    expires_in: int = 7199
    has_v4: bool = True

    def add(self, stored: Stored) -> Stored:
        self.series[stored.series_uid] = stored
        return stored

    def fail(self, uid: str, *faults: Fault) -> None:
        """Do wrong at the next requests for the images of a series, one fault a request."""
        self.faults[uid].extend(faults)

    def next_fault(self, uid: str) -> Fault:
        return self.faults[uid].popleft() if self.faults[uid] else "none"

    def answered(self, call: str) -> int:
        """Requests of a call so far."""
        return sum(call in request for request in self.requests)


@contextmanager
def serve_nbia(tls: ssl.SSLContext | None = None) -> Iterator[NbiaServer]:
    """Run a server on a free port until the end of the block. With `tls` it is that of localhost."""
    state = NbiaServer()
    handler = type("Handler", (_Handler,), {"state": state})
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        address = f"http://127.0.0.1:{server.server_port}" if tls is None else f"https://localhost:{server.server_port}"
        state.url = f"{address}/nbia-api/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    state: NbiaServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer(parts.path, dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._answer(urlsplit(self.path).path, dict(parse_qsl(body)))

    def _answer(self, path: str, values: dict[str, str]) -> None:
        self.state.requests.append(path)
        if self.state.statuses:
            self._send(self.state.statuses.pop(0), b"")
            return
        if path == "/nbia-api/oauth/token":
            self._token(values)
            return
        _, _, _, version, call = path.split("/")
        authorization = self.headers.get("Authorization", "")
        is_known = authorization.removeprefix("Bearer ") in self.state.tokens
        if (version == "v2" and not is_known) or (authorization and not is_known):
            self._send(401, b"{}")
            return
        if call in _CALLS and (version != "v4" or self.state.has_v4):
            getattr(self, _CALLS[call])(values, is_known=is_known)
        else:
            self._send(404, b"no such call")

    def _token(self, values: dict[str, str]) -> None:
        by_password = (values.get("username"), values.get("password")) == (USER, PASSWORD)
        by_refresh = values.get("refresh_token") == f"refresh {len(self.state.tokens)}"
        if values.get("client_id") != "NBIA" or not (by_password or by_refresh):
            self._send(400, b'{"error": "invalid_grant"}')
            return
        self.state.tokens.append(f"token {len(self.state.tokens) + 1}")
        answer = {
            "access_token": self.state.tokens[-1],
            "refresh_token": f"refresh {len(self.state.tokens)}",
            "expires_in": self.state.expires_in,
        }
        self._send(200, json.dumps(answer).encode())

    def _get_series(self, values: dict[str, str], *, is_known: bool) -> None:
        values.pop("format", None)
        names = {"Collection": "Collection", "PatientID": "PatientID", "SeriesInstanceUID": "SeriesInstanceUID"}
        if unknown := set(values) - set(names):
            self._send(400, f"unknown {unknown}".encode())
            return
        rows = [one.record_v4() for one in self._shown(is_known=is_known)]
        self._rows([row for row in rows if all(row[name] == value for name, value in values.items())])

    def _get_series_metadata_v1(self, values: dict[str, str], *, is_known: bool) -> None:
        uid = values["SeriesInstanceUID"]
        self._rows([one.record() for one in self._shown(is_known=is_known) if one.series_uid == uid])

    def _get_series_metadata_v4(self, values: dict[str, str], *, is_known: bool) -> None:
        uids = values["list"].split(",")
        self._rows([one.record_v4() for one in self._shown(is_known=is_known) if one.series_uid in uids])

    def _get_series_size(self, values: dict[str, str], *, is_known: bool) -> None:
        one = self.state.series[values["SeriesInstanceUID"]]
        self._rows([{"TotalSizeInBytes": f"{one.said_bytes}.000000", "ObjectCount": str(one.said_count)}])

    def _get_sop_instance_uids(self, values: dict[str, str], *, is_known: bool) -> None:
        one = self.state.series[values["SeriesInstanceUID"]]
        self._rows([{"SOPInstanceUID": f"{one.series_uid}.{number}"} for number in range(1, len(one.images) + 1)])

    def _get_single_image(self, values: dict[str, str], *, is_known: bool) -> None:
        one = self.state.series[values["SeriesInstanceUID"]]
        number = int(values["SOPInstanceUID"].rpartition(".")[2])
        fault = self.state.next_fault(one.series_uid)
        if fault == "page":
            self._send(200, b"<html>500 Internal Server Error</html>")
            return
        content = list(one.images.values())[number - 1]
        self._send_zip(content, fault)

    def _get_image(self, values: dict[str, str], *, is_known: bool) -> None:
        self._zip(values, has_hashes=values.get("IncludeMD5") == "Yes", is_known=is_known)

    def _get_image_with_md5_hash(self, values: dict[str, str], *, is_known: bool) -> None:
        self._zip(values, has_hashes=True, is_known=is_known)

    def _zip(self, values: dict[str, str], *, has_hashes: bool, is_known: bool) -> None:
        one = self.state.series.get(values["SeriesInstanceUID"])
        if one is None or not (one.is_public or is_known):
            self._send(400, b"is not in public domain")
            return
        fault = self.state.next_fault(one.series_uid)
        if fault == "expired":
            self.state.tokens.clear()
            self._send(401, b"{}")
        elif fault == "500":
            self._send(500, b"Internal Server Error")
        elif fault == "429":
            self._send(429, b"too many", {"Retry-After": "0"})
        elif fault == "page":
            self._send(200, b"<html>500 Internal Server Error</html>")
        else:
            self._send_zip(zip_of(one, fault, has_hashes=has_hashes), fault)

    def _send_zip(self, content: bytes, fault: Fault) -> None:
        """Send in chunks of no stated total, as NBIA does."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        stop = len(content) // 2 if fault in ("cut", "page inside") else len(content)
        for start in range(0, stop, PIECE_BYTES):
            self._chunk(content[start : min(start + PIECE_BYTES, stop)])
            if fault == "slow":
                time.sleep(0.002)
        if fault == "page inside":
            self._chunk(b"<html>500 Internal Server Error</html>")
        if fault == "cut":
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _shown(self, *, is_known: bool) -> list[Stored]:
        return [one for one in self.state.series.values() if one.is_public or is_known]

    def _rows(self, rows: list[dict[str, str]]) -> None:
        self._send(200, json.dumps(rows).encode() if rows else b"")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def zip_of(one: Stored, fault: Fault = "none", *, has_hashes: bool = True) -> bytes:
    """Zip of a series as NBIA makes it: LICENSE, images, hashes; deflated, with data descriptors."""
    hashes = {name: hashlib.md5(image).hexdigest() for name, image in one.images.items()}
    files = dict(one.images)
    last = next(reversed(files), "")
    if fault in ("missing file", "short"):
        files.pop(last)
    if fault == "wrong hash":
        hashes[last] = "0" * 32
    if fault == "slip":
        files["../../escaped.dcm"] = b"out"
    if fault == "bomb":
        files["bomb.dcm"] = bytes(40_000_000)
    members = [("LICENSE", b"CC BY 3.0"), *files.items()]
    if has_hashes and fault not in ("no hashes", "short"):
        lines = "".join(f"{name},{digest}\n" for name, digest in hashes.items())
        members.append(("md5hashes.csv", f"Filename,MD5Hash\n{lines}".encode()))
    content = streamed_zip(members)
    return _doubled(content, last) if fault == "twice" else content


def _doubled(content: bytes, name: str) -> bytes:
    """The zip with the name of its last image put over that of the first, of the same length."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        first = next(found for found in file.namelist() if found != "LICENSE")
    return content.replace(first.encode(), name.encode())
