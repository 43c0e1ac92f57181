"""Files to be put into ZIPs, and a running site to download from."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from hilum.serve.downloads.members import FileMember
from peers import free_port
from serve.conftest import sites, write_collections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.catalog import Archive
    from serve.conftest import RunningSite

SIZES = (0, 1, 700, 1488, 3000)


READER = "reader@example.org"
MAKE_READER = f"""
from pathlib import Path; import sys
from hilum.serve import site
site.open_site(Path(sys.argv[1]))
site.prepare()
from hilum.catalog import Archive
from hilum.serve.access.models import Grant
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import make_token
from hilum.serve.published.publish import publish
archive = Archive.open(sys.argv[1])
publish(archive, "open_ct", access="public")
publish(archive, "closed_ct", access="approved")
user = User.objects.create_user({READER!r}, None)
Grant.objects.create(user=user, collection_id="closed_ct")
print(make_token(user, "test")[1])
"""


@dataclass
class Served:
    """The running site, what it serves, and the token of who may see all of it."""

    site: RunningSite
    archive: Archive
    token: str

    def fetch(self, path: str, target: Path, *, is_known: bool = False) -> Path:
        headers = {"Authorization": f"Bearer {self.token}"} if is_known else {}
        answer = httpx.get(f"{self.site.url}{path}", headers=headers, verify=False)
        target.write_bytes(answer.raise_for_status().content)
        return target

    def originals(self, collection_id: str) -> set[str]:
        """Digests of the files of a collection."""
        folder = self.archive.path.parent / "files" / collection_id
        return {digest(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileMember]:
    """Five files; read them only."""
    folder = tmp_path_factory.mktemp("files")
    return [write_file(folder / f"{number}", f"1.2.{number}.dcm", size) for number, size in enumerate(SIZES)]


def write_file(path: Path, name: str, size: int) -> FileMember:
    path.write_bytes(random.Random(size).randbytes(size))
    return FileMember(name, str(path), size)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A site with a public and a closed collection."""
    folder = tmp_path_factory.mktemp("site")
    archive = write_collections(folder)
    port = free_port()
    made = subprocess.run(
        [sys.executable, "-c", MAKE_READER, str(archive.path)], check=True, stdout=subprocess.PIPE, text=True
    )
    with sites(folder) as start:
        site = start(archive.path, port=port, public_url=f"http://127.0.0.1:{port}")
        yield Served(site, archive, made.stdout.split()[-1])
