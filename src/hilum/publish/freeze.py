"""Freezing a collection or cohort as a release.

Everything is written into a folder beside the release's place, brought to disk, and gets its name in one step: a
release is there whole or not at all. A killed run leaves a folder that the next one removes, and the digests it had
worked out, which the next one takes up.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.catalog.layout import Layout
from hilum.check import Terms
from hilum.check.subject import REFERRING_KINDS
from hilum.cohort.cohort import require_name
from hilum.disk import UNFINISHED, exclusive_lock, sync_folder
from hilum.errors import ArchiveError
from hilum.findings.of_series import read_lesions_of, series_named
from hilum.findings.tables import write_lesion_table
from hilum.publish.contents import choose
from hilum.publish.described import description_path
from hilum.publish.hashing import hash_files, open_hashes
from hilum.publish.metadata import metadata_files
from hilum.publish.package import Package
from hilum.publish.package_check import SubjectSeries, check_subject, open_errors, report_files
from hilum.publish.release import DIGEST_FILE, TABLES_FOLDER, Release, digest_line, read_release, record_bytes
from hilum.publish.work import released, work_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from datetime import date

    from hilum.catalog import Archive
    from hilum.check import Acceptance, Options, Report
    from hilum.errors import Refusal
    from hilum.model.series import Series
    from hilum.publish.contents import Subject

HASHES_FILE = "hashes.sqlite"
LESIONS_FILE = f"{TABLES_FOLDER}/lesions.parquet"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes
    ----------
    name
        Collection or cohort.
    version
        Version: letters, digits, dots, dashes and underscores.
    released_on
        Day the release stands for.
    notes
        What is new.
    options
        How thoroughly it is checked.
    beside
        Files and folders that belong to it beside its images.
    lesions
        File or folder of its lesions; None without.
    accepted
        Findings that somebody accepted.
    with_errors
        Release it although errors of the check are open.
    """

    name: str
    version: str
    released_on: date
    notes: str
    options: Options
    beside: tuple[Path, ...] = ()
    lesions: Path | None = None
    accepted: Sequence[Acceptance] = ()
    with_errors: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    release
        The release; None where something was refused: then nothing is there.
    refusals
        Files that could not be released, or open errors of the check.
    remarks
        What should be known, such as a form of citation that could not be written.
    """

    release: Release | None
    refusals: tuple[Refusal, ...]
    remarks: tuple[str, ...] = ()


def make_release(
    archive: Archive,
    asked: Asked,
    *,
    executor: Executor,
    workers: int,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Freeze a collection or cohort as a release of the archive.

    Parameters
    ----------
    executor, workers
        What runs the work, and how many at once.
    on_progress
        Told how many more files have their SHA-256.

    Raises
    ------
    ArchiveError
        There is that version already, the archive is a release itself, or there is no room on the disk.
    NotFoundError
        There is no such collection or cohort, it has no series, or there is no file to put beside it.
    FormatError
        The lesions cannot be read.
    ConfigError
        A name is unusable, or a file that the steward wrote is.
    """
    layout = Layout(archive.path)
    layout.require_changeable()
    require_name(asked.name)
    require_name(asked.version)
    target = layout.releases / asked.name / asked.version
    with exclusive_lock(layout.releases / f"{asked.name}.lock"):
        _require_new(target)
        subject = choose(archive, asked.name)
        with _draft(target) as draft:
            package = Package(draft)
            with open_hashes(layout.releases / HASHES_FILE) as known:
                hasher = partial(hash_files, known=known, executor=executor, workers=workers, on_progress=on_progress)
                package.write_files(subject, asked.beside, hasher)
            if package.refusals:
                return Outcome(None, tuple(package.refusals))
            terms = Terms(executor, workers, asked.options, asked.lesions, asked.accepted)
            report = check_subject(archive, subject, terms)
            if (errors := open_errors(report)) and not asked.with_errors:
                return Outcome(None, errors)
            remarks = _write_rest(archive, subject, asked, package, report)
            _give_name(draft, target)
    return Outcome(read_release(target), (), remarks)


def _require_new(target: Path) -> None:
    if target.exists():
        raise ArchiveError(
            f"{target.parent.name} {target.name} is released already, and a release never changes; take another "
            "version, and say in its notes what is new"
        )


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give an empty folder to write the release to; whatever stays in it goes, now or at the next run."""
    for left in target.parent.glob(f".*{UNFINISHED}"):
        shutil.rmtree(left)
    draft = target.with_name(f".{target.name}{UNFINISHED}")
    draft.mkdir(parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_rest(archive: Archive, subject: Subject, asked: Asked, package: Package, report: Report) -> tuple[str, ...]:
    """Write all but the table of files; give what should be known."""
    package.write_catalog(subject, asked.released_on)
    remarks = _write_lesions(subject, asked.lesions, package) if asked.lesions else ()
    counts = package.counts()
    work = released(
        work_of(archive, subject),
        version=asked.version,
        released_on=asked.released_on,
        notes=asked.notes,
        size_bytes=counts.size_bytes,
        file_count=counts.files,
    )
    _write_descriptions(archive, subject, package)
    files, left_out = metadata_files(work)
    for path, content in files.items():
        package.add_file(path, [content])
    for path, pieces in report_files(report).items():
        package.add_file(path, pieces)
    release = Release(
        folder=package.folder,
        digest="",
        name=asked.name,
        version=asked.version,
        kind=subject.kind,
        released_on=asked.released_on,
        notes=asked.notes,
        licence=work.licence.name,
        collection_ids=tuple(subject.series_uids),
        counts=counts,
        check_counts=report.counts(),
        parts=tuple(sorted(package.parts, key=lambda part: part.path)),
    )
    record = record_bytes(release)
    Layout(package.folder).release_record.write_bytes(record)
    (package.folder / DIGEST_FILE).write_text(digest_line(record), encoding="utf-8")
    return (*remarks, *left_out)


def _write_descriptions(archive: Archive, subject: Subject, package: Package) -> None:
    """Write what stewards say of the collections, for whoever takes the release in; where an archive has it."""
    for name in sorted({subject.name, *subject.series_uids}):
        words = description_path(archive.path, name)
        if words.exists():
            path = description_path(package.folder, name)
            path.parent.mkdir(exist_ok=True)
            package.add_file(path.relative_to(package.folder).as_posix(), [words.read_bytes()])


def _write_lesions(subject: Subject, path: Path, package: Package) -> tuple[str, ...]:
    named = series_named(path, filter(_can_have_lesions, SubjectSeries(subject)))
    found = read_lesions_of(named, path)
    write_lesion_table(package.folder / LESIONS_FILE, found.lesions)
    package.add_part(LESIONS_FILE, "lesions", len(found.lesions))
    return found.warnings


def _can_have_lesions(series: Series) -> bool:
    """Whether positions can be those of the series: a segmentation of the same exam is what they are not in."""
    return bool(series["is_volume"]) and series["image_kind"] not in REFERRING_KINDS


def _give_name(draft: Path, target: Path) -> None:
    """Bring all that was written to disk, then let it be seen in one step."""
    for parent, _, names in os.walk(draft):
        for name in names:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))
    draft.replace(target)
    sync_folder(target.parent)
