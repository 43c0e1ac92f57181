"""What the service answers when it cannot do what was asked: a status and a sentence, without any identifier."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from hilum.errors import ArchiveError, HilumError
from hilum.serve.access.identify import principal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal

Rest = ParamSpec("Rest")

BAD_REQUEST, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, NOT_ACCEPTABLE = 400, 403, 404, 405, 406
CONFLICT, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, RANGE_NOT_SATISFIABLE, FAILURE = 409, 413, 415, 416, 500

READ = ("GET", "HEAD")
VARY = "Accept, Accept-Encoding, Authorization, Cookie"
"""What an answer depends on beside its address."""

NEVER_KEPT = "private, no-cache"
"""A browser may keep an answer, but asks for it again each time: a withdrawn right ends at once."""


class ProblemError(Exception):
    """A request that is answered by an error.

    Attributes
    ----------
    status
        HTTP status.
    headers
        What the answer's header says besides.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def service(
    *methods: str,
) -> Callable[[Callable[Concatenate[HttpRequest, Principal, Rest], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Make a view of a function that gets the request, who asks, and the parts of the path.

    Parameters
    ----------
    methods
        HTTP methods that the resource has; OPTIONS besides.
    """

    def decorate(
        function: Callable[Concatenate[HttpRequest, Principal, Rest], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        # A form of another site cannot send DICOM's media types, and `_refuse_other_sites` looks at the origin.
        @csrf_exempt
        @wraps(function)
        def view(request: HttpRequest, *rest: Rest.args, **parts: Rest.kwargs) -> HttpResponseBase:
            try:
                answer = _answer(function, methods, request, *rest, **parts)
            except ProblemError as problem:
                answer = JsonResponse({"error": str(problem)}, status=problem.status, headers=problem.headers)
            except ArchiveError:
                answer = JsonResponse({"error": "the archive's state is damaged; publish again"}, status=FAILURE)
            except HilumError:
                answer = JsonResponse({"error": "the object cannot be read in this form"}, status=NOT_ACCEPTABLE)
            answer["Vary"] = VARY
            answer.setdefault("Cache-Control", NEVER_KEPT)
            if answer.status_code == METHOD_NOT_ALLOWED or request.method == "OPTIONS":
                answer["Allow"] = ", ".join((*methods, "OPTIONS"))
            return answer

        return view

    return decorate


def not_found() -> ProblemError:
    """What is not there, not here, or not to be seen."""
    return ProblemError(NOT_FOUND, "nothing of this name here, or nothing that you may see")


def _answer(
    function: Callable[Concatenate[HttpRequest, Principal, Rest], HttpResponseBase],
    methods: tuple[str, ...],
    request: HttpRequest,
    *rest: Rest.args,
    **parts: Rest.kwargs,
) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method not in methods:
        raise ProblemError(METHOD_NOT_ALLOWED, f"expected {' or '.join(methods)}")
    if request.method not in READ:
        _refuse_other_sites(request)
    return function(request, principal_of(request), *rest, **parts)


def _refuse_other_sites(request: HttpRequest) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.get_host():
        raise ProblemError(FORBIDDEN, "a page of another site may not send this")
