"""What a path names, as far as the asking one may see it: studies, series, instances, and where their files lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import F

from hilum.model.instances import Instances
from hilum.serve.access import audit
from hilum.serve.access.decisions import visible_series
from hilum.serve.dicomweb.problem import NOT_FOUND, ProblemError, not_found
from hilum.serve.published.copies import first_copies
from hilum.serve.published.metadata import FOLDER, SeriesMetadata, metadata_path
from hilum.serve.published.models import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.serve.access.principal import Principal

REMEMBERED_SERIES = 128
"""Series whose instances a worker keeps unpacked: about 50 MB of a chest CT's, so that a frame costs no unpacking."""

REMEMBERED_PRINCIPALS = 1000

_STUDY, _SERIES = "\0study", "\0series"
"""Stand in a remembered statement for UIDs, which hold no such character."""

_COLUMNS = ("pk", "study_id", "study__study_uid", "series_uid", "collection_id", "digest", "instance_count")


@dataclass(frozen=True)
class FoundSeries:
    """A series that may be seen, whose files are here.

    The database is asked for its instances when these are first looked at, and not again.
    """

    key: int
    study_key: int
    study_uid: str
    series_uid: str
    collection_id: str
    digest: str
    instance_count: int

    @property
    def instances(self) -> Instances:
        """Its instances."""
        return self._rows[0]

    def metadata(self) -> SeriesMetadata:
        """Its prepared metadata.

        Raises
        ------
        ProblemError
            404: the series has just been published anew.
        """
        folder = Path(settings.OPTIONS.archive, "serve", FOLDER)
        try:
            return SeriesMetadata.open(metadata_path(folder, self.collection_id, self.digest))
        except FileNotFoundError as error:
            raise ProblemError(NOT_FOUND, "the metadata are not prepared; publish the collection again") from error

    def index_of(self, sop_uid: str) -> int:
        """Index of an instance in `instances`.

        Raises
        ------
        ProblemError
            404: the series has no such instance.
        """
        index = self._rows[1].get(sop_uid)
        if index is None:
            raise not_found()
        return index

    def instance(self, sop_uid: str) -> FoundInstance:
        """Give one of its instances.

        Raises
        ------
        ProblemError
            404: the series has no such instance.
        """
        return self.at(self.index_of(sop_uid))

    def at(self, index: int) -> FoundInstance:
        """Give an instance by its index."""
        return FoundInstance(self, index, _Row(self.instances.columns, index))

    @cached_property
    def _rows(self) -> tuple[Instances, dict[str, int]]:
        return _unpacked(self.key, self.digest)


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance that may be seen.

    Attributes
    ----------
    series
        Its series.
    index
        Its place in it, 0-based.
    values
        What the catalog keeps of it (`hilum.model.instances`).
    """

    series: FoundSeries
    index: int
    values: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Its file: as it was indexed, never as a request says."""
        return f"{self.values['root']}/{self.values['path']}"

    @property
    def folder(self) -> str:
        """Folder of its file."""
        return self.path.rpartition("/")[0]

    @property
    def sop_uid(self) -> str:
        """SOPInstanceUID."""
        return str(self.values["SOPInstanceUID"])

    @property
    def transfer_syntax(self) -> str:
        """TransferSyntaxUID of the file; implicit VR little endian where it does not say."""
        return str(self.values.get("TransferSyntaxUID") or "1.2.840.10008.1.2")

    def address(self, root: str) -> str:
        """Address of the object, below that of the service."""
        return f"{root}/studies/{self.series.study_uid}/series/{self.series.series_uid}/instances/{self.sop_uid}"

    def open(self) -> int:
        """Open the file; give its descriptor.

        Raises
        ------
        ProblemError
            404: it is not where it was, or cannot be read.
        """
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ProblemError(NOT_FOUND, "the file is not where it was indexed; tell the steward") from error


class _Row(Mapping[str, Any]):
    """One value of each column: of thirty a frame needs eight."""

    __slots__ = ("_columns", "_index")

    def __init__(self, columns: Mapping[str, Sequence[Any]], index: int) -> None:
        self._columns, self._index = columns, index

    def __getitem__(self, name: str) -> Any:
        return self._columns[name][self._index]

    def get(self, name: str, default: Any = None) -> Any:
        column = self._columns.get(name)
        return default if column is None else column[self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class _StudyName(NamedTuple):
    pk: int
    study_uid: str


def find_series(principal: Principal, study_uid: str, series_uid: str) -> FoundSeries:
    """Give a series; of two collections, the first whose files are here.

    Raises
    ------
    ProblemError
        404: there is none that may be seen.
    """
    sql, parameters = _series_statement(principal)
    named = {_STUDY: study_uid, _SERIES: series_uid}
    with connection.cursor() as cursor:
        cursor.execute(sql, [named.get(value, value) for value in parameters])
        row = cursor.fetchone()
    if row is None:
        raise not_found()
    return _seen(principal, FoundSeries(*row))


def find_study(principal: Principal, study_uid: str) -> list[FoundSeries]:
    """Give the series of a study, each once, in order of their numbers.

    Raises
    ------
    ProblemError
        404: there is none that may be seen.
    """
    rows = first_copies(visible_series(principal)).filter(study__study_uid=study_uid, instances__isnull=False)
    ordered = rows.order_by(F("series_number").asc(nulls_last=True), "series_uid")
    found = [FoundSeries(*row) for row in ordered.values_list(*_COLUMNS)]
    if not found:
        raise not_found()
    _seen(principal, found[0])
    return found


@lru_cache(maxsize=REMEMBERED_PRINCIPALS)
def _series_statement(principal: Principal) -> tuple[str, tuple[Any, ...]]:
    """What `visible_series` asks the database about one series, as SQL; what is granted is looked up each time.

    Every frame asks it, and putting it together takes ten times as long as the answer.
    """
    rows = visible_series(principal).filter(study__study_uid=_STUDY, series_uid=_SERIES, instances__isnull=False)
    return rows.order_by("collection_id").values_list(*_COLUMNS)[:1].query.sql_with_params()


def _seen(principal: Principal, series: FoundSeries) -> FoundSeries:
    audit.viewed(principal, _StudyName(series.study_key, series.study_uid))
    return series


@lru_cache(maxsize=REMEMBERED_SERIES)
def _unpacked(key: int, digest: str) -> tuple[Instances, dict[str, int]]:
    """Instances of a series, and the index of each by its UID; `digest` tells one publishing from the next."""
    packed = Series.objects.values_list("instances", flat=True).filter(pk=key, digest=digest).first()
    if packed is None:
        raise not_found()
    instances = Instances.unpack(bytes(packed))
    return instances, {uid: index for index, uid in enumerate(instances.column("SOPInstanceUID"))}
