"""One contract for every source that lists files; each is run against a real server, or folder, that fails at will."""

from __future__ import annotations

import hashlib
import os
import random
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquire.servers import DicomWebHandler, Fault, Handler, S3Handler, Store, WebHandler, etag, serving
from hilum.acquire import joint_md5
from hilum.acquire.answers import open_client
from hilum.acquire.dicomweb import DicomWebSource
from hilum.acquire.draft import draft_of
from hilum.acquire.drive import DriveSource
from hilum.acquire.ledger import open_ledger
from hilum.acquire.listed import ListedSource
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source
from hilum.acquire.wanted import WantedFile
from hilum.acquire.web_folder import WebFolderSource
from hilum.errors import SourceError
from peers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import httpx

    from hilum.acquire.report import PullReport
    from hilum.acquire.source import Source
    from hilum.acquire.wanted import WantedSeries

SIZE = 900_000
"""More than one buffer of a connection, and not too much to be held for a joint MD5."""

NAMES = ("1.2.3.1.dcm", "1.2.3.2.dcm", "1.2.3.3.dcm")
QUICK = Patience(attempts=3, first_wait_s=0.001, longest_wait_s=0.05)


def content_of(name: str, size: int = SIZE, seed: int = 0) -> bytes:
    """Bytes that begin as a DICOM file does as far as any source looks: with the instance's UID near the front."""
    own = name.removesuffix(".dcm").encode()
    return bytes(128) + b"DICM" + own + random.Random(f"{name}{seed}").randbytes(size - 132 - len(own))


@dataclass
class Origin:
    """A source, what it holds, and how often it is asked."""

    store: Store
    source: Source
    target: Path
    connections: int = 2

    def wanted(self) -> list[WantedSeries]:
        return self.source.find({}) if isinstance(self.source, DicomWebSource) else self._find()

    def _find(self) -> list[WantedSeries]:
        match self.source:
            case S3Source():
                return self.source.find("s3://bucket/data/")
            case DriveSource() | WebFolderSource():
                return self.source.find()
        raise TypeError(self.source)

    def pull(self, wanted: list[WantedSeries] | None = None) -> PullReport:
        return pull(
            self.wanted() if wanted is None else wanted,
            self.source,
            self.target,
            folder_of=lambda series: "series",
            connections=self.connections,
            pace=Pace(patience=QUICK),
        )

    def file(self, name: str) -> Path:
        return self.target / "series" / name


def checks(report: PullReport) -> dict[str, str]:
    """Item of each refusal below its series, and its check."""
    return {refusal.item.rpartition("/")[2]: refusal.check for refusal in report.refusals}


