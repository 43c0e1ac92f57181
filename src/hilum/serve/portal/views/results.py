"""Published results: ranked where they may be, and each with its curve and the places behind its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hilum.assess.froc import CPM_RATES
from hilum.assess.leaderboard import Leaderboard, recorded_differences
from hilum.assess.listing import KINDS
from hilum.assess.plot import rate_text
from hilum.errors import ConfigError, NotFoundError
from hilum.publish.outcomes import OutcomeList
from hilum.publish.results import list_results, read_result, result_file
from hilum.serve.access.decisions import visible_results
from hilum.serve.access.identify import principal_of
from hilum.serve.access.principal import Scope
from hilum.serve.portal.current import current
from hilum.serve.portal.outcomes import outcomes_for, series_of_participants
from hilum.serve.portal.pages import page_of
from hilum.serve.streaming import Streamed, read_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from django.http import HttpRequest, HttpResponse

    from hilum.assess.leaderboard import Board
    from hilum.assess.listing import Kind
    from hilum.publish.results import Listed, Result

ROWS_A_PAGE = 25
"""Each with a picture that is made when it is looked at."""

KIND_WORDS: dict[Kind, str] = {"hits": "Hits", "false-positives": "False positives", "missed": "Misses"}


@dataclass(frozen=True, slots=True)
class Ranking:
    """A board as the page shows it.

    Attributes
    ----------
    board
        Results on the same exams, lesions and rules.
    rows
        Place and result, the best first; the place is None where there is no CPM.
    reasons
        Why it is not comparable with the first board; none for that one.
    """

    board: Board
    rows: tuple[tuple[int | None, Result], ...]
    reasons: tuple[str, ...]


@require_safe
def list_published(request: HttpRequest) -> HttpResponse:
    """Rank the results that whoever asks may see, those that may be held against each other together."""
    principal = principal_of(request)
    every, refusals = list_results(current().archive)
    unreadable = len(refusals) if principal.scope >= Scope.STEWARD else 0
    rankings = _rankings(visible_results(principal, every))
    return render(request, "portal/results.html", {"rankings": rankings, "unreadable": unreadable})


def _rankings(results: Sequence[Result]) -> list[Ranking]:
    by_name = {one.name: one for one in results}
    boards = Leaderboard(tuple(one.entry for one in results[::-1])).boards()
    return [
        Ranking(
            board,
            tuple((ranked.rank, by_name[ranked.entry.run]) for ranked in board.rows),
            recorded_differences(boards[0].ground, board.ground) if board != boards[0] else (),
        )
        for board in boards
    ]


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Show a result: curve, numbers, rules, and one of its lists."""
    result = _visible_or_404(request, name)
    listed = _listed(result, request.GET.get("rate", ""))
    return render(
        request,
        "portal/result.html",
        {
            "result": result,
            "summary": result.summary,
            "listed": listed,
            "strata": _strata(result, listed.rate),
            "states": _states(result.summary["counts"]),
            "cpm_rates": ", ".join(map(rate_text, CPM_RATES)),
            "rates": [(one, rate_text(one.rate)) for one in result.listed],
            **_list(request, result, listed),
        },
    )


@require_safe
def numbers(request: HttpRequest, name: str) -> Streamed:
    """Give all numbers of a result as JSON."""
    result = _visible_or_404(request, name)
    path = result_file(current().archive, result.name, result.assessment_file)
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"', "Content-Length": path.stat().st_size}
    return Streamed(_pieces(path), content_type="application/json", headers=headers)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from read_pieces(file.fileno(), 0, path.stat().st_size)


def _visible_or_404(request: HttpRequest, name: str) -> Result:
    try:
        found = visible_results(principal_of(request), [read_result(current().archive, name)])
    except (ConfigError, NotFoundError) as error:
        raise Http404 from error
    if not found:
        raise Http404
    return found[0]


def _listed(result: Result, rate: str) -> Listed:
    """The operating point that an address names, or the one of most false positives."""
    return next((one for one in result.listed if rate_text(one.rate) == rate), result.listed[-1])


def _list(request: HttpRequest, result: Result, listed: Listed) -> dict[str, Any]:
    """The list that an address names, a page of it."""
    principal, words = principal_of(request), request.GET.get("words", "").strip()
    kind: Kind = next((one for one in KINDS if one == request.GET.get("kind")), "false-positives")
    series_uids = series_of_participants(principal, result, words) if words else None
    path = result_file(current().archive, result.name, result.outcomes_file)
    paged = page_of(request, OutcomeList(path, listed.rate, kind, series_uids), rows_a_page=ROWS_A_PAGE)
    rows = list(paged["page"].object_list)
    outcomes = outcomes_for(principal, result, rows)
    return {
        "kind": kind,
        "kind_words": KIND_WORDS[kind],
        "kinds": [(one, said, listed.counts[one]) for one, said in KIND_WORDS.items()],
        "words": words,
        "outcomes": outcomes,
        "closed_count": len(rows) - len(outcomes),
        **paged,
    }


def _strata(result: Result, rate: float) -> list[tuple[str, list[dict[str, Any]]]]:
    """Column and its rows at an operating point, the whole last."""
    return [
        (one["column"], [row for row in one["rows"] if row["false_positives_per_exam"] == rate])
        for one in result.strata
    ]


def _states(counts: dict[str, int]) -> list[tuple[str, str, int, str]]:
    """What became of lesions and marks: of which, name, count, meaning."""
    return [
        ("Lesions", "hit", counts["true_positives"], "by the best-scored mark on it"),
        ("Lesions", "missed", counts["missed"], "no mark hits it, at any threshold"),
        ("Marks", "true positive", counts["true_positives"] - counts["shared"], "counts for a lesion"),
        ("Marks", "false positive", counts["false_positives"], "on nothing"),
        ("Marks", "redundant", counts["redundant"], "a further mark on a hit lesion"),
        ("Marks", "ignored", counts["ignored"], "on an excluded finding"),
    ]
