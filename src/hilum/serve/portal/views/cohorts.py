"""Cohorts: chosen with counts that follow each click, frozen, and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from hilum.cohort import Cohort as Frozen
from hilum.cohort.named import naming_cohort
from hilum.errors import AccessError, NotFoundError
from hilum.serve.access.decisions import visible_cohorts, visible_series
from hilum.serve.access.identify import principal_of
from hilum.serve.portal.choice import read_choice
from hilum.serve.portal.choosing import freeze
from hilum.serve.portal.current import current
from hilum.serve.portal.downloadable import Downloadable
from hilum.serve.portal.pages import page_of
from hilum.serve.portal.removing import remove_cohort, what_holds
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from hilum.cohort.facets import Facet
    from hilum.serve.access.principal import Principal
    from hilum.serve.portal.choice import Choice
    from hilum.serve.published.models import Cohort

ONE_PER_WORDS = {"none": "every series", "exam": "one series an exam", "participant": "one series a participant"}


class NameForm(forms.Form):
    """What a cohort is called."""

    title = forms.CharField(max_length=200, label="Name of the cohort")


@login_required
@require_safe
def list_cohorts(request: HttpRequest) -> HttpResponse:
    """List the cohorts that whoever asks chose or was given; a steward sees all."""
    cohorts = visible_cohorts(principal_of(request)).select_related("chosen__made_by").order_by("title", "pk")
    return render(request, "portal/cohorts.html", page_of(request, cohorts))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Choose series: counts for a choice, and a name to freeze it under.

    Whoever has an account may count in every served collection: that is how they find out what to ask access for.
    """
    choice = read_choice(request.POST if request.method == "POST" else request.GET)
    form = NameForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and not choice.problem:
        cohort, problem = freeze(choice.criteria, form.cleaned_data["title"], user_id=int(request.user.pk or 0))
        if cohort is not None:
            return redirect("cohort", cohort_id=cohort.pk)
        form.add_error(None, problem)
    is_part = request.headers.get("HX-Request") == "true"
    template = "portal/parts/choice.html" if is_part else "portal/choose.html"
    return render(request, template, {"form": form, **_counted(choice)})


def _counted(choice: Choice) -> dict[str, Any]:
    titles = dict(Collection.objects.values_list("pk", "title"))
    counts = current().facets.count(choice.criteria, within=list(titles))
    return {
        "choice": choice,
        "criteria": choice.criteria,
        "counts": counts,
        "facets": [
            (facet, [(_label(facet, one.value, titles), one) for one in values]) for facet, values in counts.facets
        ],
        "one_per": list(ONE_PER_WORDS.items()),
    }


def _label(facet: Facet, value: object, titles: Mapping[str, str]) -> str:
    """What a value of a facet is called on the page."""
    if facet.field == "rounds":
        return f"T{value}"
    return titles.get(str(value), str(value)) if facet.field == "collections" else str(value)


@login_required
@require_safe
def show(request: HttpRequest, cohort_id: str) -> HttpResponse:
    """Show how a cohort came about, and what of it whoever asks may see."""
    principal = principal_of(request)
    cohort = get_object_or_404(visible_cohorts(principal).select_related("chosen__made_by"), pk=cohort_id)
    try:
        frozen = Frozen.load(current().archive, cohort.pk)
    except NotFoundError:
        frozen = None
    series = visible_series(principal).filter(cohorts=cohort).select_related("study")
    series = series.order_by("study__participant_id", "study__study_date", "series_number", "series_uid")
    total = cohort.series.count()
    participants = series.order_by().values("study__participant_id").distinct().count()
    context = {
        "cohort": cohort,
        "frozen": frozen,
        "total": total,
        "downloadable": Downloadable.of(series, participants=participants),
        **page_of(request, series),
    }
    closed = cohort.series.exclude(pk__in=visible_series(principal).values("pk"))
    context["can_delete"] = _may_delete(principal, cohort)
    context["closed_collections"] = list(Collection.objects.filter(series__in=closed).distinct())
    return render(request, "portal/cohort.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, cohort_id: str) -> HttpResponse:
    """Ask whether a cohort is to be deleted, and delete it: as who chose it."""
    principal = principal_of(request)
    cohort = get_object_or_404(visible_cohorts(principal).select_related("chosen"), pk=cohort_id)
    if not _may_delete(principal, cohort):
        raise Http404
    archive = current().archive
    if request.method != "POST":
        asked = {"cohort": cohort, "reason": what_holds(cohort), "naming": naming_cohort(archive, cohort.pk)}
        return render(request, "portal/delete_cohort.html", asked)
    try:
        remove_cohort(archive, cohort, by_user_id=principal.user_id, with_list=True)
    except AccessError as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return redirect("cohort", cohort_id=cohort_id)
    messages.success(request, f"{cohort.title} is deleted.")
    return redirect("cohorts")


def _may_delete(principal: Principal, cohort: Cohort) -> bool:
    """Whether somebody chose a cohort themselves, and does not come with a token."""
    chosen = getattr(cohort, "chosen", None)
    return chosen is not None and chosen.made_by_id == principal.user_id and principal.token_id is None