class Contract:
    """What holds for every source."""

    bad_name = "..%2Fevil.dcm"

    @pytest.fixture
    def origin(self, tmp_path: Path) -> Iterator[Origin]:
        with self.opened(tmp_path) as (store, source):
            for name in NAMES:
                store.files[name] = content_of(name)
            self.publish(store, tmp_path)
            yield Origin(store, source, tmp_path / "target")

    def opened(self, folder: Path) -> AbstractContextManager[tuple[Store, Source]]:
        """Give an empty store and the source that reads it."""
        raise NotImplementedError

    def publish(self, store: Store, folder: Path) -> None:
        """Make what was put into the store to be had; a server needs nothing."""

    def test_all_files_come_whole_and_are_noted(self, origin: Origin) -> None:
        report = origin.pull()
        assert (report.series_whole, report.series_refused, report.files_fetched) == (1, 0, len(NAMES))
        assert report.bytes_fetched == SIZE * len(NAMES)
        with open_ledger(origin.target) as ledger:
            entries = ledger.files(1)
        for name in NAMES:
            content = origin.file(name).read_bytes()
            assert content == origin.store.files[name]
            assert entries[name].sha256 == hashlib.sha256(content).digest()
            assert (entries[name].state, entries[name].received_bytes) == ("whole", SIZE)
        assert sorted(path.name for path in origin.file("").iterdir()) == list(NAMES)

    def test_a_series_that_is_asked_for_twice_comes_once(self, origin: Origin) -> None:
        report = origin.pull(origin.wanted() * 2)
        assert (report.series_asked, report.series_whole, report.files_fetched) == (1, 1, len(NAMES))

    def test_a_second_pull_fetches_nothing(self, origin: Origin) -> None:
        origin.pull()
        origin.store.requests.clear()
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 0, len(NAMES))
        assert (report.bytes_fetched, origin.store.requests) == (0, [])

    def test_a_new_file_is_fetched_alone(self, origin: Origin, tmp_path: Path) -> None:
        origin.pull()
        origin.store.files["1.2.3.4.dcm"] = content_of("1.2.3.4.dcm")
        self.publish(origin.store, tmp_path)
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 1, len(NAMES))
        assert origin.file("1.2.3.4.dcm").read_bytes() == origin.store.files["1.2.3.4.dcm"]

    def test_a_file_lost_or_changed_here_is_fetched_again(self, origin: Origin) -> None:
        origin.pull()
        origin.file(NAMES[0]).unlink()
        origin.file(NAMES[1]).write_bytes(b"cut")
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 2, 1)
        assert [origin.file(name).read_bytes() for name in NAMES] == [origin.store.files[name] for name in NAMES]

    def test_a_file_that_was_only_touched_or_copied_is_kept(self, origin: Origin) -> None:
        origin.pull()
        os.utime(origin.file(NAMES[0]), (1, 1))
        origin.store.requests.clear()
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 0, len(NAMES))
        assert (report.bytes_fetched, origin.store.requests) == (0, [])
        assert origin.pull().files_kept == len(NAMES)

    def test_a_name_that_leads_out_of_its_folder_is_refused_and_the_rest_comes(
        self, origin: Origin, tmp_path: Path
    ) -> None:
        origin.store.files[self.bad_name] = content_of(self.bad_name)
        self.publish(origin.store, tmp_path)
        report = origin.pull()
        assert (report.series_refused, report.files_fetched) == (1, len(NAMES))
        assert [refusal.check for refusal in report.refusals] == ["bad-name"]
        assert not list(tmp_path.rglob("target/**/*evil*"))
        assert not (tmp_path / "evil.dcm").exists()

    def test_an_empty_series_is_refused(self, origin: Origin, tmp_path: Path) -> None:
        wanted = origin.wanted()
        origin.store.files.clear()
        self.publish(origin.store, tmp_path)
        report = origin.pull(wanted)
        assert (report.series_refused, [one.check for one in report.refusals]) == (1, ["empty-series"])

    def test_a_source_with_nothing_says_so(self, origin: Origin, tmp_path: Path) -> None:
        origin.store.files.clear()
        self.publish(origin.store, tmp_path)
        with pytest.raises(SourceError) as error:
            origin.wanted()
        assert error.value.check == "empty-series"


