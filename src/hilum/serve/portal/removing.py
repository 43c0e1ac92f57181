"""A cohort is removed from the site: by who chose it, or by a steward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hilum.cohort import Cohort as Frozen
from hilum.cohort.named import naming_cohort
from hilum.errors import AccessError, NotFoundError
from hilum.serve.access import requests as steps
from hilum.serve.access.audit import Event, record
from hilum.serve.access.models import AccessRequest, Grant
from hilum.serve.accounts.models import ApiToken
from hilum.serve.accounts.tokens import revoke_token
from hilum.serve.portal.models import ChosenCohort
from hilum.serve.published.cohorts import withdraw_cohort

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.serve.published.models import Cohort


def what_holds(cohort: Cohort) -> str:
    """Say why a cohort cannot be removed now; nothing where it can."""
    grants = Grant.objects.valid().filter(cohort=cohort).count()
    waiting = AccessRequest.objects.filter(cohort=cohort, state=AccessRequest.State.SUBMITTED).count()
    if grants:
        return f"{_times(grants, 'grant')} for it: withdraw what was granted first"
    if waiting:
        return f"{_times(waiting, 'request')} for it, not decided yet: withdraw or decide first"
    return ""


def remove_cohort(archive: Archive, cohort: Cohort, *, by_user_id: int | None, with_list: bool) -> bool:
    """Serve a cohort no more; its tokens open nothing any more, drafts of requests for it end.

    Parameters
    ----------
    by_user_id
        Who does it; None for the command line.
    with_list
        Remove the frozen list from the archive too, unless a split, release or run names it.

    Returns
    -------
    Whether the list was removed.

    Raises
    ------
    AccessError
        Somebody holds access to it, or waits for it.
    ArchiveError
        What might name the list cannot be read.
    """
    name = cohort.pk
    takes_list = with_list and not naming_cohort(archive, name)
    with transaction.atomic():
        if reason := what_holds(cohort):
            raise AccessError(f"cohort {name} stays: there is {reason}")
        for draft in AccessRequest.objects.filter(cohort=cohort, state=AccessRequest.State.DRAFT):
            steps.withdraw(draft)
        for token in ApiToken.objects.filter(cohort=cohort, revoked_at=None):
            revoke_token(token)
            record(Event.TOKEN_REVOKED, user_id=token.user_id, token_id=token.pk, by_user_id=by_user_id, item=name)
        maker = ChosenCohort.objects.filter(cohort=cohort).values_list("made_by", flat=True).first()
        ChosenCohort.objects.filter(cohort=cohort).delete()
        withdraw_cohort(cohort)
        record(Event.COHORT_REMOVED, user_id=maker, by_user_id=by_user_id, item=name, list_removed=takes_list)
    if takes_list:
        _remove_list(archive, name)
    return takes_list


def _remove_list(archive: Archive, name: str) -> None:
    try:
        Frozen.remove(archive, name)
    except NotFoundError:
        return


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
