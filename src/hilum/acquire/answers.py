"""What the answers of web servers mean: errors that may pass, and those that will not; one client for all of them."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

PASSING_STATUSES = frozenset({408, 425, 429})
"""Statuses below 500 after which asking again helps: timed out, too early, too many requests."""

CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0
"""A server that sends nothing for so long is taken for gone."""


def open_client(
    *, headers: Mapping[str, str] | None = None, ca_file: str = "", connections: int | None = None
) -> httpx.Client:
    """Give a client that verifies TLS, follows redirects (never from https to http) and keeps its connections.

    Parameters
    ----------
    ca_file
        PEM file of further certificate authorities; empty for the system's alone.
    connections
        Requests at once; None for no limit.
    """
    import httpx

    return httpx.Client(
        headers=headers,
        verify=tls_context(ca_file),
        follow_redirects=True,
        timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"response": [_refuse_downgrade]},
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
    """Refuse an answer that is an error.

    Raises
    ------
    SourceError
        With the status, and whether and when asking again may help.
    """
    status = response.status_code
    if status < 400:
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


def wait_s(retry_after: str) -> float:
    """Seconds to wait of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3); 0 of no or a bad one."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _refuse_downgrade(response: httpx.Response) -> None:
    following = response.next_request
    if following is not None and response.request.url.scheme == "https" and following.url.scheme != "https":
        raise SourceError(
            f"{response.request.url}: sends on to {following.url}, which is not encrypted; name another address",
            check="not-encrypted",
        )
