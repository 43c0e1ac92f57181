"""The network detector: the candidates of the classic one, scored by a convolutional network on random views.

It is the second stage that was published on the collection CT Lymph Nodes (Roth 2014), with our own candidates before
it. It needs PyTorch, the extra ``hilum[torch]``, and runs on a processor core.

References
----------
Roth, H. R. et al. (2014). A new 2.5D representation for lymph node detection using random sets of deep convolutional
neural network observations. MICCAI 2014, LNCS 8673, 520-527. doi:10.1007/978-3-319-10404-1_65
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hilum.detect.candidates import CandidateSettings, find_candidates
from hilum.detect.convnet import ConvNetSettings, ViewClassifier, require_torch
from hilum.detect.detector import PreparedCase
from hilum.detect.features import candidate_radii_mm
from hilum.detect.grid import WORK_SPACING_MM, work_grid
from hilum.detect.model_record import read_record, write_record
from hilum.detect.suppression import surest_detections
from hilum.detect.view_examples import ExampleSettings, ViewExamples, view_examples
from hilum.detect.views import ViewSettings, draw_views, sample_views
from hilum.errors import DetectorError
from hilum.model.geometry import Geometry
from hilum.volume.axes import as_axial
from hilum.volume.resample import resample_to_grid, spaced_geometry
from hilum.volume.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.detect.detector import Case, Detection, Prepared

    Floats = NDArray[np.float64]

MODEL_FILE = "network.npz"

VIEW_SPACING_MM = 1.0
"""Spacing at which the body is kept for the views, along axes that the volume has finer: the finest view has a pixel of
30 mm / 32."""

CANDIDATES_AT_ONCE = 64
"""Candidates whose views are in memory together: 3 MB at 16 views."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Settings of the network detector.

    Attributes
    ----------
    candidates, views, examples, network
        Of its parts.
    views_averaged
        Views a candidate whose scores are averaged. Roth 2014 took 100 of each of 40 candidates a patient; here are
        up to 1,500 candidates.
    reach_mm, maximum_marks
        As those of the classic detector.
    """

    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    views: ViewSettings = field(default_factory=ViewSettings)
    examples: ExampleSettings = field(default_factory=ExampleSettings)
    network: ConvNetSettings = field(default_factory=ConvNetSettings)
    views_averaged: int = 16
    reach_mm: tuple[float, float] = (6.0, 15.0)
    maximum_marks: int = 100


class NetworkDetector:
    """Detector of lymph nodes by a convolutional network; see the module.

    Raises
    ------
    ConfigError
        PyTorch is not installed.
    """

    name: ClassVar[str] = "network"
    version: ClassVar[str] = "1"

    def __init__(self, *, seed: int = 0, settings: NetworkSettings | None = None) -> None:
        require_torch()
        self._seed = seed
        self._settings = settings or NetworkSettings()
        self._classifier: ViewClassifier | None = None
        self._training: dict[str, Any] = {}

    def parameters(self) -> dict[str, Any]:
        """Give every setting that the marks depend on."""
        spacings = {"work_spacing_mm": WORK_SPACING_MM, "view_spacing_mm": VIEW_SPACING_MM}
        return {"seed": self._seed, **spacings, **_as_json(asdict(self._settings))}

    def prepare(self, volume: Volume) -> Prepared:
        """Candidates of a volume: position (LPS mm) and radius (mm) of each; and the body they lie in."""
        work = work_grid(volume)
        candidates = find_candidates(work, self._settings.candidates)
        whole = as_axial(volume)
        spacing_mm = [max(spacing, VIEW_SPACING_MM) for spacing in whole.spacing_mm]
        body = resample_to_grid(whole, spaced_geometry(work.geometry, spacing_mm))
        return {
            "points_mm": work.geometry.to_mm(candidates.voxels),
            "radius_mm": candidate_radii_mm(work, candidates),
            "hu": body.hu,
            "affine": body.geometry.affine,
        }

    def fit(self, cases: Iterable[Case]) -> None:
        """Learn from volumes, one at a time in memory."""
        self.fit_prepared(
            PreparedCase(case.series_uid, case.person_id, case.lesions, self.prepare(case.load())) for case in cases
        )

    def fit_prepared(self, cases: Iterable[PreparedCase]) -> None:
        """Learn from views of the candidates of volumes, which are kept: about 6 MB a series."""
        generator = np.random.default_rng(self._seed)
        examples = ViewExamples.joined([self._examples(case, generator) for case in cases])
        taught, held_out = examples.split_by_person(self._settings.examples.held_out_share, generator)
        self._classifier = ViewClassifier.train(
            examples.take(taught), examples.take(held_out), self._settings.network, self._seed
        )
        self._training = {
            "views": len(taught),
            "held_out_persons": np.unique(examples.person_ids[held_out]).tolist(),
            "held_out_losses": list(self._classifier.losses),
        }

    def detect(self, volume: Volume) -> list[Detection]:
        """Marks of a volume, the surest first."""
        return self.detect_prepared(self.prepare(volume))

    def detect_prepared(self, prepared: Prepared) -> list[Detection]:
        """Marks among the candidates of a volume, the surest first."""
        if self._classifier is None:
            raise DetectorError("the network detector has not been trained: call fit, or load a trained model")
        return surest_detections(
            prepared["points_mm"],
            self._scores(self._classifier, prepared),
            prepared["radius_mm"],
            reach_mm=self._settings.reach_mm,
            maximum_count=self._settings.maximum_marks,
        )

    def save(self, folder: Path) -> None:
        """Write the weights, what they were made with, and how the training went."""
        if self._classifier is None:
            raise DetectorError("the network detector has not been trained: there is nothing to save")
        self._classifier.save(folder / MODEL_FILE)
        write_record(self, folder / MODEL_FILE, training=self._training)

    def load(self, folder: Path) -> None:
        """Take trained weights and their settings; a file that is not what `save` wrote is refused."""
        seed, settings = read_record(self, folder / MODEL_FILE, _settings_of)
        self._classifier = ViewClassifier.load(folder / MODEL_FILE, settings.network, settings.views.pixels)
        self._seed, self._settings = seed, settings

    def _examples(self, case: PreparedCase, generator: np.random.Generator) -> ViewExamples:
        return view_examples(
            _body(case.prepared),
            case.prepared["points_mm"],
            case.lesions,
            case.person_id,
            settings=self._settings.examples,
            views=self._settings.views,
            generator=generator,
        )

    def _scores(self, classifier: ViewClassifier, prepared: Prepared) -> Floats:
        """Mean over the views of each candidate; all candidates of all volumes are seen in the same ways."""
        count, body, points = self._settings.views_averaged, _body(prepared), prepared["points_mm"]
        views = draw_views(count, self._settings.views, np.random.default_rng(self._seed))
        parts = [np.empty(0)]
        for start in range(0, len(points), CANDIDATES_AT_ONCE):
            some = points[start : start + CANDIDATES_AT_ONCE]
            places = np.repeat(some, count, axis=0)
            pictures = sample_views(body, places, views.repeated(len(some)), self._settings.views)
            parts.append(classifier.score(pictures).reshape(len(some), count).mean(axis=1))
        return np.concatenate(parts)


def _body(prepared: Prepared) -> Volume:
    hu = prepared["hu"]
    return Volume(hu, Geometry.from_affine(prepared["affine"], hu.shape))


def _as_json(value: Any) -> Any:
    """Tuples as lists, as they come back from a file."""
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _settings_of(parameters: dict[str, Any]) -> tuple[int, NetworkSettings]:
    """Settings of a record, whose lists are tuples again."""
    parts: dict[str, dict[str, Any]] = {
        name: {key: tuple(value) if isinstance(value, list) else value for key, value in parameters[name].items()}
        for name in ("candidates", "views", "examples", "network")
    }
    low, high = parameters["reach_mm"]
    settings = NetworkSettings(
        CandidateSettings(**parts["candidates"]),
        ViewSettings(**parts["views"]),
        ExampleSettings(**parts["examples"]),
        ConvNetSettings(**parts["network"]),
        int(parameters["views_averaged"]),
        (float(low), float(high)),
        int(parameters["maximum_marks"]),
    )
    return int(parameters["seed"]), settings
