from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detect.phantoms import make_phantom
from hilum.detect.classic import MODEL_FILE, ClassicDetector
from hilum.detect.detector import Case, PreparedCase, PreparingDetector
from hilum.detect.model_record import RECORD_FILE
from hilum.errors import DetectorError
from hilum.model.geometry import Geometry
from hilum.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

PHANTOMS = [make_phantom(number) for number in range(20, 24)]
UNSEEN = make_phantom(30)


def cases() -> list[Case]:
    return [
        Case(str(number), str(number), phantom.lesions, partial(getattr, phantom, "volume"))
        for number, phantom in enumerate(PHANTOMS)
    ]


@pytest.fixture(scope="module")
def detector() -> ClassicDetector:
    trained = ClassicDetector(seed=3)
    trained.fit(cases())
    return trained


def test_it_prepares() -> None:
    assert isinstance(ClassicDetector(), PreparingDetector)


def test_the_nodes_of_an_unseen_phantom_are_the_surest_marks(detector: ClassicDetector) -> None:
    found = detector.detect(UNSEEN.volume)
    scores = [detection.score for detection in found]
    assert scores == sorted(scores, reverse=True)
    surest = np.array([detection.position_mm for detection in found[:3]])
    for lesion in UNSEEN.lesions:
        assert lesion.short_axis_mm is not None
        assert np.linalg.norm(surest - lesion.position_mm, axis=1).min() < lesion.short_axis_mm / 2


def test_a_node_gives_one_mark(detector: ClassicDetector) -> None:
    points = np.array([detection.position_mm for detection in detector.detect(UNSEEN.volume)])
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 6
    assert len(points) <= 100


def test_fit_and_detect_are_their_prepared_forms(detector: ClassicDetector) -> None:
    again = ClassicDetector(seed=3)
    again.fit_prepared(
        PreparedCase(case.series_uid, case.person_id, case.lesions, again.prepare(case.load())) for case in cases()
    )
    assert again.detect_prepared(again.prepare(UNSEEN.volume)) == detector.detect(UNSEEN.volume)


def test_saved_and_loaded_it_says_the_same(detector: ClassicDetector, tmp_path: Path) -> None:
    detector.save(tmp_path)
    loaded = ClassicDetector()
    loaded.load(tmp_path)
    assert loaded.parameters() == detector.parameters()
    assert loaded.parameters()["seed"] == 3
    assert loaded.detect(UNSEEN.volume) == detector.detect(UNSEEN.volume)


def test_parameters_are_json() -> None:
    parameters = ClassicDetector(seed=1).parameters()
    assert json.loads(json.dumps(parameters)) == parameters


def test_air_has_no_marks(detector: ClassicDetector) -> None:
    shape = (6, 40, 40)
    assert detector.detect(Volume(np.full(shape, -1000, np.int16), Geometry(shape, (3.0, 2.0, 2.0), (0, 0, 0)))) == []


def test_untrained_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="has not been trained"):
        ClassicDetector().detect(UNSEEN.volume)
    with pytest.raises(DetectorError, match="has not been trained"):
        ClassicDetector().save(tmp_path)
    with pytest.raises(DetectorError, match="no series"):
        ClassicDetector().fit([])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="holds no trained model"):
        ClassicDetector().load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "0"}, "version 0"),
        ({"method": "toy"}, "model of toy"),
        ({"sha256": "00"}, "not as it was saved"),
        ({"parameters": {"seed": 3}}, "parameters are not those of classic"),
        ({"parameters": []}, "parameters are not those of classic"),
    ],
)
def test_a_model_of_other_make_is_refused(
    detector: ClassicDetector, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    detector.save(tmp_path)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    (tmp_path / RECORD_FILE).write_text(json.dumps(record | change))
    with pytest.raises(DetectorError, match=message):
        ClassicDetector().load(tmp_path)


def test_a_tampered_model_file_is_refused(detector: ClassicDetector, tmp_path: Path) -> None:
    detector.save(tmp_path)
    content = bytearray((tmp_path / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / MODEL_FILE).write_bytes(content)
    with pytest.raises(DetectorError, match="not as it was saved"):
        ClassicDetector().load(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_record_is_refused(detector: ClassicDetector, tmp_path: Path, text: str) -> None:
    detector.save(tmp_path)
    (tmp_path / RECORD_FILE).write_text(text)
    with pytest.raises(DetectorError, match=RECORD_FILE):
        ClassicDetector().load(tmp_path)
