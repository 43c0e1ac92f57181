"""Requests over kept connections, whose answers are read into one buffer a connection.

For objects of half a megabyte by the thousands: a general client takes them apart in small pieces, and costs more
processor time than all that is done with the bytes. Only what an object store sends is understood: answers that name
their length.
"""

from __future__ import annotations

import base64
import http.client
import mmap
import re
import ssl
import threading
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from hilum.acquire.answers import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, failed_connection, tls_context
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

BUFFER_BYTES = 1 << 19
"""What is read before it is handed on: about one CT slice, which the processor's cache still holds when it is hashed
and written."""

LONGEST_HEAD_BYTES = 1 << 16

_END_OF_HEAD = b"\r\n\r\n"
_FIRST_LINE = re.compile(r"HTTP/1\.(\d) (\d{3}) ?([^\r\n]*)")
_HEADER = re.compile(r"\r\n([^\r\n:]+):([^\r\n]*)")
_PORTS = {"http": 80, "https": 443}
_HEADERS = {"User-Agent": "hilum", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes
    ----------
    status, reason
        Of its first line.
    headers
        By their names in lower case.
    chunks
        The body; a piece lies at the beginning of a memory map, and holds only until the next is asked for. The body
        of an answer that does not name its length is left unread.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
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
            connection, head = self._ask(server, path, headers)
        try:
            yield connection.answer(head, where)
        finally:
            self._put_back(server, connection)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return tls_context(self._ca_file)

    def _ask(self, server: str, path: str, headers: Mapping[str, str]) -> tuple[_Connection, str]:
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
        self._socket: socket.socket = self._http.sock
        self._socket.settimeout(READ_TIMEOUT_S)
        is_relayed = proxy is not None and context is None
        self._root = server if is_relayed else ""
        self._headers = {"Host": parts.netloc.rpartition("@")[2], **_HEADERS, **(proxy_headers if is_relayed else {})}
        self._content = mmap.mmap(-1, BUFFER_BYTES)
        self._buffer = memoryview(self._content)
        self._held_bytes = 0
        self._left_bytes = 0
        self._is_last = False

    @property
    def is_reusable(self) -> bool:
        """Whether the answer was read to its end and another may follow it."""
        return not self._left_bytes and not self._is_last

    def close(self) -> None:
        self._http.close()

    def ask(self, path: str, headers: Mapping[str, str]) -> str:
        """Send a request and read the head of its answer; what comes behind it stays in the buffer."""
        self._is_last, self._held_bytes = True, 0
        fields = "".join(f"{name}: {value}\r\n" for name, value in (self._headers | dict(headers)).items())
        self._socket.sendall(f"GET {self._root}/{path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1"))
        while (head := self._read_head()).startswith("HTTP/1.1 1"):
            continue  # hints: the answer itself follows
        return head

    def answer(self, head: str, where: str) -> Answer:
        """Take the head of an answer apart; its body is read as it is asked for."""
        first = _FIRST_LINE.match(head)
        if first is None:
            raise SourceError(f"{where}: expected an answer of HTTP/1.1, found {head[:60]!r}", check="bad-answer")
        headers = {name.lower(): value.strip() for name, value in _HEADER.findall(head, first.end())}
        length = headers.get("content-length", "")
        is_measured = length.isdecimal() and "transfer-encoding" not in headers
        self._left_bytes = int(length) if is_measured else 0
        is_closed = first[1] == "0" or headers.get("connection", "").lower() == "close"
        self._is_last = is_closed or not is_measured or self._held_bytes > self._left_bytes
        return Answer(int(first[2]), first[3], headers, self._chunks(where))

    def _read_head(self) -> str:
        while (end := self._content.find(_END_OF_HEAD, 0, self._held_bytes)) < 0:
            if self._held_bytes > LONGEST_HEAD_BYTES:
                raise http.client.HTTPException("what it answers has no end of its head")
            self._read(BUFFER_BYTES)
        head = str(self._buffer[:end], "latin-1")
        behind = end + len(_END_OF_HEAD)
        self._buffer[: self._held_bytes - behind] = self._buffer[behind : self._held_bytes]
        self._held_bytes -= behind
        return head

    def _chunks(self, where: str) -> Iterator[memoryview]:
        """Give the buffer when it is full, and what is in it when the connection breaks: nothing that came is lost."""
        with _errors_of(where):
            while self._left_bytes:
                wanted = min(self._left_bytes, BUFFER_BYTES)
                problem = self._fill(wanted)
                held, self._held_bytes = min(self._held_bytes, wanted), 0
                self._left_bytes -= held
                if held:
                    yield self._buffer[:held]
                if problem is not None:
                    raise problem

    def _fill(self, wanted: int) -> OSError | None:
        try:
            while self._held_bytes < wanted:
                self._read(wanted)
        except OSError as error:
            return error
        return None

    def _read(self, until: int) -> None:
        count = self._socket.recv_into(self._buffer[self._held_bytes : until])
        if not count:
            raise ConnectionResetError("the server closed it")
        self._held_bytes += count


def _opened(
    parts: SplitResult, proxy: SplitResult | None, proxy_headers: Mapping[str, str], context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    """Connect to a server, through its proxy if it has one; TLS ends at the server."""
    reached = proxy or parts
    host, port = reached.hostname or "", reached.port or _PORTS[reached.scheme]
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT_S)
    if context is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT_S, context=context)
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
    except http.client.HTTPException as error:
        raise SourceError(f"{where}: {error}", check="bad-answer") from error
    except OSError as error:
        raise failed_connection(where, error) from error
