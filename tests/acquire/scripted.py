"""A server on loopback that sends the very bytes it is told, for answers that no proper server gives."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Request:
    """What was asked: the target of the first line, and the headers by their names in lower case."""

    target: str
    headers: dict[str, str]


@dataclass
class Scripted:
    """A running server: its address, and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)


def answer(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Bytes of an answer that says the length of its body, or another one."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def endless(body: bytes, *headers: str) -> bytes:
    """Bytes of an answer that ends where the connection does."""
    return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *headers, "", ""]).encode("latin-1") + body


@contextmanager
def saying(
    script: Callable[[Request], bytes | Iterator[bytes]], tls: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    """Answer each request with what the script gives for it, and close the connection behind it."""
    state = Scripted("")

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                request = _read(self.rfile.readline)
                self.rfile.read(int(request.headers.get("content-length", "0")))
                state.requests.append(request)
                said = script(request)
                for piece in [said] if isinstance(said, bytes) else said:
                    self.wfile.write(piece)

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        port = server.server_address[1]
        state.url = f"https://localhost:{port}" if tls is not None else f"http://127.0.0.1:{port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *args: object) -> None:
        """Say nothing of clients that hang up."""


def _read(read_line: Callable[[], bytes]) -> Request:
    _, target, _ = read_line().decode("latin-1").split(" ", 2)
    headers = {}
    while line := read_line().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(target, headers)
