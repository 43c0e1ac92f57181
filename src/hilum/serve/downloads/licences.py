"""The licences and citations that go with every download."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from hilum.catalog import Archive
from hilum.errors import ConfigError
from hilum.publish.citing import bundle
from hilum.publish.contents import Subject
from hilum.publish.metadata import metadata_files
from hilum.publish.work import work_of
from hilum.serve.dicomweb.problem import FAILURE, ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.publish.release import Kind
    from hilum.publish.work import Work

REMEMBERED_COLLECTIONS = 64


def licence_of(collection_id: str) -> str:
    """Give the licences of a collection, and how it is cited, in Markdown.

    Raises
    ------
    ProblemError
        500: what the steward wrote about the collection cannot be read; nothing is given without its licence.
    """
    archive = Archive.open(settings.OPTIONS.archive)
    return _licence_of(str(archive.path), archive.snapshot().snapshot_id, collection_id)


def texts_of(name: str, kind: Kind, series: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    """Give the files that tell licences and citations, by name.

    Parameters
    ----------
    series
        Collection and UID of each series that is downloaded.

    Raises
    ------
    ProblemError
        As `licence_of`.
    """
    uids: dict[str, list[str]] = {}
    for collection_id, uid in series:
        uids.setdefault(collection_id, []).append(uid)
    return metadata_files(_work(Archive.open(settings.OPTIONS.archive), name, kind, uids))[0]


@lru_cache(maxsize=REMEMBERED_COLLECTIONS)
def _licence_of(archive: str, _: str, collection_id: str) -> str:
    return bundle(_work(Archive.open(archive), collection_id, "collection", {collection_id: None}))


def _work(archive: Archive, name: str, kind: Kind, series_uids: Mapping[str, Sequence[str] | None]) -> Work:
    try:
        return work_of(archive, Subject(name, kind, archive.snapshot(), series_uids))
    except ConfigError as error:
        raise ProblemError(FAILURE, "what is written about the collection cannot be read; tell the steward") from error
