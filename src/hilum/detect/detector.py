"""What a detector is, and where it is found.

A detector is a class named in the entry point group ``hilum.detectors`` of any installed package. Its constructor takes
a keyword ``seed``; everything else about it is up to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion, Point
    from hilum.volume.volume import Volume

    Prepared = Mapping[str, NDArray[Any]]
    """What a detector takes from a volume before any training: name to array, kept in a file between the steps."""

ENTRY_POINT_GROUP = "hilum.detectors"


@dataclass(frozen=True, slots=True)
class Detection:
    """One statement of a detector about a volume: LPS position, and a score (the higher, the surer)."""

    position_mm: Point
    score: float


@dataclass(frozen=True)
class Case:
    """A series to learn from.

    Attributes
    ----------
    series_uid, person_id
        The series, and whose it is.
    lesions
        The series' lesions, excluded ones among them.
    load
        Reads the volume; called when it is needed, so that a thousand cases fit in memory.
    """

    series_uid: str
    person_id: str
    lesions: Sequence[Lesion]
    load: Callable[[], Volume]


@dataclass(frozen=True)
class PreparedCase:
    """A series to learn from, whose volume has been worked through: see `PreparingDetector`."""

    series_uid: str
    person_id: str
    lesions: Sequence[Lesion]
    prepared: Prepared


class Detector(Protocol):
    """A method that learns from cases and finds lesions in a volume.

    Attributes
    ----------
    name, version
        What stands in a run's record. A change that changes marks changes the version.
    """

    @property
    def name(self) -> str:
        """Name of the method, as in the entry point."""

    @property
    def version(self) -> str:
        """Version of the method."""

    def parameters(self) -> dict[str, Any]:
        """Every setting that the marks depend on, the seed too, as JSON values."""

    def fit(self, cases: Iterable[Case]) -> None:
        """Learn from `cases`.

        Raises
        ------
        DetectorError
            There is nothing to learn from.
        """

    def detect(self, volume: Volume) -> list[Detection]:
        """Find lesions, the surest first.

        Raises
        ------
        DetectorError
            The detector has not been trained.
        """

    def save(self, folder: Path) -> None:
        """Write what was learnt into `folder`, which exists and is empty."""

    def load(self, folder: Path) -> None:
        """Take what `save` wrote.

        Raises
        ------
        DetectorError
            The files are damaged, of another method or version, or could run code.
        """


@runtime_checkable
class PreparingDetector(Detector, Protocol):
    """A detector whose costly part does not depend on training, so that cross-validation does it once a series.

    ``fit(cases)`` equals ``fit_prepared`` of each case's ``prepare(volume)``, and ``detect(volume)`` equals
    ``detect_prepared(prepare(volume))``.
    """

    def prepare(self, volume: Volume) -> Prepared:
        """Work through a volume: arrays by name, of plain numeric types."""

    def fit_prepared(self, cases: Iterable[PreparedCase]) -> None:
        """Learn, as `fit` does."""

    def detect_prepared(self, prepared: Prepared) -> list[Detection]:
        """Find lesions, as `detect` does."""


def detector_names() -> list[str]:
    """Names of the detectors that are installed."""
    return sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)})


def make_detector(name: str, *, seed: int = 0) -> Detector:
    """An untrained detector.

    Raises
    ------
    DetectorError
        No installed package offers a detector of that name, or its package does not import.
    """
    found = list(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not found:
        known = ", ".join(detector_names()) or "none"
        raise DetectorError(f"unknown detector {name!r}; installed are: {known}")
    try:
        kind = found[0].load()
    except (ImportError, AttributeError) as error:
        raise DetectorError(f"detector {name!r} ({found[0].value}) does not load: {error}") from error
    detector: Detector = kind(seed=seed)
    return detector
