"""A small collection in an archive, and releases of it without processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

from builders import DECLARED, UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.check import Options, PixelReading
from hilum.config import Settings
from hilum.publish.freeze import Asked, Outcome, make_release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.publish.release import Release

DAY = date(2020, 1, 2)


def write_series(folder: Path, participant: int, *, slices: int = 3, seed: int | None = None, **override: Any) -> None:
    """Write a series of participant ``P<number>``."""
    study = f"{UID_ROOT}.{participant}"
    CtSeries(
        (slices, 8, 8),
        participant=f"P{participant}",
        study_uid=study,
        series_uid=f"{study}.1",
        seed=participant if seed is None else seed,
        override=DECLARED | override,
    ).write(folder / f"P{participant}")


def make_archive(folder: Path, collection_id: str = "trial", participants: int = 2) -> Archive:
    """Index a collection of small series, in ``folder/images``, into ``folder/archive``."""
    for number in range(1, participants + 1):
        write_series(folder / "images", number)
    archive = Archive.create(folder / "archive")
    index_images(archive, folder / "images", collection_id)
    return archive


def index_images(archive: Archive, images: Path, collection_id: str = "trial") -> None:
    """Index a folder with one process."""
    index_folder(archive, images, collection_id, settings=Settings(workers=1))


def try_release(archive: Archive, version: str, **asked: Any) -> Outcome:
    """Release with threads, and with errors of the check unless told otherwise."""
    usual: dict[str, Any] = {
        "notes": "test",
        "released_on": DAY,
        "with_errors": True,
        "options": Options(PixelReading.NONE),
    }
    name = asked.pop("name", "trial")
    with ThreadPoolExecutor(1) as executor:
        return make_release(archive, Asked(name, version, **usual | asked), executor=executor, workers=1)


def release(archive: Archive, version: str, **asked: Any) -> Release:
    """Release, and demand that nothing was refused."""
    outcome = try_release(archive, version, **asked)
    assert outcome.release is not None, outcome.refusals
    return outcome.release
