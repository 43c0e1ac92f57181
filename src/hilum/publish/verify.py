"""Verifying a release: every byte of it is read again and held against its SHA-256.

What was read is noted in a file beside the release, so that a verification that was interrupted goes on; the notes are
removed when it ends, so that the next one reads everything again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.catalog.layout import Layout
from hilum.catalog.snapshot import sha256_of
from hilum.errors import ArchiveError, Refusal
from hilum.publish.extra import extra_files
from hilum.publish.notes import forget_notes
from hilum.publish.release import DIGEST_FILE, PLACES_FILE
from hilum.publish.reread import BYTES_A_BATCH, FILES_A_BATCH, Batch, open_whole, reread_each
from hilum.publish.stored import ends_of_batches, stored_files
from hilum.work import map_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from hilum.publish.hashing import Hashed
    from hilum.publish.release import Release
    from hilum.publish.reread import WholeBatches


NOTES_HOLD_S = 7 * 86_400
"""Seconds that an interrupted verification can be gone on with: a week. What was whole before then may not be now."""

FEW_BATCHES = 2
"""Batches that are read in this process: to start others takes longer."""


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
    refusals = [*damaged_parts(release), *_rows_here(release), *_extra_parts(release)]
    if notes.exists() and _is_old(notes):
        forget_notes(notes)
    reader = _Reader(release, at, executor, workers, on_progress or (lambda _: None))
    if not any(one.item in _lists(release) for one in refusals):
        with open_whole(notes) as whole:
            refusals += reader.read(whole)
    if at is not None and reader.files:
        refusals += extra_files(release, at)
    forget_notes(notes)
    found = tuple(sorted(refusals, key=lambda one: (one.check, one.item)))
    return Verified(release.reference, release.digest, len(release.parts), reader.files, reader.size_bytes, found)


def _is_old(notes: Path) -> bool:
    """Whether notes hold no more; those of the future are of a clock that was set back since: nobody knows how old."""
    return abs(time.time() - notes.stat().st_mtime) > NOTES_HOLD_S


def notes_path(release: Release) -> Path:
    """Where to note what was found whole: beside the release's folder."""
    return release.folder.parent / f".{release.version}.verifying"


class _Reader:
    """The data files of a release, read again."""

    def __init__(
        self, release: Release, at: Path | None, executor: Executor, workers: int, tell: Callable[[int], None]
    ) -> None:
        self._release = release
        self._at = at
        self._executor = executor
        self._workers = workers
        self._tell = tell
        self._under_way: dict[int, tuple[Sequence[str], Sequence[int], Batch]] = {}
        self.files = self.size_bytes = 0

    def read(self, whole: WholeBatches) -> Iterator[Refusal]:
        """Give the files that are not as they were released; note the batches that are."""
        read = map_batches(
            reread_each,
            self._batches(whole),
            executor=self._executor,
            batch_size=1,
            workers=self._workers,
            few=FEW_BATCHES,
        )
        for result in chain.from_iterable(read):
            paths, sizes_bytes, batch = self._under_way.pop(result.number)
            if result.state and result.state != batch.noted:
                whole.keep(result.number, result.state)
            self.files += len(paths)
            self.size_bytes += sum(sizes_bytes)
            self._tell(len(paths))
            for index, found in result.wrong:
                yield _wrong(paths[index], batch.places[index], found, (sizes_bytes[index], batch.sha256[index]))

    def _batches(self, whole: WholeBatches) -> Iterator[Batch]:
        number = 0
        for files in stored_files(self._release):
            places = files.places if self._at is None else [str(self._at / path) for path in files.paths]
            start = 0
            for end in ends_of_batches(files.sizes_bytes, FILES_A_BATCH, BYTES_A_BATCH):
                some = slice(start, end)
                batch = Batch(number, places[some], files.sha256[some], whole.state(number))
                self._under_way[number] = (files.paths[some], files.sizes_bytes[some], batch)
                yield batch
                number, start = number + 1, end


def _wrong(path: str, place: str, found: Hashed | Refusal, expected: tuple[int, str]) -> Refusal:
    if isinstance(found, Refusal):
        return Refusal(path, "missing" if found.check == "missing-file" else found.check, f"{place}: {found.reason}")
    return _damaged(path, place, (found.size_bytes, found.sha256), expected)


def damaged_parts(release: Release) -> Iterator[Refusal]:
    """Name the parts that the digest covers and that are not what it says."""
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


def _all_files(folder: Path) -> set[Path]:
    return {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}
