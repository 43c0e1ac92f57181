"""STOW-RS: into the inbox, whole or not at all, and nowhere else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from builders import UID_ROOT, CtSeries
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.serve import inbox
from hilum.serve.access.models import AuditRecord
from hilum.serve.accounts.models import User
from hilum.serve.dicomweb.multipart import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hilum.catalog import Archive

STUDY = f"{UID_ROOT}.90"


@pytest.fixture
def folder(tmp_path: Path, settings: Any, db: None) -> Path:
    """The inbox of an archive of its own."""
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(tmp_path / "archive"))
    return tmp_path / "archive" / "serve" / "inbox"


@pytest.fixture
def sender(folder: Path) -> Client:
    """Somebody with an account."""
    client = Client()
    client.force_login(User.objects.create_user("sender@example.org", "a long enough pass phrase"))
    return client


def objects(count: int = 2) -> list[bytes]:
    series = CtSeries(shape=(count, 4, 4), study_uid=STUDY, series_uid=f"{STUDY}.1")
    found = []
    for dataset in series.datasets():
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        found.append(buffer.getvalue())
    return found


def send(
    client: Client, bodies: Sequence[bytes], *, study: str = "", kind: str = "application/dicom", **fields: str
) -> Any:
    writer = Writer("application/dicom")
    message = b"".join(writer.head(kind, "/x", len(body)) + body + b"\r\n" for body in bodies) + writer.end()
    path = "/dicom-web/studies" + (f"/{study}" if study else "")
    return client.post(path, message, content_type=writer.content_type, headers=fields)


def waiting(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_objects_wait_in_the_inbox_under_our_names(sender: Client, folder: Path) -> None:
    sent = objects()
    answer = send(sender, sent)
    assert answer.status_code == 200
    found = json.loads(answer.content)
    assert [each["00081155"]["Value"] for each in found["00081199"]["Value"]] == [[f"{STUDY}.1.1"], [f"{STUDY}.1.2"]]
    assert [path.name for path in waiting(folder)] == ["000001.dcm", "000002.dcm", "delivery.json"]
    assert [path.read_bytes() for path in waiting(folder)[:2]] == sent
    [delivery] = inbox.deliveries(folder)
    assert (delivery.objects, delivery.user_id) == (2, User.objects.get().pk)


def test_nobody_without_an_account_sends(folder: Path) -> None:
    answer = send(Client(), objects())
    assert answer.status_code == 401
    assert waiting(folder) == []


def test_who_may_not_send_is_told_first_and_little_of_the_body_passed_over() -> None:
    from hilum.serve.asgi import LINGER_BYTES, make_application

    sent: list[dict[str, Any]] = []
    passed_over: list[int] = []
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/dicom-web/studies", "query_string": b""}
    headers = [(b"host", b"testserver"), (b"content-length", b"1000000000")]

    async def receive() -> dict[str, Any]:
        assert sent[-1]["type"] == "http.response.body", "the answer is sent"
        passed_over.append(1_000_000)
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(make_application()({**scope, "headers": headers}, receive, send))

    assert sum(passed_over) == LINGER_BYTES
    assert sent[0]["status"] == 401
    assert sent[-1] == {"type": "http.response.body", "body": b""}
    assert (b"connection", b"close") in sent[0]["headers"]


def test_sending_is_told_in_the_audit_log(sender: Client, folder: Path) -> None:
    send(sender, [*objects(2), b"no DICOM"])
    send(sender, [b"no DICOM"])
    [told] = AuditRecord.objects.filter(event="received")
    assert (told.user_id, told.item) == (User.objects.get().pk, waiting(folder)[0].parent.name)
    assert told.detail == {"objects": 2, "refused": 1}


def test_bad_parts_are_refused_one_by_one(sender: Client, folder: Path) -> None:
    answer = send(sender, [objects(1)[0], b"no DICOM", b""])
    assert answer.status_code == 202
    found = json.loads(answer.content)
    assert len(found["00081199"]["Value"]) == 1
    assert [each["00081197"]["Value"] for each in found["00081198"]["Value"]] == [[0xC000], [0xC000]]
    assert len(waiting(folder)) == 2


def test_nothing_good_is_a_conflict_and_leaves_nothing(sender: Client, folder: Path) -> None:
    assert send(sender, [b"no DICOM"]).status_code == 409
    assert send(sender, objects(), study=f"{STUDY}.7").status_code == 409
    assert send(sender, objects(1), kind="text/html").status_code == 409
    assert waiting(folder) == []


def test_uids_that_are_paths_are_refused(sender: Client, folder: Path) -> None:
    evil = objects(1)[0].replace(f"{STUDY}.1.1".encode(), b"../" * 10 + b"x" * (len(f"{STUDY}.1.1") - 30))
    assert send(sender, [evil]).status_code == 409
    assert waiting(folder) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/dicom", b"x", 415),
        ("multipart/related; type=application/dicom+xml; boundary=b", b"--b--", 415),
        ("multipart/form-data; boundary=b", b"--b--", 415),
        ("multipart/related; type=application/dicom", b"--b--", 400),
        ("multipart/related; type=application/dicom; boundary=b", b"no part", 400),
        ("multipart/related; type=application/dicom; boundary=b", b"--b--", 400),
        ("multipart/related; type=application/dicom; boundary=b", b"--b\r\nA: b\r\n\r\ncut", 400),
        ("nonsense", b"x", 400),
    ],
)
def test_malformed_messages_leave_nothing(
    sender: Client, folder: Path, content_type: str, body: bytes, status: int
) -> None:
    answer = sender.post("/dicom-web/studies", body, content_type=content_type)
    assert answer.status_code == status
    assert waiting(folder) == []


def test_a_message_cut_off_after_a_good_part_leaves_nothing(sender: Client, folder: Path) -> None:
    writer = Writer("application/dicom")
    body = objects(1)[0]
    message = writer.head("application/dicom", "/x", len(body)) + body + b"\r\n" + writer.head("a/b", "/", 1) + b"cut"
    assert sender.post("/dicom-web/studies", message, content_type=writer.content_type).status_code == 400
    assert waiting(folder) == []


def test_a_session_needs_no_form_token_but_its_own_site(sender: Client, folder: Path) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sender.cookies
    assert send(strict, objects()).status_code == 200
    assert send(strict, objects(), Origin="https://evil.example").status_code == 403


def test_pages_of_other_sites_cannot_send(sender: Client, folder: Path) -> None:
    assert send(sender, objects(), Origin="https://evil.example").status_code == 403
    assert send(sender, objects(), Origin="http://testserver").status_code == 200


def test_a_full_inbox_takes_no_more(sender: Client, folder: Path, settings: Any) -> None:
    assert send(sender, objects()).status_code == 200
    settings.OPTIONS = replace(settings.OPTIONS, inbox_limit_gb=0)
    assert send(sender, objects()).status_code == 507
    [waiting] = inbox.deliveries(folder)
    inbox.OpenDelivery(folder, None, limit_bytes=waiting.size_bytes + 1)
    with pytest.raises(ArchiveError, match="accepted or rejected"):
        inbox.OpenDelivery(folder, None, limit_bytes=waiting.size_bytes)


def test_a_steward_accepts_into_a_folder_or_rejects(sender: Client, folder: Path, tmp_path: Path) -> None:
    sent = objects()
    send(sender, sent)
    send(sender, sent)
    first, second = inbox.deliveries(folder)
    moved = inbox.accept(folder, first.name, tmp_path / "lab")
    assert [path.relative_to(tmp_path / "lab").parts for path in moved] == [
        (STUDY, f"{STUDY}.1", f"{STUDY}.1.{number}.dcm") for number in (1, 2)
    ]
    assert [path.read_bytes() for path in moved] == sent
    with pytest.raises(ConfigError, match="there already"):
        inbox.accept(folder, second.name, tmp_path / "lab")
    inbox.reject(folder, second.name)
    assert waiting(folder) == []
    with pytest.raises(NotFoundError):
        inbox.reject(folder, "../../..")


def test_sending_publishes_nothing(sender: Client, folder: Path, written_archive: Archive) -> None:
    send(sender, objects())
    assert json.loads(sender.get("/dicom-web/studies").content) == []
