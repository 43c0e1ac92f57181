from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import skops.io
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from hilum.detect.classifier import CandidateClassifier, ClassifierSettings, Examples, _hard_and_random, _tree_version
from hilum.detect.labels import NEGATIVE, POSITIVE, UNSURE
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b", "c")
SETTINGS = ClassifierSettings(trees=15, first_trees=8)


def examples(count: int = 1500, seed: int = 0) -> Examples:
    """Positive where a and b are both high; c is noise; a tenth of b is missing."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 3)).astype(np.float32)
    labels = np.where((features[:, 0] > 1) & (features[:, 1] > 1), POSITIVE, NEGATIVE).astype(np.int8)
    features[generator.random(count) < 0.1, 1] = np.nan
    return Examples(features, labels, np.ones(count), NAMES)


@pytest.fixture(scope="module")
def classifier() -> CandidateClassifier:
    return CandidateClassifier.train(examples(), SETTINGS, seed=1)


def test_it_learns(classifier: CandidateClassifier) -> None:
    unseen = examples(seed=9)
    scores = classifier.score(unseen.features, NAMES)
    positive, negative = scores[unseen.labels == POSITIVE], scores[unseen.labels == NEGATIVE]
    assert np.mean(positive[:, None] > negative) > 0.95
    assert np.all((scores >= 0) & (scores <= 1))


def test_the_same_seed_gives_the_same_scores_on_any_number_of_threads(classifier: CandidateClassifier) -> None:
    features = examples(seed=9).features
    with threadpool_limits(limits=3):
        again = CandidateClassifier.train(examples(), SETTINGS, seed=1)
    np.testing.assert_array_equal(again.score(features, NAMES), classifier.score(features, NAMES))
    other = CandidateClassifier.train(examples(), SETTINGS, seed=2)
    assert np.any(other.score(features, NAMES) != classifier.score(features, NAMES))


def test_unsure_examples_teach_nothing(classifier: CandidateClassifier) -> None:
    sure = examples()
    odd = Examples(
        np.concatenate([sure.features, np.full((50, 3), 2, np.float32)]),
        np.concatenate([sure.labels, np.full(50, UNSURE, np.int8)]),
        np.ones(len(sure.labels) + 50),
        NAMES,
    )
    again = CandidateClassifier.train(odd, SETTINGS, seed=1)
    np.testing.assert_array_equal(again.score(sure.features, NAMES), classifier.score(sure.features, NAMES))


def test_many_negatives_are_thinned_to_hard_and_random_ones() -> None:
    few = replace(SETTINGS, negatives_per_positive=1)
    trained = CandidateClassifier.train(examples(8000), few, seed=0)
    unseen = examples(seed=9)
    scores = trained.score(unseen.features, NAMES)
    assert np.median(scores[unseen.labels == POSITIVE]) > np.quantile(scores[unseen.labels == NEGATIVE], 0.95)


def test_half_are_the_hardest_and_none_is_drawn_twice() -> None:
    rows, scores = np.arange(100, 200), np.linspace(0, 1, 100)
    kept = _hard_and_random(rows, scores, 20, np.random.default_rng(0))
    assert len(set(kept.tolist())) == 20
    assert set(range(190, 200)) <= set(kept.tolist())


@pytest.mark.parametrize("label", [POSITIVE, NEGATIVE])
def test_one_class_alone_is_refused(label: int) -> None:
    alone = Examples(np.zeros((9, 3), np.float32), np.full(9, label, np.int8), np.ones(9), NAMES)
    with pytest.raises(DetectorError, match="training needs both"):
        CandidateClassifier.train(alone, SETTINGS, seed=0)


def test_other_features_are_refused(classifier: CandidateClassifier) -> None:
    with pytest.raises(DetectorError, match="d"):
        classifier.score(np.zeros((1, 3), np.float32), ("a", "b", "d"))
    with pytest.raises(DetectorError, match="order"):
        classifier.score(np.zeros((1, 3), np.float32), ("b", "a", "c"))


def test_nothing_to_score(classifier: CandidateClassifier) -> None:
    assert classifier.score(np.empty((0, 3), np.float32), NAMES).shape == (0,)


def test_saved_and_loaded_it_scores_the_same(classifier: CandidateClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "model.skops")
    features = examples(seed=9).features
    loaded = CandidateClassifier.load(tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.score(features, NAMES), classifier.score(features, NAMES))


def forge(path: Path, content: object) -> None:
    skops.io.dump(content, path)
    path.with_suffix(".json").write_text(json.dumps({"scikit-learn": _tree_version(), "features": NAMES}))


def test_a_model_that_could_run_code_is_refused(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    forge(tmp_path / "model.skops", partial(os.system, f"touch {witness}"))
    with pytest.raises(DetectorError, match="could run code"):
        CandidateClassifier.load(tmp_path / "model.skops")
    assert not witness.exists()


def test_another_model_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "model.skops", DecisionTreeClassifier().fit(np.eye(3), [0, 1, 1]))
    with pytest.raises(DetectorError):
        CandidateClassifier.load(tmp_path / "model.skops")


@pytest.mark.parametrize(
    ("field", "value"), [("left", 10_000), ("right", 0), ("feature_idx", 7), ("is_categorical", 1)]
)
def test_trees_that_lead_out_of_their_arrays_are_refused(tmp_path: Path, field: str, value: int) -> None:
    classifier = CandidateClassifier.train(examples(), SETTINGS, seed=1)
    classifier._model._predictors[3][0].nodes[field][0] = value
    classifier.save(tmp_path / "model.skops")
    with pytest.raises(DetectorError, match="out of their arrays"):
        CandidateClassifier.load(tmp_path / "model.skops")


def test_trees_of_another_scikit_learn_are_refused(classifier: CandidateClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "model.skops")
    record = tmp_path / "model.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"scikit-learn": "0.24"}))
    with pytest.raises(DetectorError, match=r"written with scikit-learn 0\.24"):
        CandidateClassifier.load(tmp_path / "model.skops")


@pytest.mark.parametrize("keep", [0, 10, 2000, -1])
def test_a_cut_file_is_refused(classifier: CandidateClassifier, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.skops"
    classifier.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DetectorError, match="damaged"):
        CandidateClassifier.load(path)
