"""What somebody wants to download: a cohort, or a collection that they see whole; all of it or one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from sys import intern
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Case, Count, F, Q, Sum, Value, When

from hilum.acquire.batches import split_batches
from hilum.acquire.wanted import WantedSeries
from hilum.serve.access.decisions import visible_cohorts, visible_collections, visible_series
from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError, not_found
from hilum.serve.published.copies import first_copies
from hilum.serve.published.models import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import QueryDict

    from hilum.publish.release import Kind
    from hilum.serve.access.principal import Principal

BATCH_SIZE = 2500
"""Participants in a batch unless another number is asked for; as TCIA hands out NLST."""

MAX_BATCH_SIZE, MAX_BATCH = 10_000, 1_000_000
"""The participants of a batch are named to the database, which takes some ten thousand names."""

MAX_SERIES = 100_000
"""Series of one ZIP or manifest, listed in some hundred megabytes; larger ones are taken in batches."""

IS_HERE = Case(When(instances__isnull=True, then=Value(False)), default=Value(True), output_field=BooleanField())
"""Whether the files of a series are in this archive."""

_ATTRIBUTES = {
    "StudyDate": "study__study_date",
    "StudyID": "study__study_id",
    "StudyDescription": "study__description",
    "SeriesNumber": "series_number",
    "SeriesDescription": "description",
}
"""What layouts may name folders after, beside the identifiers."""

_COLUMNS = (
    *("pk", "is_here", "collection_id", "study__participant_id", "study__study_uid", "series_uid", "modality"),
    *("instance_count", "size_bytes", "licence"),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of whole participants: its number, from 1, of how many, and whose it is."""

    number: int
    count: int
    size: int
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is downloaded.

    Attributes
    ----------
    kind
        ``cohort`` or ``collection``.
    name
        Its id.
    title
        As the pages call it.
    series
        Its series that whoever asks may see, each once.
    closed_count
        Its series that they may not see.
    batch
        The batch that is meant; None: all.
    """

    kind: Kind
    name: str
    title: str
    series: QuerySet[Series]
    closed_count: int = 0
    batch: Batch | None = None

    @property
    def file_name(self) -> str:
        """How a file of it is called, without an ending."""
        batch = self.batch
        return f"{self.name}-batch-{batch.number}-of-{batch.count}" if batch else self.name

    def batches(self, size: int) -> tuple[Batch, ...]:
        """Its participants in batches."""
        participants = self.series.order_by().values_list("study__participant_id", flat=True).distinct()
        split = split_batches(participants, size, str)
        return tuple(Batch(number, len(split), size, each) for number, each in enumerate(split, start=1))

    def narrowed(self, batch: Batch) -> Chosen:
        """One batch of it."""
        return replace(self, batch=batch, series=self.series.filter(study__participant_id__in=batch.participants))

    def counts(self) -> dict[str, int]:
        """How many participants and series it has, series and bytes that are here, and series that are not."""
        here = Q(instances__isnull=False)
        found = self.series.order_by().aggregate(
            participants=Count("study__participant_id", distinct=True),
            series=Count("pk", filter=here),
            size_bytes=Sum("size_bytes", filter=here),
            not_here=Count("pk", filter=~here),
        )
        return {name: number or 0 for name, number in found.items()}


@dataclass(frozen=True, slots=True)
class ListedSeries:
    """A series to download: its key in the database, what is known of it, and whether its files are here."""

    key: int
    wanted: WantedSeries
    is_here: bool


def find_chosen(principal: Principal, kind: Kind, name: str, parameters: QueryDict) -> Chosen:
    """Give the cohort or collection of a name, narrowed to the batch that the parameters name.

    Parameters
    ----------
    parameters
        ``batch``, a number from 1, and ``batch_size`` in participants; without ``batch`` all is meant.

    Raises
    ------
    ProblemError
        404: there is none that may be seen; 400: there is no such batch.
    """
    chosen = _cohort(principal, name) if kind == "cohort" else _collection(principal, name)
    number, size = _number(parameters, "batch", MAX_BATCH), batch_size(parameters)
    if number is None:
        return chosen
    batches = chosen.batches(size)
    if number > len(batches):
        raise ProblemError(BAD_REQUEST, f"batch: there are {len(batches)} of {size} participants")
    return chosen.narrowed(batches[number - 1])


def batch_size(parameters: QueryDict) -> int:
    """Participants in a batch.

    Raises
    ------
    ProblemError
        400: it is no number from 1 to `MAX_BATCH_SIZE`.
    """
    return _number(parameters, "batch_size", MAX_BATCH_SIZE) or BATCH_SIZE


def list_series(chosen: Chosen, *, is_here_only: bool = False) -> list[ListedSeries]:
    """Give its series, each once, by participant, study and UID; of two collections, one whose files are here.

    Raises
    ------
    ProblemError
        400: they are too many to be listed at once.
    """
    series = chosen.series.filter(instances__isnull=False) if is_here_only else chosen.series
    if (count := series.count()) > MAX_SERIES:
        raise ProblemError(BAD_REQUEST, f"{count} series; take batches of at most {MAX_SERIES} series")
    ordered = series.annotate(is_here=IS_HERE).order_by(
        "study__participant_id", "study__study_uid", "series_uid", F("is_here").desc(), "collection_id"
    )
    found: dict[str, ListedSeries] = {}
    for row in ordered.values_list(*_COLUMNS, *_ATTRIBUTES.values()).iterator(chunk_size=2000):
        listed = _listed(row)
        found.setdefault(listed.wanted.series_uid, listed)
    return list(found.values())


def packed_instances(listed: Sequence[ListedSeries], at_once: int = 100) -> Iterator[tuple[ListedSeries, bytes]]:
    """Give series with their packed instances, in their order; one that was published anew meanwhile is passed over."""
    for start in range(0, len(listed), at_once):
        part = listed[start : start + at_once]
        rows = Series.objects.filter(pk__in=[one.key for one in part], instances__isnull=False)
        packed = {key: bytes(value or b"") for key, value in rows.values_list("pk", "instances")}
        yield from ((one, packed[one.key]) for one in part if one.key in packed)


def _cohort(principal: Principal, name: str) -> Chosen:
    cohort = visible_cohorts(principal).filter(pk=name).first()
    if cohort is None:
        raise not_found()
    seen = visible_series(principal).filter(cohorts=cohort)
    closed_count = cohort.series.count() - seen.count()
    return Chosen("cohort", cohort.pk, cohort.title, first_copies(seen), closed_count)


def _collection(principal: Principal, name: str) -> Chosen:
    collection = visible_collections(principal).filter(pk=name).first()
    if collection is None:
        raise not_found()
    return Chosen("collection", collection.pk, collection.title, visible_series(principal).filter(collection=name))


def _listed(row: tuple[Any, ...]) -> ListedSeries:
    key, is_here, collection_id, participant_id, study_uid, series_uid, modality, count, size_bytes, licence = row[:10]
    known = zip(_ATTRIBUTES, row[10:], strict=True)
    attributes = {name: intern(str(value)) for name, value in known if value not in (None, "")}
    wanted = WantedSeries(
        # What thousands of series share is kept once.
        intern(collection_id),
        intern(participant_id),
        intern(study_uid),
        series_uid,
        intern(modality),
        count,
        size_bytes,
        licence=licence or None,
        attributes=attributes,
    )
    return ListedSeries(key, wanted, is_here)


def _number(parameters: QueryDict, name: str, most: int) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise ProblemError(BAD_REQUEST, f"{name}: expected a whole number from 1 to {most}")
    return int(text)
