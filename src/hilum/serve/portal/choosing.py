"""A choice made on the site becomes a cohort of the archive, and is served to who made it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from hilum.cohort import build_cohort
from hilum.errors import HilumError
from hilum.serve.accounts.models import User
from hilum.serve.portal.current import current
from hilum.serve.portal.models import ChosenCohort
from hilum.serve.published.cohorts import publish_cohort
from hilum.serve.published.models import Cohort, Collection

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.cohort import Cohort as Frozen
    from hilum.cohort import Criteria

DIGITS = 8
"""Of the cohort's digest, in its name: two of one title stay apart."""


def freeze(criteria: Criteria, title: str, *, user_id: int) -> tuple[Cohort | None, str]:
    """Freeze a choice as a cohort of the archive; give it, or what is wrong with the choice or with one more cohort.

    Only series of served collections are taken. The same choice of the same user under the same title again is
    the same cohort; nobody's choice touches that of another.
    """
    served = tuple(Collection.objects.order_by("pk").values_list("pk", flat=True))
    asked = tuple(name for name in criteria.collections or served if name in served)
    archive = current().archive
    if not asked:
        return None, "None of these collections is served here."
    if problem := too_many(user_id):
        return None, problem
    try:
        found = build_cohort(archive, "choice", replace(criteria, collections=asked))
        name = f"{slugify(title)[:60] or 'cohort'}-{found.cohort_id[:DIGITS]}-{user_id}"
        return _keep(archive, replace(found, name=name), title, user_id)
    except HilumError as error:
        return None, str(error)


@transaction.atomic
def _keep(archive: Archive, frozen: Frozen, title: str, user_id: int) -> tuple[Cohort | None, str]:
    """Keep a frozen choice and serve it, unless somebody keeps too many now: choices of one user take turns."""
    # SQLite writes one transaction after the other, and has no lock of a row.
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    if problem := too_many(user_id):
        return None, problem
    frozen.save(archive)
    cohort, _ = publish_cohort(archive, frozen.name, title=title)
    ChosenCohort.objects.get_or_create(cohort=cohort, defaults={"made_by_id": user_id})
    return cohort, ""


def too_many(user_id: int) -> str:
    """Say why somebody may keep no further cohort; nothing where they may."""
    limit = settings.OPTIONS.cohort_limit
    kept = ChosenCohort.objects.filter(made_by=user_id).count()
    if kept < limit or User.objects.filter(pk=user_id, is_staff=True).exists():
        return ""
    return f"You keep {kept} of at most {limit} cohorts. Delete one that you need no more, or ask a steward."
