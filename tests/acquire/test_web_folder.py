"""HTTP directories that answer as they should not: nothing is patched together, cut or packed, nothing passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acquire.scripted import answer, endless, saying
from hilum.acquire.answers import open_client
from hilum.acquire.ledger import LEDGER_NAME
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.acquire.web_folder import WebFolderSource
from hilum.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from acquire.scripted import Request
    from hilum.acquire.report import PullReport

OLD, NEW = bytes(range(256)) * 400, bytes(reversed(range(256))) * 400
SIZE, HALF = len(OLD), len(OLD) // 2
HTML = "Content-Type: text/html"
PAGE = '<title>Index of /d/</title><a href="../">../</a> <a href="a.dcm">a.dcm</a>  22-Nov-2026 02:13  {size}\n<hr>'
ONE, TWO = 'ETag: "1"', 'ETag: "2"'
CUT = f"HTTP/1.1 200 OK\r\n{ONE}\r\nTransfer-Encoding: chunked\r\n\r\n{SIZE:x}\r\n".encode() + OLD[:HALF]
"""Half of the file, of which nobody says how long it is."""


LOGIN = answer(b'<a href="/">Home</a> <a href="/help">Help</a> <form>log in</form>', HTML)


def part(content: bytes, place: str, *headers: str) -> bytes:
    return answer(content, f"Content-Range: bytes {place}", *headers, status="206 Partial Content")


def pulled(folder: Path, *answers: bytes, size: str = "-") -> PullReport:
    """Pull the one file of a directory; each request for it gets the next answer, the last again and again."""
    left = list(answers)

    def say(request: Request) -> bytes:
        if request.target.endswith("/"):
            return answer(PAGE.format(size=size).encode(), HTML)
        return left.pop(0) if len(left) > 1 else left[0]

    with saying(say) as server, open_client() as client:
        source = WebFolderSource(client, f"{server.url}/d")
        pace = Pace(patience=Patience(3, 0.001, 0.002))
        return pull(source.find(), source, folder, folder_of=lambda series: "s", pace=pace, connections=1)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ([part(OLD[HALF:], f"{HALF}-{SIZE - 1}/{SIZE}", ONE)], OLD),
        ([part(OLD[HALF:], f"{HALF}-{SIZE - 1}/{SIZE}")], OLD),
        ([answer(NEW, TWO)], NEW),
        ([part(NEW[HALF:], f"{HALF}-{SIZE - 1}/{SIZE}", TWO), answer(NEW, TWO)], NEW),
        ([answer(OLD[HALF:], ONE, status="206 Partial Content"), answer(OLD, ONE)], OLD),
        ([part(OLD[9:], f"9-{SIZE - 1}/{SIZE}", ONE), answer(OLD, ONE)], OLD),
        ([part(b"", "*/7"), answer(OLD, ONE)], OLD),
        ([answer(b"", "Content-Range: bytes */7", status="416 Range Not Satisfiable"), answer(NEW, TWO)], NEW),
        ([answer(b"", status="416 Range Not Satisfiable"), answer(NEW, TWO)], NEW),
    ],
    ids=[
        "rest", "rest without version", "changed", "rest of another version", "no range said", "another range",
        "no range", "too short now", "416 alone",
    ],
)  # fmt: skip
def test_a_file_is_never_of_two_halves(tmp_path: Path, rest: list[bytes], expected: bytes) -> None:
    assert pulled(tmp_path, CUT, *rest).refusals == []
    assert (tmp_path / "s" / "a.dcm").read_bytes() == expected


@pytest.mark.parametrize(
    ("sent", "check"),
    [
        (part(OLD[:HALF], f"0-{HALF - 1}/{SIZE}", ONE), "status-206"),
        (answer(OLD[:HALF], status="206 Partial Content"), "status-206"),
        (part(OLD, f"0-{SIZE - 1}/{'9' * 5000}"), "status-206"),
        (answer(status="204 No Content"), "status-204"),
        (answer(status="304 Not Modified"), "status-304"),
        (answer(OLD, "Content-Encoding: gzip"), "encoded"),
        (answer(OLD, HTML), "no-file"),
        (endless(OLD[:HALF]), "no-size"),
        (answer(OLD[:HALF], length=SIZE), "cut-connection"),
        (CUT, "cut-connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", "cut-connection"),
    ],
    ids=[
        "part", "part without a place", "endless number", "no content", "not modified", "packed", "page", "no length",
        "shorter than said", "cut chunk", "cut in a chunk's head",
    ],
)  # fmt: skip
def test_what_is_not_the_whole_file_is_refused(tmp_path: Path, sent: bytes, check: str) -> None:
    assert [refusal.check for refusal in pulled(tmp_path, sent).refusals] == [check]
    assert not list(tmp_path.rglob("*.dcm"))


def test_the_end_of_an_answer_without_length_is_told_by_the_listing(tmp_path: Path) -> None:
    assert pulled(tmp_path / "a", endless(OLD), size=str(SIZE)).refusals == []
    assert [one.check for one in pulled(tmp_path / "b", endless(OLD[:9]), size=str(SIZE)).refusals] == [
        "cut-connection"
    ]


@pytest.mark.parametrize("size", ["9" * 30, "9" * 5000, "12K"])
def test_a_size_that_cannot_be_is_none(tmp_path: Path, size: str) -> None:
    assert pulled(tmp_path, answer(OLD), size=size).refusals == []


def test_a_directory_below_that_cannot_be_listed_is_refused_and_the_rest_comes(tmp_path: Path) -> None:
    top = b'<title>Index of /</title><a href="no/">x</a><a href="login/">x</a><a href="ok/">x</a><a href="none/">x</a>'
    pages = {
        "/d/": answer(top, HTML),
        "/d/no/": answer(status="403 Forbidden"),
        "/d/login/": answer(b"", "Location: /login", status="302 Found"),
        "/login": LOGIN,
        "/d/ok/": answer(PAGE.format(size=SIZE).encode(), HTML),
        "/d/none/": answer(b'<a href="../">Parent Directory</a>', HTML),
        "/d/ok/a.dcm": answer(OLD),
    }
    with saying(lambda request: pages[request.target]) as server, open_client() as client:
        source = WebFolderSource(client, f"{server.url}/d/")
        report = pull(
            source.find(), source, tmp_path, folder_of=lambda series: series.location.rstrip("/").rpartition("/")[2]
        )
    said = {refusal.item.removeprefix(server.url): refusal.check for refusal in report.refusals}
    assert said == {"/d/no/": "not-allowed", "/d/login/": "no-listing"}
    assert (tmp_path / "ok" / "a.dcm").read_bytes() == OLD


@pytest.mark.parametrize("first", [LOGIN, answer(b"", "Location: /login", status="302 Found")])
def test_a_page_that_asks_for_a_login_is_no_listing(first: bytes) -> None:
    pages = {"/d/e/": first, "/login": LOGIN}
    with (
        saying(lambda request: pages[request.target]) as server,
        open_client() as client,
        pytest.raises(SourceError, match="is a login needed") as error,
    ):
        WebFolderSource(client, f"{server.url}/d/e/").find()
    assert error.value.check == "no-listing"


def test_a_directory_that_moved_is_listed_where_it_is() -> None:
    page = b'<a href="/v5/a.dcm">a</a><a href="b.dcm">b</a><a href="/latest/c.dcm">c</a>'
    pages = {"/latest/": answer(b"", "Location: /v5/?C=N", status="301 Moved"), "/v5/?C=N": answer(page, HTML)}
    with saying(lambda request: pages[request.target]) as server, open_client() as client:
        source = WebFolderSource(client, f"{server.url}/latest")
        (series,) = source.find()
        files = [file.location for file in source.list_files(series)]
    assert series.location == f"{server.url}/latest/"
    assert files == [f"{server.url}/latest/{name}" for name in ("a.dcm", "b.dcm")]


def test_a_password_goes_to_its_server_and_is_noted_nowhere(tmp_path: Path) -> None:
    pages = {"/d/": answer(PAGE.format(size=SIZE).encode(), HTML), "/d/a.dcm": answer(status="403 Forbidden")}
    with saying(lambda request: pages[request.target]) as server, open_client() as client:
        source = WebFolderSource(client, server.url.replace("//", "//me:se%20cret@") + "/d/")
        report = pull(source.find(), source, tmp_path, folder_of=lambda series: "s")
    assert {request.headers["authorization"] for request in server.requests} == {"Basic bWU6c2UgY3JldA=="}
    assert "cret" not in repr(report)
    assert b"cret" not in (tmp_path / LEDGER_NAME).read_bytes()
