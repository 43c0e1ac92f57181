"""How fast series come from S3: hilum, with every file verified, against s5cmd and idc-index's way of calling it.

``python bench/pull.py`` writes 10 series of 200 files of 0.5 MB to a temporary folder, serves them with ``rclone serve
s3`` on this machine, and downloads them in turn, each time by a new process into an empty folder. hilum compares each
file with the size and MD5 that the server gives, computes its SHA-256, keeps its ledger and brings every file to disk;
s5cmd does none of it. idc-index writes a manifest of one line a series and has s5cmd run it; it only knows its own
endpoints, so that its command is called here directly.

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
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from measure import Ran, Row, report, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SERIES, FILES, FILE_BYTES = 10, 200, 500_000
TOTAL_MB = SERIES * FILES * FILE_BYTES / 1e6
ROOM_BYTES = 3 * SERIES * FILES * FILE_BYTES
"""What lies on the disk at once, with room to spare."""

LINES = {"no limit": [], "1 Gbit/s": ["--bwlimit", "119M"]}
"""What rclone is told for each line; it counts in MiB."""

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
    return {
        "hilum": [sys.executable, "-c", PULL, endpoint, str(target)],
        "s5cmd": [*s5cmd, "cp", "s3://bucket/*", f"{target}/"],
        "idc-index's command": [*s5cmd, "run", str(manifest)],
    }


def filled(command: list[str], target: Path) -> Ran:
    """Run a process that fills an empty folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    ran = run_process(command)
    found = sum(1 for _ in target.rglob("*.dcm"))
    if found != SERIES * FILES:
        sys.exit(f"{command[0]} left {found} files")
    return ran


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
    target = folder / "target"
    ways = commands(endpoint, target, folder / "manifest.txt")
    filled(ways["s5cmd"], target)  # the server computes the files' MD5 once and keeps them
    seconds = dict.fromkeys(ways, float("inf"))
    processor_s = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, command in ways.items():
            ran = filled(command, target)
            seconds[way] = min(seconds[way], ran.seconds)
            processor_s[way] = min(processor_s[way], ran.processor_s)
            most_mb[way] = max(most_mb.get(way, 0.0), ran.memory_mb)
    return [Row(f"pull, {line}", way, seconds[way], TOTAL_MB, "MB", processor_s[way]) for way in ways]


def ratio(rows: Sequence[Row], line: str) -> str:
    rates = {row.way: row.rate for row in rows if row.task.endswith(line)}
    return f"{line} {rates['hilum'] / rates['s5cmd']:.2f} x"


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
            "at least 0.9 x s5cmd, with verification: " + ", ".join(ratio(rows, line) for line in LINES),
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
        if shutil.disk_usage(folder).free < ROOM_BYTES:
            sys.exit(f"{folder}: less than {ROOM_BYTES / 1e9:.0f} GB are free")
        fill(folder / "served" / "bucket")
        measure_all(folder, options.rounds)


if __name__ == "__main__":
    main()
