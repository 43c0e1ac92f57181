"""Log-in with the house's identity provider: a small real one on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from hilum.serve.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.django_db

ACCESS_TOKEN = "of the provider"


@dataclass
class Provider:
    """An identity provider that says of everybody what `person` says, and keeps what it was sent for a code."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    redeemed: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, path: str, token: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            ends = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            return {"issuer": self.url} | {f"{name}_endpoint": f"{self.url}/{end}" for name, end in ends.items()}
        return self.person if path == "/userinfo" and token == f"Bearer {ACCESS_TOKEN}" else None


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """Run a provider, and let the site use it."""
    own = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(own.answer(urlsplit(self.path).path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            own.redeemed.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            is_good = own.redeemed[-1]["code"] == ["good"]
            self.send({"access_token": ACCESS_TOKEN, "token_type": "bearer"} if is_good else None)

        def send(self, answer: dict[str, Any] | None) -> None:
            body = json.dumps(answer or {"error": "invalid_grant"}).encode()
            self.send_response(200 if answer else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    own.url = f"http://127.0.0.1:{server.server_port}"
    options = replace(settings.OPTIONS, oidc_issuer=f"{own.url}/", oidc_client_id="hilum", oidc_client_secret="word")
    settings.SOCIALACCOUNT_PROVIDERS = options.identity_providers()
    yield own
    server.shutdown()
    server.server_close()


def log_in(code: str = "good", **changes: str) -> Client:
    """Go to the provider, and come back from it with a code."""
    client = Client()
    away = urlsplit(client.post("/accounts/oidc/house/login/")["Location"])
    assert away.path == "/authorize"
    asked = {name: values[0] for name, values in parse_qs(away.query).items()}
    assert asked["redirect_uri"] == "http://testserver/accounts/oidc/house/login/callback/"
    client.get("/accounts/oidc/house/login/callback/", {"code": code, "state": asked["state"]} | changes)
    return client


def who(client: Client) -> str | None:
    answer = client.get("/account/")
    return answer.context["user"].email if answer.status_code == 200 else None


def test_somebody_new_gets_an_account(provider: Provider) -> None:
    provider.person = {"sub": "7", "email": "ann@example.org", "email_verified": True}

    assert who(log_in()) == "ann@example.org"
    assert provider.redeemed[0]["client_secret"] == ["word"]
    assert who(log_in()) == "ann@example.org"
    assert User.objects.count() == 1


def test_a_verified_address_is_its_account_here(provider: Provider, user_as: Callable[[str], User]) -> None:
    user = user_as("steward")
    provider.person = {"sub": "7", "email": user.email, "email_verified": True}

    assert who(log_in()) == user.email
    assert User.objects.count() == 1


def test_an_address_that_is_not_verified_opens_nobodys_account(
    provider: Provider, user_as: Callable[[str], User]
) -> None:
    provider.person = {"sub": "7", "email": user_as("steward").email, "email_verified": False}

    assert who(log_in()) is None
    assert User.objects.count() == 1


@pytest.mark.parametrize(("code", "changes"), [("bad", {}), ("good", {"state": "of another"})])
def test_a_wrong_code_or_state_opens_nothing(code: str, changes: dict[str, str], provider: Provider) -> None:
    provider.person = {"sub": "7", "email": "ann@example.org", "email_verified": True}

    assert who(log_in(code, **changes)) is None
    assert not User.objects.exists()


def test_closed_registration_is_closed_here_too(provider: Provider, settings: Any) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, registration=False)
    provider.person = {"sub": "7", "email": "ann@example.org", "email_verified": True}

    assert who(log_in()) is None
    assert not User.objects.exists()


def test_the_log_in_page_offers_it(provider: Provider) -> None:
    assert "127.0.0.1" in Client().get("/accounts/login/").content.decode()
