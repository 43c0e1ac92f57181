"""Verifying a release: every byte of it is read again and held against its SHA-256.

What was read is noted in a file beside the release, so that a verification that was interrupted goes on; the notes are
removed when it ends, so that the next one reads everything again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.catalog.layout import Layout
from hilum.catalog.snapshot import sha256_of
from hilum.errors import ArchiveError, Refusal
from hilum.publish.hashing import hash_files, open_hashes
from hilum.publish.package import FILES_AT_ONCE
from hilum.publish.release import DIGEST_FILE, PLACES_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from hilum.publish.hashing import KnownHashes
    from hilum.publish.release import Release, ReleaseFile


NOTES_HOLD_S = 7 * 86_400
"""Seconds that an interrupted verification can be gone on with: a week. What was whole before then may not be now."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying a release gave.

    Attributes
    ----------
    reference, digest
        The release.
    parts, files, size_bytes
        Parts and data files held against their SHA-256, and bytes of the latter.
    refusals
        What is ``damaged``, ``missing``, ``unreadable-file`` or ``extra``: the name in the release or the path.
    """

    reference: str
    digest: str
    parts: int
    files: int
    size_bytes: int
    refusals: tuple[Refusal, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every byte is as it was released."""
        return not self.refusals


def verify_release(
    release: Release,
    *,
    notes: Path,
    executor: Executor,
    workers: int,
    at: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    """Read a release again, its parts and its data files, and name what is not as it was.

    Parameters
    ----------
    notes
        File to note in what was found whole, until the verification ends.
    executor, workers
        What runs the work, and how many at once.
    at
        Folder that holds the data files under their names in the release, such as that of a drive; where they lay when
        the release was made without. Other files below it are extra.
    on_progress
        Told how many more data files were read.
    """
    refusals = [*_parts(release), *_rows_here(release), *_extra_parts(release)]
    files = size_bytes = 0
    if notes.exists() and _is_old(notes):
        _forget(notes)
    with open_hashes(notes) as known:
        reader = _Reader(known, executor, workers, on_progress)
        remaining = iter(()) if any(one.item in _lists(release) for one in refusals) else release.stored_files()
        while some := list(islice(remaining, FILES_AT_ONCE)):
            refusals += reader.read(some, at)
            files += len(some)
            size_bytes += sum(file.size_bytes for file in some)
    if at is not None and files:
        refusals += _extra_files(release, at)
    _forget(notes)
    found = tuple(sorted(refusals, key=lambda one: (one.check, one.item)))
    return Verified(release.reference, release.digest, len(release.parts), files, size_bytes, found)


def _is_old(notes: Path) -> bool:
    """Whether notes hold no more; those of the future are of a clock that was set back since: nobody knows how old."""
    return abs(time.time() - notes.stat().st_mtime) > NOTES_HOLD_S


def _forget(notes: Path) -> None:
    for left in notes.parent.glob(f"{notes.name}*"):
        left.unlink()


def notes_path(release: Release) -> Path:
    """Where to note what was found whole: beside the release's folder."""
    return release.folder.parent / f".{release.version}.verifying"


@dataclass(frozen=True, slots=True)
class _Reader:
    known: KnownHashes
    executor: Executor
    workers: int
    on_progress: Callable[[int], None] | None

    def read(self, files: list[ReleaseFile], at: Path | None) -> Iterator[Refusal]:
        """Read data files; give those that are not as they were released."""
        places = {str(at / file.path) if at else file.place: file for file in files}
        results = hash_files(
            list(places), self.known, executor=self.executor, workers=self.workers, on_progress=self.on_progress
        )
        for place, file in places.items():
            result = results[place]
            if isinstance(result, Refusal):
                check = "missing" if result.check == "missing-file" else result.check
                yield Refusal(file.path, check, f"{place}: {result.reason}")
            elif result.sha256 != file.sha256:
                yield _damaged(file.path, place, (result.size_bytes, result.sha256), (file.size_bytes, file.sha256))


def _parts(release: Release) -> Iterator[Refusal]:
    """The parts that the digest covers."""
    for part in release.parts:
        path = release.folder / part.path
        if not path.is_file():
            yield Refusal(part.path, "missing", f"{path} is not there; restore the release from a copy")
        elif (found := sha256_of(path)) != part.sha256:
            yield _damaged(part.path, str(path), (path.stat().st_size, found), (part.size_bytes, part.sha256))


def _rows_here(release: Release) -> Iterator[Refusal]:
    """What only this machine needs: the places of the files, and the archive, which has digests of its own."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        parquet.read_schema(release.folder / PLACES_FILE)
    except (OSError, pa.ArrowException) as error:
        yield Refusal(PLACES_FILE, "damaged", f"{error}; the digest does not cover it: restore it from a copy")
    try:
        release.archive().snapshot().verify()
    except ArchiveError as error:
        yield Refusal("catalog", "damaged", f"{error}; the digest does not cover it")


def _lists(release: Release) -> set[str]:
    """What says which files there are: without it, none can be read."""
    return {PLACES_FILE} | {part.path for part in release.parts if part.table == "files"}


def _damaged(item: str, place: str, found: tuple[int, str], expected: tuple[int, str]) -> Refusal:
    size = f"{found[0]} bytes, expected {expected[0]}; " if found[0] != expected[0] else ""
    return Refusal(
        item, "damaged", f"{place}: {size}SHA-256 {found[1]}, expected {expected[1]}; restore it from a copy"
    )


def _extra_parts(release: Release) -> Iterator[Refusal]:
    layout = Layout(release.folder)
    known = {release.folder / part.path for part in release.parts}
    known |= {layout.release_record, layout.marker, release.folder / DIGEST_FILE, release.folder / PLACES_FILE}
    for path in sorted(_all_files(release.folder) - known - _all_files(layout.catalog)):
        yield Refusal(str(path.relative_to(release.folder)), "extra", f"{path} is no part of the release; remove it")


def _extra_files(release: Release, at: Path) -> Iterator[Refusal]:
    known = {at / file.path for file in release.files()}
    for path in sorted(_all_files(at) - known):
        yield Refusal(str(path.relative_to(at)), "extra", f"{path} is no file of {release.reference}")


def _all_files(folder: Path) -> set[Path]:
    return {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}
