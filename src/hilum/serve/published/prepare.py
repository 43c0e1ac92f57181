"""What workers do with a series that is published: its files' headers become its metadata file."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hilum.disk import sync_filesystem, unfinished
from hilum.errors import HeaderError, Refusal
from hilum.index.files import problem_of
from hilum.model.instances import Instances
from hilum.serve.published.described import instance_of_columns, series_part, study_part
from hilum.serve.published.dicom_json import DataSetWriter, UnusualError
from hilum.serve.published.fallback import write_with_pydicom
from hilum.serve.published.metadata import write_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Refused = tuple[str, str]
"""Path of tags of an attribute that was left out, and the reason."""

ROOT = "/dicom-web"
"""Path of the DICOMweb service; addresses of bulk data in the metadata begin with it."""

MAX_HEADER_BYTES = 256 * 1024 * 1024
"""Largest file without pixel data that is read whole."""


@dataclass(frozen=True, slots=True)
class Task:
    """A series whose metadata are to be prepared: who it is, its packed instances, and the file to write."""

    study_uid: str
    series_uid: str
    instance_count: int
    packed: bytes
    target: Path


@dataclass(slots=True)
class Prepared:
    """What was prepared.

    Attributes
    ----------
    series, instances
        How many.
    refusals
        Files that could not be read: they are described from the catalog.
    attributes_refused
        Attributes left out because their value is none their VR allows.
    """

    series: int = 0
    instances: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    attributes_refused: int = 0

    def add(self, other: Prepared) -> None:
        """Count another's too."""
        self.series += other.series
        self.instances += other.instances
        self.refusals += other.refusals
        self.attributes_refused += other.attributes_refused


def prepare(tasks: Sequence[Task]) -> Prepared:
    """Write the metadata files of series; those that are there are whole, and kept.

    All are brought to disk in one go, and only then get their names: a disk takes longer to confirm a file than we to
    make it.

    Raises
    ------
    ArchiveError
        There is no room left on the disk.
    """
    total = Prepared()
    drafts: dict[Path, Path] = {}
    with ExitStack() as unsettled:
        for task in tasks:
            if not task.target.exists():
                draft = drafts[task.target] = unsettled.enter_context(unfinished(task.target))
                total.add(_prepare_one(task, draft))
        if drafts:
            sync_filesystem(tasks[0].target.parents[1])
        for target, draft in drafts.items():
            draft.replace(target)
    return total


def _prepare_one(task: Task, draft: Path) -> Prepared:
    done = Prepared(series=1)
    texts = []
    for values in Instances.unpack(task.packed):
        bulk_prefix = bulk_address(task.study_uid, task.series_uid, values.get("SOPInstanceUID") or "")
        text, refused = _describe(values, bulk_prefix, done.refusals)
        done.attributes_refused += len(refused)
        texts.append(text)
    done.instances = len(texts)
    first: dict[str, Any] = json.loads(texts[0]) if texts else {}
    write_metadata(
        draft,
        texts,
        study=study_part(first),
        series=series_part(first),
        refused_files=len(done.refusals),
        refused_attributes=done.attributes_refused,
    )
    return done


def bulk_address(study_uid: str, series_uid: str, sop_uid: str) -> str:
    """Beginning of the addresses of an instance's bulk data: a path, valid under every name of the host."""
    return f"{ROOT}/studies/{study_uid}/series/{series_uid}/instances/{sop_uid}/bulkdata"


def _describe(values: Mapping[str, Any], bulk_prefix: str, refusals: list[Refusal]) -> tuple[str, list[Refused]]:
    """Text of an instance, and the attributes left out."""
    path = f"{values['root']}/{values['path']}"
    try:
        writer = _writer()
        try:
            text = writer.write(_header_bytes(path, values.get("pixel_offset")), bulk_prefix=bulk_prefix)
        except UnusualError:
            return write_with_pydicom(path, bulk_prefix=bulk_prefix)
        return text, writer.refused
    except HeaderError as error:
        refusals.append(Refusal(path, error.check, str(error)))
    except OSError as error:
        refusals.append(Refusal(path, *problem_of(error)))
    return json.dumps(instance_of_columns(values), separators=(",", ":"), ensure_ascii=False), []


def _header_bytes(path: str, pixel_offset: int | None) -> bytes:
    """The file up to the value of its pixel data; all of it where there is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        length = pixel_offset if pixel_offset is not None and pixel_offset > 0 else os.fstat(descriptor).st_size
        if length > MAX_HEADER_BYTES:
            raise HeaderError(
                f"{length} bytes before any pixel data, expected at most {MAX_HEADER_BYTES}", check="header-too-long"
            )
        return os.pread(descriptor, length, 0)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1)
def _writer() -> DataSetWriter:
    """One a process, so that series of a study share what it remembers."""
    return DataSetWriter()
