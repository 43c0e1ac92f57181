"""What holds for every test, and what any test may ask for."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A slow or busy machine is no failure: Hypothesis would end an example after 200 ms.
settings.register_profile("hilum", deadline=None)
settings.load_profile("hilum")

MEMORY = Path("/dev/shm")
ROOM_BYTES = 10**9


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory if there is one with room: for hundreds of small writes that each wait for the disk.

    A killed process loses nothing that it had written, in memory as little as on a disk.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)
