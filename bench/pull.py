"""How fast series come from S3: hilum, with every file verified, against s5cmd and idc-index's way of calling it.

``python bench/pull.py`` writes 10 series of 200 files of 0.5 MB to a temporary folder, serves them with ``rclone serve
s3`` on this machine, and downloads them in turn, each time by a new process into a new folder. hilum compares each
file with the size and MD5 that the server gives, computes its SHA-256, keeps its ledger and brings every file to disk;
s5cmd does none of it. idc-index writes a manifest of one line a series and has s5cmd run it; it only knows its own
endpoints, so that its command is called here directly.

What was downloaded is removed when all is measured: a file system that has just lost thousands of files looks long for
room for new ones, as no download finds it.

Two ends are timed: that of the process, and when all it wrote is on the disk, which hilum itself sees to.

It is measured twice: as fast as server and client can on the processors that they share, and with a server that sends
no more than a line of 1 Gbit/s carries, which is what a download has at best.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from measure import Ran, Row, report, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SERIES, FILES, FILE_BYTES = 10, 200, 500_000
TOTAL_MB = SERIES * FILES * FILE_BYTES / 1e6
LINES = {"no limit": [], "1 Gbit/s": ["--bwlimit", "119M"]}
"""What rclone is told for each line; it counts in MiB."""

ENDS = ("process ends", "on disk")
"""What is timed to: s5cmd ends while its files wait in memory to be written, hilum when they are on the disk."""

WAYS = ("hilum", "s5cmd", "idc-index's command")
MEMORY_LIMIT_MB = 300
BIN = Path(sys.executable).parent


def fill(bucket: Path) -> None:
    for series in range(SERIES):
        folder = bucket / f"s{series}"
        folder.mkdir(parents=True)
        for number in range(FILES):
            (folder / f"{number:04d}.dcm").write_bytes(os.urandom(FILE_BYTES))


PULL = f"""
import sys
from pathlib import Path
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source

source = S3Source(S3Options(endpoint=sys.argv[1]))
wanted = source.find("s3://bucket/")
done = pull(wanted, source, Path(sys.argv[2]), folder_of=lambda series: series.location.split("/")[-2])
sys.exit(bool(done.refusals) or done.files_fetched != {SERIES * FILES})
"""
"""What the process of hilum runs."""


def commands(endpoint: str, target: Path, manifest: Path) -> Mapping[str, list[str]]:
    s5cmd = [str(BIN / "s5cmd"), "--no-sign-request", "--endpoint-url", endpoint]
    manifest.write_text("".join(f"cp s3://bucket/s{series}/* {target}/s{series}/\n" for series in range(SERIES)))
    ours = [sys.executable, "-c", PULL, endpoint, str(target)]
    theirs = [*s5cmd, "cp", "s3://bucket/*", f"{target}/"]
    return dict(zip(WAYS, (ours, theirs, [*s5cmd, "run", str(manifest)]), strict=True))


def filled(command: list[str], target: Path) -> tuple[Ran, float]:
    """Run a process that fills a new folder; give also the seconds until what it wrote is on the disk."""
    target.mkdir()
    ran = run_process(command)
    ended_s = time.perf_counter()
    os.sync()
    on_disk_s = ran.seconds + time.perf_counter() - ended_s
    found = sum(1 for _ in target.rglob("*.dcm"))
    if found != SERIES * FILES:
        sys.exit(f"{command[0]} left {found} files")
    return ran, on_disk_s


def served(folder: Path, line: list[str], action: Callable[[str], list[Row]]) -> list[Row]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [str(BIN / "rclone"), "serve", "s3", str(folder), "--addr", address, "--config", os.devnull]
    with subprocess.Popen([*command, "--dir-cache-time", "24h", *line], stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                try:
                    httpx.get(f"http://{address}")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            return action(f"http://{address}")
        finally:
            server.terminate()


def compare(endpoint: str, line: str, folder: Path, rounds: int, most_mb: dict[str, float]) -> list[Row]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        targets = (Path(name) / str(number) for number in count())
        manifest = Path(name) / "manifest.txt"
        first = next(targets)
        filled(commands(endpoint, first, manifest)["s5cmd"], first)  # the server computes the MD5s once and keeps them
        seconds = {end: dict.fromkeys(WAYS, float("inf")) for end in ENDS}
        processor_s = dict.fromkeys(WAYS, float("inf"))
        for _, way in product(range(rounds), WAYS):
            target = next(targets)
            ran, on_disk_s = filled(commands(endpoint, target, manifest)[way], target)
            for end, took_s in zip(ENDS, (ran.seconds, on_disk_s), strict=True):
                seconds[end][way] = min(seconds[end][way], took_s)
            processor_s[way] = min(processor_s[way], ran.processor_s)
            most_mb[way] = max(most_mb.get(way, 0.0), ran.memory_mb)
    return [
        Row(f"{line}, {end}", way, seconds[end][way], TOTAL_MB, "MB", processor_s[way]) for end in ENDS for way in WAYS
    ]


def ratios(rows: Sequence[Row], end: str) -> str:
    rates = {(row.task, row.way): row.rate for row in rows}
    tasks = {line: f"{line}, {end}" for line in LINES}
    return f"{end}: " + ", ".join(
        f"{line} {rates[task, 'hilum'] / rates[task, 's5cmd']:.2f} x" for line, task in tasks.items()
    )


def measure_all(folder: Path, rounds: int) -> None:
    most_mb: dict[str, float] = {}
    rows: list[Row] = []
    for line, options in LINES.items():
        measure = partial(compare, line=line, folder=folder, rounds=rounds, most_mb=most_mb)
        rows += served(folder / "served", options, measure)
    report(
        f"Download of {SERIES * FILES:,} files of {FILE_BYTES / 1e6:.1f} MB from S3 on this machine",
        rows,
        ours="hilum",
        claims=[
            "at least 0.9 x s5cmd, with verification; " + "; ".join(ratios(rows, end) for end in ENDS),
            f"at most {MEMORY_LIMIT_MB} MB of memory: "
            + ", ".join(f"{way} {most:.0f} MB" for way, most in most_mb.items()),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        needed_gb = (len(WAYS) * options.rounds + 2) * TOTAL_MB / 1e3
        if shutil.disk_usage(folder).free < needed_gb * 1e9:
            sys.exit(f"{folder}: less than {needed_gb:.0f} GB are free")
        fill(folder / "served" / "bucket")
        measure_all(folder, options.rounds)


if __name__ == "__main__":
    main()
