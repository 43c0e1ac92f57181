"""What in an archive names a cohort or a snapshot of its catalog, and so must be able to find it again.

Runs and published results lie in folders of packages above this one; of their records two keys are read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hilum.catalog.layout import Layout
from hilum.cohort.cohort import list_cohorts, splits_folder
from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.catalog import Archive

RUN_RECORDS = ("run.json", "work/plan.json")
"""Of a finished run, and of one that is not."""

RESULT_RECORD = "result.json"
RESULT_SNAPSHOT = "catalog snapshot"
"""Key of a result's provenance that names the snapshot its series come from."""


def naming_cohort(archive: Archive, name: str) -> list[str]:
    """Give what names a cohort: its splits, its releases, the runs on it, each in two words such as ``run classic``.

    Raises
    ------
    ArchiveError
        A record cannot be read: it might name the cohort.
    """
    splits = [f"split {path.stem}" for path in sorted(splits_folder(archive, name).glob("*.json"))]
    releases = Layout(archive.path).releases / name
    versions = [f"release {name} {path.name}" for path in sorted(releases.glob("*/")) if path.is_dir()]
    runs = [f"run {run}" for run, record in _runs(archive) if record.get("cohort") == name]
    return [*splits, *versions, *runs]


def named_snapshots(archive: Archive) -> dict[str, list[str]]:
    """Give what names each snapshot: cohorts, runs and published results; one that nothing names is left out.

    Releases are archives with a catalog of their own, and name none.

    Raises
    ------
    ArchiveError
        A record cannot be read: it might name one.
    """
    naming: dict[str, list[str]] = defaultdict(list)
    for who, snapshot_id in _snapshots(archive):
        if snapshot_id:
            naming[snapshot_id].append(who)
    return dict(naming)


def _snapshots(archive: Archive) -> Iterator[tuple[str, str | None]]:
    for name in list_cohorts(archive):
        yield f"cohort {name}", _read(archive.path / "cohorts" / f"{name}.json").get("snapshot_id")
    for name, record in _runs(archive):
        yield f"run {name}", record.get("snapshot_id")
    for path in sorted(Layout(archive.path).results.glob(f"*/{RESULT_RECORD}")):
        yield f"result {path.parent.name}", _read(path).get("provenance", {}).get(RESULT_SNAPSHOT)


def _runs(archive: Archive) -> Iterator[tuple[str, dict[str, Any]]]:
    for folder in sorted((archive.path / "runs").glob("*/")):
        for name in RUN_RECORDS:
            if (folder / name).is_file():
                yield folder.name, _read(folder / name)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path} cannot be read ({error}), and may name what is to be removed") from error
    return found
