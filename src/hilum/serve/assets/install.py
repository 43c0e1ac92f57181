"""Fetch the pinned packages with npm, check them, and lay their files out ready to be sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.disk import exclusive_lock, write_whole
from hilum.errors import ArchiveError, FormatError
from hilum.serve.assets.store import INDEX, Store, default_folder, media_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.serve.assets.packages import Package

COMPRESSED_FROM_BYTES = 1000
"""Smaller files fit into one packet as they are."""
_TEXT = ("text/", "application/javascript", "application/json", "application/wasm", "image/svg+xml")


def install(packages: Sequence[Package], folder: Path | None = None, *, tarballs: Path | None = None) -> list[str]:
    """Install the packages that are not yet installed in these versions.

    Parameters
    ----------
    folder
        Folder of all assets; by default that of the Python environment.
    tarballs
        Folder with the packages' archives, as ``npm pack`` names them, for a machine without network.

    Returns
    -------
    Names and versions of the packages installed now.

    Raises
    ------
    ArchiveError
        npm is not there, or cannot fetch a package.
    FormatError
        An archive is not the one that was pinned.
    """
    folder = folder or default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(folder / "LOCK"):
        installed = Store.open(folder).versions
        wanted = [package for package in packages if installed.get(package.name) != package.version]
        for package in wanted:
            _install_one(package, folder, tarballs)
        return [package.requirement for package in wanted]


def _install_one(package: Package, folder: Path, tarballs: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tarball = _fetch(package, Path(scratch)) if tarballs is None else tarballs / _tarball_name(package)
        _require_pinned(package, tarball)
        unpacked = Path(scratch, "unpacked")
        files = _unpack(package, tarball, unpacked)
        target = folder / package.folder
        shutil.rmtree(target, ignore_errors=True)
        (unpacked / package.folder).rename(target)
    _record(folder, package, files)


def _fetch(package: Package, scratch: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ArchiveError(
            f"npm is not on the path: install Node.js, or give --tarballs a folder with {_tarball_name(package)}"
        )
    done = subprocess.run(  # noqa: S603 - the arguments are constants of hilum.serve.assets.packages
        [npm, "pack", "--silent", package.requirement], cwd=scratch, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ArchiveError(f"npm pack {package.requirement} failed: {reason[0]}; is the registry within reach?")
    return scratch / _tarball_name(package)


def _tarball_name(package: Package) -> str:
    return f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}.tgz"


def _require_pinned(package: Package, tarball: Path) -> None:
    try:
        with tarball.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
    except FileNotFoundError as error:
        raise ArchiveError(f"{tarball} is not there; expected the archive of {package.requirement}") from error
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != package.integrity:
        raise FormatError(
            f"{tarball.name}: {found}; expected {package.integrity}: this is not {package.requirement}, do not use it"
        )


def _unpack(package: Package, tarball: Path, into: Path) -> dict[str, dict[str, Any]]:
    with tarfile.open(tarball) as archive:
        written = []
        for member in archive:
            name = package.place(member.name)
            if name is None or not member.isfile():
                continue
            content = archive.extractfile(member)
            path = into / name
            if content is None or not path.resolve().is_relative_to(into.resolve()):
                raise FormatError(f"{tarball.name}: member {member.name!r} leaves its folder; do not use this archive")
            path.parent.mkdir(parents=True, exist_ok=True)
            with content, path.open("wb") as file:
                shutil.copyfileobj(content, file)
            written.append(name)
    with ThreadPoolExecutor() as pool:
        return dict(zip(written, pool.map(lambda name: _prepare(into, name), written), strict=True))


def _prepare(folder: Path, name: str) -> dict[str, Any]:
    """Compress a file beside itself where that serves, and say what is to be known of it."""
    path = folder / name
    content = path.read_bytes()
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content), "is_compressed": False}
    if len(content) >= COMPRESSED_FROM_BYTES and media_type(name).startswith(_TEXT):
        compressed = gzip.compress(content, 9, mtime=0)
        if len(compressed) < len(content):
            path.with_name(f"{path.name}.gz").write_bytes(compressed)
            facts["is_compressed"] = True
    return facts


def _record(folder: Path, package: Package, files: dict[str, dict[str, Any]]) -> None:
    index = Store.open(folder)
    others = {name: facts for name, facts in index.files.items() if not name.startswith(f"{package.folder}/")}
    content = {"versions": {**index.versions, package.name: package.version}, "files": {**others, **files}}
    write_whole(folder / INDEX, json.dumps(content, indent=0, sort_keys=True).encode())


def missing(packages: Sequence[Package], folder: Path | None = None) -> Iterator[str]:
    """Give name and version of each package that is not installed."""
    versions = Store.open(folder or default_folder()).versions
    return (package.requirement for package in packages if versions.get(package.name) != package.version)
