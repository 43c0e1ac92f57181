"""A cohort: a list of series that never changes, with how it came about."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

from hilum.cohort.criteria import Criteria
from hilum.disk import exclusive_lock, write_whole
from hilum.errors import ArchiveError, ConfigError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive

FORMAT_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One series of a cohort.

    Attributes
    ----------
    collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID
        As in the series table.
    person_id
        Who is imaged: entries of one person are never separated by a split. The PatientID, unless links say more; the
        same PatientID in two collections is one person, for keeping together is the safe error.
    reason
        Why this series was taken.
    """

    collection_id: str
    PatientID: str
    StudyInstanceUID: str
    SeriesInstanceUID: str
    person_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FlowStep:
    """What is left after a step: in words, and as counts of series, exams and participants."""

    step: str
    series: int
    exams: int
    participants: int


@dataclass(frozen=True)
class Cohort:
    """A frozen list of series.

    Attributes
    ----------
    name
        Name in the archive: letters, digits, dots, dashes and underscores.
    snapshot_id
        Snapshot of the catalog it was chosen from.
    criteria
        What was asked.
    flow
        What was left after each step, in order.
    entries
        The series, by collection, participant, study and series.
    """

    name: str
    snapshot_id: str
    criteria: Criteria
    flow: tuple[FlowStep, ...]
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        require_name(self.name)
        if len(set(self.series_uids)) != len(self.entries):
            raise ValueError(f"cohort {self.name!r} holds a series twice")

    @property
    def series_uids(self) -> tuple[str, ...]:
        """SeriesInstanceUID of each entry."""
        return tuple(entry.SeriesInstanceUID for entry in self.entries)

    @cached_property
    def cohort_id(self) -> str:
        r"""SHA-256, hexadecimal, of the SeriesInstanceUIDs: sorted, each ended by ``\n``."""
        return hashlib.sha256("".join(f"{uid}\n" for uid in sorted(self.series_uids)).encode()).hexdigest()

    @property
    def flow_text(self) -> str:
        """The flow in a line: ``203,087 series in nlst -> 137,910 without localizers``."""
        first, *others = self.flow
        return " -> ".join([f"{first.series:,} series {first.step}", *(f"{one.series:,} {one.step}" for one in others)])

    @classmethod
    def load(cls, archive: Archive, name: str) -> Cohort:
        """Read a cohort of the archive.

        Raises
        ------
        NotFoundError
            There is no cohort of that name.
        ArchiveError
            Its file is damaged, or a newer hilum wrote it.
        """
        path = _path(archive, name)
        try:
            return cls.from_json(path.read_bytes())
        except FileNotFoundError as error:
            known = ", ".join(list_cohorts(archive)) or "none yet; make one with: hilum cohort new"
            raise NotFoundError(f"no cohort {name!r} in {archive.path}; it has {known}") from error
        except ArchiveError as error:
            raise ArchiveError(f"{path}: {error}") from error

    def save(self, archive: Archive) -> Path:
        """Write the cohort into the archive, where it never changes; the same cohort again changes nothing.

        Raises
        ------
        ArchiveError
            Another cohort has that name, or the archive is a release.
        """
        archive.require_changeable()
        return write_once(_path(archive, self.name), self.to_json(), f"a cohort {self.name!r}")

    @staticmethod
    def remove(archive: Archive, name: str) -> None:
        """Remove the list of a cohort; what it lists stays where it is.

        Raises
        ------
        NotFoundError
            There is no cohort of that name.
        ArchiveError
            The archive is a release.
        """
        archive.require_changeable()
        path = _path(archive, name)
        with exclusive_lock(path.parent / ".lock"):
            if not path.exists():
                raise NotFoundError(f"no cohort {name!r} in {archive.path}")
            path.unlink()

    def to_json(self) -> bytes:
        """Give the bytes of the cohort's file: one entry a line."""
        head = {
            "format": "hilum-cohort",
            "version": FORMAT_VERSION,
            "name": self.name,
            "cohort_id": self.cohort_id,
            "snapshot_id": self.snapshot_id,
            "criteria": self.criteria.to_dict(),
            "flow": [astuple(step) for step in self.flow],
            "columns": [field.name for field in fields(Entry)],
        }
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        rows = ",\n".join(json.dumps(astuple(entry)) for entry in self.entries)
        return ("{\n" + ",\n".join(lines) + ',\n"entries": [\n' + rows + "\n]\n}\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Cohort:
        """Read what `to_json` gave.

        Raises
        ------
        ArchiveError
            The bytes are damaged or of a newer version.
        """
        try:
            values = json.loads(content)
            if (version := values["version"]) > FORMAT_VERSION:
                raise ArchiveError(f"cohort of version {version}; this hilum reads {FORMAT_VERSION}: update it")
            flow = tuple(FlowStep(*step) for step in values["flow"])
            entries = tuple(Entry(*entry) for entry in values["entries"])
            criteria = Criteria.from_dict(values["criteria"])
            cohort = cls(values["name"], values["snapshot_id"], criteria, flow, entries)
            stated_id = values["cohort_id"]
        except (ValueError, KeyError, TypeError, ConfigError) as error:
            raise ArchiveError(f"the cohort is damaged ({type(error).__name__}: {error}); restore its file") from error
        if cohort.cohort_id != stated_id:
            raise ArchiveError(f"its series have id {cohort.cohort_id}, but it says {stated_id}; restore its file")
        return cohort


def list_cohorts(archive: Archive) -> list[str]:
    """Names of the cohorts of an archive, sorted."""
    return sorted(path.stem for path in _folder(archive).glob("*.json"))


def splits_folder(archive: Archive, name: str) -> Path:
    """Folder of the splits of the cohort `name`."""
    return _folder(archive) / f"{name}.splits"


def require_name(name: str) -> None:
    """Refuse what cannot be a file's name on every system.

    Raises
    ------
    ConfigError
        `name` has other characters than letters, digits, dots, dashes and underscores, or begins with none of the
        first two.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"name {name!r}: expected letters, digits, dots, dashes and underscores, a letter or digit first"
        )


def write_once(path: Path, content: bytes, what: str) -> Path:
    """Write a file that never changes; the same content again is no change.

    Raises
    ------
    ArchiveError
        The file is there with other content.
    """
    with exclusive_lock(path.parent / ".lock"):
        if not path.exists():
            write_whole(path, content)
        elif path.read_bytes() != content:
            raise ArchiveError(f"there is {what} already, and it is another; it never changes: take another name")
    return path


def _folder(archive: Archive) -> Path:
    return archive.path / "cohorts"


def _path(archive: Archive, name: str) -> Path:
    require_name(name)
    return _folder(archive) / f"{name}.json"
