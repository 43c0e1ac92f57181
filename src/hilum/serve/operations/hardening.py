"""What holds for every request and answer, whichever view gives it: no zero characters in, nothing kept by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    Answer = Callable[[HttpRequest], HttpResponse]

PRIVATE = "private, no-cache"
ZERO = "%00"
"""A zero character as addresses hold it."""


def harden(get_response: Answer) -> Answer:
    """Refuse an address with a zero character; let no proxy keep an answer unless its view says so (middleware).

    PostgreSQL takes no zero character in a text, and no identifier or word that is looked for holds one.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or ZERO in request.META.get("QUERY_STRING", ""):
            response: HttpResponse = JsonResponse(
                {"error": "an address with a control character, which no name here has"}, status=400
            )
        else:
            response = get_response(request)
        response.headers.setdefault("Cache-Control", PRIVATE)
        return response

    return answer