class RemoteContract(Contract):
    """What holds for every server; `has_ranges`: it sends the rest of a file."""

    has_ranges = True
    handler: type[Handler]

    @contextmanager
    def opened(self, folder: Path) -> Iterator[tuple[Store, Source]]:
        with serving(self.handler) as (store, url), open_client() as client:
            yield store, self.source(url, client)

    def source(self, url: str, client: httpx.Client) -> Source:
        raise NotImplementedError

    def test_errors_that_pass_are_waited_out(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[500, 503])
        origin.store.faults[NAMES[1]] = Fault(statuses=[429], retry_after="0")
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.refusals) == (1, len(NAMES), [])

    def test_errors_that_last_are_refused_and_the_rest_comes(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[500] * 3)
        report = origin.pull()
        assert (report.series_refused, report.files_fetched, checks(report)) == (1, 2, {NAMES[0]: "status-500"})
        assert not origin.file(NAMES[0]).exists()
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 1, 2)

    def test_a_file_that_is_not_there_is_asked_for_once(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[404])
        report = origin.pull()
        assert checks(report) == {NAMES[0]: "not-found"}
        assert [name for name, _ in origin.store.requests].count(NAMES[0]) == 1

    def test_what_may_not_be_read_is_told(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[403])
        assert checks(origin.pull()) == {NAMES[0]: "not-allowed"}

    def test_a_cut_connection_is_taken_up_where_it_broke_off(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(cuts=[SIZE // 2, SIZE // 4])
        report = origin.pull()
        assert (report.series_whole, report.files_fetched) == (1, len(NAMES))
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]
        ranges = [range_ for name, range_ in origin.store.requests if name == NAMES[0]]
        assert [bool(range_) for range_ in ranges] == [False, self.has_ranges, self.has_ranges]

    def test_a_cut_file_never_gets_its_name_and_the_next_pull_goes_on_within_it(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(cuts=[SIZE // 2, 0, 0])
        report = origin.pull()
        assert checks(report) == {NAMES[0]: "cut-connection"}
        assert not origin.file(NAMES[0]).exists()
        left = Path(draft_of(origin.file(NAMES[0]))).stat().st_size
        report = origin.pull()
        assert (report.series_whole, report.files_fetched) == (1, 1)
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]
        if self.has_ranges:
            assert 0 < left <= SIZE // 2
            assert report.bytes_fetched == SIZE - left

    def test_a_slow_server_is_waited_for(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(delay_s=0.05)
        assert origin.pull().series_whole == 1

    def test_a_file_that_changes_between_two_runs_is_not_patched_together(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(cuts=[SIZE // 2, 0, 0])
        origin.pull()
        origin.store.files[NAMES[0]] = content_of(NAMES[0], seed=2)
        assert origin.pull().series_whole == 1
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]

    def test_a_server_that_hangs_up_is_told(self, origin: Origin) -> None:
        wanted = origin.wanted()
        origin.store.is_down = True
        report = origin.pull(wanted)
        assert (report.series_refused, [one.check for one in report.refusals]) == (1, ["cut-connection"])


class SizedContract(RemoteContract):
    """What holds for every server that says how large a file is."""

    def test_a_file_of_another_size_is_refused(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(content=content_of(NAMES[0], SIZE + 7))
        report = origin.pull()
        assert checks(report)[NAMES[0]] in {"wrong-size", "changed-meanwhile"}
        assert not origin.file(NAMES[0]).exists()


class TestWebFolder(SizedContract):
    handler = WebHandler
    bad_name = "../evil.dcm"

    def source(self, url: str, client: httpx.Client) -> Source:
        return WebFolderSource(client, f"{url}/data")

    def test_a_file_that_changes_its_size_between_two_runs_is_fetched_anew(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(cuts=[SIZE // 2, 0, 0])
        origin.pull()
        origin.store.files[NAMES[0]] = content_of(NAMES[0], SIZE * 2)
        assert origin.pull().series_whole == 1
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]

    def test_a_page_sent_for_a_file_is_refused(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[200])
        assert checks(origin.pull()) == {NAMES[0]: "no-file"}


class TestS3(SizedContract):
    handler = S3Handler
    bad_name = "a\\evil.dcm"

    def source(self, url: str, client: httpx.Client) -> Source:
        return S3Source(S3Options(endpoint=url))

    def test_a_file_of_another_hash_is_refused(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(content=content_of(NAMES[0], seed=1), tag=etag(content_of(NAMES[0])))
        report = origin.pull()
        assert (checks(report), report.files_fetched) == ({NAMES[0]: "wrong-hash"}, 2)
        assert [name for name, _ in origin.store.requests].count(NAMES[0]) == QUICK.attempts
        assert not origin.file(NAMES[0]).exists()

    def test_a_file_that_came_wrong_once_comes_again(self, origin: Origin) -> None:
        flipped = bytearray(content_of(NAMES[0]))
        flipped[SIZE // 2] ^= 1
        origin.store.faults[NAMES[0]] = Fault(contents=[bytes(flipped)], tag=etag(content_of(NAMES[0])))
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.refusals) == (1, 3, [])
        assert [name for name, _ in origin.store.requests].count(NAMES[0]) == 2
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]

    def test_an_object_replaced_since_it_was_listed_is_refused(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(content=content_of(NAMES[0], seed=1))
        assert checks(origin.pull()) == {NAMES[0]: "changed-meanwhile"}

    def test_files_that_a_manifest_only_names_are_listed_and_verified(self, origin: Origin) -> None:
        wanted = origin.wanted()
        named = [WantedFile(NAMES[0]), WantedFile(NAMES[1]), WantedFile("gone.dcm")]
        origin.source = ListedSource(origin.source, {wanted[0].key: named}, is_completed=True)
        origin.store.faults[NAMES[1]] = Fault(content=content_of(NAMES[1], seed=1), tag=etag(content_of(NAMES[1])))
        report = origin.pull(wanted)
        assert checks(report) == {NAMES[1]: "wrong-hash", "gone.dcm": "not-found"}
        assert origin.file(NAMES[0]).read_bytes() == origin.store.files[NAMES[0]]
        assert not origin.file(NAMES[2]).exists()

    def test_a_wait_that_the_server_asks_for_is_kept(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(statuses=[503], retry_after="7")
        series = origin.wanted()[0]
        files = origin.source.list_files(series)
        assert files is not None
        with pytest.raises(SourceError) as error, origin.source.fetch(series, files[0], 0):
            pass
        assert (error.value.check, error.value.may_pass, error.value.wait_s) == ("status-503", True, 7)

    def test_a_file_that_is_here_but_not_in_the_ledger_is_kept_if_its_hash_is_right(self, origin: Origin) -> None:
        origin.file("").mkdir(parents=True)
        origin.file(NAMES[0]).write_bytes(origin.store.files[NAMES[0]])
        origin.file(NAMES[1]).write_bytes(content_of(NAMES[1], seed=9))
        report = origin.pull()
        assert (report.series_whole, report.files_fetched, report.files_kept) == (1, 2, 1)
        assert origin.file(NAMES[1]).read_bytes() == origin.store.files[NAMES[1]]


class TestS3Alone(TestS3):
    """As where hilum was installed without a C compiler: each file is hashed on its own."""

    @pytest.fixture(autouse=True)
    def no_lanes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(joint_md5, "LANES", 0)


class TestDicomWeb(RemoteContract):
    handler = DicomWebHandler
    has_ranges = False
    bad_name = "..\\evil.dcm"

    def source(self, url: str, client: httpx.Client) -> Source:
        return DicomWebSource(client, f"{url}/web")

    def test_another_instance_than_asked_for_is_refused(self, origin: Origin) -> None:
        origin.store.faults[NAMES[0]] = Fault(content=content_of("9.9.9.dcm"))
        assert checks(origin.pull()) == {NAMES[0]: "wrong-instance"}


class TestDrive(Contract):
    bad_name = "a\\evil.dcm"

    @contextmanager
    def opened(self, folder: Path) -> Iterator[tuple[Store, Source]]:
        yield Store(), DriveSource(folder / "drive")

    def publish(self, store: Store, folder: Path) -> None:
        drive = folder / "drive"
        drive.mkdir(exist_ok=True)
        for path in drive.iterdir():
            if path.name not in store.files:
                path.unlink()
        for name, content in store.files.items():
            if not (drive / name).exists():
                (drive / name).write_bytes(content)


def test_an_s3_server_that_is_not_there_is_named_with_the_reason() -> None:
    source = S3Source(S3Options(endpoint=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(SourceError) as error:
        source.find("s3://bucket/a/")
    assert (error.value.check, error.value.may_pass) == ("cut-connection", True)
    assert "the connection to 127.0.0.1:" in str(error.value)
    assert str(error.value).endswith("failed (Connection refused)")
