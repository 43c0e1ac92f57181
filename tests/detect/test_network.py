from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detect.phantoms import make_phantom
from hilum.detect.candidates import CandidateSettings
from hilum.detect.classic import ClassicDetector
from hilum.detect.convnet import ConvNetSettings
from hilum.detect.detector import Case, PreparedCase, PreparingDetector
from hilum.detect.model_record import RECORD_FILE
from hilum.detect.network import MODEL_FILE, NetworkDetector, NetworkSettings
from hilum.detect.view_examples import ExampleSettings
from hilum.errors import DetectorError
from hilum.model.geometry import Geometry
from hilum.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.detect.detector import Prepared

PHANTOMS = [make_phantom(number) for number in range(20, 24)]
UNSEEN = [make_phantom(number) for number in (30, 31)]
SMALL = NetworkSettings(
    candidates=CandidateSettings(maximum_count=150),
    examples=ExampleSettings(lesion_views=24),
    network=ConvNetSettings(filters=(8, 12, 16), epochs=8, batch=32),
    views_averaged=4,
)


def cases() -> list[Case]:
    return [
        Case(str(number), str(number), phantom.lesions, partial(getattr, phantom, "volume"))
        for number, phantom in enumerate(PHANTOMS)
    ]


def prepared_cases(detector: NetworkDetector) -> list[PreparedCase]:
    return [
        PreparedCase(case.series_uid, case.person_id, case.lesions, detector.prepare(case.load())) for case in cases()
    ]


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    trained = NetworkDetector(seed=3, settings=SMALL)
    trained.fit(cases())
    return trained


@pytest.fixture(scope="module")
def unseen(detector: NetworkDetector) -> list[Prepared]:
    return [detector.prepare(phantom.volume) for phantom in UNSEEN]


def test_it_prepares() -> None:
    assert isinstance(NetworkDetector(), PreparingDetector)


def test_candidates_are_those_of_the_classic_detector(unseen: list[Prepared]) -> None:
    ours, theirs = unseen[0], ClassicDetector().prepare(UNSEEN[0].volume)
    for name in ("points_mm", "radius_mm"):
        assert np.array_equal(ours[name], theirs[name][: len(ours[name])])


def test_nodes_of_unseen_phantoms_rank_far_above_the_other_marks(
    detector: NetworkDetector, unseen: list[Prepared]
) -> None:
    of_nodes: list[float] = []
    of_others: list[float] = []
    for prepared, phantom in zip(unseen, UNSEEN, strict=True):
        centres = np.array([lesion.position_mm for lesion in phantom.lesions])
        for detection in detector.detect_prepared(prepared):
            distance = np.linalg.norm(centres - detection.position_mm, axis=1).min()
            if distance < 5 or distance > 20:
                (of_nodes if distance < 5 else of_others).append(detection.score)
    assert len(of_nodes) >= 3
    assert len(of_others) > 50
    # Share of pairs in which the node has the higher score (area under the ROC curve); 0.5 is chance.
    assert np.mean(np.array(of_nodes)[:, None] > np.array(of_others)) > 0.9


def test_fit_and_detect_are_their_prepared_forms(detector: NetworkDetector, unseen: list[Prepared]) -> None:
    again = NetworkDetector(seed=3, settings=SMALL)
    again.fit_prepared(prepared_cases(again))
    assert again.detect_prepared(unseen[0]) == detector.detect(UNSEEN[0].volume)
    assert again._training == detector._training


def test_another_seed_gives_other_scores(detector: NetworkDetector, unseen: list[Prepared]) -> None:
    other = NetworkDetector(seed=4, settings=SMALL)
    other.fit_prepared(prepared_cases(other))
    assert other.detect_prepared(unseen[0]) != detector.detect_prepared(unseen[0])


