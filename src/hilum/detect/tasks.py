"""The pieces of a run that worker processes do; each leaves its result in a file of the run's folder.

What is there already is not done again: that is how an interrupted run goes on.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.detect.detector import Case, Detection, PreparedCase, PreparingDetector, make_detector
from hilum.disk import settle, sync_folder, unfinished, write_whole
from hilum.errors import DetectorError, HilumError, PixelError, Refusal
from hilum.volume.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from hilum.detect.detector import Detector, Prepared
    from hilum.detect.runs import RunFolder
    from hilum.model.findings import Lesion
    from hilum.model.series import Series
    from hilum.volume.volume import Volume

MODELS_IN_MEMORY = 2
"""Models a worker keeps: series come fold by fold."""

LOAD_CHECK = "not-loadable"
"""Check named in the refusal of a series whose error names none."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all tasks of a run share: its folder, the detector's name, and the seed."""

    folder: RunFolder
    method: str
    seed: int

    def detector(self) -> Detector:
        """Make the untrained detector."""
        return make_detector(self.method, seed=self.seed)


@dataclass(frozen=True, slots=True)
class Training:
    """Series to train a detector on, with whose they are and their lesions, and where to keep it."""

    model: Path
    series: tuple[Series, ...]
    person_ids: tuple[str, ...]
    lesions: tuple[tuple[Lesion, ...], ...]


@dataclass(frozen=True, slots=True)
class Detecting:
    """A series to find lesions in, with the trained detector to use."""

    model: Path
    series: Series


def read_volume(series: Series) -> Volume:
    """Volume of a series for a detector: int16, or float32 where HU have fractions."""
    try:
        return load(series, threads=1)
    except PixelError:
        return load(series, dtype="float32", threads=1)


def prepare_batch(job: Job, batch: Sequence[Series]) -> list[Refusal | None]:
    """Read each series and keep what the detector takes from it; a series that cannot be read is a refusal.

    A detector that does not prepare keeps an empty file: the series can be read.
    """
    detector = job.detector()
    return [_refusable(series, partial(_prepare, job, detector, series)) for series in batch]


def train_batch(job: Job, batch: Sequence[Training]) -> int:
    """Train and keep a detector for each of `batch`; how many."""
    for training in batch:
        if not training.model.exists():
            detector = job.detector()
            if isinstance(detector, PreparingDetector):
                detector.fit_prepared(_prepared_cases(job.folder, training))
            else:
                detector.fit(_cases(training))
            _save_model(detector, training.model)
    return len(batch)


def detect_batch(job: Job, batch: Sequence[Detecting]) -> list[Refusal | None]:
    """Find lesions in each series and keep its marks; a series that cannot be read is a refusal."""
    return [_refusable(item.series, partial(_detect, job, item)) for item in batch]


def read_detections(path: Path) -> list[Detection]:
    """Read the marks that `detect_batch` kept of a series."""
    return [Detection((x, y, z), score) for x, y, z, score in json.loads(path.read_bytes())]


def _refusable(series: Series, work: Callable[[], None]) -> Refusal | None:
    try:
        work()
    except DetectorError:
        raise
    except (HilumError, OSError) as error:
        return Refusal(series.uid, getattr(error, "check", LOAD_CHECK), str(error))
    return None


def _prepare(job: Job, detector: Detector, series: Series) -> None:
    path = job.folder.prepared(series.uid)
    if path.exists():
        return
    volume = read_volume(series)
    prepared: Prepared = detector.prepare(volume) if isinstance(detector, PreparingDetector) else {}
    with unfinished(path) as draft:
        with draft.open("wb") as file:
            np.savez(file, **prepared)  # type: ignore[arg-type]
        settle(draft, path)


def _detect(job: Job, item: Detecting) -> None:
    path = job.folder.detections(item.series.uid)
    if path.exists():
        return
    detector = _loaded(job, item.model, item.model.stat().st_mtime_ns)
    kept = job.folder.prepared(item.series.uid)
    if isinstance(detector, PreparingDetector) and kept.exists():
        found = detector.detect_prepared(_read_prepared(kept))
    else:
        found = detector.detect(read_volume(item.series))
    rows = [[*detection.position_mm, detection.score] for detection in found]
    write_whole(path, json.dumps(rows, allow_nan=False).encode())


@lru_cache(maxsize=MODELS_IN_MEMORY)
def _loaded(job: Job, folder: Path, modified_ns: int) -> Detector:  # noqa: ARG001 - a model made anew is another
    """Trained detector of a folder; reading one takes as long as using it."""
    detector = job.detector()
    detector.load(folder)
    return detector


def _read_prepared(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _prepared_cases(folder: RunFolder, training: Training) -> Iterator[PreparedCase]:
    for series, person_id, lesions in _members(training):
        yield PreparedCase(series.uid, person_id, lesions, _read_prepared(folder.prepared(series.uid)))


def _cases(training: Training) -> Iterator[Case]:
    for series, person_id, lesions in _members(training):
        yield Case(series.uid, person_id, lesions, partial(read_volume, series))


def _members(training: Training) -> Iterable[tuple[Series, str, tuple[Lesion, ...]]]:
    return zip(training.series, training.person_ids, training.lesions, strict=True)


def _save_model(detector: Detector, folder: Path) -> None:
    """Write a model under another name first, so that a folder of that name is always whole."""
    draft = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    detector.save(draft)
    sync_folder(draft)
    draft.rename(folder)
    sync_folder(folder.parent)
