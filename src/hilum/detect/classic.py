"""The classic detector: blob candidates, hand-made features, boosted trees. It runs on a processor core.

It looks for soft-tissue blobs of 5 to 30 mm in contrast CT of chest and abdomen: lymph nodes.

References
----------
Cherry, K. M. et al. (2014). Abdominal lymphadenopathy detection using random forest. Proc. SPIE 9035.
doi:10.1117/12.2043837
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hilum.detect.candidates import CandidateSettings, find_candidates
from hilum.detect.classifier import CandidateClassifier, ClassifierSettings, Examples
from hilum.detect.detector import Detection, PreparedCase
from hilum.detect.features import as_matrix, candidate_features
from hilum.detect.grid import WORK_SPACING_MM, work_grid
from hilum.detect.labels import label_candidates
from hilum.detect.suppression import suppress_neighbours
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hilum.detect.detector import Case, Prepared
    from hilum.volume.volume import Volume

RECORD_FILE = "detector.json"
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
        points = prepared["points_mm"]
        reach = np.clip(prepared["radius_mm"], *self._settings.reach_mm)
        kept = suppress_neighbours(points, scores, reach, maximum_count=self._settings.maximum_marks)
        rows = np.column_stack([points, scores])[kept].tolist()
        return [Detection((x, y, z), score) for x, y, z, score in rows]

    def save(self, folder: Path) -> None:
        """Write the classifier and what it was made with."""
        if self._classifier is None:
            raise DetectorError("the classic detector has not been trained: there is nothing to save")
        self._classifier.save(folder / MODEL_FILE)
        record = {
            "method": self.name,
            "version": self.version,
            "parameters": self.parameters(),
            "sha256": sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
        }
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n")

    def load(self, folder: Path) -> None:
        """Take a trained classifier and its settings; a file that is not what `save` wrote is refused."""
        record = _read_record(folder)
        if (record["method"], record["version"]) != (self.name, self.version):
            raise DetectorError(
                f"{folder} holds a model of {record['method']} version {record['version']}; "
                f"this is {self.name} version {self.version}. Train it again."
            )
        found = sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
        if found != record["sha256"]:
            raise DetectorError(f"{folder / MODEL_FILE} is not as it was saved (SHA-256 {found}): train it again")
        self._classifier = CandidateClassifier.load(folder / MODEL_FILE)
        self._seed, self._settings = _settings_of(record["parameters"])


def _names(prepared: Prepared) -> tuple[str, ...]:
    return tuple(prepared["names"].tolist())


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / RECORD_FILE).read_text())
    except FileNotFoundError as error:
        raise DetectorError(f"{folder} holds no trained model: {RECORD_FILE} is missing") from error
    except ValueError as error:
        raise DetectorError(f"{folder / RECORD_FILE} is damaged: {error}") from error
    if missing := {"method", "version", "parameters", "sha256"} - set(record):
        raise DetectorError(f"{folder / RECORD_FILE} lacks {', '.join(sorted(missing))}")
    return record


def _settings_of(parameters: dict[str, Any]) -> tuple[int, ClassicSettings]:
    low, high = parameters["reach_mm"]
    settings = ClassicSettings(
        CandidateSettings(**parameters["candidates"]),
        ClassifierSettings(**parameters["classifier"]),
        (float(low), float(high)),
        int(parameters["maximum_marks"]),
    )
    return int(parameters["seed"]), settings
