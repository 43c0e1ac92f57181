"""Participants and their exams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from hilum.serve.access import audit
from hilum.serve.access.decisions import visible_series, visible_studies
from hilum.serve.access.identify import principal_of
from hilum.serve.portal.pages import page_of
from hilum.serve.published.models import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from django.http import HttpRequest, HttpResponse

    from hilum.serve.published.models import Series, Study

ROUNDS = (0, 1, 2)
"""NLST screened at baseline and on two anniversaries."""


@dataclass(frozen=True, slots=True)
class Exam:
    """A visit: what one participant had on one day.

    Attributes
    ----------
    day
        The day; None where the studies state none.
    screening_round
        0, 1 or 2 for T0, T1, T2; None outside a screening trial.
    studies
        The studies with their visible series.
    """

    day: date | None
    screening_round: int | None
    studies: tuple[tuple[Study, tuple[Series, ...]], ...]

    @property
    def series_count(self) -> int:
        """Visible series."""
        return sum(len(series) for _, series in self.studies)


@require_safe
def list_participants(request: HttpRequest, collection_id: str) -> HttpResponse:
    """List the participants of a collection with a visible study."""
    collection = get_object_or_404(Collection, pk=collection_id)
    studies = visible_studies(principal_of(request)).filter(collection=collection)
    words = request.GET.get("words", "").strip()
    if words:
        studies = studies.filter(participant_id__istartswith=words)
    if not words and not studies.exists():
        raise Http404
    rows = studies.values("participant_id").annotate(studies=Count("pk")).order_by("participant_id")
    return render(
        request, "portal/participants.html", {"collection": collection, "words": words, **page_of(request, rows)}
    )


@require_safe
def show(request: HttpRequest, collection_id: str, participant_id: str) -> HttpResponse:
    """Show a participant's exams on a line, each with its series."""
    collection = get_object_or_404(Collection, pk=collection_id)
    principal = principal_of(request)
    # The studies first: a database that began with the series of a collection would look at all of them.
    studies = list(collection.studies.filter(participant_id=participant_id).values_list("pk", flat=True))
    series = visible_series(principal).filter(study__in=studies).select_related("study")
    exams = _exams(series.order_by("study__study_date", "study__study_uid", "series_number", "series_uid"))
    if not exams:
        raise Http404
    for exam in exams:
        for study, _ in exam.studies:
            audit.viewed(principal, study)
    return render(
        request,
        "portal/participant.html",
        {
            "collection": collection,
            "participant_id": participant_id,
            "exams": exams,
            "line": _line(exams),
            "study": exams[0].studies[0][0],
        },
    )


def _exams(series: Iterable[Series]) -> list[Exam]:
    """Visits in order, of series in order."""
    studies: dict[int, tuple[Study, list[Series]]] = {}
    for one in series:
        studies.setdefault(one.study.pk, (one.study, []))[1].append(one)
    visits: dict[object, list[tuple[Study, tuple[Series, ...]]]] = {}
    for study, own in studies.values():
        visits.setdefault(study.study_date or study.study_uid, []).append((study, tuple(own)))
    return [Exam(some[0][0].study_date, _round(some), tuple(some)) for some in visits.values()]


def _round(studies: list[tuple[Study, tuple[Series, ...]]]) -> int | None:
    rounds = {one.screening_round for _, series in studies for one in series if one.screening_round is not None}
    return min(rounds, default=None)


def _line(exams: list[Exam]) -> list[tuple[int, Exam | None]]:
    """Rounds T0 to T2 with their exam; nothing outside a screening trial."""
    by_round = {exam.screening_round: exam for exam in exams}
    return [(number, by_round.get(number)) for number in ROUNDS] if by_round.keys() - {None} else []
