"""Home, and the page of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from hilum.model.kinds import ImageKind
from hilum.publish.citing import apa, bibtex
from hilum.publish.contents import choose
from hilum.publish.release import list_releases
from hilum.publish.results import list_results
from hilum.publish.work import work_of
from hilum.serve.access.decisions import visible_collections, visible_results, visible_series
from hilum.serve.access.identify import principal_of
from hilum.serve.portal.current import current
from hilum.serve.portal.downloadable import Downloadable
from hilum.serve.portal.pages import page_of
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from hilum.publish.results import Result
    from hilum.publish.work import Work
    from hilum.serve.access.principal import Principal


@dataclass(frozen=True, slots=True)
class Card:
    """A collection on the home page.

    Attributes
    ----------
    collection
        The served collection.
    counts
        Counts of its original data; empty where the catalog has it no more.
    is_visible
        Whether whoever asks sees its images.
    """

    collection: Collection
    counts: dict[str, Any]
    is_visible: bool


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show every served collection; whose images they may see is told, and what to do where they may not."""
    visible = set(visible_collections(principal_of(request)).values_list("pk", flat=True))
    counts = current().counts
    cards = [
        Card(collection, counts.get(collection.pk, {}), collection.pk in visible)
        for collection in Collection.objects.order_by("title", "pk")
    ]
    return render(request, "portal/home.html", {"cards": cards})


@require_safe
def show(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Show what a collection is, holds and asks, its versions, and the ways to its images."""
    collection = get_object_or_404(Collection, pk=collection_id)
    now = current()
    if collection_id not in now.counts:
        raise Http404
    work = work_of(now.archive, choose(now.archive, collection_id))
    principal = principal_of(request)
    visible = visible_collections(principal).filter(pk=collection_id).exists()
    return render(
        request,
        "portal/collection.html",
        {
            "collection": collection,
            "is_visible": visible,
            "counts": now.counts[collection_id],
            "summary": now.summary(collection_id),
            "groups": now.groups(collection_id),
            "releases": list_releases(now.archive, collection_id)[::-1],
            "results": _results(principal, collection_id),
            "work": work,
            "downloadable": _downloadable(collection) if visible else None,
            **_citations(work),
        },
    )


def _results(principal: Principal, collection_id: str) -> list[Result]:
    """Published results on a collection that whoever asks may see, the newest first."""
    every, _ = list_results(current().archive)
    return [one for one in visible_results(principal, every) if collection_id in one.collection_ids]


def _downloadable(collection: Collection) -> Downloadable:
    """What there is of a collection that is visible: then all its series are, and none is asked one by one."""
    participants = collection.studies.values("participant_id").distinct().count()
    return Downloadable.of(collection.series.all(), participants=participants)


def _citations(work: Work) -> dict[str, str]:
    return {"citation": apa(work), "bibtex": bibtex(work)}


@require_safe
def list_series(request: HttpRequest, collection_id: str) -> HttpResponse:
    """List the series of a collection that whoever asks may see, narrowed by kind and words."""
    collection = get_object_or_404(visible_collections(principal_of(request)), pk=collection_id)
    series = visible_series(principal_of(request)).filter(collection=collection).select_related("study")
    kind, words = request.GET.get("kind", ""), request.GET.get("words", "").strip()
    if kind in tuple(ImageKind):
        series = series.filter(image_kind=kind)
    if words:
        series = series.filter(description__icontains=words)
    # In the order in which they were published, by participant: any other order would sort the whole collection.
    series = series.order_by("pk")
    return render(
        request,
        "portal/series.html",
        {"collection": collection, "kind": kind, "words": words, "kinds": list(ImageKind), **page_of(request, series)},
    )
