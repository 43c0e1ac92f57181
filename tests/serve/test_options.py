"""Options: defaults that work, each documented, a wrong one refused without telling a password."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from hilum.errors import ConfigError
from hilum.serve.options import Options

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serve-settings.md"
NAMES = [field.name for field in fields(Options) if field.name != "archive"]


def options(**values: str) -> Options:
    return Options.load({f"HILUM_SERVE_{name.upper()}": value for name, value in values.items()})


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_documented_with_its_default(name: str) -> None:
    default = getattr(Options(), name)
    shown = {True: "true", False: "false", "": "empty"}.get(default, str(default))
    assert f"| `{name}` | {shown if shown == 'empty' else f'`{shown}`'} |" in PAGE.read_text()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text('site_name = "Chest"\nregistration = false\nupload_limit_mb = 5\n')

    found = Options.load({"HILUM_ARCHIVE": str(tmp_path), "HILUM_SERVE_SITE_NAME": "Lung"})

    assert (found.site_name, found.registration, found.upload_limit_mb) == ("Lung", False, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"registration": "perhaps"}, "HILUM_SERVE_REGISTRATION='perhaps': expected true or false"),
        ({"upload_limit_mb": "-1"}, "expected a whole number"),
        ({"public_url": "archive.example.org"}, "public_url='archive.example.org': expected an address such as https:"),
        ({"public_url": "https://example.org/archive"}, "expected an address such as"),
        ({"sitename": "x"}, "unknown option HILUM_SERVE_SITENAME; expected one of .*site_name"),
    ],
)
def test_a_wrong_value_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        options(**values)


@pytest.mark.parametrize(
    ("name", "text"), [("site_name", "1"), ("registration", '"perhaps"'), ("upload_limit_mb", "true")]
)
def test_a_wrong_value_in_the_file_is_refused(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text(f"{name} = {text}\n")
    with pytest.raises(ConfigError, match=f"{name}="):
        Options.load({"HILUM_ARCHIVE": str(tmp_path)})


def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text("site name: x")
    with pytest.raises(ConfigError, match=r"serve\.toml"):
        Options.load({"HILUM_ARCHIVE": str(tmp_path)})


def test_links_begin_with_the_public_address_without_its_slash() -> None:
    assert options(public_url="https://archive.example.org/").address == "https://archive.example.org"
    assert options().address == "http://127.0.0.1:8080"
    assert "archive.example.org" in options(public_url="https://archive.example.org/").allowed_hosts


def test_an_address_of_postgresql() -> None:
    found = options(database="postgresql://us%40er:p%2Fw@db.example.org:5433/site?sslmode=require").database_settings()

    assert found["ENGINE"] == "django.db.backends.postgresql"
    parts = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    assert [found[name] for name in parts] == [
        "site", "us@er", "p/w", "db.example.org", "5433", {"sslmode": "require"}
    ]  # fmt: skip
    socket = options(database="postgresql://user@/site?host=/run/postgresql").database_settings()
    assert (socket["HOST"], socket["PORT"], socket["OPTIONS"]) == ("/run/postgresql", "", {})


@pytest.mark.parametrize("name", ["database", "mail"])
def test_an_unusable_address_is_refused_without_its_password(name: str) -> None:
    found = options(**{name: "mysql://user:secret@host/"})
    with pytest.raises(ConfigError, match=f"{name}='mysql://...@host/'") as caught:
        found.database_settings() if name == "database" else found.mail_settings()
    assert "secret" not in str(caught.value)


def test_addresses_of_mail_servers() -> None:
    assert options().mail_settings() == {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    open_relay = options(mail="smtp://127.0.0.1:25").mail_settings()
    assert (open_relay["HOST"], open_relay["PORT"], open_relay["USE_TLS"]) == ("127.0.0.1", 25, False)
    submission = options(mail="smtp://me:word@mail.example.org").mail_settings()
    assert (submission["PORT"], submission["USE_TLS"], submission["USE_SSL"]) == (587, True, False)
    implicit = options(mail="smtps://me:word@mail.example.org").mail_settings()
    assert (implicit["PORT"], implicit["USE_TLS"], implicit["USE_SSL"]) == (465, False, True)


def test_an_identity_provider_needs_a_client() -> None:
    assert options().identity_providers() == {}
    with pytest.raises(ConfigError, match="oidc_client_id is not"):
        options(oidc_issuer="https://id.example.org/realm").identity_providers()
    found = options(oidc_issuer="https://id.example.org/realm", oidc_client_id="hilum").identity_providers()
    (provider,) = found["openid_connect"]["APPS"]
    assert (provider["name"], provider["settings"]) == (
        "id.example.org",
        {"server_url": "https://id.example.org/realm"},
    )


def test_the_secret_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    archive = Options(archive=str(tmp_path))
    key = archive.secret_key()

    assert len(key) >= 50
    assert archive.secret_key() == key
    assert archive.state.stat().st_mode & 0o077 == 0


def test_django_finds_nothing_to_say_of_a_site_behind_tls(tmp_path: Path) -> None:
    own = {
        "HILUM_ARCHIVE": str(tmp_path),
        "HILUM_SERVE_PUBLIC_URL": "https://archive.example.org",
        "HILUM_SERVE_OIDC_ISSUER": "https://id.example.org",
        "HILUM_SERVE_OIDC_CLIENT_ID": "hilum",
        "DJANGO_SETTINGS_MODULE": "hilum.serve.settings",
    }
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_every_table_has_its_migration() -> None:
    own = {"DJANGO_SETTINGS_MODULE": "hilum.serve.settings"}
    command = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
