"""STOW-RS: objects are sent to the inbox, where a steward accepts or rejects them.

References
----------
DICOM PS3.18 section 10.5 (store transaction), annex I (store instances response module); PS3.4 table B.2-1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from hilum.errors import ArchiveError, HeaderError
from hilum.serve import inbox
from hilum.serve.access import audit
from hilum.serve.access.principal import Scope
from hilum.serve.dicomweb import retrieve, search
from hilum.serve.dicomweb.media import DICOM, DICOM_JSON, JSON, RELATED, accepted, choose, content_type
from hilum.serve.dicomweb.multipart import Part, Reader
from hilum.serve.dicomweb.problem import (
    BAD_REQUEST,
    CONFLICT,
    READ,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemError,
    service,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal

UNAUTHORIZED, ACCEPTED, NO_ROOM = 401, 202, 507
MAX_PARTS = 10_000
"""Objects of one request."""

CANNOT_UNDERSTAND, NOT_OF_STUDY = 0xC000, 0xA900
"""Failure reasons: no DICOM file; not the study that the path names (PS3.18 table I.2-2)."""


@dataclass
class Receipt:
    """What became of the parts: references of what was received, and reasons of what was not; the delivery's name."""

    delivery: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 if all is received, 202 if some, 409 if none."""
        if not self.failed:
            return 200
        return ACCEPTED if self.received else CONFLICT

    def to_json(self) -> str:
        """Give the Store Instances Response."""
        found = {}
        if self.failed:
            found["00081198"] = {"vr": "SQ", "Value": self.failed}
        if self.received:
            found["00081199"] = {"vr": "SQ", "Value": self.received}
        return json.dumps(found)


@csrf_exempt
def studies(request: HttpRequest) -> HttpResponseBase:
    """Search for studies, or send objects."""
    return _by_method(request, search.search_studies, _store)


@csrf_exempt
def study(request: HttpRequest, study_uid: str) -> HttpResponseBase:
    """Fetch a study, or send objects of it."""
    return _by_method(request, retrieve.study, _store, study_uid=study_uid)


def may_send(principal: Principal) -> bool:
    """Whether somebody may send objects: who has an account, but for a token that opens one cohort."""
    return principal.scope >= Scope.REGISTERED and not principal.cohort_id


@service("POST")
def _store(request: HttpRequest, principal: Principal, study_uid: str | None = None) -> HttpResponse:
    media_type = choose(accepted(request), (DICOM_JSON, JSON))
    if not may_send(principal):
        response = HttpResponse(status=UNAUTHORIZED)
        response["WWW-Authenticate"] = "Bearer"
        return response
    reader = Reader(request.read, _boundary(request))
    try:
        receipt = _receive_all(reader, principal, study_uid)
    except ArchiveError as error:
        raise ProblemError(NO_ROOM, "the inbox is full; tell the steward") from error
    if receipt.delivery:
        audit.received(principal, receipt.delivery, objects=len(receipt.received), refused=len(receipt.failed))
    return HttpResponse(receipt.to_json(), content_type=media_type, status=receipt.status)


def _receive_all(reader: Reader, principal: Principal, study_uid: str | None) -> Receipt:
    """Take every part of a message into the inbox; one that is cut off leaves nothing, for it is sent again whole."""
    receipt = Receipt()
    folder, limit_bytes = Path(settings.OPTIONS.archive, "serve", inbox.FOLDER), settings.OPTIONS.inbox_limit_bytes
    delivery = inbox.OpenDelivery(folder, principal.user_id, limit_bytes=limit_bytes)
    try:
        for number, part in enumerate(reader.parts()):
            if number >= MAX_PARTS:
                raise ProblemError(BAD_REQUEST, f"more than {MAX_PARTS} parts; send them in several requests")
            _receive(part, delivery, study_uid, receipt)
        made = delivery.close()
    except BaseException:
        delivery.discard()
        raise
    receipt.delivery = made.name if made else ""
    if not (receipt.received or receipt.failed):
        raise ProblemError(BAD_REQUEST, "the message has no part")
    return receipt


def _by_method(
    request: HttpRequest, read: Callable[..., HttpResponseBase], store: Callable[..., HttpResponseBase], **parts: str
) -> HttpResponseBase:
    return read(request, **parts) if request.method in READ else store(request, **parts)


def _boundary(request: HttpRequest) -> str:
    """Boundary of a message of DICOM objects.

    Raises
    ------
    ProblemError
        415: it is something else, or compressed.
    """
    found = content_type(request.headers.get("Content-Type") or "application/octet-stream")
    if found.name != RELATED or found.part != DICOM:
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, f'expected {RELATED}; type="{DICOM}"')
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, "expected a message that is not compressed")
    return found.parameters.get("boundary", "")


def _receive(part: Part, delivery: inbox.OpenDelivery, study_uid: str | None, receipt: Receipt) -> None:
    """Take one part into the delivery, or note why not."""
    if part.headers.get("content-type", DICOM).partition(";")[0].strip().lower() != DICOM:
        receipt.failed.append(_failure(CANNOT_UNDERSTAND))
        return
    try:
        path, header = delivery.receive(part.pieces())
    except HeaderError:
        receipt.failed.append(_failure(CANNOT_UNDERSTAND))
        return
    class_uid, uid = str(header.values["SOPClassUID"]), str(header.values["SOPInstanceUID"])
    if study_uid is not None and header.values["StudyInstanceUID"] != study_uid:
        delivery.drop(path)
        receipt.failed.append(_reference(class_uid, uid) | _failure(NOT_OF_STUDY))
        return
    receipt.received.append(_reference(class_uid, uid))


def _reference(class_uid: str, uid: str) -> dict[str, Any]:
    return {"00081150": {"vr": "UI", "Value": [class_uid]}, "00081155": {"vr": "UI", "Value": [uid]}}


def _failure(reason: int) -> dict[str, Any]:
    return {"00081197": {"vr": "US", "Value": [reason]}}
