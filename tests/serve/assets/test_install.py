"""Packages of the registry: only the pinned archive is taken, its files lie ready to be sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hilum.errors import ArchiveError, FormatError
from hilum.serve.assets.install import install, missing
from hilum.serve.assets.packages import HTMX, OHIF, PACKAGES, Package
from hilum.serve.assets.store import Store, media_type

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = b"const answer = 42;\n" * 200


def packed(folder: Path, files: dict[str, bytes], *, version: str = "1.0.0") -> Package:
    """Write a package's archive into a folder and give the package pinned to it."""
    package = Package("@demo/app", version, "", "viewer", "package/dist", leave=("*.map",))
    path = folder / f"demo-app-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    return replace(package, integrity=f"sha512-{digest}")


@pytest.fixture
def files() -> dict[str, bytes]:
    return {
        "package/dist/index.html": b"<!doctype html>",
        "package/dist/app.js": SCRIPT,
        "package/dist/app.js.map": b"{}",
        "package/package.json": b"{}",
    }


def test_the_chosen_files_of_the_pinned_archive_are_there(tmp_path: Path, files: dict[str, bytes]) -> None:
    package = packed(tmp_path, files)
    assert install([package], tmp_path / "assets", tarballs=tmp_path) == ["@demo/app@1.0.0"]
    store = Store.open(tmp_path / "assets")
    assert sorted(store.files) == ["viewer/app.js", "viewer/index.html"]
    assert store.versions == {"@demo/app": "1.0.0"}


def test_what_compresses_is_sent_compressed_to_who_accepts_it(tmp_path: Path, files: dict[str, bytes]) -> None:
    install([packed(tmp_path, files)], tmp_path / "assets", tarballs=tmp_path)
    store = Store.open(tmp_path / "assets")
    plain, small = (store.asset("viewer/app.js", accepts_gzip=accepts) for accepts in (False, True))
    assert plain is not None
    assert small is not None
    assert plain.body == gzip.decompress(small.body) == SCRIPT
    assert (plain.is_compressed, small.is_compressed) == (False, True)
    assert plain.etag == small.etag
    page = store.asset("viewer/index.html", accepts_gzip=True)
    assert page is not None
    assert not page.is_compressed


def test_a_second_installation_fetches_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    package = packed(tmp_path, files)
    install([package], tmp_path / "assets", tarballs=tmp_path)
    assert install([package], tmp_path / "assets", tarballs=tmp_path / "not there") == []
    assert list(missing([package], tmp_path / "assets")) == []


def test_a_new_version_replaces_the_old_one_whole(tmp_path: Path, files: dict[str, bytes]) -> None:
    install([packed(tmp_path, files)], tmp_path / "assets", tarballs=tmp_path)
    newer = packed(tmp_path, {"package/dist/index.html": b"new"}, version="2.0.0")
    assert list(missing([newer], tmp_path / "assets")) == ["@demo/app@2.0.0"]
    install([newer], tmp_path / "assets", tarballs=tmp_path)
    store = Store.open(tmp_path / "assets")
    assert list(store.files) == ["viewer/index.html"]
    assert not (tmp_path / "assets" / "viewer" / "app.js").exists()


def test_another_archive_than_the_pinned_one_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    package = replace(packed(tmp_path, files), integrity="sha512-AAAA")
    with pytest.raises(FormatError, match=r"expected sha512-AAAA: this is not @demo/app@1\.0\.0"):
        install([package], tmp_path / "assets", tarballs=tmp_path)
    assert Store.open(tmp_path / "assets").files == {}


def test_a_member_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    package = packed(tmp_path, {"package/dist/../../../../escape.js": b"x"})
    with pytest.raises(FormatError, match="leaves its folder"):
        install([package], tmp_path / "assets", tarballs=tmp_path)
    assert not list(tmp_path.rglob("escape.js"))


def test_an_absent_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"ohif-app-3\.13\.2\.tgz is not there"):
        install([OHIF], tmp_path / "assets", tarballs=tmp_path)


def test_without_npm_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArchiveError, match=r"install Node\.js, or give --tarballs"):
        install([HTMX], tmp_path / "assets")


def test_every_package_is_pinned_by_a_whole_hash() -> None:
    for package in PACKAGES:
        algorithm, _, digest = package.integrity.partition("-")
        assert algorithm == "sha512"
        assert len(base64.b64decode(digest)) == 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.wasm", "application/wasm"),
        ("a.js", "application/javascript"),
        ("a.css", "text/css"),
        ("a.svg", "image/svg+xml"),
        ("a.webapp", "application/octet-stream"),
    ],
)
def test_media_types(name: str, expected: str) -> None:
    assert media_type(name) == expected
