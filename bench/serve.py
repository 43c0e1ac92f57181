"""DICOMweb: hilum against Debian's Orthanc with its DICOMweb plugin, the same files on the same machine, in turn.

Publishing against ingest, the list of studies, the metadata of a series of 150 instances, frames 16 at once; and, with
an archive that has NLST's public index published, the search over it and the server's memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from index import UID_ROOT, write_slice
from measure import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

ORTHANC = "/usr/sbin/Orthanc"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
SLICES = 150
AT_ONCE = 16
ROUNDS, IN_A_ROUND = 20, 5
"""The servers take turns, and are asked so often in each: of 100 samples a 95th percentile says something."""

PUBLISHINGS = 5
CT_SIZE = 512
START_S = 60
LARGE = 0
LARGE_SERIES = 6
"""Number of the series that is asked for, and how many from it on have `SLICES` slices; the others have one."""

FRAME_ACCEPT = "multipart/related; type=application/octet-stream; transfer-syntax=*"
JSON_ACCEPT = "application/dicom+json"
NLST_QUERIES = (
    "/studies?limit=101",
    "/studies?limit=101&offset=30000",
    "/studies?limit=101&PatientID=1001*",
    "/studies?limit=101&ModalitiesInStudy=SEG",
    "/studies?limit=101&StudyDate=19990102-19990201",
    "/series?limit=101&Modality=SEG",
    "/instances?limit=101",
)


@dataclass
class Server:
    """A DICOMweb server that runs, and the seconds its answers took, by task."""

    name: str
    port: int
    root: str
    pid: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def get(self, connection: http.client.HTTPConnection, path: str, accept: str) -> bytes:
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        connection.request("GET", self.root + path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{self.name} answered {answer.status} to {path}: {body[:200]!r}")
        return body

    def time_one_by_one(self, task: str, path: str, accept: str, count: int) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        body = b""
        for _ in range(count):
            start = time.perf_counter()
            body = self.get(connection, path, accept)
            self.seconds.setdefault(task, []).append(time.perf_counter() - start)
        connection.close()
        return body

    def time_at_once(self, task: str, paths: list[str], accept: str) -> None:
        """Ask for all paths with curl, `AT_ONCE` at a time; keep the time of each, divided by what ran beside it."""
        with tempfile.NamedTemporaryFile("w", suffix=".curl") as listed:
            for path in paths:
                listed.write(f'url = "http://127.0.0.1:{self.port}{self.root}{path}"\noutput = "/dev/null"\n')
            listed.flush()
            command = ["curl", "-s", "-Z", "--parallel-max", str(AT_ONCE), "-H", f"Accept: {accept}"]
            command += ["-H", "Accept-Encoding: identity", "-w", "%{http_code} %{time_total}\n", "-K", listed.name]
            start, used = time.perf_counter(), processor_s(self.pid)
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
            took, used = time.perf_counter() - start, processor_s(self.pid) - used
        answers = [line.split() for line in told if line]
        if len(answers) != len(paths) or {code for code, _ in answers} != {"200"}:
            raise OSError(
                f"{self.name}: {len(answers)} answers to {len(paths)} requests: {sorted({c for c, _ in answers})}"
            )
        self.seconds.setdefault(task, []).extend(float(seconds) for _, seconds in answers)
        self.seconds.setdefault(f"{task}, whole", []).append(took / len(paths))
        self.seconds.setdefault(f"{task}, processor", []).append(used / len(paths))


def write_files(folder: Path, studies: int) -> None:
    for series in range(studies):
        target = folder / f"{series:04d}"
        target.mkdir(parents=True)
        is_large = LARGE <= series < LARGE + LARGE_SERIES
        for number in range(SLICES if is_large else 1):
            write_slice(target / f"{number:06d}.dcm", series, number, size=CT_SIZE if is_large else 32)


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "KeepAlive": True,
        "Plugins": [PLUGIN],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with running([ORTHANC, str(folder / "orthanc.json")], port, folder / "orthanc.log") as process:
        yield Server("Orthanc", port, "/dicom-web", process.pid)


@contextmanager
def hilum(archive: Path, workers: int, log: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-c", "from hilum.cli.app import main; main()", "serve", "--archive", str(archive)]
    with running([*command, "--port", str(port), "--workers", str(workers)], port, log) as process:
        yield Server("hilum", port, "/dicom-web", process.pid)


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait(START_S)


def wait_for(port: int) -> None:
    for _ in range(START_S * 10):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise OSError(f"nobody answers at port {port}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def take_in(place: Path, files: Path) -> tuple[float, float]:
    """Seconds an instance, of a new archive and of a new Orthanc, until it can be asked for."""
    place.mkdir()
    paths = sorted(files.glob("*/*.dcm"))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # a process serves one archive
        ours_s = pool.submit(publish_all, place / "archive", files, len(paths)).result()
    with orthanc(place) as server:
        return ours_s, ingest(server, paths)


def ingest(server: Server, files: list[Path]) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    start = time.perf_counter()
    for path in files:
        connection.request("POST", "/instances", path.read_bytes(), {"Expect": ""})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise OSError(f"Orthanc answered {answer.status} to {path}")
    return (time.perf_counter() - start) / len(files)


def publish_all(archive: Path, files: Path, count: int) -> float:
    """Seconds an instance, of indexing and publishing: what makes a file ready to be asked for, as ingest does."""
    from hilum.catalog import Archive
    from hilum.catalog.folder import index_folder
    from hilum.serve import site

    opened = Archive.open_or_create(archive)
    site.open_site(opened.path)
    site.prepare_tables()
    from hilum.serve.published.publish import publish

    start = time.perf_counter()
    index_folder(opened, files, "bench")
    publish(opened, "bench", access="public")
    return (time.perf_counter() - start) / count


def compare(ours: Server, theirs: Server, rounds: int) -> None:
    study, series = f"{UID_ROOT}.{LARGE}.176043", f"{UID_ROOT}.{LARGE}.176043.2"
    inside = f"/studies/{study}/series/{series}"
    frames = [f"{inside}/instances/{series}.{number + 1}/frames/1" for number in range(SLICES)]
    for server in (ours, theirs):  # nobody's first request counts
        server.time_at_once("warm", frames[:AT_ONCE], FRAME_ACCEPT)
        server.time_one_by_one("warm", "/studies?limit=101", JSON_ACCEPT, 2)
    for _ in range(rounds):
        for server in (ours, theirs):
            found = json.loads(server.time_one_by_one("studies", "/studies?limit=101", JSON_ACCEPT, IN_A_ROUND))
            described = json.loads(server.time_one_by_one("metadata", f"{inside}/metadata", JSON_ACCEPT, IN_A_ROUND))
            if len(found) != 101 or len(described) != SLICES:
                raise OSError(f"{server.name}: {len(found)} studies and {len(described)} instances")
            for _ in range(IN_A_ROUND):
                # Twice, for curl's own start to count less.
                server.time_at_once("frames", frames * 2, FRAME_ACCEPT)


def percentiles(values: list[float]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[94] * 1000


def show(ours: Server, theirs: Server) -> None:
    tasks = {
        "publish": "ms an instance until it can be asked for",
        "studies": "ms, studies limit=101",
        "metadata": f"ms, metadata of {SLICES} instances, identity",
        "frames": f"ms, a frame of {CT_SIZE * CT_SIZE * 2 // 1024} KiB, {AT_ONCE} at once",
        "frames, whole": f"ms a frame, all of {2 * SLICES}, {AT_ONCE} at once",
        "frames, processor": "ms of the server's processor time a frame",
    }
    sys.stdout.write(f"{'':52}{'hilum p50':>11}{'p95':>9}{'Orthanc p50':>13}{'p95':>9}{'ratio p50':>11}{'p95':>7}\n")
    for task, words in tasks.items():
        own, other = percentiles(ours.seconds[task]), percentiles(theirs.seconds[task])
        ratios = [theirs_ms / ours_ms for ours_ms, theirs_ms in zip(own, other, strict=True)]
        line = (
            f"{words:52}{own[0]:11.2f}{own[1]:9.2f}{other[0]:13.2f}{other[1]:9.2f}{ratios[0]:11.1f}{ratios[1]:7.1f}\n"
        )
        sys.stdout.write(line)


def search_nlst(archive: Path, log: Path, count: int) -> None:
    with hilum(archive, 1, log) as server:
        for path in NLST_QUERIES:
            server.time_one_by_one("warm", path, JSON_ACCEPT, 1)
            server.time_one_by_one(path, path, JSON_ACCEPT, count)
            median, slow = percentiles(server.seconds[path])
            sys.stdout.write(f"NLST {path}: p50 {median:.1f} ms, p95 {slow:.1f} ms\n")
        sys.stdout.write(f"NLST: memory of the server {resident_mb(server.pid):.0f} MB\n")


def processor_s(pid: int) -> float:
    """Processor time of a process and its children so far, of all their threads (proc(5), schedstat)."""
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    own_ns = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return own_ns / 1e9 + sum(processor_s(child) for child in children)


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=304)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of each, of {IN_A_ROUND} samples")
    parser.add_argument("--workers", type=int, default=2, help="processes of hilum; Orthanc has threads")
    parser.add_argument("--nlst", type=Path, help="archive with NLST's index published with public access")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = folder / "files"
        write_files(files, options.studies)
        published = [take_in(folder / f"{number}", files) for number in range(PUBLISHINGS)]
        place = folder / f"{PUBLISHINGS - 1}"
        with orthanc(place) as theirs, hilum(place / "archive", options.workers, place / "hilum.log") as ours:
            ours.seconds["publish"], theirs.seconds["publish"] = map(list, zip(*published, strict=True))
            compare(ours, theirs, options.rounds)
            show(ours, theirs)
        if options.nlst:
            search_nlst(options.nlst, folder / "nlst.log", 40)
    sys.stdout.write(f"machine: {machine()}\n")


if __name__ == "__main__":
    main()
