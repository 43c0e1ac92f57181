"""Series from NBIA: every trap of its zips ends as a retry and then a refusal, never as a whole series."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from acquire.nbia_server import PASSWORD, USER, Stored, serve_nbia
from acquire.scripted import answer, endless, saying
from acquire.zips import streamed_zip
from builders import CtSeries
from hilum.acquire.answers import open_client
from hilum.acquire.layouts import ClassicLayout
from hilum.acquire.nbia import NbiaSource
from hilum.acquire.nbia_login import Credentials, Login, require_known
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.acquire.wanted import WantedSeries
from hilum.disk import UNFINISHED
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from acquire.nbia_server import Fault, NbiaServer
    from acquire.scripted import Request
    from hilum.acquire.report import PullReport

UID = "1.2.826.0.1.3680043.8.498.77.1.1"

PASSING: list[Fault] = [
    "cut", "short", "500", "page", "page inside", "wrong hash", "missing file", "no hashes", "twice", "429",
]  # fmt: skip
LASTING: list[Fault] = ["slip", "bomb"]


@pytest.fixture
def server() -> Iterator[NbiaServer]:
    with serve_nbia() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with open_client() as opened:
        yield opened


@pytest.fixture
def images(tmp_path: Path) -> dict[str, bytes]:
    paths = CtSeries(shape=(4, 64, 64), series_uid=UID).write(tmp_path / "made")
    return {f"{number:08d}.dcm": path.read_bytes() for number, path in enumerate(paths, start=1)}


@pytest.fixture
def stored(server: NbiaServer, images: dict[str, bytes]) -> Stored:
    return server.add(Stored(UID, images))


def _pull(source: NbiaSource, folder: Path, *series: WantedSeries, attempts: int = 3) -> PullReport:
    pace = Pace(patience=Patience(attempts, 0.001, 0.002))
    return pull(series, source, folder, folder_of=ClassicLayout().folder, connections=2, pace=pace)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.dcm")}


IMAGE = bytes(range(256)) * 20
HASHES = f"Filename,MD5Hash\n1.dcm,{hashlib.md5(IMAGE).hexdigest()}\n"
QUOTED = HASHES.replace("1.dcm", '"1.dcm"')


def _zip_with(hashes: str) -> bytes:
    """A zip with an image and a text of hashes."""
    return streamed_zip([("LICENSE", b"x"), ("1.dcm", IMAGE), ("md5hashes.csv", hashes.encode())])


def _scripted(folder: Path, content: bytes, *, count: int = 1, amount: str = "") -> list[str]:
    """Checks of the refusals when a server sends such a zip, and its record says such an amount."""
    record = amount or f'"ObjectCount": "{count}", "TotalSizeInBytes": "{count * len(IMAGE)}.000"'

    def say(request: Request) -> bytes:
        return answer(f"[{{{record}}}]".encode() if "getSeriesSize" in request.target else content)

    with saying(say) as server, open_client() as client:
        report = _pull(NbiaSource(client, server.url), folder, WantedSeries(series_uid=UID), attempts=1)
    return [refusal.check for refusal in report.refusals]


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_series_comes_whole(
    server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path, version: str
) -> None:
    source = NbiaSource(client, server.url, version="v4" if version == "v4" else "v1")
    (series,) = source.describe([UID]).series
    assert series == WantedSeries(
        "ct_lymph_nodes", "P1", "1.2.3", UID, "CT", 4, stored.said_bytes, licence=stored.record()["License Name"]
    )
    report = _pull(source, tmp_path / "out", series)
    assert not report.refusals
    assert _files(tmp_path / "out") == stored.images
    assert not list((tmp_path / "out").rglob("LICENSE"))
    requests = len(server.requests)
    assert not _pull(source, tmp_path / "out", series).refusals
    assert len(server.requests) == requests


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again(
    server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path, fault: Fault
) -> None:
    server.fail(UID, fault, fault)
    report = _pull(NbiaSource(client, server.url), tmp_path, WantedSeries(series_uid=UID))
    assert not report.refusals
    assert _files(tmp_path / "unknown") == stored.images


@pytest.mark.parametrize("fault", [*PASSING, *LASTING])
def test_a_fault_that_stays_is_refused(
    server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path, fault: Fault
) -> None:
    server.fail(UID, *[fault] * 3)
    source = NbiaSource(client, server.url)
    report = _pull(source, tmp_path / "deep" / "out", WantedSeries(series_uid=UID))
    assert [refusal.item for refusal in report.refusals] == [UID]
    assert server.answered("getImageWithMD5Hash") == (3 if fault in PASSING else 1)
    assert not _files(tmp_path / "deep")
    assert not list(tmp_path.rglob("escaped*"))
    assert not list(tmp_path.rglob(f"*{UNFINISHED}"))
    server.faults.clear()
    assert not _pull(source, tmp_path / "deep" / "out", WantedSeries(series_uid=UID)).refusals
    assert _files(tmp_path / "deep" / "out") == stored.images


@pytest.mark.parametrize(("count", "size_bytes"), [(5, None), (3, None), (None, 1), (None, 10**6)])
def test_records_that_do_not_fit_are_refused(
    server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path, count: int | None, size_bytes: int | None
) -> None:
    stored.count, stored.size_bytes = count, size_bytes
    source = NbiaSource(client, server.url)
    for series in (WantedSeries(series_uid=UID), *source.describe([UID]).series):
        (refusal,) = _pull(source, tmp_path, series).refusals
        assert refusal.check == ("wrong-size" if count is None else "wrong-count")
    assert not _files(tmp_path / "unknown")


def test_hashes_are_read_as_programs_write_them(tmp_path: Path) -> None:
    for number, text in enumerate((HASHES, HASHES.replace("\n", "\r\n"), f"\ufeff{HASHES}", HASHES.upper(), QUOTED)):
        assert _scripted(tmp_path / str(number), _zip_with(text.replace("DCM", "dcm"))) == []


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("", "wrong-hash"),
        ("Filename,MD5Hash\n", "wrong-hash"),
        (HASHES[len("Filename,MD5Hash\n") :], "wrong-hash"),
        (f"{HASHES}2.dcm,{'0' * 32}\n", "wrong-hash"),
        (f"{HASHES}{'x' * 200_000},y\n", "bad-hashes"),
    ],
    ids=["nothing", "no line", "no header", "of a missing file", "no table"],
)
def test_hashes_that_do_not_tell_are_refused(tmp_path: Path, text: str, check: str) -> None:
    assert _scripted(tmp_path, _zip_with(text)) == [check]


@pytest.mark.parametrize(
    "names", [("1.dcm", "1.dcm/2.dcm"), ("1.dcm/2.dcm", "1.dcm"), ("a/b/c.dcm", "a/b")], ids=" ".join
)
def test_a_file_that_is_the_folder_of_another_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    hashes = "".join(f"{name},{hashlib.md5(IMAGE).hexdigest()}\n" for name in names)
    content = streamed_zip([(name, IMAGE) for name in names] + [("md5hashes.csv", f"x,y\n{hashes}".encode())])
    assert _scripted(tmp_path, content, count=2) == ["name-taken"]
    assert not [path for path in tmp_path.rglob("*.dcm") if path.is_file()]


@pytest.mark.parametrize(
    "amount",
    [
        '"ObjectCount": 1', '"ObjectCount": "x", "TotalSizeInBytes": 1', '"ObjectCount": -1, "TotalSizeInBytes": -9',
        '"ObjectCount": 1, "TotalSizeInBytes": Infinity', '"ObjectCount": null, "TotalSizeInBytes": NaN',
    ],
)  # fmt: skip
def test_an_amount_that_tells_nothing_is_refused(tmp_path: Path, amount: str) -> None:
    assert _scripted(tmp_path, _zip_with(HASHES), amount=amount) == ["no-size"]


def test_a_slow_server_is_waited_for(server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path) -> None:
    server.fail(UID, "slow")
    assert not _pull(NbiaSource(client, server.url), tmp_path, WantedSeries(series_uid=UID)).refusals
    assert server.answered("getImageWithMD5Hash") == 1


def test_images_one_by_one(server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path) -> None:
    server.fail(UID, "page", "cut")
    source = NbiaSource(client, server.url, by_image=True)
    assert not _pull(source, tmp_path / "out", WantedSeries(series_uid=UID)).refusals
    assert _files(tmp_path / "out") == {f"{UID}.{int(name[:8])}.dcm": image for name, image in stored.images.items()}
    assert server.answered("getImage") == 0
    stored.count = 5
    (refusal,) = _pull(source, tmp_path / "again", WantedSeries(series_uid=UID)).refusals
    assert refusal.check == "wrong-count"


def test_an_image_that_ends_where_the_connection_does_is_refused(tmp_path: Path) -> None:
    def say(request: Request) -> bytes:
        if "getSingleImage" in request.target:
            return endless(bytes(128) + b"DICM" + bytes(100))
        rows = {"SOPInstanceUID": "1.2", "ObjectCount": "1", "TotalSizeInBytes": "9000"}
        return answer(json.dumps([rows]).encode())

    with saying(say) as server, open_client() as client:
        report = _pull(NbiaSource(client, server.url, by_image=True), tmp_path, WantedSeries(series_uid=UID))
    assert [refusal.check for refusal in report.refusals] == ["no-size"]


def test_an_error_page_is_no_image(server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path) -> None:
    pages: list[Fault] = ["page"] * 30
    server.fail(UID, *pages)
    report = _pull(NbiaSource(client, server.url, by_image=True), tmp_path / "out", WantedSeries(series_uid=UID))
    assert {refusal.check for refusal in report.refusals} == {"no-file"}
    assert not _files(tmp_path / "out")


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_series_the_server_does_not_know_are_refused(
    server: NbiaServer, client: httpx.Client, stored: Stored, version: str
) -> None:
    server.add(Stored("1.2.9", {}, is_public=False))
    found = NbiaSource(client, server.url, version="v4" if version == "v4" else "v1").describe(["1.2.8", UID, "1.2.9"])
    assert [one.series_uid for one in found.series] == [UID]
    assert [(one.item, one.check) for one in found.refusals] == [
        ("1.2.8", "unknown-series"),
        ("1.2.9", "unknown-series"),
    ]


def test_many_series_are_described_at_once(server: NbiaServer, client: httpx.Client) -> None:
    uids = [server.add(Stored(f"1.2.3.{number}", {"a.dcm": bytes(number)})).series_uid for number in range(1, 451)]
    source = NbiaSource(client, server.url)
    assert [one.series_uid for one in source.describe(uids).series] == uids
    assert len(server.requests) == 3
    server.has_v4 = False
    assert [one.size_bytes for one in source.describe(uids[:5]).series] == [1, 2, 3, 4, 5]
    assert server.answered("getSeriesMetaData") == 5


def test_find_by_collection(server: NbiaServer, client: httpx.Client, stored: Stored) -> None:
    source = NbiaSource(client, server.url)
    (series,) = source.find({"Collection": "CT Lymph Nodes"})
    assert (series.series_uid, series.participant_id) == (UID, "P1")
    with pytest.raises(SourceError, match="no series with Collection=Elsewhere"):
        source.find({"Collection": "Elsewhere"})
    with pytest.raises(SourceError, match="400"):
        source.find({"Colection": "CT Lymph Nodes"})


def test_a_server_that_fails_for_a_while_is_asked_again_before_the_pull_too(
    server: NbiaServer, client: httpx.Client, stored: Stored
) -> None:
    source = NbiaSource(client, server.url, pace=Pace(patience=Patience(3, 0.001, 0.002)))
    server.statuses = [503, 429]
    assert [one.series_uid for one in source.find({"Collection": "CT Lymph Nodes"})] == [UID]
    server.statuses = [500, 503]
    assert [one.series_uid for one in source.describe([UID]).series] == [UID]
    server.statuses = [503] * 3
    with pytest.raises(SourceError, match="503"):
        source.describe([UID])
    assert server.requests[-3:] == ["/nbia-api/services/v4/getSeriesMetadata"] * 3


def test_what_is_not_public_needs_a_user(
    server: NbiaServer, client: httpx.Client, images: dict[str, bytes], tmp_path: Path
) -> None:
    server.add(Stored(UID, images, is_public=False))
    (refusal,) = _pull(NbiaSource(client, server.url), tmp_path, WantedSeries(series_uid=UID)).refusals
    assert refusal.check == "not-allowed"
    login = Login(client, f"{server.url}oauth/token", Credentials(USER, PASSWORD))
    source = NbiaSource(client, server.url, version="v2", login=login)
    assert not _pull(source, tmp_path, WantedSeries(series_uid=UID)).refusals
    assert _files(tmp_path / "unknown") == images
    assert len(server.tokens) == 1


def test_a_token_that_is_refused_is_renewed(
    server: NbiaServer, client: httpx.Client, stored: Stored, tmp_path: Path
) -> None:
    login = Login(client, f"{server.url}oauth/token", Credentials(USER, PASSWORD))
    source = NbiaSource(client, server.url, version="v2", login=login)
    server.fail(UID, "expired")
    assert not _pull(source, tmp_path, WantedSeries(series_uid=UID), attempts=1).refusals
    assert server.answered("oauth/token") >= 2
    assert _files(tmp_path / "unknown") == stored.images


def test_a_token_is_refreshed_before_it_expires(
    server: NbiaServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("hilum.acquire.nbia_login.time.monotonic", lambda: now_s)
    login = Login(client, f"{server.url}oauth/token", Credentials(USER, PASSWORD))
    assert [login.token(), login.token()] == ["token 1", "token 1"]
    now_s += 7199 - 30
    assert login.token() == "token 2"


def test_a_wrong_password_is_refused_without_showing_it(server: NbiaServer, client: httpx.Client) -> None:
    login = Login(client, f"{server.url}oauth/token", Credentials(USER, "not sesame"))
    with pytest.raises(SourceError, match="no token for user 'reader'") as caught:
        login.token()
    assert "not sesame" not in str(caught.value)
    assert "not sesame" not in repr(Credentials(USER, "not sesame"))
    assert not caught.value.may_pass


def test_a_password_never_crosses_a_network_in_the_open(client: httpx.Client) -> None:
    with pytest.raises(ConfigError, match="over https only"):
        Login(client, "http://services.cancerimagingarchive.net/nbia-api/oauth/token", Credentials(USER, PASSWORD))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, None), ({"NBIA_USER": "a", "NBIA_PASSWORD": "b"}, Credentials("a", "b")), ({"NBIA_PASSWORD": "b"}, None)],
)
def test_credentials_come_from_the_environment(environment: dict[str, str], expected: Credentials | None) -> None:
    assert Credentials.from_environment(environment) == expected


def test_a_user_needs_a_password() -> None:
    with pytest.raises(ConfigError, match="NBIA_PASSWORD is not"):
        Credentials.from_environment({"NBIA_USER": "a"})


@pytest.mark.parametrize(
    ("url", "is_known"),
    [
        ("https://services.cancerimagingarchive.net/nbia-api/", True),
        ("https://cancerimagingarchive.net/nbia-api/", True),
        ("http://127.0.0.1:8000/nbia-api/", True),
        ("https://cancerimagingarchive.net.example.org/nbia-api/", False),
        ("https://notcancerimagingarchive.net/nbia-api/", False),
        ("https://cancerimagingarchive.net@example.org/nbia-api/", False),
        ("https:///nbia-api/", False),
    ],
)
def test_only_known_servers_are_told_a_password(url: str, is_known: bool) -> None:
    with nullcontext() if is_known else pytest.raises(ConfigError, match="--endpoint"):
        require_known(url)


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": null}', b'{"access_token": 5}', '{"access_token": "\u00e9"}'.encode(),
        b"", b"<html>", b"[]", b'"x"', b"null", b"{}", b"[" * 200_000, b'{"access_token": "a", "expires_in": null}',
        b'{"access_token": "a", "expires_in": 1' + b"0" * 400 + b"}", b'{"access_token": "a", "expires_in": "soon"}',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_token_is_told(body: bytes) -> None:
    with saying(lambda request: answer(body)) as server, open_client() as client:
        login = Login(client, f"{server.url}/nbia-api/oauth/token", Credentials(USER, PASSWORD))
        with pytest.raises(SourceError, match="expected a token as JSON"):
            login.token()


def test_names_show_no_password(client: httpx.Client) -> None:
    assert NbiaSource(client, "https://me:secret@example.org/nbia-api/").name == "https://example.org/nbia-api"


def test_hashes_are_those_of_the_files(
    images: dict[str, bytes], server: NbiaServer, client: httpx.Client, stored: Stored
) -> None:
    """The stream itself, without a pull around it."""
    with NbiaSource(client, server.url).fetch(WantedSeries(series_uid=UID), None, 0) as deliveries:
        found = {one.file.name: hashlib.md5(b"".join(one.chunks)).hexdigest() for one in deliveries}
    assert found == {name: hashlib.md5(image).hexdigest() for name, image in images.items()}
