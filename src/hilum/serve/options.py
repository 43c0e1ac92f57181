"""What a steward sets for serving: one file in the archive, and the environment over it.

Each option stands in ``ARCHIVE/serve.toml`` under its name, or in the environment as ``HILUM_SERVE_`` and its name in
capitals; the environment wins. All have a default that works on an empty machine (docs/serve-settings.md).
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hilum.config import SERVE_PREFIX as PREFIX
from hilum.disk import write_whole
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "serve.toml"
SECRET_BYTES = 50
MAIL_TIMEOUT_S = 20
LOCK_WAIT_S = 20
"""Seconds that a writer waits for another one of the SQLite file."""

CONNECTION_AGE_S = 600
"""Seconds that a thread keeps its connection to PostgreSQL."""

USUAL_ADDRESS = "http://127.0.0.1:8080"
"""Where ``hilum serve`` listens unless told otherwise."""

_MAIL_PORTS = {"smtp": 587, "smtps": 465}
"""Usual ports of mail submission (RFC 8314)."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_ENGINES = {"sqlite": "django.db.backends.sqlite3", "postgresql": "django.db.backends.postgresql"}


@dataclass(frozen=True, slots=True)
class Options:
    """How an archive is served.

    Attributes
    ----------
    archive
        Folder of the archive; empty: none, for checks of the code alone.
    database
        ``sqlite`` for a file in the archive, or ``postgresql://user:password@host:port/name``.
    public_url
        Address under which readers reach the site, without a path; empty: that on which the server listens. With
        ``https`` cookies are sent over TLS only.
    hosts
        Names the server answers to, beside that of `public_url`, separated by commas.
    site_name
        What the pages are headed with.
    registration
        Whether anybody may make an account.
    mail
        ``console``, or ``smtp://user:password@host:port`` (``smtps`` for TLS from the start).
    mail_from
        Address the mails come from.
    oidc_name, oidc_issuer, oidc_client_id, oidc_client_secret
        Log-in with the house's identity provider (OpenID Connect); empty: with e-mail address and password alone.
    upload_limit_mb
        Longest body of a request that brings DICOM files, in megabytes (10^6 bytes); of other requests it is 1.
    inbox_limit_gb
        What may wait in the inbox in all, in gigabytes (10^9 bytes); once it holds as much, nothing more is taken.
    cohort_limit
        Cohorts that one account may keep; stewards may keep any number.
    proxies
        Addresses of the proxies that end TLS in front, separated by commas; only what these say in
        ``X-Forwarded-Proto`` and ``X-Forwarded-For`` is believed.
    """

    archive: str = ""
    database: str = "sqlite"
    public_url: str = ""
    hosts: str = "localhost,127.0.0.1,[::1]"
    site_name: str = "hilum"
    registration: bool = True
    mail: str = "console"
    mail_from: str = "hilum@localhost"
    oidc_name: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    upload_limit_mb: int = 2000
    inbox_limit_gb: int = 100
    cohort_limit: int = 100
    proxies: str = ""

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Options:
        """Read the options of the archive that ``HILUM_ARCHIVE`` names, and the environment.

        Raises
        ------
        ConfigError
            The file is no TOML, an option is unknown, or its value has the wrong form.
        """
        found = os.environ if environment is None else environment
        archive = found.get("HILUM_ARCHIVE", "")
        options = cls(archive=archive)
        if archive:
            options = options.with_values(_read_file(Path(archive, FILE_NAME)), "", str(Path(archive, FILE_NAME)))
        own = {name: value for name, value in found.items() if name.startswith(PREFIX)}
        options = options.with_values(own, PREFIX, "the environment")
        options.require_address()
        return options

    def with_values(self, values: Mapping[str, Any], prefix: str, where: str) -> Options:
        """Give the options with values by name, each of the form its default has.

        Raises
        ------
        ConfigError
            As `load`.
        """
        known = {field.name for field in fields(self)} - {"archive"}
        named = {name.removeprefix(prefix).lower(): (name, value) for name, value in values.items()}
        if unknown := sorted(named[name][0] for name in set(named) - known):
            expected = ", ".join(sorted(known))
            raise ConfigError(f"{where}: unknown option {', '.join(unknown)}; expected one of {expected}")
        converted: dict[str, Any] = {
            name: _like(getattr(self, name), value, given) for name, (given, value) in named.items()
        }
        return replace(self, **converted)

    @property
    def state(self) -> Path:
        """Folder of what serving keeps in the archive: database, prepared metadata, inbox, secret key."""
        return Path(self.archive, "serve")

    @property
    def database_file(self) -> Path | None:
        """File of the database; None where it is PostgreSQL, or there is no archive."""
        return self.state / "hilum.sqlite3" if self.archive and self.database == "sqlite" else None

    @property
    def address(self) -> str:
        """Address that links lead to, without a slash at its end."""
        return (self.public_url or USUAL_ADDRESS).rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether readers reach the site over TLS."""
        return urlsplit(self.address).scheme == "https"

    @property
    def inbox_limit_bytes(self) -> int:
        """What may wait in the inbox in all."""
        return self.inbox_limit_gb * 10**9

    def require_address(self) -> None:
        """Refuse an address that links cannot begin with.

        Raises
        ------
        ConfigError
            `public_url` is no address of a host over HTTP, or has a path.
        """
        parts = urlsplit(self.public_url)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and not parts.path.strip("/")
        if self.public_url and not (is_whole and not parts.query and not parts.fragment):
            raise ConfigError(
                f"public_url={self.public_url!r}: expected an address such as https://archive.example.org"
            )

    @property
    def oidc_origin(self) -> str:
        """Scheme and host of the identity provider; empty without one."""
        parts = urlsplit(self.oidc_issuer)
        return f"{parts.scheme}://{parts.netloc}" if self.oidc_issuer else ""

    @property
    def allowed_hosts(self) -> list[str]:
        """Every name the server answers to."""
        named = [name.strip() for name in self.hosts.split(",") if name.strip()]
        return sorted({*named, urlsplit(self.address).hostname or "localhost"})

    def secret_key(self) -> str:
        """Key that signs sessions and links in mails; made at the first start, readable by its owner alone."""
        if not self.archive:
            return secrets.token_urlsafe(SECRET_BYTES)
        path = self.state / "secret-key"
        if not path.exists():
            # The folder is its owner's alone from the start: the key is never readable by others, not for a moment.
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.state.chmod(0o700)
            write_whole(path, secrets.token_urlsafe(SECRET_BYTES).encode())
        return path.read_text()

    def mail_settings(self) -> dict[str, Any]:
        """Django's settings of mail, without their common beginning ``EMAIL_``.

        Raises
        ------
        ConfigError
            `mail` is neither ``console`` nor the address of a mail server.
        """
        if self.mail == "console":
            return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
        parts = urlsplit(self.mail)
        if parts.scheme not in _MAIL_PORTS or not parts.hostname:
            raise ConfigError(
                f"mail={_without_password(self.mail)!r}: expected console or smtp://user:password@host:port"
            )
        return {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "HOST": parts.hostname,
            "PORT": parts.port or _MAIL_PORTS[parts.scheme],
            "HOST_USER": unquote(parts.username or ""),
            "HOST_PASSWORD": unquote(parts.password or ""),
            "USE_SSL": parts.scheme == "smtps",
            "USE_TLS": parts.scheme == "smtp" and bool(parts.username),
            "TIMEOUT": MAIL_TIMEOUT_S,
        }

    def identity_providers(self) -> dict[str, Any]:
        """Allauth's settings of the identity provider; empty without one.

        Raises
        ------
        ConfigError
            The provider has an issuer, but no client.
        """
        if not self.oidc_issuer:
            return {}
        if not self.oidc_client_id:
            raise ConfigError("oidc_issuer is set, oidc_client_id is not; ask the provider for a client of this site")
        provider = {
            "provider_id": "house",
            "name": self.oidc_name or urlsplit(self.oidc_issuer).hostname,
            "client_id": self.oidc_client_id,
            "secret": self.oidc_client_secret,
            "settings": {"server_url": self.oidc_issuer.rstrip("/")},
        }
        return {"openid_connect": {"APPS": [provider]}}

    def database_settings(self) -> dict[str, Any]:
        """Django's settings of the database.

        Raises
        ------
        ConfigError
            `database` is neither ``sqlite`` nor a ``postgresql://`` address.
        """
        if self.database == "sqlite":
            return {
                "ENGINE": _ENGINES["sqlite"],
                "NAME": str(self.database_file or ":memory:"),
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "timeout": LOCK_WAIT_S,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
            }
        parts = urlsplit(self.database)
        if parts.scheme != "postgresql" or not parts.path.strip("/"):
            raise ConfigError(
                f"database={_without_password(self.database)!r}: "
                "expected sqlite or postgresql://user:password@host:port/name"
            )
        query = dict(parse_qsl(parts.query))
        return {
            "ENGINE": _ENGINES["postgresql"],
            "NAME": parts.path.strip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": query.pop("host", parts.hostname or ""),
            "PORT": str(query.pop("port", parts.port or "")),
            "OPTIONS": query,
            "CONN_MAX_AGE": CONNECTION_AGE_S,
            "CONN_HEALTH_CHECKS": True,
        }


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: {error}; expected lines such as site_name = "Chest archive"') from error


def _like(default: str | bool | int, value: Any, name: str) -> str | bool | int:
    if isinstance(default, bool):
        text = str(value).lower()
        if text not in (*_TRUE, *_FALSE):
            raise ConfigError(f"{name}={value!r}: expected true or false")
        return text in _TRUE
    if isinstance(default, int):
        if isinstance(value, bool) or not str(value).isdecimal():
            raise ConfigError(f"{name}={value!r}: expected a whole number")
        return int(value)
    if not isinstance(value, str):
        raise ConfigError(f"{name}={value!r}: expected text in quotes")
    return value


def _without_password(address: str) -> str:
    """An address as it may stand in a message."""
    return re.sub(r"(?<=//)[^@/]*@", "...@", address)
