"""How a run begins or goes on, and how it is finished."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

from hilum.detect.runs import Plan, Run
from hilum.detect.tasks import read_detections
from hilum.disk import exclusive_lock, settle, unfinished, write_whole
from hilum.errors import ArchiveError, DetectorError, Refusal
from hilum.model.findings import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from hilum.detect.runs import RunFolder, RunSeries
    from hilum.model.findings import Lesion


@contextmanager
def begun(folder: RunFolder, plan: Plan) -> Iterator[Run | None]:
    """Hold a run while it is worked on: give it if it is finished, else None, its plan written.

    A second process that wants the same run waits for the first, and then finds it finished.

    Raises
    ------
    ArchiveError
        There is a run of that name with another plan.
    """
    with exclusive_lock(folder.lock):
        if folder.record.exists():
            run = Run.from_json(folder, folder.record.read_bytes())
            _require_same(plan, run.plan, folder)
            shutil.rmtree(folder.work, ignore_errors=True)
            yield run
            return
        if folder.plan.exists():
            _require_same(plan, Plan.from_dict(json.loads(folder.plan.read_bytes())), folder)
        else:
            write_whole(folder.plan, json.dumps(plan.to_dict()).encode())
        yield None


def finish(
    folder: RunFolder,
    plan: Plan,
    lesions: Iterable[Lesion],
    refusals: Sequence[Refusal],
    *,
    seen_in_training: tuple[str, ...] = (),
) -> Run:
    """Write a run's tables from the marks of its series, and last its record.

    Raises
    ------
    DetectorError
        Every series was refused: there is no run to keep.
    """
    if len(refusals) == len(plan.series):
        raise DetectorError(
            f"none of the {len(plan.series)} series could be read; the first, {refusals[0].item}: {refusals[0].reason}"
        )
    from hilum.findings.tables import write_lesion_table, write_mark_table

    refused = {refusal.item for refusal in refusals}
    uids = [series.series_uid for series in plan.series if series.series_uid not in refused]
    draft = folder.work / "table.parquet"
    write_mark_table(draft, _marks(folder, uids))
    _publish_table(draft, folder.marks, plan)
    write_lesion_table(draft, lesions)
    _publish_table(draft, folder.lesions, plan)
    ordered = sorted(refusals, key=lambda refusal: refusal.item)
    write_whole(folder.refusals, json.dumps([asdict(refusal) for refusal in ordered], indent=1).encode())
    run = Run(folder, plan, datetime.now(UTC), version("hilum"), seen_in_training)
    write_whole(folder.record, run.to_json())
    shutil.rmtree(folder.work, ignore_errors=True)
    return run


def not_catalogued(series: RunSeries) -> Refusal:
    """Refusal of a series that the cohort names and the catalog has not."""
    return Refusal(series.series_uid, "not-in-catalog", "the cohort names it, but its snapshot has it not")


def lesions_digest(lesions: Iterable[Lesion]) -> str:
    """SHA-256 of what decides over training: exams, positions, sizes and exclusion, whatever the order."""
    lines = sorted(
        json.dumps(
            [
                lesion.exam_id,
                *lesion.position_mm,
                lesion.short_axis_mm,
                lesion.long_axis_mm,
                lesion.diameter_mm,
                lesion.is_excluded,
            ]
        )
        for lesion in lesions
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def _require_same(plan: Plan, present: Plan, folder: RunFolder) -> None:
    if differing := plan.differences(present):
        raise ArchiveError(
            f"there is a run {plan.name!r} already, with other {', '.join(differing)}; take another name, or remove "
            f"{folder.root}"
        )


def _marks(folder: RunFolder, uids: Iterable[str]) -> Iterator[Mark]:
    for uid in uids:
        for detection in read_detections(folder.detections(uid)):
            yield Mark(uid, detection.position_mm, detection.score, uid)


def _publish_table(draft: Path, path: Path, plan: Plan) -> None:
    """Give a table its name, with what it was made by in the file's own metadata."""
    from pyarrow import parquet

    table = parquet.read_table(draft)
    about = {name: value for name, value in plan.to_dict().items() if name != "series"}
    with unfinished(path) as final:
        parquet.write_table(table.replace_schema_metadata({"hilum_run": json.dumps(about)}), final)
        settle(final, path)
    draft.unlink()
