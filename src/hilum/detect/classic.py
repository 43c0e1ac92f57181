"""The classic detector: blob candidates, hand-made features, boosted trees. It runs on a processor core.

It looks for soft-tissue blobs of 5 to 30 mm in contrast CT of chest and abdomen: lymph nodes.

References
----------
Cherry, K. M. et al. (2014). Abdominal lymphadenopathy detection using random forest. Proc. SPIE 9035.
doi:10.1117/12.2043837
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hilum.detect.candidates import CandidateSettings, find_candidates
from hilum.detect.classifier import CandidateClassifier, ClassifierSettings, Examples
from hilum.detect.detector import PreparedCase
from hilum.detect.features import as_matrix, candidate_features
from hilum.detect.grid import WORK_SPACING_MM, work_grid
from hilum.detect.labels import label_candidates
from hilum.detect.model_record import read_record, write_record
from hilum.detect.suppression import surest_detections
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hilum.detect.detector import Case, Detection, Prepared
    from hilum.volume.volume import Volume

MODEL_FILE = "classifier.skops"


@dataclass(frozen=True, slots=True)
class ClassicSettings:
    """Settings of the classic detector.

    Attributes
    ----------
    candidates, classifier
        Of the two stages.
    reach_mm
        Least and most distance within which a surer mark drops a weaker one; between them, the candidate's radius.
    maximum_marks
        Marks kept a volume, the surest first.
    """

    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    reach_mm: tuple[float, float] = (6.0, 15.0)
    maximum_marks: int = 100


class ClassicDetector:
    """Detector of lymph nodes for a processor core; see the module."""

    name: ClassVar[str] = "classic"
    version: ClassVar[str] = "1"

    def __init__(self, *, seed: int = 0, settings: ClassicSettings | None = None) -> None:
        self._seed = seed
        self._settings = settings or ClassicSettings()
        self._classifier: CandidateClassifier | None = None

    def parameters(self) -> dict[str, Any]:
        """Give every setting that the marks depend on."""
        settings = asdict(self._settings)
        settings["reach_mm"] = list(self._settings.reach_mm)
        return {"seed": self._seed, "work_spacing_mm": WORK_SPACING_MM, **settings}

    def prepare(self, volume: Volume) -> Prepared:
        """Candidates of a volume: position (LPS mm), radius (mm) and features of each."""
        work = work_grid(volume)
        candidates = find_candidates(work, self._settings.candidates)
        radius_mm, columns = candidate_features(work, candidates)
        return {
            "points_mm": work.geometry.to_mm(candidates.voxels),
            "radius_mm": radius_mm,
            "features": as_matrix(columns),
            "names": np.array(list(columns)),
        }

    def fit(self, cases: Iterable[Case]) -> None:
        """Learn from volumes, one at a time in memory."""
        self.fit_prepared(
            PreparedCase(case.series_uid, case.person_id, case.lesions, self.prepare(case.load())) for case in cases
        )

    def fit_prepared(self, cases: Iterable[PreparedCase]) -> None:
        """Learn from the candidates of volumes."""
        features, labels, weights = [], [], []
        names: tuple[str, ...] = ()
        for case in cases:
            label, weight = label_candidates(case.prepared["points_mm"], case.lesions)
            features.append(case.prepared["features"])
            labels.append(label)
            weights.append(weight)
            names = _names(case.prepared)
        if not features:
            raise DetectorError("no series to learn from: the cohort, or this fold of it, is empty")
        examples = Examples(np.concatenate(features), np.concatenate(labels), np.concatenate(weights), names)
        self._classifier = CandidateClassifier.train(examples, self._settings.classifier, self._seed)

    def detect(self, volume: Volume) -> list[Detection]:
        """Marks of a volume, the surest first."""
        return self.detect_prepared(self.prepare(volume))

    def detect_prepared(self, prepared: Prepared) -> list[Detection]:
        """Marks among the candidates of a volume, the surest first."""
        if self._classifier is None:
            raise DetectorError("the classic detector has not been trained: call fit, or load a trained model")
        scores = self._classifier.score(prepared["features"], _names(prepared))
        return surest_detections(
            prepared["points_mm"],
            scores,
            prepared["radius_mm"],
            reach_mm=self._settings.reach_mm,
            maximum_count=self._settings.maximum_marks,
        )

    def save(self, folder: Path) -> None:
        """Write the classifier and what it was made with."""
        if self._classifier is None:
            raise DetectorError("the classic detector has not been trained: there is nothing to save")
        self._classifier.save(folder / MODEL_FILE)
        write_record(self, folder / MODEL_FILE)

    def load(self, folder: Path) -> None:
        """Take a trained classifier and its settings; a file that is not what `save` wrote is refused."""
        seed, settings = read_record(self, folder / MODEL_FILE, _settings_of)
        self._classifier = CandidateClassifier.load(folder / MODEL_FILE)
        self._seed, self._settings = seed, settings


def _names(prepared: Prepared) -> tuple[str, ...]:
    return tuple(prepared["names"].tolist())


def _settings_of(parameters: dict[str, Any]) -> tuple[int, ClassicSettings]:
    low, high = parameters["reach_mm"]
    settings = ClassicSettings(
        CandidateSettings(**parameters["candidates"]),
        ClassifierSettings(**parameters["classifier"]),
        (float(low), float(high)),
        int(parameters["maximum_marks"]),
    )
    return int(parameters["seed"]), settings
