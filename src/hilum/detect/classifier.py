"""A gradient-boosted classifier of candidates, and its file, which cannot run code.

The same examples and seed give the same trees on any number of cores: trees are grown in one thread, since sums of
floats depend on how they are shared out. Folds run side by side instead.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.detect.labels import NEGATIVE, POSITIVE, UNSURE, require_both
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.ensemble import HistGradientBoostingClassifier

    Floats = NDArray[np.float32]

TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What a model file may hold besides the types that skops itself knows to be harmless: arrays of tree nodes."""

POSITIVE_SHARE = 0.2
"""Share of candidates on lesions among the examples shown; in a volume it is one in hundreds."""

LEAST_NEGATIVES = 2000
"""Counter-examples kept however few lesions there are."""


@dataclass(frozen=True, slots=True)
class ClassifierSettings:
    """How the trees are grown.

    Attributes
    ----------
    trees, leaves, bins, learning_rate, least_examples, shrinkage, feature_share
        Boosting rounds, leaves a tree, values a feature is rounded to, weight of a tree, examples a leaf, L2
        regularization, and share of the features each split chooses from.
    negatives_per_positive
        Counter-examples kept a positive candidate: half the hardest of a first, short training, half drawn at random.
    first_trees
        Boosting rounds of the first training.
    """

    trees: int = 200
    leaves: int = 12
    bins: int = 64
    learning_rate: float = 0.08
    least_examples: int = 8
    shrinkage: float = 3.0
    feature_share: float = 0.4
    negatives_per_positive: int = 60
    first_trees: int = 40


@dataclass(frozen=True, eq=False)
class Examples:
    """Candidates to learn from.

    Attributes
    ----------
    features
        ``(n, len(names))``; NaN where a feature is not defined.
    labels
        ``(n,)`` of `hilum.detect.labels`.
    weights
        ``(n,)`` weight of each candidate within its class.
    names
        Names of the features, in order.
    """

    features: Floats
    labels: NDArray[np.int8]
    weights: NDArray[np.float64]
    names: tuple[str, ...]

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Examples at `rows`."""
        return Examples(self.features[rows], self.labels[rows], self.weights[rows], self.names)


class CandidateClassifier:
    """Probability that a candidate lies on a lesion, if one in five did (`POSITIVE_SHARE`)."""

    def __init__(self, names: tuple[str, ...], model: HistGradientBoostingClassifier) -> None:
        self.names = names
        self._model = model

    @classmethod
    def train(cls, examples: Examples, settings: ClassifierSettings, seed: int) -> CandidateClassifier:
        """Grow the trees twice: on random counter-examples, then on the ones the first trees get wrong.

        Raises
        ------
        DetectorError
            No candidate lies on a lesion, or all do.
        """
        require_both(examples.labels)
        sure = examples.take(np.flatnonzero(examples.labels != UNSURE))
        positives = np.flatnonzero(sure.labels == POSITIVE)
        negatives = np.flatnonzero(sure.labels == NEGATIVE)
        wanted = max(LEAST_NEGATIVES, settings.negatives_per_positive * len(positives))
        generator = np.random.default_rng(seed)
        if len(negatives) > wanted:
            drawn = generator.permutation(negatives)[:wanted]
            first = _grow(sure.take(np.concatenate([positives, drawn])), settings, seed, settings.first_trees)
            scores = first.predict_proba(sure.features[negatives])[:, 1]
            negatives = _hard_and_random(negatives, scores, wanted, generator)
        rows = np.concatenate([positives, negatives])
        return cls(examples.names, _grow(sure.take(rows), settings, seed, settings.trees))

    def score(self, features: Floats, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Probability of each row, ``(n,)``.

        Raises
        ------
        DetectorError
            The features are not those the classifier was trained on.
        """
        if names != self.names:
            odd = sorted(set(names) ^ set(self.names)) or ["their order"]
            raise DetectorError(f"features differ from those of the training ({', '.join(odd[:5])}): train it again")
        if len(features) == 0:
            return np.empty(0)
        scores: NDArray[np.float64] = self._model.predict_proba(features)[:, 1]
        return scores

    def save(self, path: Path) -> None:
        """Write the trees with skops; beside them (``.json``) the features' names and the version of scikit-learn."""
        from skops.io import dump

        dump(self._model, path)
        record = {"scikit-learn": _tree_version(), "features": list(self.names)}
        path.with_suffix(".json").write_text(json.dumps(record, indent=1))

    @classmethod
    def load(cls, path: Path) -> CandidateClassifier:
        """Read what `save` wrote.

        Raises
        ------
        DetectorError
            The file is damaged, holds anything but such a classifier, or trees that lead out of their arrays; or
            another version of scikit-learn wrote it, whose trees this one could misread.
        """
        record = json.loads(path.with_suffix(".json").read_text())
        if record["scikit-learn"] != _tree_version():
            raise DetectorError(
                f"model file {path} was written with scikit-learn {record['scikit-learn']}, but {_tree_version()} is "
                "installed; install that version, or train again"
            )
        names = tuple(record["features"])
        model = _read_model(path)
        _check_trees(path, model, len(names))
        return cls(names, model)


