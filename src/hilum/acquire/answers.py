"""What the answers of web servers mean: errors that may pass, and those that will not; one client for all of them."""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

PASSING_STATUSES = frozenset({408, 425, 429})
"""Statuses below 500 after which asking again helps: timed out, too early, too many requests."""

CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0
"""A server that sends nothing for so long is taken for gone."""

LONGEST_ROWS_BYTES = 1 << 29
"""Of a list as JSON; all 200,000 series of NLST have a quarter of it."""


def open_client(
    *, headers: Mapping[str, str] | None = None, ca_file: str = "", connections: int | None = None
) -> httpx.Client:
    """Give a client that verifies TLS, follows redirects (never from https to http) and keeps its connections.

    It gives up a server that sends nothing, or next to nothing, for too long.

    Parameters
    ----------
    ca_file
        PEM file of further certificate authorities; empty for the system's alone.
    connections
        Requests at once; None for no limit.
    """
    import httpx

    from hilum.acquire.watched_stream import WatchedStream

    def watch(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = WatchedStream(response.stream)

    return httpx.Client(
        headers=headers,
        verify=tls_context(ca_file),
        follow_redirects=True,
        timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"response": [_refuse_downgrade, watch]},
    )


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Give what verifies servers: by the system's authorities, and those of a PEM file.

    Raises
    ------
    ConfigError
        The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigError(f"{ca_file}: expected certificates of authorities as PEM: {error}") from error
    return context


@contextmanager
def errors_of(where: str) -> Iterator[None]:
    """Turn httpx's errors into ours, while a request is made or its answer is read."""
    import httpx

    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise SourceError(
            f"{where}: no address of a web server ({error}); expected https://...", check="bad-url"
        ) from error
    except httpx.TransportError as error:
        raise failed_connection(where, error) from error
    except httpx.HTTPError as error:
        raise SourceError(f"{where}: {error}", check="bad-answer") from error


def failed_connection(where: str, error: Exception) -> SourceError:
    """Say that a connection failed: for a while, or because the server does not prove to be the one that is meant."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return bad_certificate(where, cause.verify_message)
        cause = cause.__cause__ or cause.__context__
    said = str(error) or type(error).__name__
    return SourceError(f"{where}: the connection failed ({said})", check="cut-connection", may_pass=True)


def bad_certificate(where: str, problem: str) -> SourceError:
    """Say that a server's certificate does not hold: nothing is asked of it."""
    return SourceError(
        f"{where}: its certificate is not to be trusted ({problem}); is it the right server? Name the authority that"
        " vouches for it with --ca-file",
        check="bad-certificate",
    )


def require_good(response: httpx.Response, where: str) -> None:
    """Refuse an answer that is an error, or sends on to nowhere.

    Raises
    ------
    SourceError
        With the status, and whether and when asking again may help.
    """
    status = response.status_code
    if status < 300:
        return
    if status in {404, 410}:
        raise SourceError(f"{where}: not found ({status}); was it removed, or is the name wrong?", check="not-found")
    if status in {401, 403}:
        raise SourceError(
            f"{where}: not allowed ({status}); name a user or token that may read it", check="not-allowed"
        )
    raise SourceError(
        f"{where}: the server answered {status} {response.reason_phrase}",
        check=f"status-{status}",
        may_pass=status in PASSING_STATUSES or status >= 500,
        wait_s=wait_s(response.headers.get("Retry-After", "")),
    )


def require_end(response: httpx.Response, where: str) -> None:
    """Refuse an answer of which nothing says where it ends: one that is cut would look whole.

    Raises
    ------
    SourceError
        It has no length and comes in no chunks (RFC 9112, 6.3).
    """
    if "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower():
        return
    raise SourceError(
        f"{where}: the server does not say how long its answer is, so that nobody could tell whether it came whole",
        check="no-size",
    )


def rows_of(
    response: httpx.Response, where: str, *, may_be_empty: bool = False, may_pass: bool = False
) -> list[dict[str, Any]]:
    """Give the rows of an answer, a list of objects as JSON; none of one with status 204.

    Parameters
    ----------
    may_be_empty
        Whether an answer without a body is a list of none as well.
    may_pass
        Whether anything else may be an error that goes by.

    Raises
    ------
    SourceError
        It is something else, or has no end.
    """
    body = _whole_body(response, where)
    if response.status_code == 204 or (may_be_empty and not body.strip()):
        return []
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError(
            f"{where}: expected a list as JSON, found {bytes(body[:60])!r}; is it the address of such a server?",
            check="bad-answer",
            may_pass=may_pass,
        )
    return rows


def shown(url: str) -> str:
    """Give a URL as messages may show it: without a user's name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def wait_s(retry_after: str) -> float:
    """Seconds to wait of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3); 0 of no or a bad one."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _whole_body(response: httpx.Response, where: str) -> bytearray:
    body = bytearray()
    with errors_of(where):
        for piece in response.iter_bytes():
            body += piece
            if len(body) > LONGEST_ROWS_BYTES:
                raise SourceError(
                    f"{where}: expected a list of at most {LONGEST_ROWS_BYTES:,} bytes, found no end of it",
                    check="bad-answer",
                )
    return body


def _refuse_downgrade(response: httpx.Response) -> None:
    """Refuse an answer that sends on from https to where nobody proves who it is, or to what is no web server."""
    if not response.has_redirect_location:
        return
    asked = response.request.url
    following = asked.join(response.headers["Location"])
    if following.scheme != "https" and (asked.scheme == "https" or following.scheme != "http"):
        raise SourceError(
            f"{shown(str(asked))}: sends on to {shown(str(following))}, which is not encrypted or no web server; name"
            " another address",
            check="not-encrypted",
        )
