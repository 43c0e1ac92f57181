"""Health, counts, logs and static files."""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.templatetags.static import static
from django.test import Client

from hilum.serve.operations.logs import JsonFormatter
from hilum.serve.operations.metrics import exposition
from hilum.serve.operations.observe import Tally
from serve.conftest import study_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.catalog import Archive


@pytest.mark.django_db
def test_alive_and_ready(served_archive: Archive, settings: Any, tmp_path: Path) -> None:
    assert Client().get("/health").json() == {"status": "ok"}
    assert Client().get("/health/ready").json() == {"database": "ok", "catalog": "ok"}

    settings.OPTIONS = replace(settings.OPTIONS, archive=str(tmp_path))
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["catalog"]) == (503, "failed")


def test_counts_are_by_route_and_for_stewards(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    uid = study_uid("open_ct")
    client_as("public").get(f"/nothing/{uid}")
    client_as("public").generic("BREW", "/health")
    assert client_as("registered").get("/metrics").status_code == 404

    text = client_as("steward").get("/metrics").content.decode()

    assert re.search(r'hilum_requests_total\{method="unknown",route="health",status="405"\} \d', text)
    assert "hilum_request_seconds_bucket" in text
    assert uid not in text


def formatted(logger: str, message: str, *args: object, error: BaseException | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, args, info)
    return dict(json.loads(JsonFormatter().format(record)))


def test_a_log_line_holds_no_identifiers() -> None:
    line = formatted("django.request", "Not Found: %s", f"/dicom-web/studies/{study_uid('open_ct')}")
    assert (line["message"], line["level"]) == ("Not Found: %s", "error")
    assert formatted("django.security.DisallowedHost", "Invalid HTTP_HOST header: 'p123'")["message"] == ""
    try:
        raise ValueError(study_uid("open_ct"))
    except ValueError as error:
        line = formatted("django.request", "Internal Server Error: %s", "/x", error=error)
    assert line["error"] == "ValueError"
    assert line["where"][0].endswith("test_a_log_line_holds_no_identifiers")
    assert study_uid("open_ct") not in json.dumps(line)


def test_many_answers_are_counted_each_and_told_together(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally("places", "GET", 200)
    with caplog.at_level(logging.INFO, "hilum"):
        assert [tally.add(seconds) for seconds in (0.002, 0.5, 0.001)] == [True, False, False]
        assert not caplog.records
        tally.tell()
        tally.tell()
        assert tally.add(0.001)

    [told] = caplog.records
    fields = told.fields  # type: ignore[attr-defined]
    assert (fields["route"], fields["answers"], fields["ms"]) == ("places", 3, 500.0)
    assert 'hilum_requests_total{method="GET",route="places",status="200"} 4.0' in exposition().decode()
    assert 'hilum_request_seconds_bucket{le="0.005",route="places"} 3.0' in exposition().decode()


def test_a_request_is_logged_by_its_route(caplog: pytest.LogCaptureFixture, db: None) -> None:
    with caplog.at_level(logging.INFO, "hilum"):
        answer = Client().get("/requests/77?name=Somebody")

    fields = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert (fields["route"], fields["method"], fields["status"]) == ("request", "GET", 302)
    assert fields["id"] == answer["X-Request-ID"]
    assert "Somebody" not in json.dumps(fields)


def test_a_static_file_is_kept_for_good_under_its_digest() -> None:
    address = static("portal/hilum.css")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/portal/hilum\.css", address)
    answer = Client().get(address, headers={"Accept-Encoding": "gzip"})

    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer["Content-Encoding"] == "gzip"
    assert "immutable" in answer["Cache-Control"]
    again = Client().get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "immutable" not in Client().get("/static/0/portal/hilum.css")["Cache-Control"]
    assert Client().get(address).content.startswith(b"/*")


@pytest.mark.parametrize(
    "name", ["portal", "portal/", "../settings.py", "..%2fsettings.py", "/etc/passwd", "portal/%00", "nix.css", "a\\b"]
)
@pytest.mark.django_db
def test_nothing_but_static_files_is_static(name: str) -> None:
    assert Client().get(f"/static/0/{name}").status_code in {400, 404}


def test_serving_loads_nothing_on_the_way_to_the_command_line() -> None:
    import subprocess

    code = "import sys, hilum.cli.serve, hilum.cli.site_upkeep; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
