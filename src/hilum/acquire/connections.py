"""Requests over kept connections, whose answers are read into one buffer a connection.

For objects of half a megabyte by the thousands: clients that give them in small pieces cost more processor time than
all that is done with the bytes. HTTP itself is `http.client`'s.
"""

from __future__ import annotations

import base64
import mmap
import ssl
import threading
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from hilum.acquire.answers import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, failed_connection, tls_context
from hilum.acquire.trickle import Trickle
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPMessage, HTTPResponse
    from urllib.parse import SplitResult

BUFFER_BYTES = 1 << 19
"""What is read before it is handed on: about one CT slice, which the processor's cache still holds when it is hashed
and written."""

_PORTS = {"http": 80, "https": 443}
_HEADERS = {"User-Agent": "hilum"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes
    ----------
    status, reason
        Of its first line.
    headers
        By their names, of which letters' case does not count.
    chunks
        The body; a piece lies at the beginning of a memory map, and holds only until the next is asked for.
    """

    status: int
    reason: str
    headers: HTTPMessage
    chunks: Iterator[memoryview]


class Connections:
    """Connections to any servers, used by several threads, kept while this object lives.

    Proxies are those of the usual variables (``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``).

    Parameters
    ----------
    ca_file
        PEM file of further certificate authorities; empty for the system's alone.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._idle: dict[str, list[_Connection]] = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str], where: str) -> Iterator[Answer]:
        """Ask for a URL; redirects are not followed.

        Parameters
        ----------
        where
            Names the URL in messages: it may hold a signature.

        Raises
        ------
        SourceError
            The connection fails, or what is answered is not HTTP/1.
        """
        scheme, _, host, path = url.split("/", 3)
        server = f"{scheme}//{host}"
        with _errors_of(where):
            connection, found = self._ask(server, path, headers)
        try:
            yield Answer(found.status, found.reason, found.headers, connection.chunks(found, where))
        finally:
            self._put_back(server, connection)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return tls_context(self._ca_file)

    def _ask(self, server: str, path: str, headers: Mapping[str, str]) -> tuple[_Connection, HTTPResponse]:
        """Send a request; on a new connection where a server has meanwhile closed those that were kept."""
        while True:
            kept = self._take(server)
            connection = kept or _Connection(server, self._context if server.startswith("https:") else None)
            try:
                return connection, connection.ask(path, headers)
            except BaseException as error:
                connection.close()
                if kept is None or not isinstance(error, ConnectionError | ssl.SSLEOFError):
                    raise

    def _take(self, server: str) -> _Connection | None:
        with self._lock:
            idle = self._idle.get(server)
            return idle.pop() if idle else None

    def _put_back(self, server: str, connection: _Connection) -> None:
        if not connection.is_reusable:
            connection.close()
            return
        with self._lock:
            self._idle.setdefault(server, []).append(connection)


class _Connection:
    """One connection, and the buffer that its answers are read into."""

    def __init__(self, server: str, context: ssl.SSLContext | None) -> None:
        parts = urlsplit(server)
        proxy = _proxy_of(parts)
        proxy_headers = _proxy_headers(proxy)
        self._http = _opened(parts, proxy, proxy_headers, context)
        self._http.sock.settimeout(READ_TIMEOUT_S)
        is_relayed = proxy is not None and context is None
        self._root = server if is_relayed else ""
        self._headers = _HEADERS | (proxy_headers if is_relayed else {})
        self._buffer = memoryview(mmap.mmap(-1, BUFFER_BYTES))
        self._response: HTTPResponse | None = None

    @property
    def is_reusable(self) -> bool:
        """Whether the answer was read to its end and another may follow it."""
        response = self._response
        return self._http.sock is not None and response is not None and response.isclosed() and not response.length

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._http.close()

    def ask(self, path: str, headers: Mapping[str, str]) -> HTTPResponse:
        """Send a request; give the answer, whose body is to be read by `chunks`."""
        self._http.request("GET", f"{self._root}/{path}", headers=self._headers | dict(headers))
        self._response = self._http.getresponse()
        return self._response

    def chunks(self, response: HTTPResponse, where: str) -> Iterator[memoryview]:
        """Give the buffer when it is full, and what is in it when the answer ends early."""
        trickle = Trickle()
        with _errors_of(where):
            while not response.isclosed():
                held, problem = self._fill(response, trickle)
                if held:
                    yield self._buffer[:held]
                if problem is not None:
                    raise problem

    def _fill(self, response: HTTPResponse, trickle: Trickle) -> tuple[int, Exception | None]:
        held = 0
        try:
            while held < BUFFER_BYTES and not response.isclosed():
                asked_at_s = time.monotonic()
                came_bytes = response.readinto(self._buffer[held:])
                held += came_bytes
                trickle.note(time.monotonic() - asked_at_s, came_bytes)
        except (OSError, IncompleteRead) as error:
            return held, error
        # An answer that ends early is closed as one that ends.
        is_cut = response.isclosed() and response.length
        return held, ConnectionResetError("the server closed it") if is_cut else None


def _opened(
    parts: SplitResult, proxy: SplitResult | None, proxy_headers: Mapping[str, str], context: ssl.SSLContext | None
) -> HTTPConnection:
    """Connect to a server, through its proxy if it has one; TLS ends at the server."""
    reached = proxy or parts
    host, port = reached.hostname or "", reached.port or _PORTS[reached.scheme]
    connection = HTTPConnection(host, port, timeout=CONNECT_TIMEOUT_S)
    if context is not None:
        connection = HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT_S, context=context)
        if proxy is not None:
            connection.set_tunnel(parts.hostname or "", parts.port or _PORTS["https"], dict(proxy_headers))
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def _proxy_of(parts: SplitResult) -> SplitResult | None:
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    if not address or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    if proxy.scheme != "http":
        raise ConfigError(f"proxy {proxy.scheme}://{proxy.hostname}: expected one that is reached by http://")
    return proxy


def _proxy_headers(proxy: SplitResult | None) -> dict[str, str]:
    if proxy is None or proxy.username is None:
        return {}
    said = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}


def _close_all(idle: Mapping[str, list[_Connection]]) -> None:
    for connections in idle.values():
        for connection in connections:
            connection.close()


@contextmanager
def _errors_of(where: str) -> Iterator[None]:
    """Turn errors of connections into ours, while a request is made or its answer is read."""
    try:
        yield
    except (OSError, IncompleteRead) as error:
        raise failed_connection(where, error) from error
    except HTTPException as error:
        said = f"{type(error).__name__}: {error}".strip(": ")
        raise SourceError(f"{where}: expected an answer of HTTP/1.1 ({said})", check="bad-answer") from error
