"""Results of an archive: assessments frozen with their lists, as the site shows them.

::

    ARCHIVE/results/NAME/
    ├── result.json               what it is, the numbers and the curve; names the other two; written last
    ├── assessment-SHA256.json    all numbers, in the form of docs/assessment-json.md
    └── outcomes-SHA256.parquet    hits, false positives and misses at each operating point, a row each

A result is there from the moment its record has its name, and whole: the two files beside it bear their digests in
their names, so that a replaced result never mixes with the one before.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hilum.assess.leaderboard import Entry
from hilum.catalog.layout import Layout
from hilum.cohort.cohort import require_name
from hilum.disk import exclusive_lock, sync_folder, write_whole
from hilum.errors import ArchiveError, HilumError, NotFoundError, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hilum.catalog import Archive

FORMAT_VERSION = 1
RECORD = "result.json"
LOCK = ".lock"
DAMAGED = "result-not-readable"
SEEN_IN_TRAINING = "seen in training"
"""Entry of the provenance of a run whose model was trained on some of its participants."""

DIGEST_IN_NAME = 32
"""Hexadecimal digits of a SHA-256 in a file's name."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An operating point whose lesions and marks are listed.

    Attributes
    ----------
    rate
        False positives an exam that were allowed.
    threshold
        Marks count from this score on; None where no mark may count.
    counts
        Rows of each kind (`hilum.assess.listing.Kind`).
    """

    rate: float
    threshold: float | None
    counts: dict[str, int]


@dataclass(frozen=True)
class Result:
    """A published result; `read_result` and `list_results` give one.

    Attributes
    ----------
    name
        Its name, and that of its folder.
    title, subtitle
        What was assessed, on how much.
    notice
        What every reader must see first, such as that the images are phantoms; mostly empty.
    created_at
        When it was published.
    collection_ids
        Collections it was made on: whoever sees it must see all of these.
    summary
        The numbers (`hilum.assess.Assessment.to_json` without its curves).
    strata
        The same by strata (`hilum.assess.Strata.to_json`).
    curve_svg
        The curve as a drawing that takes its colours from the page.
    listed
        The operating points that have lists.
    provenance
        Where marks, lesions and exams come from.
    remarks
        What must be said about the inputs.
    entry
        What it is ranked by, with its name for a run's.
    report_description
        How the descriptions of the structured reports of its marks begin; empty where it has none.
    assessment_file, outcomes_file
        Names of the two files.
    """

    name: str
    title: str
    subtitle: str
    notice: str
    created_at: datetime
    collection_ids: tuple[str, ...]
    summary: dict[str, Any]
    strata: tuple[dict[str, Any], ...]
    curve_svg: str
    listed: tuple[Listed, ...]
    provenance: dict[str, str]
    remarks: tuple[str, ...]
    entry: Entry
    report_description: str
    assessment_file: str
    outcomes_file: str

    @property
    def seen_in_training(self) -> str:
        """How much of it the model was trained on, which flatters it; empty where nothing is."""
        return self.provenance.get(SEEN_IN_TRAINING, "")

    def to_json(self) -> bytes:
        """Give the bytes of the record."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        head = {"format": "hilum-result", "format_version": FORMAT_VERSION}
        own = {
            "created_at": self.created_at.isoformat(),
            "entry": asdict(self.entry),
            "listed": [asdict(one) for one in self.listed],
        }
        return (json.dumps(head | values | own, indent=1, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, path: Path) -> Result:
        """Read what `to_json` gave.

        Raises
        ------
        ArchiveError
            The bytes are damaged, or a newer hilum wrote them.
        """
        try:
            values = json.loads(content)
            if (version := values["format_version"]) > FORMAT_VERSION:
                raise ArchiveError(f"{path}: result of form {version}; this hilum reads {FORMAT_VERSION}: update it")
            known = {field.name: values[field.name] for field in fields(cls)}
            lists = {name: tuple(values[name]) for name in ("collection_ids", "strata", "remarks")}
            made = {
                "created_at": datetime.fromisoformat(values["created_at"]),
                "entry": Entry(**values["entry"]),
                "listed": tuple(Listed(**one) for one in values["listed"]),
            }
            return cls(**known | lists | made)
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(
                f"{path} is damaged ({type(error).__name__}: {error}); restore it, or publish the result again"
            ) from error


def read_result(archive: Archive, name: str) -> Result:
    """Read a result of the archive.

    Raises
    ------
    NotFoundError
        There is none of that name.
    ArchiveError
        It is damaged, or a newer hilum wrote it.
    """
    require_name(name)
    path = Layout(archive.path).results / name / RECORD
    try:
        return Result.from_json(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise NotFoundError(_unknown(archive, name)) from error


def list_results(archive: Archive) -> tuple[list[Result], list[Refusal]]:
    """Give the results of an archive, the newest first, and those that cannot be read."""
    results, refusals = [], []
    for name in _names(archive):
        try:
            results.append(read_result(archive, name))
        except HilumError as error:
            refusals.append(Refusal(name, DAMAGED, str(error)))
    return sorted(results, key=lambda one: (one.created_at, one.name), reverse=True), refusals


def result_file(archive: Archive, name: str, file: str) -> Path:
    """Path of one of a result's files."""
    return Layout(archive.path).results / name / file


def require_free(archive: Archive, name: str, *, replace: bool = False) -> Path:
    """Give the place of a result's record, which is free or may be replaced.

    Raises
    ------
    ArchiveError
        There is a result of that name and it is not to be replaced, or the archive is a release.
    ConfigError
        The name cannot be a file's name on every system.
    """
    layout = Layout(archive.path)
    layout.require_changeable()
    require_name(name)
    record = layout.results / name / RECORD
    if record.exists() and not replace:
        raise ArchiveError(
            f"result {name!r} is published already, and a result never changes by itself; take another name, or say "
            "--replace"
        )
    return record


def write_result(archive: Archive, result: Result, parts: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a result and its files: all of it, or nothing that anybody sees.

    The files of a result that is replaced go when the next one of that name is written, so that whoever reads it right
    now comes to the end.

    Raises
    ------
    ArchiveError, ConfigError
        As `require_free`, or there is no room left on the disk.
    """
    with exclusive_lock(Layout(archive.path).results / LOCK):
        record = require_free(archive, result.name, replace=replace)
        former = _files_of(archive, result.name) if record.exists() else set()
        _remove_strangers(record.parent, {*parts, *former})
        for name, content in parts.items():
            write_whole(record.parent / name, content)
        write_whole(record, result.to_json())


def withdraw_result(archive: Archive, name: str) -> None:
    """Take a result away for good; the run or files it was made from stay.

    Raises
    ------
    NotFoundError
        There is none of that name.
    """
    Layout(archive.path).require_changeable()
    require_name(name)
    folder = Layout(archive.path).results / name
    with exclusive_lock(folder.parent / LOCK):
        if not (folder / RECORD).exists():
            raise NotFoundError(_unknown(archive, name))
        (folder / RECORD).unlink()
        sync_folder(folder)
        shutil.rmtree(folder)


def _unknown(archive: Archive, name: str) -> str:
    return f"no result {name!r} in {archive.path}; it has {', '.join(_names(archive)) or 'none yet'}"


def _names(archive: Archive) -> list[str]:
    return sorted(path.parent.name for path in Layout(archive.path).results.glob(f"*/{RECORD}"))


def _files_of(archive: Archive, name: str) -> set[str]:
    """Names of a result's files; of one that cannot be read, the record alone."""
    try:
        result = read_result(archive, name)
    except ArchiveError:
        return {RECORD}
    return {RECORD, result.assessment_file, result.outcomes_file}


def _remove_strangers(folder: Path, named: set[str]) -> None:
    """Remove what an interrupted writing left, and files of results that were replaced before."""
    for path in folder.glob("*"):
        if path.name not in named:
            path.unlink()
