"""What the catalog holds now, kept until it changes: counts, and the table that choices are counted by."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings

from hilum.catalog import Archive
from hilum.catalog.groups import count_groups
from hilum.catalog.summary import list_collections, summarize
from hilum.cohort import FacetTable
from hilum.errors import NotFoundError

if TYPE_CHECKING:
    from hilum.catalog.summary import Summary


@dataclass
class Current:
    """One snapshot of the catalog, and what was worked out of it.

    Attributes
    ----------
    archive
        The served archive.
    snapshot_id
        The snapshot.
    """

    archive: Archive
    snapshot_id: str
    _summaries: dict[str, Summary] = field(default_factory=dict)

    @cached_property
    def facets(self) -> FacetTable:
        """Table that choices are counted by."""
        return FacetTable(self.archive)

    @cached_property
    def counts(self) -> dict[str, dict[str, Any]]:
        """Counts of the original data by collection."""
        return {row["collection_id"]: row for row in list_collections(self.archive)}

    def summary(self, collection_id: str) -> Summary:
        """What a collection holds."""
        if collection_id not in self._summaries:
            self._summaries[collection_id] = summarize(self.archive, collection_id)
        return self._summaries[collection_id]

    def groups(self, collection_id: str) -> list[dict[str, Any]]:
        """The published groups of NLST participants; none where there is no participant table."""
        try:
            return count_groups(self.archive, collection_id)
        except NotFoundError:
            return []


_lock = threading.Lock()
_kept: dict[str, Current] = {}


def current() -> Current:
    """Give what the served archive's catalog holds now."""
    archive = Archive.open(settings.OPTIONS.archive)
    snapshot_id = archive.snapshot().snapshot_id
    key = f"{archive.path} {snapshot_id}"
    with _lock:
        if key not in _kept:
            # What was worked out of an earlier snapshot is of no use any more.
            _kept.clear()
            _kept[key] = Current(archive, snapshot_id)
        return _kept[key]
