"""One series, or one folder of files that form none, and what looking at it gave: the work of one task."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from hilum.check.finding import Finding, place_of
from hilum.check.header import examine_header, read_dataset
from hilum.check.outline import outline_of
from hilum.check.pixels import examine_pixels
from hilum.check.segmentations import planes_of
from hilum.cohort.proposals import print_of
from hilum.errors import HeaderError, PixelError
from hilum.findings.references import Reference, references_of
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from hilum.check.header import Found
    from hilum.check.options import Options
    from hilum.check.outline import Outline
    from hilum.check.pixels import PixelFacts
    from hilum.cohort.proposals import Print
    from hilum.findings.segmentation_header import SegmentationHeader
    from hilum.model.series import Series

REFERRING_KINDS = frozenset({ImageKind.SEGMENTATION, ImageKind.REPORT})


@dataclass(frozen=True)
class Subject:
    """What one task looks at.

    Attributes
    ----------
    item
        SeriesInstanceUID, or the path of a folder whose files have none.
    loose
        Its files where they form no series.
    series
        Its row; None for files that form none.
    indexed
        Checks of indexing that it failed, each with what was found.
    number
        To know it again by.
    """

    item: str
    loose: tuple[Path, ...] = ()
    series: Series | None = None
    indexed: tuple[tuple[str, str], ...] = ()
    number: int = 0

    @classmethod
    def of_series(cls, series: Series, indexed: Iterable[tuple[str, str]] = ()) -> Subject:
        """Give a series whose files are on this machine."""
        return cls(series.uid, series=series, indexed=tuple(indexed))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files: unpacked where the work is done, since those of a collection are millions."""
        return tuple(self.series.instances.paths()) if self.series else self.loose

    @cached_property
    def place(self) -> str:
        """Folder its first file lies in."""
        return place_of(self.series) if self.series else str(self.loose[0].parent)

    @property
    def participant(self) -> str:
        """PatientID, empty where unknown."""
        return self.series.participant_id if self.series else ""

    @property
    def kind(self) -> str:
        """What its images show; empty where it is no series."""
        return str(self.series["image_kind"]) if self.series else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What looking at a subject gave.

    Attributes
    ----------
    item, number, place
        Of the subject.
    findings
        What failed.
    file_count, slices_read
        Headers and slices read.
    references
        Instances that its objects name.
    drawn
        Planes of its segmentations.
    digest
        Digest of its pixels; empty where they were not read or say nothing.
    thumbnail
        PNG, None where there is none.
    compared
        What the series is compared with others by; None for files that form none.
    roots
        Folders its files were indexed below.
    """

    item: str
    number: int
    place: str
    findings: tuple[Finding, ...]
    file_count: int
    slices_read: int = 0
    references: frozenset[Reference] = frozenset()
    drawn: tuple[SegmentationHeader, ...] = ()
    digest: str = ""
    thumbnail: bytes | None = None
    compared: Print | None = None
    roots: frozenset[str] = frozenset()


def look_at(options: Options, subjects: Sequence[Subject]) -> list[Seen]:
    """Look at subjects, one after the other; whatever cannot be read is a finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values: they are what is looked for
        return [_look_at_one(subject, options) for subject in subjects]


def _look_at_one(subject: Subject, options: Options) -> Seen:
    headers = _Headers(subject)
    paths = subject.paths
    for path in paths:
        headers.read(path)
    found = [Finding(check, subject.item, what, subject.place, subject.participant) for check, what in subject.indexed]
    found += _findings(subject, headers.found, len(paths), "files")
    series = subject.series
    if series is None:
        return Seen(subject.item, subject.number, subject.place, tuple(found), len(paths))
    found += _of_order(subject, series)
    facts = _pixels(series, options)
    found += _findings(subject, facts.found, facts.read_count, "slices read")
    return Seen(
        subject.item,
        subject.number,
        subject.place,
        tuple(found),
        len(paths),
        facts.read_count,
        frozenset(headers.references),
        tuple(headers.drawn),
        facts.digest,
        facts.thumbnail,
        print_of(series),
        frozenset(series.instances.column("root")),
    )


OUTLINES_KEPT = 64
"""Outlines of headers to a subject: the slices of a scanner have a few forms, 3 to 70 kB each."""


@dataclass(slots=True)
class _Headers:
    """What the headers of a subject show, gathered file by file."""

    subject: Subject
    found: dict[str, Counter[str]] = field(default_factory=dict)
    references: set[Reference] = field(default_factory=set)
    drawn: list[SegmentationHeader] = field(default_factory=list)
    _examined: dict[Outline, list[Found]] = field(default_factory=dict)

    def read(self, path: Path) -> None:
        """Read one more file."""
        try:
            if self.subject.kind in REFERRING_KINDS:
                self._read_referring(path)
            else:
                self._note(self._examine(path))
        except HeaderError as error:
            self._note([(error.check, f"{path.name}: {error}")])

    def _note(self, found: Iterable[Found]) -> None:
        for check, what in found:
            self.found.setdefault(check, Counter())[what] += 1

    def _examine(self, path: Path) -> list[Found]:
        """What a header shows; it is read whole only if none of the same outline was."""
        outline = outline_of(path)
        found = self._examined.get(outline) if outline else None
        if found is None:
            found = examine_header(read_dataset(path), self.subject.kind)
            if outline and len(self._examined) < OUTLINES_KEPT:
                self._examined[outline] = found
        return found

    def _read_referring(self, path: Path) -> None:
        dataset = read_dataset(path)
        self._note(examine_header(dataset, self.subject.kind))
        self.references |= _references(dataset)
        if self.subject.kind == ImageKind.SEGMENTATION and (planes := planes_of(dataset, path.name)):
            self.drawn.append(planes)


def _references(dataset: Dataset) -> frozenset[Reference]:
    try:
        return references_of(dataset)
    except Exception as error:  # values are decoded as they are asked for
        raise HeaderError(f"references cannot be decoded: {error}", check="unreadable-object") from error


def _pixels(series: Series, options: Options) -> PixelFacts:
    from hilum.check.pixels import PixelFacts

    try:
        return examine_pixels(series, options)
    except (PixelError, OSError) as error:
        facts = PixelFacts()
        facts.add("unreadable-pixels", str(error))
        return facts


def _findings(subject: Subject, found: Mapping[str, Counter[str]], total: int, of_what: str) -> Iterator[Finding]:
    """One finding a check, that names all it was found in."""
    for check, counts in found.items():
        parts = [
            " ".join(filter(None, (what, f"in {count} of {total} {of_what}" if count < total or not what else "")))
            for what, count in sorted(counts.items())
        ]
        yield Finding(check, subject.item, ", ".join(parts), subject.place, subject.participant)


def _of_order(subject: Subject, series: Series) -> Iterator[Finding]:
    """Hold InstanceNumber against the order of the slices, in which the catalog keeps the instances."""
    numbers = series.instances.column("InstanceNumber")
    is_stack = series["slice_spacing_mm"] and not series["duplicated_positions"]
    if not is_stack or len(numbers) < 2 or not all(isinstance(number, int | float) for number in numbers):
        return
    steps = [high - low for low, high in pairwise(numbers)]
    if all(step > 0 for step in steps):
        return
    check = "flipped-order" if all(step < 0 for step in steps) else "shuffled-order"
    detail = f"InstanceNumber {numbers[0]} at the first position, {numbers[-1]} at the last of {len(numbers)}"
    yield Finding(check, subject.item, detail, subject.place, subject.participant)
