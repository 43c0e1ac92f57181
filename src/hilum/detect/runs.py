"""Runs: what a detector said about a list of series, with all that is needed to say it again.

::

    ARCHIVE/runs/NAME/
    ├── run.json            the record: method, version, parameters, cohort, series; written last
    ├── marks.parquet       one mark a row, all series
    ├── lesions.parquet     the lesions of these series, as they were given to the run; none for an application
    ├── refusals.json       series that were left out, and why
    ├── model/              the detector trained on all series (of a training)
    └── work/               what an unfinished run has done so far
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hilum.cohort.cohort import require_name
from hilum.errors import ArchiveError, NotFoundError, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.model.findings import Lesion, Mark

FORMAT_VERSION = 1
DIGEST_IN_NAME = 24
"""Hexadecimal digits of a UID's SHA-256 in a file name: a UID comes from a header and may hold any character."""


@dataclass(frozen=True, slots=True)
class RunSeries:
    """A series of a run: whose it is, and in which fold it was tested (None where there are no folds)."""

    series_uid: str
    person_id: str
    fold: int | None = None


@dataclass(frozen=True)
class Plan:
    """All that decides the marks of a run; two runs of one plan give the same marks.

    Attributes
    ----------
    name
        Name of the run.
    kind
        ``training`` (cross-validation, and a model of all series) or ``application`` of a trained model.
    method, version, parameters
        The detector and its settings.
    cohort, cohort_id, snapshot_id
        The cohort, its content, and the catalog's snapshot it was chosen from; empty where series were named.
    lesions_sha256
        Of the lesions given; empty where there were none.
    folds, seed
        Of the cross-validation; 0 folds in an application.
    model, model_created_at
        Run whose model is applied, and when it was made; empty in a training.
    series
        The series, in the order of the cohort.
    """

    name: str
    kind: str
    method: str
    version: str
    parameters: dict[str, Any]
    cohort: str
    cohort_id: str
    snapshot_id: str
    lesions_sha256: str
    folds: int
    seed: int
    model: str
    model_created_at: str
    series: tuple[RunSeries, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values of the plan."""
        return asdict(self) | {"series": [asdict(series) for series in self.series]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """Read what `to_dict` gave; other keys are passed over."""
        known = {field.name: values[field.name] for field in fields(cls)}
        return cls(**known | {"series": tuple(RunSeries(**series) for series in known["series"])})

    def differences(self, other: Plan) -> list[str]:
        """Names of the fields in which two plans differ."""
        mine, theirs = json.loads(json.dumps(self.to_dict())), json.loads(json.dumps(other.to_dict()))
        return [name for name in mine if mine[name] != theirs[name]]


@dataclass(frozen=True)
class RunFolder:
    """Paths in the folder of a run."""

    root: Path

    @property
    def record(self) -> Path:
        """The record of a finished run."""
        return self.root / "run.json"

    @property
    def marks(self) -> Path:
        """Table of the marks."""
        return self.root / "marks.parquet"

    @property
    def lesions(self) -> Path:
        """Table of the lesions."""
        return self.root / "lesions.parquet"

    @property
    def refusals(self) -> Path:
        """The refused series."""
        return self.root / "refusals.json"

    @property
    def model(self) -> Path:
        """Folder of the trained detector."""
        return self.root / "model"

    @property
    def lock(self) -> Path:
        """File whose lock whoever works on the run holds."""
        return self.root / ".lock"

    @property
    def work(self) -> Path:
        """Folder of what an unfinished run has done."""
        return self.root / "work"

    @property
    def plan(self) -> Path:
        """Plan of an unfinished run."""
        return self.work / "plan.json"

    def prepared(self, series_uid: str) -> Path:
        """What a detector took from a volume, kept between the steps."""
        return self.work / "prepared" / f"{_file_stem(series_uid)}.npz"

    def detections(self, series_uid: str) -> Path:
        """Marks of one series."""
        return self.work / "detections" / f"{_file_stem(series_uid)}.json"

    def fold_model(self, fold: int) -> Path:
        """Folder of the detector that never saw the series of a fold."""
        return self.work / f"model-{fold}"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    folder
        Where it lies.
    plan
        What it was made from; its series are all that were asked for, the refused ones too.
    created_at
        When it was finished.
    hilum_version
        Version that made it.
    seen_in_training
        Series of persons whose series the applied model was trained on: their marks flatter the model.
    """

    folder: RunFolder
    plan: Plan
    created_at: datetime
    hilum_version: str
    seen_in_training: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.plan.name

    @property
    def series(self) -> tuple[RunSeries, ...]:
        """The series that have marks or could have had them: the planned ones without the refused."""
        refused = {refusal.item for refusal in self.refusals()}
        return tuple(series for series in self.plan.series if series.series_uid not in refused)

    def marks(self) -> list[Mark]:
        """Give the marks; ``exam_id`` and ``series_uid`` are the SeriesInstanceUID."""
        from hilum.findings.tables import read_mark_table

        return list(read_mark_table(self.folder.marks).marks)

    def lesions(self) -> list[Lesion]:
        """Give the lesions of the planned series, refused ones too; ``exam_id`` is the SeriesInstanceUID."""
        from hilum.findings.tables import read_lesion_table

        return list(read_lesion_table(self.folder.lesions).lesions)

    def refusals(self) -> list[Refusal]:
        """Give the series that were left out, and why."""
        return [Refusal(**values) for values in json.loads(self.folder.refusals.read_text())]

    def to_json(self) -> bytes:
        """Give the bytes of the run's record."""
        head = {
            "format": "hilum-run",
            "format_version": FORMAT_VERSION,
            "created_at": self.created_at.isoformat(),
            "hilum_version": self.hilum_version,
            "seen_in_training": list(self.seen_in_training),
        }
        return (json.dumps(head | self.plan.to_dict(), indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, folder: RunFolder, content: bytes) -> Run:
        """Read what `to_json` gave.

        Raises
        ------
        ArchiveError
            The bytes are damaged, or a newer hilum wrote them.
        """
        try:
            values = json.loads(content)
            if values["format_version"] > FORMAT_VERSION:
                raise ArchiveError(
                    f"{folder.record} has format version {values['format_version']}, this hilum reads up to "
                    f"{FORMAT_VERSION}: update hilum"
                )
            created_at = datetime.fromisoformat(values["created_at"])
            seen = tuple(values["seen_in_training"])
            return cls(folder, Plan.from_dict(values), created_at, values["hilum_version"], seen)
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(
                f"{folder.record} is damaged ({type(error).__name__}: {error}); restore it or make the run again"
            ) from error

    @classmethod
    def load(cls, archive: Archive, name: str) -> Run:
        """Read a finished run of the archive.

        Raises
        ------
        NotFoundError
            There is no finished run of that name.
        ArchiveError
            Its record is damaged, or a newer hilum wrote it.
        """
        folder = run_folder(archive, name)
        try:
            return cls.from_json(folder, folder.record.read_bytes())
        except FileNotFoundError as error:
            if folder.plan.exists():
                raise NotFoundError(f"run {name!r} is not finished; give the command that began it again") from error
            known = ", ".join(list_runs(archive)) or "none yet; make one with: hilum train"
            raise NotFoundError(f"no run {name!r} in {archive.path}; it has {known}") from error


def run_folder(archive: Archive, name: str) -> RunFolder:
    """Folder of a run, which need not be there.

    Raises
    ------
    ConfigError
        `name` cannot be a file's name on every system.
    """
    require_name(name)
    return RunFolder(archive.path / "runs" / name)


def list_runs(archive: Archive) -> list[str]:
    """Names of the finished runs of an archive, sorted."""
    return sorted(path.parent.name for path in (archive.path / "runs").glob("*/run.json"))


def list_unfinished(archive: Archive) -> list[str]:
    """Names of the runs that were begun and not finished, sorted."""
    folders = (RunFolder(path) for path in (archive.path / "runs").glob("*"))
    return sorted(folder.root.name for folder in folders if folder.plan.exists() and not folder.record.exists())


def _file_stem(series_uid: str) -> str:
    return sha256(series_uid.encode()).hexdigest()[:DIGEST_IN_NAME]
