"""Search across identifiers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from hilum.model.instances import Instances
from hilum.serve.access.decisions import visible_series, visible_studies
from hilum.serve.access.identify import principal_of
from hilum.serve.access.principal import Scope
from hilum.serve.published.copies import first_copies
from hilum.serve.viewer.links import study_link

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from hilum.serve.access.principal import Principal
    from hilum.serve.published.models import Series

FOUND_AT_MOST = 50
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Find what an identifier names among what is visible: participant, study, series, instance."""
    words = request.GET.get("q", "").strip()
    principal = principal_of(request)
    found: dict[str, object] = {"words": words, "participants": [], "series": [], "instance": None}
    if _UID.fullmatch(words):
        found |= _by_uid(principal, words)
    elif words:
        people = visible_studies(principal).filter(participant_id__istartswith=words)
        rows = people.values("participant_id", "collection_id").distinct().order_by("participant_id")
        found["participants"] = list(rows[:FOUND_AT_MOST])
    found["is_empty"] = bool(words) and not any((found["participants"], found["series"], found["instance"]))
    return render(request, "portal/search.html", found)


def _by_uid(principal: Principal, uid: str) -> dict[str, object]:
    visible = first_copies(visible_series(principal)).select_related("study")
    series = visible.filter(series_uid=uid) or visible.filter(study__study_uid=uid)
    if series:
        return {"series": list(series.order_by("series_number", "series_uid")[:FOUND_AT_MOST])}
    # Instances are packed in their series: looking through them costs, so it is for who has an account.
    if principal.scope < Scope.REGISTERED or (found := _of_instance(visible, uid)) is None:
        return {}
    link = study_link(found.study.study_uid, series_uid=found.series_uid, sop_uid=uid)
    return {"instance": found, "instance_link": link}


def _of_instance(visible: QuerySet[Series], uid: str) -> Series | None:
    packed = visible.exclude(instances=None).values_list("pk", "instances")
    for key, instances in packed.iterator(chunk_size=200):
        if instances is not None and Instances.find(bytes(instances), uid) is not None:
            return visible.get(pk=key)
    return None
