"""The marks of a run as DICOM: one structured report a series, for any viewer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from hilum.disk import write_whole
from hilum.errors import FormatError, HilumError, NotFoundError, Refusal
from hilum.findings.anatomy import LESION
from hilum.findings.image_planes import ImagePlanes
from hilum.findings.structured_report_document import Head, report_bytes
from hilum.findings.structured_report_groups import Algorithm, mark_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.detect.runs import Run
    from hilum.findings.structured_report_items import Item
    from hilum.model.codes import Code
    from hilum.model.findings import Mark

NOT_WRITTEN = "report-not-written"
OUTSIDE = "outside-volume"
"""Names of the checks."""

UID = re.compile(r"[0-9.]{1,64}")
"""What a UID consists of; a header may hold anything else."""

DESCRIPTION_LENGTH = 64
"""Characters of a series' description (VR LO)."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The report on one series: where it lies, and how many marks it has."""

    series_uid: str
    path: Path
    mark_count: int


@dataclass(frozen=True, slots=True)
class RunReports:
    """What became of the series of a run.

    Attributes
    ----------
    reports
        Those written.
    without_marks
        Series of which no mark reaches the threshold: they have no report.
    refusals
        Series that no report could be written on, and marks that lie outside their series.
    """

    reports: tuple[RunReport, ...]
    without_marks: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def write_run_reports(
    archive: Archive,
    run: Run,
    folder: Path,
    *,
    threshold: float,
    series_uids: Sequence[str] = (),
    kind: Code = LESION,
    on_progress: Callable[[int], None] = lambda _: None,
) -> RunReports:
    """Write ``UID.sr.dcm`` for each series of a run with marks: position, score, run, method and threshold.

    Files of the same name are replaced; the same run gives the same bytes.

    Parameters
    ----------
    threshold
        Lowest score of a mark that is written.
    series_uids
        The series to write; all of the run if empty.
    kind
        What the method looks for.
    on_progress
        Told the number of series done.

    Raises
    ------
    NotFoundError
        A series named is not of the run.
    """
    wanted = _wanted(run, series_uids)
    marks: dict[str, list[Mark]] = {uid: [] for uid in wanted}
    for mark in sorted(run.marks(), key=lambda mark: -mark.score):
        if mark.series_uid in marks and mark.score >= threshold:
            marks[mark.series_uid].append(mark)
    head, algorithm = _head(run, threshold), _algorithm(run, threshold)
    reports, refusals = [], []
    for uid, found in marks.items():
        if found:
            try:
                groups = _Groups(archive, uid, found, kind, algorithm)
                refusals += groups.refusals
                path = folder / f"{_file_stem(uid)}.sr.dcm"
                write_whole(path, report_bytes(groups.items, groups.series, head))
                reports.append(RunReport(uid, path, len(groups.items)))
            except (HilumError, OSError) as error:
                refusals.append(Refusal(uid, NOT_WRITTEN, str(error)))
        on_progress(1)
    empty = tuple(uid for uid, found in marks.items() if not found)
    return RunReports(tuple(reports), empty, tuple(refusals))


class _Groups:
    """Measurement groups of the marks on a series; marks that lie outside it are refused."""

    def __init__(self, archive: Archive, uid: str, marks: Sequence[Mark], kind: Code, algorithm: Algorithm) -> None:
        self.series = archive.series(uid)
        self.refusals: list[Refusal] = []
        self.items = list(self._items(marks, kind, algorithm))

    def _items(self, marks: Sequence[Mark], kind: Code, algorithm: Algorithm) -> Iterator[Item]:
        planes = ImagePlanes(self.series)
        for number, mark in enumerate(marks, start=1):
            try:
                yield mark_group(mark, number, planes, kind=kind, algorithm=algorithm)
            except FormatError as error:
                self.refusals.append(Refusal(f"{self.series.uid}: mark {number}", OUTSIDE, str(error)))


def _wanted(run: Run, series_uids: Sequence[str]) -> list[str]:
    known = [series.series_uid for series in run.series]
    if strangers := [uid for uid in series_uids if uid not in set(known)]:
        raise NotFoundError(
            f"series {', '.join(strangers)}: not among the {len(known)} of run {run.name!r}; "
            f"see them with: hilum runs {run.name} --json"
        )
    return list(dict.fromkeys(series_uids)) or known


def description_beginning(run: Run) -> str:
    """How the series descriptions of a run's reports begin, whatever the threshold."""
    return f"{run.name}: score at least "[:DESCRIPTION_LENGTH]


def _head(run: Run, threshold: float) -> Head:
    return Head(f"{description_beginning(run)}{threshold:g}"[:DESCRIPTION_LENGTH], run.created_at)


def _algorithm(run: Run, threshold: float) -> Algorithm:
    """What made the marks: enough to find the run, and to make it again."""
    stated = {"run": run.name, "threshold": repr(threshold), "model": run.plan.model, "cohort": run.plan.cohort_id}
    parameters = [f"{name} = {value}" for name, value in stated.items() if value]
    settings = json.dumps(run.plan.parameters, sort_keys=True)
    return Algorithm(run.plan.method, run.plan.version, (*parameters, f"settings = {settings}"))


def _file_stem(series_uid: str) -> str:
    return series_uid if UID.fullmatch(series_uid) else sha256(series_uid.encode()).hexdigest()[:24]