def _tree_version() -> str:
    """Version of scikit-learn, as far as the form of its trees depends on it."""
    import sklearn

    return ".".join(sklearn.__version__.split(".")[:2])


def _grow(examples: Examples, settings: ClassifierSettings, seed: int, trees: int) -> HistGradientBoostingClassifier:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=settings.leaves,
        max_bins=settings.bins,
        learning_rate=settings.learning_rate,
        min_samples_leaf=settings.least_examples,
        l2_regularization=settings.shrinkage,
        max_features=settings.feature_share,
        early_stopping=False,
        random_state=seed,
    )
    shown = np.repeat(np.arange(len(examples.labels)), _repeats(examples))
    with threadpool_limits(limits=1, user_api="openmp"):
        model.fit(examples.features[shown], examples.labels[shown])
    return model


def _repeats(examples: Examples) -> NDArray[np.intp]:
    """How often each example is shown: positives so often that they make up `POSITIVE_SHARE`, as their weights say.

    Repeated rather than weighted, because scikit-learn bins weighted examples ten times as slowly.
    """
    repeats = np.ones(len(examples.labels))
    positive = examples.labels == POSITIVE
    wanted = np.count_nonzero(~positive) * POSITIVE_SHARE / (1 - POSITIVE_SHARE)
    weights = examples.weights[positive]
    repeats[positive] = np.maximum(1, np.rint(weights / weights.sum() * wanted))
    return repeats.astype(np.intp)


def _hard_and_random(
    rows: NDArray[np.intp], scores: NDArray[np.float64], count: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """`count` of `rows`: the half with the highest scores, and as many drawn from the others."""
    order = np.argsort(-scores, kind="stable")
    hard, easy = rows[order[: count // 2]], rows[order[count // 2 :]]
    return np.concatenate([hard, generator.permutation(easy)[: count - len(hard)]])


def _read_model(path: Path) -> HistGradientBoostingClassifier:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        model = load(path, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise DetectorError(f"model file {path} holds what no classifier needs and could run code: {error}") from error
    except (zipfile.BadZipFile, LookupError, ValueError, TypeError, AttributeError, ImportError, EOFError) as error:
        raise DetectorError(f"model file {path} is damaged ({error}); train it again or copy it anew") from error
    if type(model) is not HistGradientBoostingClassifier:
        raise DetectorError(f"model file {path} holds a {type(model).__name__}, not a gradient-boosted classifier")
    return model


def _check_trees(path: Path, model: HistGradientBoostingClassifier, feature_count: int) -> None:
    """Refuse trees whose compiled traversal would read beyond its arrays or never end."""
    trees = [tree for round_ in model._predictors for tree in round_]  # noqa: SLF001 (sklearn offers no other way)
    nodes_of = [tree.nodes for tree in trees]
    if model.n_features_in_ != feature_count or not all(_is_sound(nodes, feature_count) for nodes in nodes_of):
        raise DetectorError(f"model file {path} holds trees that lead out of their arrays; it is damaged or forged")


def _is_sound(nodes: NDArray[Any], feature_count: int) -> bool:
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    if len(nodes) == 0 or nodes["is_categorical"].any():
        return False
    children = np.stack([nodes["left"][inner], nodes["right"][inner]]).astype(np.int64)
    features = nodes["feature_idx"][inner]
    return bool(
        np.all((children > inner) & (children < len(nodes))) and np.all((features >= 0) & (features < feature_count))
    )
