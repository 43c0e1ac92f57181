"""A pull that is killed at any moment loses nothing, and the next one goes on to the same end."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import time
from functools import partial
from typing import TYPE_CHECKING

from hilum.acquire.drive import DriveSource
from hilum.acquire.ledger import open_ledger
from hilum.acquire.pull import pull
from hilum.errors import ArchiveError
from kills import is_killed_after

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.acquire.report import PullReport

SERIES, FILES, SIZE = 4, 6, 5_000
KILLS = 200
LIMIT_BYTES = 2_000_000


def fill(drive: Path) -> dict[str, str]:
    """Files of several series below `drive`; their digests by path."""
    digests = {}
    for series in range(SERIES):
        folder = drive / f"s{series}"
        folder.mkdir(parents=True)
        for number in range(FILES):
            content = random.Random(f"{series}/{number}").randbytes(SIZE + number)
            (folder / f"{number}.dcm").write_bytes(content)
            digests[f"s{series}/{number}.dcm"] = hashlib.sha256(content).hexdigest()
    return digests


def pull_all(drive: Path, target: Path) -> PullReport:
    source = DriveSource(drive)
    return pull(source.find(), source, target, folder_of=lambda series: series.location.split("/")[-2], connections=3)


def is_whole(drive: Path, target: Path) -> bool:
    return not pull_all(drive, target).refusals


def digests_of(target: Path) -> dict[str, str]:
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in target.rglob("*.dcm")
    }


def test_a_pull_killed_anywhere_goes_on_and_ends_the_same(memory_path: Path) -> None:
    expected = fill(memory_path / "drive")
    start = time.perf_counter()
    assert pull_all(memory_path / "drive", memory_path / "first").files_fetched == SERIES * FILES
    usual_s = time.perf_counter() - start
    generator = random.Random(6)
    killed = finished = 0
    target = memory_path / "target-0"
    while killed < KILLS:
        work = partial(is_whole, memory_path / "drive", target)
        if is_killed_after(generator.uniform(0, 1.5 * usual_s), work):
            killed += 1
        else:
            # It ended before the kill: the next round begins with nothing.
            assert digests_of(target) == expected
            finished += 1
            target = memory_path / f"target-{finished}"
        whole = digests_of(target)
        assert whole.items() <= expected.items(), "a file has its name before it is whole"
    report = pull_all(memory_path / "drive", target)
    assert (report.series_whole, report.files_fetched + report.files_kept) == (SERIES, SERIES * FILES)
    assert digests_of(target) == expected
    assert not list(target.rglob("*.unfinished"))
    with open_ledger(target) as ledger:
        noted = [entry for series_id in range(1, SERIES + 1) for entry in ledger.files(series_id).values()]
    assert [entry.state for entry in noted] == ["whole"] * (SERIES * FILES)


def test_a_full_disk_ends_the_pull_and_what_came_is_kept(tmp_path: Path) -> None:
    drive, target = tmp_path / "drive", tmp_path / "target"
    expected = fill(drive)
    (drive / "s0" / "9.dcm").write_bytes(bytes(LIMIT_BYTES * 2))
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        # No file may grow beyond this: the same error as of a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
        try:
            pull_all(drive, target)
        except ArchiveError as error:
            os.write(write_end, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as said:
        assert "no room left" in said.read()
    assert not (target / "s0" / "9.dcm").exists()
    report = pull_all(drive, target)
    assert (report.series_whole, report.files_fetched + report.files_kept) == (SERIES, SERIES * FILES + 1)
    assert digests_of(target).items() >= expected.items()


def test_a_clock_set_back_hides_no_change_of_what_is_here_nor_of_the_source(tmp_path: Path) -> None:
    drive, target = tmp_path / "drive", tmp_path / "target"
    expected = fill(drive)
    pull_all(drive, target)
    a_day_before_ns = (drive / "s0" / "0.dcm").stat().st_mtime_ns - 86_400 * 10**9
    for path in (target / "s1" / "1.dcm", drive / "s0" / "0.dcm"):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, ns=(a_day_before_ns, a_day_before_ns))
    expected["s0/0.dcm"] = hashlib.sha256((drive / "s0" / "0.dcm").read_bytes()).hexdigest()
    report = pull_all(drive, target)
    assert (report.series_whole, report.files_fetched) == (SERIES, 2)
    assert digests_of(target) == expected
