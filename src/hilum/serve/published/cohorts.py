"""Cohorts of the archive that are served: a grant or a token can be for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ProtectedError

from hilum.cohort import Cohort as Frozen
from hilum.errors import NotFoundError
from hilum.serve.published.models import Cohort, Series

if TYPE_CHECKING:
    from hilum.catalog import Archive

CHUNK = 500
"""Series looked up by one statement."""


def publish_cohort(archive: Archive, name: str, *, title: str | None = None) -> tuple[Cohort, int]:
    """Serve a cohort of the archive; give it, and how many of its series are in no served collection.

    Raises
    ------
    NotFoundError
        The archive has no such cohort.
    """
    frozen = Frozen.load(archive, name)
    with transaction.atomic():
        cohort = Cohort.objects.filter(pk=name).first() or Cohort(pk=name, title=name)
        cohort.title = title or cohort.title
        cohort.digest = frozen.cohort_id
        cohort.save()
        return cohort, len(frozen.entries) - _link(cohort, frozen)


@transaction.atomic
def withdraw_cohort(cohort: Cohort) -> None:
    """Serve a cohort no more.

    What requests and grants name is never forgotten: such a cohort stays, without series and without digest, which says
    that it is not served.
    """
    cohort.series.clear()
    try:
        with transaction.atomic():
            cohort.delete()
    except ProtectedError:
        Cohort.objects.filter(pk=cohort.pk).update(digest="")


def refresh_cohorts(archive: Archive) -> None:
    """Link served cohorts with the series that are served now; one whose file is gone keeps what it has."""
    for cohort in Cohort.objects.exclude(digest=""):
        try:
            _link(cohort, Frozen.load(archive, cohort.pk))
        except NotFoundError:
            continue


def _link(cohort: Cohort, frozen: Frozen) -> int:
    wanted = {(entry.collection_id, entry.SeriesInstanceUID) for entry in frozen.entries}
    uids = [entry.SeriesInstanceUID for entry in frozen.entries]
    keys: list[int] = []
    for start in range(0, len(uids), CHUNK):
        found = Series.objects.filter(series_uid__in=uids[start : start + CHUNK])
        rows = found.values_list("pk", "collection_id", "series_uid")
        keys += [key for key, collection_id, uid in rows if (collection_id, uid) in wanted]
    cohort.series.set(keys)
    return len(keys)
