"""Lists in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

ROWS_A_PAGE = 50


def page_of(
    request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], *, rows_a_page: int = ROWS_A_PAGE
) -> dict[str, Any]:
    """Give the page of a list that the address asks for, and the rest of the address for links to other pages.

    A page number that is none, or too large, gives the first or last page.
    """
    query = request.GET.copy()
    number = query.pop("page", ["1"])[0]
    return {"page": Paginator(rows, rows_a_page).get_page(number), "query": query.urlencode()}
