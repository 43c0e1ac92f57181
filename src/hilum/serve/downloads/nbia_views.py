"""The read API of NBIA, so that clients made for TCIA download from here.

References
----------
NBIA Search REST API Guide; https://github.com/CBIIT/NBIA-TCIA (``nbia-api``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.utils.http import content_disposition_header

from hilum.model.instances import Instances
from hilum.serve.access import audit
from hilum.serve.dicomweb.problem import BAD_REQUEST, NOT_FOUND, READ, ProblemError, not_found, service
from hilum.serve.downloads.members import FileMember, by_uid
from hilum.serve.downloads.nbia_calls import CALLS, FORMATS, VERSIONS
from hilum.serve.downloads.nbia_rows import METADATA_TITLES, as_metadata, listed, matching
from hilum.serve.downloads.tabular import answer_rows
from hilum.serve.downloads.views import find_here, send_series
from hilum.serve.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase, QueryDict

    from hilum.serve.access.principal import Principal
    from hilum.serve.downloads.nbia_calls import Call

    View = Callable[..., HttpResponseBase]

STRICT = "v4"
"""Version that refuses parameters it does not know."""

MAX_LISTED = 20_000
"""Series described at once; ``tcia_utils`` asks for 10,000."""

YES = "yes"


def rows_view(call: Call) -> View:
    """Make the view of a call that gives rows."""

    @service(*READ)
    def view(request: HttpRequest, principal: Principal, *, version: str) -> HttpResponseBase:
        if (refusal := _refusal(principal, version)) is not None:
            return refusal
        filters = _parameters(request.GET, version, call.parameters, call.required)
        form = _format(request.GET, FORMATS[0])
        return answer_rows(call.rows(matching(principal, filters)), {name: name for name in call.columns}, form)

    view.__doc__ = f"{call.summary}."
    return view


ROW_VIEWS = {call.name: rows_view(call) for call in CALLS}


@service("POST")
def describe(request: HttpRequest, principal: Principal, *, version: str) -> HttpResponseBase:
    """What is known of the series of a list, which a form brings."""
    if (refusal := _refusal(principal, version)) is not None:
        return refusal
    uids = [uid.strip() for uid in _parameters(request.POST, version, (), ("list",))["list"].split(",") if uid.strip()]
    if len(uids) > MAX_LISTED:
        raise ProblemError(BAD_REQUEST, f"list: {len(uids)} series; expected at most {MAX_LISTED}")
    form = _format(request.POST, "csv")
    return answer_rows(map(as_metadata, listed(principal, uids)), METADATA_TITLES, form)


@service(*READ)
def image(request: HttpRequest, principal: Principal, *, version: str) -> HttpResponseBase:
    """A series as ZIP."""
    if (refusal := _refusal(principal, version)) is not None:
        return refusal
    asked = _parameters(request.GET, version, ("NewFileNames", "IncludeMD5"), ("SeriesInstanceUID",))
    return send_series(
        request,
        principal,
        asked["SeriesInstanceUID"],
        with_hashes=asked.get("IncludeMD5", "").lower() == YES,
        is_renamed=asked.get("NewFileNames", "").lower() == YES,
    )


@service(*READ)
def image_with_hashes(request: HttpRequest, principal: Principal, *, version: str) -> HttpResponseBase:
    """A series as ZIP, with the hashes of its files."""
    if (refusal := _refusal(principal, version)) is not None:
        return refusal
    asked = _parameters(request.GET, version, (), ("SeriesInstanceUID",))
    return send_series(request, principal, asked["SeriesInstanceUID"], with_hashes=True)


@service(*READ)
def single_image(request: HttpRequest, principal: Principal, *, version: str) -> HttpResponseBase:
    """One file of a series."""
    if (refusal := _refusal(principal, version)) is not None:
        return refusal
    asked = _parameters(request.GET, version, (), ("SeriesInstanceUID", "SOPInstanceUID"))
    series = find_here(principal, asked["SeriesInstanceUID"])
    instances = Instances.unpack(bytes(series.instances or b""))
    uids = list(instances.column("SOPInstanceUID"))
    if (uid := asked["SOPInstanceUID"]) not in uids:
        raise not_found()
    index = uids.index(uid)
    path = os.fspath(instances.paths()[index])
    file = FileMember(by_uid(index, uid, len(uids)), path, instances.column("size_bytes")[index])
    if file.changed_at() is None:
        raise ProblemError(NOT_FOUND, "the file is not as it was indexed; tell the steward")
    audit.viewed(principal, series.study)
    headers = {"Content-Length": str(file.size_bytes)}
    headers["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    return Streamed(file.pieces(), content_type="application/dicom", headers=headers)


def _refusal(principal: Principal, version: str) -> HttpResponseBase | None:
    """What is answered to who asks v2 without being known.

    Raises
    ------
    ProblemError
        404: there is no such version.
    """
    if version not in VERSIONS:
        raise ProblemError(NOT_FOUND, f"expected version {', '.join(VERSIONS)}")
    if version != "v2" or principal.user_id is not None:
        return None
    reason = "v2 is for users: get a token at /nbia-api/oauth/token, or ask v1"
    return JsonResponse({"error": reason}, status=401, headers={"WWW-Authenticate": "Bearer"})


def _parameters(given: QueryDict, version: str, optional: tuple[str, ...], required: tuple[str, ...]) -> dict[str, str]:
    """Known parameters that have a value.

    Raises
    ------
    ProblemError
        400: one is missing, unknown to a strict version, given twice, or holds a control character.
    """
    known = (*required, *optional)
    if version == STRICT and (unknown := sorted(set(given) - {*known, "format"})):
        expected = ", ".join((*known, "format"))
        raise ProblemError(BAD_REQUEST, f"{len(unknown)} unknown parameters; expected some of {expected}")
    if missing := [name for name in required if not given.get(name)]:
        raise ProblemError(BAD_REQUEST, f"a parameter, {', '.join(missing)}, is required for this API call")
    for name in (*known, "format"):
        values = given.getlist(name)
        if len(values) > 1 or any(ord(letter) < ord(" ") for value in values for letter in value):
            raise ProblemError(BAD_REQUEST, f"{name}: expected one value without control characters")
    return {name: str(given[name]) for name in known if given.get(name)}


def _format(given: QueryDict, default: str) -> str:
    form = (given.get("format") or default).lower()
    if form not in FORMATS:
        raise ProblemError(BAD_REQUEST, f"format: expected {' or '.join(FORMATS)}")
    return form
