"""How far a pull is, in a log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hilum.acquire.plan import Plan
from hilum.cli.pull_progress import ProgressLines, pull_progress

if TYPE_CHECKING:
    import pytest


def plan(*, unsized_series: int = 0) -> Plan:
    return Plan(2_000, 10, 5_000_000_000, unsized_series, 1_000_000_000, ())


def test_a_line_says_series_bytes_and_rate(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines(plan(), every_s=0)
    lines.come(1_500_000_000, 0)
    lines.come(0, 1)
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"0 of 2,000 series, 1\.5 GB of 4\.0 GB came, \S+ \w+/s", first)
    assert re.fullmatch(r"1 of 2,000 series, 1\.5 GB of 4\.0 GB came, 0 B/s", second)


def test_where_sizes_are_not_known_none_is_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLines(plan(unsized_series=1), every_s=0).come(1_000, 3)
    assert capsys.readouterr().err.startswith("3 of 2,000 series, 1.0 kB came, ")


def test_a_short_pull_writes_no_line_into_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pull_progress(plan()) as on_progress:
        on_progress(1_000, 1)
    assert capsys.readouterr().err == ""
