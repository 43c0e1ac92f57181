"""What lies already where a series is to come: halves of what has changed since, folders in place of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquire.nbia_server import Stored, serve_nbia
from acquire.servers import S3Handler, serving
from hilum.acquire.answers import open_client
from hilum.acquire.draft import draft_of
from hilum.acquire.drive import DriveSource
from hilum.acquire.ledger import open_ledger
from hilum.acquire.nbia import NbiaSource
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source
from hilum.acquire.wanted import WantedSeries

if TYPE_CHECKING:
    from hilum.acquire.report import PullReport
    from hilum.acquire.source import Source

OLD, NEW = b"old" * 500_000, b"new" * 500_000


def leave_half(series: WantedSeries, source: Source, target: Path) -> None:
    """What a pull leaves that was killed in the middle of a file."""
    listed = source.list_files(series)
    assert listed is not None
    with open_ledger(target) as ledger:
        ledger.ask(ledger.begin(series, source.name, "s").series_id, listed, {})
    (target / "s").mkdir()
    Path(draft_of(target / "s" / listed[0].name)).write_bytes(OLD[: len(OLD) // 2])


def test_halves_of_two_versions_on_a_drive_are_not_put_together(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    path, source = tmp_path / "drive" / "a.dcm", DriveSource(tmp_path / "drive")
    path.write_bytes(OLD)
    leave_half(source.find()[0], source, tmp_path / "to")
    path.write_bytes(NEW)
    os.utime(path, (5, 5))
    assert pull(source.find(), source, tmp_path / "to", folder_of=lambda _: "s").refusals == []
    assert (tmp_path / "to" / "s" / "a.dcm").read_bytes() == NEW


def test_halves_of_two_versions_of_an_object_without_hash_are_not_put_together(tmp_path: Path) -> None:
    with serving(S3Handler) as (store, url):
        store.files["a.dcm"] = OLD
        source = S3Source(S3Options(endpoint=url, is_etag_md5=False))
        leave_half(source.find("s3://bucket/data/")[0], source, tmp_path / "to")
        store.files["a.dcm"] = NEW
        report = pull(source.find("s3://bucket/data/"), source, tmp_path / "to", folder_of=lambda _: "s")
    assert report.refusals == []
    assert (tmp_path / "to" / "s" / "a.dcm").read_bytes() == NEW


def lay(target: Path, name: str, *, folder: bool) -> None:
    """Put a folder where a file belongs, or a file where the series' folder does."""
    taken = target / "1.2.1" / name if folder else target / "1.2.1"
    if folder:
        (taken / "below").mkdir(parents=True)
    else:
        taken.parent.mkdir(parents=True)
        taken.write_bytes(b"of somebody else")


@pytest.mark.parametrize("folder", [True, False])
def test_a_name_that_is_taken_refuses_its_series_alone(tmp_path: Path, *, folder: bool) -> None:
    for name in ("1.2.1", "1.2.2"):
        (tmp_path / "drive" / name).mkdir(parents=True)
        (tmp_path / "drive" / name / "a.dcm").write_bytes(b"x")
    source = DriveSource(tmp_path / "drive")
    lay(tmp_path / "to", "a.dcm", folder=folder)
    require_one_refused(
        pull(source.find(), source, tmp_path / "to", folder_of=lambda one: Path(one.location).name), tmp_path / "to"
    )


@pytest.mark.parametrize("folder", [True, False])
def test_a_name_that_is_taken_refuses_its_stream_alone(tmp_path: Path, *, folder: bool) -> None:
    lay(tmp_path / "to", "1.dcm", folder=folder)
    with serve_nbia() as server, open_client() as client:
        for uid in ("1.2.1", "1.2.2"):
            server.add(Stored(uid, {"1.dcm": b"x" * 100}))
        wanted = [WantedSeries(series_uid=uid) for uid in ("1.2.1", "1.2.2")]
        report = pull(wanted, NbiaSource(client, server.url), tmp_path / "to", folder_of=lambda one: one.series_uid)
    require_one_refused(report, tmp_path / "to")


def require_one_refused(report: PullReport, target: Path) -> None:
    assert (report.series_whole, report.series_refused) == (1, 1)
    assert [refusal.check for refusal in report.refusals] == ["name-taken"]
    assert str(target) in report.refusals[0].reason
