"""The viewer's paths: its page under its places, files with their types, real 404s, a policy without other hosts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from hilum.serve.viewer.links import reformat_link, slide_link, study_link

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

PAGE = b"<!doctype html><script>window.PUBLIC_URL='/'</script><script src='/app.js'></script>"
SCRIPT = b"0;" * 1000
COMPILING = b"new Function('return 1')()"
FILES = {
    "viewer/index.html": PAGE,
    "viewer/app.bundle.0f6159c501addfe9.js": SCRIPT,
    "viewer/decoder.worker.js": COMPILING,
    "viewer/codec.wasm": b"\0asm",
    "portal/htmx.min.js": b"htmx",
}


@pytest.fixture
def client(tmp_path: Path, settings: Settings) -> Client:
    facts = {}
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        is_compressed = content is SCRIPT
        if is_compressed:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
        facts[name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
            "is_compressed": is_compressed,
        }
    (tmp_path / "assets.json").write_text(json.dumps({"versions": {"@ohif/app": "3.13.2"}, "files": facts}))
    settings.ASSETS_FOLDER = tmp_path
    return Client()


@pytest.mark.parametrize("path", ["/viewer", "/viewer?StudyInstanceUIDs=1.2", "/microscopy", "/segmentation/more"])
def test_the_page_is_given_under_the_viewers_own_places(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.content == PAGE


@pytest.mark.parametrize("path", ["/absent.js", "/viewer/absent.css", "/microscopy/deep/absent.wasm", "/anything"])
def test_what_is_not_there_is_a_real_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_policy_allows_the_inline_script_by_hash_and_no_other_host(client: Client) -> None:
    policy = client.get("/viewer")["Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(b"window.PUBLIC_URL='/'").digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "script-src 'self'" in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in _scripts(policy)


def test_a_file_is_sent_compressed_where_that_is_accepted(client: Client) -> None:
    path = "/app.bundle.0f6159c501addfe9.js"
    plain = client.get(path)
    small = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert plain.content == gzip.decompress(small.content) == SCRIPT
    assert small["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert plain["Vary"] == small["Vary"] == "Accept-Encoding"
    assert "immutable" in plain["Cache-Control"]


def test_types_and_caching(client: Client) -> None:
    codec = client.get("/codec.wasm")
    assert codec["Content-Type"] == "application/wasm"
    assert codec["Cache-Control"] == "no-cache"
    again = client.get("/codec.wasm", headers={"If-None-Match": codec["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["../assets.json", "%2e%2e/assets.json", "..%2fportal/htmx.min.js", "/etc/passwd"])
def test_no_name_leads_out_of_the_viewers_folder(client: Client, name: str) -> None:
    assert client.get(f"/{name}").status_code == 404


def test_the_pages_get_their_script(client: Client) -> None:
    assert client.get("/assets/portal/htmx.min.js").content == b"htmx"


def test_the_configuration_names_this_servers_dicomweb_alone(client: Client) -> None:
    response = client.get("/app-config.js")
    assert response["Content-Type"] == "application/javascript"
    text = response.content.decode()
    configuration = json.loads(text.splitlines()[0].removeprefix("window.config = ").removesuffix(";"))
    source = configuration["dataSources"][0]["configuration"]
    assert {source[root] for root in ("qidoRoot", "wadoRoot", "wadoUriRoot")} == {"/dicom-web"}
    assert "://" not in text


def test_the_viewer_names_the_site_whatever_its_name(client: Client, settings: Settings) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, site_name='The "chest" archive\n</script>')
    text = client.get("/app-config.js").content.decode()
    assert '"\\u2039 " + "The \\"chest\\" archive\\n</script>"' in text


@pytest.mark.parametrize(
    ("path", "compiles"), [("/viewer", True), ("/segmentation/more", True), ("/microscopy", False)]
)
def test_only_pages_that_may_show_a_segmentation_make_functions_of_texts(
    client: Client, path: str, *, compiles: bool
) -> None:
    policy = client.get(path)["Content-Security-Policy"]
    assert ("'unsafe-eval'" in _scripts(policy)) == compiles
    assert "'wasm-unsafe-eval'" in _scripts(policy)


@pytest.mark.parametrize(
    ("path", "compiles"),
    [("/decoder.worker.js", True), ("/app.bundle.0f6159c501addfe9.js", False), ("/codec.wasm", False)],
)
def test_a_worker_brings_the_policy_that_it_needs(client: Client, path: str, *, compiles: bool) -> None:
    """It is held to that of its own script, and some decode with functions that they make of texts."""
    policy = client.get(path, headers={"Accept-Encoding": "gzip"})["Content-Security-Policy"]
    expected = ["script-src", "'self'", "'wasm-unsafe-eval'", *(["'unsafe-eval'"] if compiles else [])]
    assert _scripts(policy).split() == expected
    assert "http" not in policy


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/signup/", "/cohorts/", "/dicom-web/studies", "/app-config.js", "/absent"]
)
@pytest.mark.django_db
def test_nothing_but_the_viewer_may_make_functions_of_texts(client: Client, path: str) -> None:
    policy = client.get(path)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert _scripts(policy) == "script-src 'self'"


def _scripts(policy: str) -> str:
    return next(part for part in policy.split("; ") if part.startswith("script-src"))


def test_nothing_installed_says_what_to_run(tmp_path: Path, settings: Settings) -> None:
    settings.ASSETS_FOLDER = tmp_path
    response = Client().get("/viewer")
    assert response.status_code == 503
    assert response.content == b"The viewer is not installed. Run: hilum viewer install"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_only_reading_is_allowed(client: Client, method: str) -> None:
    assert getattr(client, method)("/viewer").status_code == 405


def test_links_open_a_study_a_slice_three_planes_and_slides() -> None:
    assert study_link("1.2") == "/viewer?StudyInstanceUIDs=1.2"
    assert study_link("1.2", series_uid="1.3", sop_uid="1.4") == (
        "/viewer?StudyInstanceUIDs=1.2&initialSeriesInstanceUID=1.3&initialSopInstanceUID=1.4"
    )
    assert reformat_link("1.2") == "/viewer?StudyInstanceUIDs=1.2&hangingprotocolId=mpr"
    assert slide_link("1.2") == "/microscopy?StudyInstanceUIDs=1.2"
    assert slide_link("1.2", series_uid="1.3") == "/microscopy?StudyInstanceUIDs=1.2&initialSeriesInstanceUID=1.3"
