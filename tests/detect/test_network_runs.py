"""The network detector in a whole run: trained in a worker, its model kept, read again and applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detect.conftest import FOLDS
from hilum.config import Settings
from hilum.detect.application import apply_model
from hilum.detect.crossval import cross_validate
from hilum.detect.detector import make_detector
from hilum.detect.model_record import RECORD_FILE
from hilum.detect.network import MODEL_FILE, NetworkDetector

if TYPE_CHECKING:
    from pathlib import Path

    from detect.conftest import Collection
    from hilum.detect.runs import Run

ONE_WORKER = Settings(workers=1)
QUICK = """
from hilum.detect.candidates import CandidateSettings
from hilum.detect.convnet import ConvNetSettings
from hilum.detect.network import NetworkDetector, NetworkSettings
from hilum.detect.view_examples import ExampleSettings


class Quick(NetworkDetector):
    name = "quick"

    def __init__(self, *, seed):
        settings = NetworkSettings(
            CandidateSettings(maximum_count=60),
            examples=ExampleSettings(lesion_views=8),
            network=ConvNetSettings(filters=(4, 4, 4), epochs=2, batch=16),
            views_averaged=2,
        )
        super().__init__(seed=seed, settings=settings)
"""


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed detector that is the network detector with settings for seconds."""
    about = tmp_path / "quick-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: quick\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hilum.detectors]\nquick = quick_detector:Quick\n")
    (tmp_path / "quick_detector.py").write_text(QUICK)
    monkeypatch.syspath_prepend(tmp_path)
    return "quick"


def test_network_is_installed() -> None:
    detector = make_detector("network", seed=5)
    assert isinstance(detector, NetworkDetector)
    assert detector.parameters()["seed"] == 5


def train(collection: Collection, detector: str, run_name: str) -> Run:
    return cross_validate(
        collection.archive,
        collection.cohort,
        collection.lesions,
        run_name=run_name,
        detector=detector,
        folds=FOLDS,
        settings=ONE_WORKER,
    )


def test_a_run_keeps_a_model_that_can_be_applied(collection: Collection, quick: str) -> None:
    run = train(collection, quick, "network")
    assert run.refusals() == []
    assert {mark.exam_id for mark in run.marks()} == set(collection.cohort.series_uids)
    assert run.plan.parameters["network"]["filters"] == [4, 4, 4]
    assert sorted(path.name for path in run.folder.model.iterdir()) == sorted([MODEL_FILE, RECORD_FILE])
    record = json.loads((run.folder.model / RECORD_FILE).read_text())
    assert record["parameters"] == run.plan.parameters
    assert len(record["training"]["held_out_persons"]) == 1

    uids = collection.cohort.series_uids[:2]
    applied = apply_model(collection.archive, uids, model="network", run_name="of-network", settings=ONE_WORKER)
    assert {mark.exam_id for mark in applied.marks()} == set(uids)
    assert applied.plan.parameters == run.plan.parameters
    assert set(applied.seen_in_training) == set(uids)
