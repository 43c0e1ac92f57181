"""A small phantom collection, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hilum.config import Settings
from hilum.phantom import Participant, write_collection

if TYPE_CHECKING:
    from pathlib import Path

SEED = 3


@dataclass(frozen=True)
class Made:
    folder: Path
    participants: tuple[Participant, ...]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four participants; ABD_LYMPH_001 is MED_LYMPH_002."""
    folder = tmp_path_factory.mktemp("phantom")
    return Made(folder, write_collection(folder, participants=4, seed=SEED, settings=Settings(workers=2)))
