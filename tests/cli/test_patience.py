"""What is told of a source that fails, and when the whole pull is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.acquire.pace import Patience, Stopped
from hilum.acquire.pull import pull
from hilum.acquire.s3 import S3Options, S3Source
from hilum.acquire.wanted import WantedSeries
from hilum.cli.patience import ToldPace
from hilum.errors import SourceError
from peers import free_port

if TYPE_CHECKING:
    from pathlib import Path

HASTY = Patience(attempts=2, first_wait_s=0.0)


def failing(check: str = "cut-connection", *, may_pass: bool = True) -> SourceError:
    return SourceError("s3://bucket/a/: the connection failed", check=check, may_pass=may_pass)


def give_up(pace: ToldPace, error: SourceError) -> None:
    with pytest.raises(SourceError):
        pace.wait_or_raise(error, HASTY.attempts)


def test_waiting_is_told_once_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    pace = ToldPace(patience=HASTY)
    for _ in range(3):
        pace.wait_or_raise(failing(), 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "waiting: s3://bucket/a/: the connection failed; it is asked again, 2 times at most"


def test_what_will_not_pass_is_raised_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    pace = ToldPace(patience=HASTY, hopeless=1)
    with pytest.raises(SourceError):
        pace.wait_or_raise(failing("not-found", may_pass=False), 1)
    assert capsys.readouterr().err == ""
    pace.require_reached()


def test_a_source_that_nobody_reaches_ends_the_pull() -> None:
    pace = ToldPace(patience=HASTY, hopeless=3)
    give_up(pace, failing())
    give_up(pace, failing())
    pace.require_reached()
    with pytest.raises(Stopped):
        pace.wait_or_raise(failing(), HASTY.attempts)
    with pytest.raises(Stopped):
        pace.enter()
    with pytest.raises(SourceError, match="Is there a network"):
        pace.require_reached()


def test_a_byte_between_them_or_another_failure_is_hope() -> None:
    pace = ToldPace(patience=HASTY, hopeless=2)
    give_up(pace, failing())
    pace.spend(1)
    give_up(pace, failing())
    give_up(pace, failing("status-500"))
    pace.require_reached()


def test_of_a_server_that_is_not_there_only_a_few_series_are_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [
        WantedSeries("ct", f"P{number}", series_uid=f"1.2.{number}", location=f"s3://bucket/{number}/")
        for number in range(40)
    ]
    pace = ToldPace(patience=HASTY, hopeless=2)
    source = S3Source(S3Options(endpoint=f"http://127.0.0.1:{free_port()}"))
    report = pull(wanted, source, tmp_path, folder_of=lambda one: one.key, connections=2, pace=pace)
    assert report.series_refused < 4
    with pytest.raises(SourceError, match=r"Connection refused\): nothing comes from there"):
        pace.require_reached()
    assert capsys.readouterr().err.startswith("waiting: s3://bucket/")
