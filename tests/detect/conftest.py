"""A catalogued collection of phantoms and one training on it, made once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from detect.phantoms import phantom_archive
from hilum.config import Settings
from hilum.detect.crossval import cross_validate

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.cohort import Cohort
    from hilum.detect.runs import Run
    from hilum.model.findings import Lesion

COUNT = 6
FOLDS = 2
WORKERS = Settings(workers=2)


@dataclass(frozen=True)
class Collection:
    """Phantoms in an archive, the cohort of all, and their lesions."""

    folder: Path
    archive: Archive
    cohort: Cohort
    lesions: list[Lesion]


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("phantoms")
    return Collection(folder, *phantom_archive(folder, COUNT))


@pytest.fixture(scope="session")
def trained(collection: Collection) -> Run:
    """A finished training, ``trained``, uninterrupted, on two workers."""
    return cross_validate(
        collection.archive, collection.cohort, collection.lesions, run_name="trained", folds=FOLDS, settings=WORKERS
    )
