"""What checking a folder, an archive or a cohort gave."""

from __future__ import annotations

from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from hilum.check.accepted import Acceptance, accept
from hilum.check.annotations import check_lesion_list
from hilum.check.collect import Collected, collect_archive, collect_folder
from hilum.check.duplicates import equal_annotation_grids, equal_series, find_annotations
from hilum.check.options import Options, PixelReading
from hilum.check.references import check_references
from hilum.check.rules import BY_CHECK, Severity, order_of
from hilum.check.segmentations import check_placement
from hilum.check.subject import look_at
from hilum.errors import ArchiveError, NotFoundError
from hilum.work import map_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.check.finding import Finding
    from hilum.check.subject import Seen
    from hilum.model.series import Series


@dataclass(frozen=True, slots=True)
class Report:
    """What checking gave.

    Attributes
    ----------
    name
        What was checked.
    pixels
        How many slices of a series were read.
    series_count, file_count, slices_read
        What was looked at.
    findings
        All of them, the accepted ones included; the worst first.
    unused
        Acceptances that cover no finding.
    thumbnails
        PNG of series, by their UID.
    """

    name: str
    pixels: PixelReading
    series_count: int
    file_count: int
    slices_read: int
    findings: tuple[Finding, ...]
    unused: tuple[Acceptance, ...] = ()
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether every error and warning is accepted."""
        return not any(finding.is_open for finding in self.findings)

    def counts(self) -> dict[str, int]:
        """Open findings by severity, and those accepted."""
        opened = Counter(finding.severity for finding in self.findings if finding.acceptance is None)
        accepted = sum(finding.acceptance is not None for finding in self.findings)
        return {severity.value: opened[severity] for severity in Severity} | {"accepted": accepted}

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON takes it, without thumbnails."""
        findings = [
            asdict(finding) | {"severity": finding.severity.value, "meaning": BY_CHECK[finding.check].meaning}
            for finding in self.findings
        ]
        return {
            "name": self.name,
            "pixels": self.pixels.value,
            "series": self.series_count,
            "files": self.file_count,
            "slices_read": self.slices_read,
            "counts": self.counts(),
            "is_clean": self.is_clean,
            "findings": findings,
            "unused_acceptances": [asdict(one) for one in self.unused],
        }


def check_folder(
    folder: Path,
    *,
    executor: Executor,
    workers: int,
    options: Options | None = None,
    lesions: Path | None = None,
    accepted: Sequence[Acceptance] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Check the DICOM files of a folder, and a list of lesions.

    Parameters
    ----------
    executor, workers
        What runs the work, a series at a time, and how many at once.
    lesions
        File or folder of lesions; NIH's annotations in the folder are found without.
    accepted
        Findings that somebody accepted.
    on_progress
        Told how many more series were looked at.

    Raises
    ------
    NotFoundError
        There is no such folder, or neither DICOM files nor lesions in it.
    """
    collected = collect_folder(folder, executor=executor, workers=workers)
    lesions = lesions or find_annotations(folder)
    if not collected.series and not collected.findings and lesions is None:
        raise NotFoundError(f"{folder}: no DICOM file found; name the folder that the collection is in")

    def near(study_uids: set[str], series_uids: set[str]) -> Iterator[Series]:
        return (one for one in collected.series if one.study_uid in study_uids or one.uid in series_uids)

    work = _Work(executor, workers, options or Options(), on_progress)
    return work.report(collected, near, lesions, accepted)


def check_archive(
    archive: Archive,
    series: Sequence[Series],
    *,
    name: str,
    executor: Executor,
    workers: int,
    options: Options | None = None,
    lesions: Path | None = None,
    accepted: Sequence[Acceptance] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Check series of an archive, such as those of a collection or a cohort; the others are as in `check_folder`.

    Parameters
    ----------
    series
        Those to look at. What they refer to may lie anywhere in the archive.
    name
        What to call them.
    """
    collected = collect_archive(archive, series, name=name)

    def near(study_uids: set[str], series_uids: set[str]) -> list[Series]:
        condition = '"StudyInstanceUID" IN (SELECT unnest($1)) OR "SeriesInstanceUID" IN (SELECT unnest($2))'
        return archive.series_where(condition, [sorted(study_uids), sorted(series_uids)])

    work = _Work(executor, workers, options or Options(), on_progress)
    return work.report(collected, near, lesions, accepted)


@dataclass(frozen=True, slots=True)
class _Work:
    """What runs the work, and how thoroughly."""

    executor: Executor
    workers: int
    options: Options
    on_progress: Callable[[int], None] | None

    def report(
        self,
        collected: Collected,
        near: Callable[[set[str], set[str]], Iterable[Series]],
        lesions: Path | None,
        accepted: Sequence[Acceptance],
    ) -> Report:
        seen = list(self._seen(collected))
        series = {one.uid: one for one in collected.series}
        findings = [*collected.findings, *(finding for one in seen for finding in one.findings)]
        findings += _of_references(seen, series, near)
        findings += equal_series(collected.series, {one.item: one.digest for one in seen if one.digest})
        if lesions is not None:
            with_pixels = self.options.pixels is not PixelReading.NONE
            findings += check_lesion_list(lesions, _annotated(collected.series), with_pixels=with_pixels)
            if lesions.is_dir() and (folder := find_annotations(lesions)) is not None:
                findings += equal_annotation_grids(folder)
        marked, unused = accept(_sorted(findings), accepted)
        with_findings = {finding.item for finding in marked}
        return Report(
            collected.name,
            self.options.pixels,
            len(collected.series),
            sum(one.file_count for one in seen),
            sum(one.slices_read for one in seen),
            marked,
            unused,
            {one.item: one.thumbnail for one in seen if one.thumbnail and one.item in with_findings},
        )

    def _seen(self, collected: Collected) -> Iterator[Seen]:
        batches = map_batches(
            partial(look_at, self.options),
            collected.subjects(),
            executor=self.executor,
            batch_size=1,
            workers=self.workers,
        )
        try:
            for batch in batches:
                yield from batch
                if self.on_progress:
                    self.on_progress(len(batch))
        except BrokenProcessPool as error:
            raise ArchiveError(
                "a worker process died, perhaps for want of memory; check again with fewer workers (HILUM_WORKERS)"
            ) from error


def _of_references(
    seen: Sequence[Seen],
    series: Mapping[str, Series],
    near: Callable[[set[str], set[str]], Iterable[Series]],
) -> Iterator[Finding]:
    named = {one.item: one.references for one in seen if one.references}
    if not named:
        return
    study_uids = {series[uid].study_uid for uid in named}
    series_uids = {reference.series_uid for references in named.values() for reference in references}
    others = list(near(study_uids, series_uids))
    yield from check_references(named, series, others)
    yield from check_placement({one.item: one.drawn for one in seen if one.drawn}, series, others)


def _annotated(series: Sequence[Series]) -> list[Series]:
    """The series that lesions can be of: volumes."""
    return [one for one in series if one["is_volume"]]


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, then by check and item; each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: (order_of(one.check), one.item, one.detail))
