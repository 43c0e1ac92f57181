"""What the benchmarks share: alternating timing, the machine in words, and the table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a benchmark's table.

    Attributes
    ----------
    task, way
        What was done, and with what.
    seconds
        Best time of the rounds.
    amount, unit
        How much was done in that time: 2000 files, 78.6 MB.
    processor_s
        Least processor time of the rounds, of the user and of the system; None where it was not taken.
    """

    task: str
    way: str
    seconds: float
    amount: float
    unit: str
    processor_s: float | None = None

    @property
    def rate(self) -> float:
        """Amount a second."""
        return self.amount / self.seconds


def best_of(ways: Mapping[str, Callable[[], object]], *, rounds: int = 5) -> dict[str, float]:
    """Seconds of each way, best of `rounds`, the ways taken in turn so that drift of the machine hits all alike."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took: seconds, seconds of processor and the most memory, those of its own processes included."""

    seconds: float
    processor_s: float
    memory_mb: float


def run_process(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a process to its end; one that fails ends the benchmark."""
    os.sync()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command[:3])} ended with {process.returncode}")
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def machine() -> str:
    """Processor, cores, memory, Python: what a figure was measured on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return f"{cpu}, {cores} cores, {memory_kib / 2**20:.0f} GiB, Python {platform.python_version()}"


def report(title: str, rows: Sequence[Row], *, ours: str, claims: Sequence[str] = ()) -> None:
    """Print the table: each way's rate, and how many times its rate ours is; then what was promised and what is.

    Parameters
    ----------
    ours
        The `way` that is hilum's; ratios are taken within one `task`.
    claims
        Lines such as "10 x pydicom: 23.1 x".
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    is_timed = any(row.processor_s is not None for row in rows)
    for name in ("task", "way", "best s", *(["processor s"] * is_timed), "rate", "", "hilum's rate / this"):
        table.add_column(name, justify="left" if name in {"task", "way", ""} else "right")
    own = {row.task: row.rate for row in rows if row.way == ours}
    for row in rows:
        ratio = f"{own[row.task] / row.rate:.2f}" if row.task in own else ""
        processor = ["" if row.processor_s is None else f"{row.processor_s:.3g}"] * is_timed
        table.add_row(row.task, row.way, f"{row.seconds:.4g}", *processor, f"{row.rate:,.4g}", f"{row.unit}/s", ratio)
    console = Console(width=120)
    console.print(table)
    for claim in claims:
        console.print(claim)
    console.print(f"machine: {machine()}\n")
