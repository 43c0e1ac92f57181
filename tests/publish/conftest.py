"""An archive with a small collection; made once, for indexing starts processes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hilum.catalog import Archive
from publish.releasing import make_archive

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    make_archive(folder)
    return folder


@pytest.fixture
def archive(small_archive: Path, tmp_path: Path) -> Archive:
    """A copy of the archive that may be changed; the images are shared and must not be."""
    shutil.copytree(small_archive / "archive", tmp_path / "archive")
    return Archive.open(tmp_path / "archive")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Files that belong to the collection beside its images."""
    folder = tmp_path / "ANNOTATIONS"
    (folder / "P1").mkdir(parents=True)
    (folder / "P1" / "points.txt").write_text("1 2 3\n")
    (folder / "P1" / "none.mps").write_text("")
    (folder / "P2_mask.nii.gz").write_bytes(b"mask")
    (folder / "README.txt").write_text("all\n")
    return folder
