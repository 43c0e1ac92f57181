"""Logging in to NBIA: a token for a user's name and password, renewed before and when it expires.

References
----------
NBIA Search with Authentication REST API Guide; RFC 6749, 4.3 (password) and 6 (refresh).
"""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hilum.acquire.answers import errors_of, require_good
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

USER_VARIABLE, PASSWORD_VARIABLE = "NBIA_USER", "NBIA_PASSWORD"
CLIENT_ID = "NBIA"

TCIA_DOMAIN = "cancerimagingarchive.net"
"""Of the servers that a user of TCIA means, whoever wrote the manifest."""

EARLY_S = 60.0
"""A token is renewed so long before it expires."""
SHORTEST_S = 30.0
"""A server that says less is not believed: every request would ask for a token."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of NBIA; the password is never shown."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Credentials | None:
        """Read ``NBIA_USER`` and ``NBIA_PASSWORD``; None where no user is named.

        Raises
        ------
        ConfigError
            There is a user without a password.
        """
        found = os.environ if environment is None else environment
        user, password = found.get(USER_VARIABLE, ""), found.get(PASSWORD_VARIABLE, "")
        if user and not password:
            raise ConfigError(
                f"{USER_VARIABLE} is set and {PASSWORD_VARIABLE} is not; set both, or none for public data"
            )
        return cls(user, password) if user else None


class Login:
    """Gives the token that requests carry; used by several threads at once.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    url
        Where tokens are given, ``https://HOST/nbia-api/oauth/token``; only this machine may be asked without TLS.

    Raises
    ------
    ConfigError
        The password would cross a network in the open.
    """

    def __init__(self, client: httpx.Client, url: str, credentials: Credentials) -> None:
        _require_encrypted(url)
        self._client = client
        self._url = url
        self._credentials = credentials
        self._token = ""
        self._refresh_token = ""
        self._renew_at_s = 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        """Give a token that is good for a while.

        Raises
        ------
        SourceError
            The server gives none: the password is wrong, or it cannot be reached.
        """
        with self._lock:
            if not self._token or time.monotonic() >= self._renew_at_s:
                self._renew()
            return self._token

    def forget(self, token: str) -> None:
        """Note that the server refused a token, so that the next request gets a new one."""
        with self._lock:
            if token == self._token:
                self._token = ""

    def _renew(self) -> None:
        if self._refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
            self._refresh_token = ""
            try:
                self._ask(form)
                return
            except SourceError as error:
                if error.may_pass:
                    raise
        self._ask(
            {"grant_type": "password", "username": self._credentials.user, "password": self._credentials.password}
        )

    def _ask(self, form: dict[str, str]) -> None:
        with errors_of(self._url):
            response = self._client.post(self._url, data={**form, "client_id": CLIENT_ID}, follow_redirects=False)
        if response.status_code in {400, 401, 403}:
            raise SourceError(
                f"{self._url}: no token for user {self._credentials.user!r} ({response.status_code}); are name and "
                "password right?",
                check="not-allowed",
            )
        require_good(response, self._url)
        self._take(response)

    def _take(self, response: httpx.Response) -> None:
        try:
            answer = response.json()
            token, lasts_s = answer["access_token"], float(answer.get("expires_in", 0))
            token.encode("ascii")  # as a header goes
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise SourceError(
                f"{self._url}: expected a token as JSON, found another answer", check="bad-answer"
            ) from error
        self._token, self._refresh_token = token, str(answer.get("refresh_token") or "")
        self._renew_at_s = time.monotonic() + max(SHORTEST_S, lasts_s - EARLY_S)


def require_known(url: str) -> None:
    """Refuse to log in to a server that only a manifest names: anybody may write one, and be sent the password.

    Raises
    ------
    ConfigError
        It is neither TCIA's nor on this machine.
    """
    host = urlsplit(url).hostname or ""
    if not (f".{host}".endswith(f".{TCIA_DOMAIN}") or _is_this_machine(host)):
        raise ConfigError(
            f"the manifest names the server {url}, which is not TCIA's; if the password of {USER_VARIABLE} is meant "
            f"for it say --endpoint {url}, else unset {USER_VARIABLE}"
        )


def _require_encrypted(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise ConfigError(f"{url}: a password is sent over https only; give the server's https address")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
