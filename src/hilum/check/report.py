"""What checking a folder, an archive or a cohort gave."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from hilum.check.annotations import check_lesion_list
from hilum.check.collect import Collected, collect_archive, collect_folder
from hilum.check.duplicates import equal_annotation_grids, find_annotations
from hilum.check.gathering import Gathering
from hilum.check.options import PixelReading
from hilum.check.rules import BY_CHECK, Severity
from hilum.check.subject import look_at
from hilum.errors import ArchiveError, NotFoundError
from hilum.findings.of_series import series_named
from hilum.work import map_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.check.accepted import Acceptance
    from hilum.check.finding import Finding
    from hilum.check.finding_table import Findings
    from hilum.check.gathering import Near
    from hilum.check.subject import Seen, Subject
    from hilum.check.terms import Terms
    from hilum.model.series import Series


TOKENS_A_PIECE = 10_000
"""Of JSON, written at once: to write each by itself takes ten times as long as to make it."""


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
        All of them, the accepted ones included; the worst first. They lie on the disk, as long as this is there.
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
    findings: Findings
    unused: tuple[Acceptance, ...] = ()
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether every error and warning is accepted."""
        counts = self.counts()
        return not counts[Severity.ERROR] and not counts[Severity.WARNING]

    def counts(self) -> dict[str, int]:
        """Open findings by severity, and those accepted."""
        opened: Counter[Severity] = Counter()
        for one in self.findings.counts:
            opened[BY_CHECK[one.check].severity] += one.count - one.accepted
        accepted = sum(one.accepted for one in self.findings.counts)
        return {severity.value: opened[severity] for severity in Severity} | {"accepted": accepted}

    def json_pieces(self, *, indent: int = 1, ensure_ascii: bool = False) -> Iterator[str]:
        """Give the report as JSON, without thumbnails, piece by piece: with a million findings it is large."""
        encoder = json.JSONEncoder(indent=indent, ensure_ascii=ensure_ascii, default=str)
        pieces = chain(encoder.iterencode(self._record()), "\n")
        while some := "".join(islice(pieces, TOKENS_A_PIECE)):
            yield some

    def _record(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "pixels": self.pixels.value,
            "series": self.series_count,
            "files": self.file_count,
            "slices_read": self.slices_read,
            "counts": self.counts(),
            "is_clean": self.is_clean,
            "findings": _Each(self.findings),
            "unused_acceptances": [asdict(one) for one in self.unused],
        }


class _Each(list[Any]):
    """Findings as JSON takes them, made one by one as they are written: JSON writes lists and nothing like them."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self._findings = findings

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(_to_dict, self._findings)


def _to_dict(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"severity": finding.severity.value, "meaning": BY_CHECK[finding.check].meaning}


def check_folder(folder: Path, terms: Terms) -> Report:
    """Check the DICOM files of a folder, and a list of lesions.

    Raises
    ------
    NotFoundError
        There is no such folder, or neither DICOM files nor lesions in it.
    """
    collected = collect_folder(folder, executor=terms.executor, workers=terms.workers)
    series = list(collected.series)
    lesions = terms.lesions or find_annotations(folder)
    if not series and not any(collected.refused_of("")) and lesions is None:
        raise NotFoundError(f"{folder}: no DICOM file found; name the folder that the collection is in")

    def near(study_uids: set[str], series_uids: set[str]) -> Iterator[Series]:
        return (one for one in series if one.study_uid in study_uids or one.uid in series_uids)

    return _report(collected, replace(terms, lesions=lesions), near)


def check_archive(archive: Archive, series: Iterable[Series], terms: Terms, *, name: str) -> Report:
    """Check series of an archive, such as those of a collection or a cohort.

    Parameters
    ----------
    series
        Those to look at, each time it is gone through. What they refer to may lie anywhere in the archive.
    name
        What to call them.

    Raises
    ------
    ArchiveError
        A worker died.
    """
    collected = collect_archive(archive, series, name=name)

    def near(study_uids: set[str], series_uids: set[str]) -> list[Series]:
        condition = '"StudyInstanceUID" IN (SELECT unnest($1)) OR "SeriesInstanceUID" IN (SELECT unnest($2))'
        return archive.series_where(condition, [sorted(study_uids), sorted(series_uids)])

    return _report(collected, terms, near)


def _report(collected: Collected, terms: Terms, near: Near) -> Report:
    with closing(Gathering(terms, near)) as gathering:
        return _gathered(gathering, collected, terms)


def _gathered(gathering: Gathering, collected: Collected, terms: Terms) -> Report:
    for seen, series in _seen(collected, terms, gathering.add_findings):
        gathering.add(seen, series)
    if terms.lesions is not None:
        named = _annotated(collected.series, terms.lesions)
        with_pixels = terms.options.pixels is not PixelReading.NONE
        gathering.add_findings(check_lesion_list(terms.lesions, named, with_pixels=with_pixels), named or ())
        if terms.lesions.is_dir() and (folder := find_annotations(terms.lesions)) is not None:
            gathering.add_findings(equal_annotation_grids(folder))
    findings, unused = gathering.end()
    return Report(
        collected.name,
        terms.options.pixels,
        gathering.series_count,
        gathering.file_count,
        gathering.slices_read,
        findings,
        unused,
        gathering.pictures.of(findings),
    )


def _seen(
    collected: Collected, terms: Terms, tell: Callable[[Iterable[Finding]], None]
) -> Iterator[tuple[Seen, Series | None]]:
    """What looking gave, each with its series: the others wait for a worker, or are not read yet."""
    waiting: dict[int, Series | None] = {}

    def numbered() -> Iterator[Subject]:
        for number, subject in enumerate(collected.subjects(tell)):
            waiting[number] = subject.series
            yield replace(subject, number=number)

    look = partial(look_at, terms.options)
    batches = map_batches(look, numbered(), executor=terms.executor, batch_size=1, workers=terms.workers)
    try:
        for batch in batches:
            yield from ((seen, waiting.pop(seen.number)) for seen in batch)
            if terms.on_progress:
                terms.on_progress(len(batch))
    except BrokenProcessPool as error:
        raise ArchiveError(
            "a worker process died, perhaps for want of memory; check again with fewer workers (HILUM_WORKERS)"
        ) from error


def _annotated(series: Iterable[Series], lesions: Path) -> list[Series] | None:
    """The volumes that lesions may be of, those that they may mean; None without any volume."""

    def volumes() -> Iterator[Series]:
        return (one for one in series if one["is_volume"] and one["instances"] is not None)

    return series_named(lesions, volumes()) if any(volumes()) else None
