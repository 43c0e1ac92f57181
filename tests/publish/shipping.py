"""A small release to ship: five participants of unequal size, and a file that belongs to none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.check import Options, PixelReading
from hilum.publish.freeze import Asked, make_release
from hilum.publish.release import find_release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.publish.release import Release

SLICES = {"P1": 4, "P2": 9, "P3": 4, "P4": 6, "P5": 2}
COLLECTION = "chest_ct"
BESIDE = "read-me.txt"


def write_release(root: Path) -> Release:
    """Write CT of five participants below `root`, index it, and release it as version 1."""
    for number, (participant, slices) in enumerate(SLICES.items(), start=1):
        study = f"{UID_ROOT}.{number}"
        series = CtSeries(
            shape=(slices, 16, 16), participant=participant, study_uid=study, series_uid=f"{study}.1", seed=number
        )
        series.write(root / "files" / participant)
    (root / BESIDE).write_text("belongs to nobody")
    archive = Archive.create(root / "archive")
    index_folder(archive, root / "files", COLLECTION)
    options = Options(PixelReading.NONE)
    asked = Asked(
        COLLECTION,
        "1",
        date(2026, 1, 2),
        "first",
        options,
        beside=(root / BESIDE,),
        with_errors=True,
    )
    with ThreadPoolExecutor(2) as executor:
        make_release(archive, asked, executor=executor, workers=2)
    return find_release(archive, "1")
