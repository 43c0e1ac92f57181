"""Manifests made here, downloaded from the real server by the clients people have: tcia_utils and ``hilum pull``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx

from serve.conftest import series_uid
from serve.downloads.conftest import READER, digest

if TYPE_CHECKING:
    from pathlib import Path

    from serve.downloads.conftest import Served

TCIA_UTILS = """
import sys
from tcia_utils import nbia
nbia.setApiUrl = lambda endpoint, api_url="": sys.argv[1] + "/nbia-api/services/v4/"
nbia.downloadSeries(sys.argv[2], input_type="manifest", path=sys.argv[3], csv_filename=sys.argv[3])
nbia.downloadSeries(sys.argv[2], input_type="manifest", path=sys.argv[3] + "-hashed", hash="y")
"""
"""Its hosts stand in one function, which its users replace for a mirror."""


def digests(folder: Path) -> set[str]:
    return {digest(path) for path in folder.rglob("*.dcm")}


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = os.environ | environment
    return subprocess.run(command, env=found, capture_output=True, text=True, check=False)


def pull(manifest: Path, to: Path, *flags: str, **environment: str) -> Any:
    program = "from hilum.cli.app import main; main()"
    done = run(sys.executable, "-c", program, "pull", str(manifest), "--to", str(to), "--json", *flags, **environment)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_tcia_utils_downloads_a_manifest(served: Served, tmp_path: Path) -> None:
    manifest = served.fetch("/download/collections/open_ct/manifest.tcia", tmp_path / "m.tcia")
    done = run(sys.executable, "-c", TCIA_UTILS, served.site.url, str(manifest), str(tmp_path / "got"))

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Downloaded 1 out of 1") == 2
    for name in ("got", "got-hashed"):
        assert digests(tmp_path / name) == served.originals("open_ct")
        assert (tmp_path / name / series_uid("open_ct") / "LICENSE").exists()
    assert (tmp_path / "got-hashed" / series_uid("open_ct") / "md5hashes.csv").exists()
    assert series_uid("open_ct") in (tmp_path / "got.csv").read_text()


def test_hilum_pulls_a_manifest_of_a_public_collection(served: Served, tmp_path: Path) -> None:
    manifest = served.fetch("/download/collections/open_ct/manifest.tcia", tmp_path / "m.tcia")
    status, report, told = pull(manifest, tmp_path / "got")

    assert status == 0, told
    assert report["series_whole"] == 1
    assert digests(tmp_path / "got") == served.originals("open_ct")


def test_hilum_pulls_what_its_token_opens_and_nothing_without(served: Served, tmp_path: Path) -> None:
    path = "/download/collections/closed_ct/manifest.tcia"
    manifest = served.fetch(path, tmp_path / "m.tcia", is_known=True)
    assert httpx.get(f"{served.site.url}{path}", verify=False).status_code == 404

    status, report, told = pull(manifest, tmp_path / "refused")
    assert (status, report["series_whole"]) == (1, 0)
    assert not digests(tmp_path / "refused")

    known = {"NBIA_USER": READER, "NBIA_PASSWORD": served.token}
    for flags in ([], ["--by-image"]):
        target = tmp_path / f"got{len(flags)}"
        status, report, told = pull(manifest, target, *flags, **known)
        assert (status, report["series_whole"]) == (0, 2), told
        assert digests(target) == served.originals("closed_ct")


def test_hilum_pulls_a_table_of_files(served: Served, tmp_path: Path) -> None:
    manifest = served.fetch("/download/collections/open_ct/fetch.txt", tmp_path / "fetch.txt")
    status, _, told = pull(manifest, tmp_path / "got")

    assert status == 0, told
    assert digests(tmp_path / "got") == served.originals("open_ct")


def test_a_series_that_broke_off_goes_on_under_the_real_server(served: Served, tmp_path: Path) -> None:
    path = f"/download/series/{series_uid('open_ct')}.zip"
    whole = served.fetch(path, tmp_path / "whole.zip").read_bytes()
    rest = httpx.get(f"{served.site.url}{path}", headers={"Range": "bytes=3000-"}, verify=False)
    head = httpx.head(f"{served.site.url}{path}", verify=False)

    assert (rest.status_code, whole[:3000] + rest.content) == (206, whole)
    assert (head.headers["Content-Length"], head.content) == (str(len(whole)), b"")