def test_saved_and_loaded_it_says_the_same(detector: NetworkDetector, unseen: list[Prepared], tmp_path: Path) -> None:
    detector.save(tmp_path)
    loaded = NetworkDetector()
    loaded.load(tmp_path)
    assert loaded.parameters() == detector.parameters()
    assert loaded.parameters()["seed"] == 3
    assert loaded.detect_prepared(unseen[0]) == detector.detect_prepared(unseen[0])


def test_the_record_says_how_the_training_went(detector: NetworkDetector, tmp_path: Path) -> None:
    detector.save(tmp_path)
    training = json.loads((tmp_path / RECORD_FILE).read_text())["training"]
    assert len(training["held_out_persons"]) == 1
    assert 1 <= len(training["held_out_losses"]) <= 8


def test_parameters_are_json() -> None:
    parameters = NetworkDetector(seed=1).parameters()
    assert json.loads(json.dumps(parameters)) == parameters


def test_a_candidate_s_score_does_not_depend_on_the_others(
    detector: NetworkDetector, unseen: list[Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {one.position_mm: one.score for one in detector.detect_prepared(unseen[0])}
    monkeypatch.setattr("hilum.detect.network.CANDIDATES_AT_ONCE", 7)
    some = dict(unseen[0]) | {name: unseen[0][name][3:40] for name in ("points_mm", "radius_mm")}
    found = [one for one in detector.detect_prepared(some) if one.position_mm in whole]
    assert len(found) > 5
    for one in found:
        assert one.score == pytest.approx(whole[one.position_mm], abs=1e-6)


def test_the_body_is_kept_no_finer_than_the_volume(unseen: list[Prepared]) -> None:
    geometry = UNSEEN[0].volume.geometry
    hu, affine = unseen[0]["hu"], unseen[0]["affine"]
    assert hu.dtype == np.int16
    assert np.allclose(np.linalg.norm(affine[:3, :3], axis=0), geometry.spacing_mm)
    assert geometry.contains(Geometry.from_affine(affine, hu.shape).to_mm(np.array(hu.shape) / 2))


def test_air_has_no_marks(detector: NetworkDetector) -> None:
    shape = (6, 40, 40)
    assert detector.detect(Volume(np.full(shape, -1000, np.int16), Geometry(shape, (3.0, 2.0, 2.0), (0, 0, 0)))) == []


def test_untrained_is_an_error(unseen: list[Prepared], tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="has not been trained"):
        NetworkDetector().detect_prepared(unseen[0])
    with pytest.raises(DetectorError, match="has not been trained"):
        NetworkDetector().save(tmp_path)
    with pytest.raises(DetectorError, match="no series"):
        NetworkDetector().fit([])


def test_models_of_other_make_are_refused(detector: NetworkDetector, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="holds no trained model"):
        NetworkDetector().load(tmp_path)
    detector.save(tmp_path)
    with pytest.raises(DetectorError, match="model of network version 1; this is classic"):
        ClassicDetector().load(tmp_path)
    content = (tmp_path / MODEL_FILE).read_bytes()
    (tmp_path / MODEL_FILE).write_bytes(content[:-1])
    with pytest.raises(DetectorError, match="not as it was saved"):
        NetworkDetector().load(tmp_path)


def test_a_record_whose_settings_do_not_fit_the_weights_is_refused(detector: NetworkDetector, tmp_path: Path) -> None:
    detector.save(tmp_path)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    record["parameters"]["network"]["filters"] = [9, 12, 16]
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(DetectorError, match="weights of another network"):
        NetworkDetector().load(tmp_path)
    del record["parameters"]["views"]
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(DetectorError, match="damaged"):
        NetworkDetector().load(tmp_path)


def test_a_person_s_series_are_held_out_together() -> None:
    detector = NetworkDetector(seed=3, settings=replace(SMALL, network=replace(SMALL.network, epochs=1)))
    twice = [replace(case, person_id=str(int(case.person_id) % 3)) for case in prepared_cases(detector)]
    detector.fit_prepared(twice)
    assert len(detector._training["held_out_persons"]) == 1
