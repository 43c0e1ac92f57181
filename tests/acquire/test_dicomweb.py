"""DICOMweb servers that answer as they should not: what is no DICOM file is never kept, what is no list never taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from acquire.scripted import answer, endless, saying
from hilum.acquire.answers import open_client
from hilum.acquire.dicomweb import PAGE, DicomWebSource
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.acquire.wanted import WantedSeries
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from acquire.scripted import Request
    from hilum.acquire.report import PullReport

UID = "1.2.3.4"
SERIES = WantedSeries(study_uid="1.2", series_uid="1.2.3")
JSON = "Content-Type: application/dicom+json"
DICOM = "Content-Type: application/dicom"
PARTS = 'Content-Type: multipart/related; type="application/dicom; boundary=no"; boundary="b"'


def file_of(uid: str) -> bytes:
    return bytes(128) + b"DICM" + b"UI\x08\x00" + uid.encode() + b"\x00" + bytes(5000)


def rows_of(*uids: str, tag: str = "00080018") -> bytes:
    return json.dumps([{tag: {"vr": "UI", "Value": [uid]}} for uid in uids]).encode()


def script(instance: bytes, listing: bytes) -> Callable[[Request], bytes]:
    """Answer a search with a listing, once, and all else with an instance."""

    def say(request: Request) -> bytes:
        parts = urlsplit(request.target)
        if not parts.query:
            return instance
        return answer(listing, JSON) if "offset=0" in parts.query else answer(status="204 No Content")

    return say


def pulled(folder: Path, instance: bytes, listing: bytes = b"") -> PullReport:
    with saying(script(instance, listing or rows_of(UID))) as server, open_client() as client:
        pace = Pace(patience=Patience(2, 0.001, 0.002))
        return pull([SERIES], DicomWebSource(client, server.url), folder, folder_of=lambda series: "s", pace=pace)


def part(content: bytes, head: str = f"{DICOM}\r\n") -> bytes:
    return f"\r\n--b\r\n{head}\r\n".encode() + content


@pytest.mark.parametrize(
    "instance",
    [
        answer(file_of(UID), DICOM),
        answer(part(file_of(UID))[2:] + b"\r\n--b--\r\n", PARTS),
        answer(b"preamble" + part(file_of(UID), head="") + b"\r\n--b--\r\nepilogue", PARTS),
    ],
    ids=["alone", "one part", "preamble, no head, epilogue"],
)
def test_an_instance_comes_alone_or_as_a_part(tmp_path: Path, instance: bytes) -> None:
    assert pulled(tmp_path, instance).refusals == []
    assert (tmp_path / "s" / f"{UID}.dcm").read_bytes() == file_of(UID)


@pytest.mark.parametrize(
    ("instance", "check"),
    [
        (answer(b"--b--\r\n", PARTS), "wrong-instance"),
        (answer(b"preamble\r\n--b--\r\n", PARTS), "wrong-instance"),
        (answer(part(b"") + b"\r\n--b--\r\n", PARTS), "wrong-instance"),
        (answer(b'{"error": "instance 1.2.3.4 was not found"}', "Content-Type: application/json"), "wrong-instance"),
        (answer(b"<html>log in to see 1.2.3.4</html>", "Content-Type: text/html"), "wrong-instance"),
        (answer(file_of(UID + "5"), DICOM), "wrong-instance"),
        (answer(file_of("9." + UID), DICOM), "wrong-instance"),
        (answer(part(file_of(UID)) * 2 + b"\r\n--b--\r\n", PARTS), "wrong-instance"),
        (answer(part(file_of(UID)), PARTS), "cut-connection"),
        (answer(file_of(UID), DICOM, length=9000), "cut-connection"),
        (endless(file_of(UID), DICOM), "no-size"),
        (answer(status="204 No Content"), "wrong-instance"),
    ],
    ids=[
        "no part", "preamble alone", "empty part", "error that names it", "page that names it", "longer UID",
        "UID within", "two parts", "no last boundary", "cut", "end unknown", "no content",
    ],
)  # fmt: skip
def test_what_is_not_the_instance_is_never_kept(tmp_path: Path, instance: bytes, check: str) -> None:
    assert [refusal.check for refusal in pulled(tmp_path, instance).refusals] == [check]
    assert not list(tmp_path.rglob("*.dcm"))


@pytest.mark.parametrize(
    "listing",
    [
        b'[{"00080018": []}]', b'[{"00080018": "1.2"}]', b'[{"00080018": null}]', b'[{"00080018": {"Value": "1.2"}}]',
        b'[{"00080018": {"Value": {"0": "1.2"}}}]', b'[{"00080018": {"Value": [{}]}}]', b"[{}]", b"{}", b"[1]",
        b"<html>", b" ", b"[" * 200_000,
    ],
)  # fmt: skip
def test_a_listing_that_is_none_is_refused(tmp_path: Path, listing: bytes) -> None:
    (refusal,) = pulled(tmp_path, answer(file_of(UID), DICOM), listing).refusals
    assert refusal.check == "bad-answer"


def test_a_count_that_cannot_be_is_none(tmp_path: Path) -> None:
    row = {"0020000E": {"Value": ["1.2.3"]}, "0020000D": {"Value": ["1.2"]}, "00201209": {"Value": [10**30]}}
    with saying(script(b"", json.dumps([row]).encode())) as server, open_client() as client:
        (series,) = DicomWebSource(client, server.url).find({})
    assert series.instance_count is None


@pytest.mark.parametrize("total", [3, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 5 * PAGE + 7])
@pytest.mark.parametrize("knows", [{"limit", "offset"}, {"limit"}, {"offset"}, set()])
def test_every_result_comes_from_servers_that_page_in_their_own_way(total: int, knows: set[str]) -> None:
    uids = [f"1.2.{number}" for number in range(total)]

    def say(request: Request) -> bytes:
        query = {name: int(values[0]) for name, values in parse_qs(urlsplit(request.target).query).items()}
        start = query["offset"] if "offset" in knows else 0
        stop = start + query["limit"] if "limit" in knows else total
        return answer(rows_of(*uids[start:stop]), JSON)

    with saying(say) as server, open_client() as client:
        found = DicomWebSource(client, server.url).list_files(SERIES)
    assert [file.location for file in found] == uids
    assert len(server.requests) < 10


def test_a_password_in_the_address_is_in_no_message() -> None:
    with saying(lambda request: answer(status="403 Forbidden")) as server, open_client() as client:
        source = DicomWebSource(client, server.url.replace("//", "//me:secret@"))
        with pytest.raises(SourceError, match="not allowed") as error:
            source.list_files(SERIES)
    assert "secret" not in str(error.value)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
