"""The one place that says who sees what; nothing is seen that is not said here.

Every view, of pages, DICOMweb and downloads alike, takes its rows from these querysets: what a principal may not see is
not there for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from hilum.serve.access.models import Grant
from hilum.serve.access.principal import Principal, Scope
from hilum.serve.published.models import Cohort, Collection, Series, Study

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from hilum.publish.results import Result

_OPEN_TO = {
    Scope.PUBLIC: (Collection.Access.PUBLIC,),
    Scope.REGISTERED: (Collection.Access.PUBLIC, Collection.Access.REGISTERED),
}
"""Collections that need no grant, by scope."""


def visible_collections(principal: Principal) -> QuerySet[Collection]:
    """Collections whose every study the principal sees; none for a token of a cohort."""
    if principal.cohort_id:
        return Collection.objects.none()
    return _collections(principal)


def visible_cohorts(principal: Principal) -> QuerySet[Cohort]:
    """Cohorts that the principal was granted or chose, or that their token is for; all for a steward.

    To see a cohort is to see how it came about; its series are seen by `visible_series` alone. One without a digest is
    served no more.
    """
    cohorts = Cohort.objects.exclude(digest="")
    if principal.scope < Scope.STEWARD:
        granted = Q(pk__in=_grants(principal).exclude(cohort=None).values("cohort"))
        chosen = Q(chosen__made_by=principal.user_id) if principal.user_id is not None else Q()
        cohorts = cohorts.filter(granted | chosen)
    return cohorts.filter(pk=principal.cohort_id) if principal.cohort_id else cohorts


def visible_series(principal: Principal) -> QuerySet[Series]:
    """Series that the principal sees: of a visible collection or a granted cohort, and in the token's cohort."""
    series = Series.objects.all()
    if principal.scope < Scope.STEWARD:
        of_collection = Q(collection__in=_collections(principal).values("pk"))
        cohorts = _grants(principal).exclude(cohort=None).values("cohort")
        membership = Cohort.series.through.objects.filter(series_id=OuterRef("pk"), cohort_id__in=cohorts)
        series = series.filter(of_collection | Exists(membership))
    if principal.cohort_id:
        series = series.filter(cohorts=principal.cohort_id)
    return series


def visible_studies(principal: Principal) -> QuerySet[Study]:
    """Studies with at least one visible series."""
    if principal.cohort_id:
        return Study.objects.filter(Exists(visible_series(principal).filter(study=OuterRef("pk"))))
    if principal.scope >= Scope.STEWARD:
        return Study.objects.all()
    # Every series of a visible collection is visible; the studies of granted cohorts are few: so no series is asked one
    # by one.
    of_collection = Q(collection__in=_collections(principal).values("pk"))
    cohorts = _grants(principal).exclude(cohort=None).values("cohort")
    return Study.objects.filter(of_collection | Q(pk__in=Series.objects.filter(cohorts__in=cohorts).values("study")))


def whole_collections(principal: Principal) -> frozenset[tuple[str, datetime]] | None:
    """Collections that are all the principal sees, each with when it was published; None if cohorts are seen besides.

    What is counted for one who sees the same collections need not be counted anew.
    """
    has_cohorts = principal.scope < Scope.STEWARD and _grants(principal).exclude(cohort=None).exists()
    if principal.cohort_id or has_cohorts:
        return None
    return frozenset(_collections(principal).values_list("pk", "published_at"))


def visible_results(principal: Principal, results: Iterable[Result]) -> list[Result]:
    """Results made on collections of which the principal sees every one; all for a steward.

    None for a token of a cohort. Their lists name series, which are seen by `visible_series` alone.
    """
    if principal.cohort_id:
        return []
    if principal.scope >= Scope.STEWARD:
        return list(results)
    seen = frozenset(_collections(principal).values_list("pk", flat=True))
    # Of a result that names no collection nobody can say who may see it.
    return [one for one in results if one.collection_ids and seen.issuperset(one.collection_ids)]


def _collections(principal: Principal) -> QuerySet[Collection]:
    """Collections that the user sees, whatever their token is for."""
    if principal.scope >= Scope.STEWARD:
        return Collection.objects.all()
    granted = Q(pk__in=_grants(principal).exclude(collection=None).values("collection"))
    return Collection.objects.filter(Q(access__in=_OPEN_TO[principal.scope]) | granted)


def _grants(principal: Principal) -> QuerySet[Grant]:
    if principal.user_id is None:
        return Grant.objects.none()
    return Grant.objects.valid().filter(user_id=principal.user_id)
