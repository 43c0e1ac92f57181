"""What cannot be read is a finding, never a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from builders import UID_ROOT
from hilum.check import Options, PixelReading
from hilum.check.subject import Subject, look_at
from hilum.errors import ArchiveError
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from builders import CtSeries
    from hilum.check import Report

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_end_no_check(seed: int, tmp_path: Path, clean: Make, checked: Check) -> None:
    paths = clean(shape=(3, 4, 4)).write(tmp_path)
    generator = np.random.default_rng(seed)
    for path in paths:
        data = bytearray(path.read_bytes())
        for place in generator.integers(132, len(data), 12).tolist():
            data[place] = int(generator.integers(0, 256))
        path.write_bytes(data)
    report = checked(tmp_path)
    assert report.findings


def test_of_slices_that_differ_in_nothing_a_check_sees_one_is_read_whole(
    tmp_path: Path, clean: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean({"OperatorsName": "Doe"}, shape=(20, 4, 4), override_at={7: {"OperatorsName": ""}}).write(tmp_path)
    read = []

    def dcmread(path: object, *arguments: object, _read: Callable[..., object] = pydicom.dcmread, **how: object) -> Any:
        read.append(path)
        return _read(path, *arguments, **how)

    monkeypatch.setattr(pydicom, "dcmread", dcmread)
    (seen,) = look_at(Options(PixelReading.NONE), [Subject.of_series(read_series(tmp_path))])
    assert seen.file_count == 20
    assert len(read) == 2
    (finding,) = [one for one in seen.findings if one.check == "identity-not-removed"]
    assert finding.detail == "OperatorsName in 19 of 20 files"


def test_files_that_are_gone_are_findings(tmp_path: Path) -> None:
    (seen,) = look_at(Options(), [Subject("loose", (tmp_path / "gone.dcm",))])
    (finding,) = seen.findings
    assert (finding.check, finding.place) == ("unreadable-object", str(tmp_path))


def test_a_series_whose_files_went_since_is_a_finding(tmp_path: Path, clean: Make) -> None:
    paths = clean().write(tmp_path)
    series = read_series(tmp_path)
    for path in paths:
        path.unlink()
    (seen,) = look_at(Options(), [Subject.of_series(series)])
    assert {finding.check for finding in seen.findings} == {"unreadable-object", "unreadable-pixels"}
    assert seen.item == f"{UID_ROOT}.1.1"


def test_a_worker_that_dies_is_told(tmp_path: Path, clean: Make) -> None:
    from concurrent.futures import Executor, Future
    from concurrent.futures.process import BrokenProcessPool

    from hilum.check import Terms, check_folder

    class Dying(Executor):
        """Runs the scan, and dies when a series is looked at."""

        def submit(self, function, /, *arguments, **keywords):  # type: ignore[no-untyped-def]
            future: Future[object] = Future()
            if getattr(function, "func", function) is look_at:
                future.set_exception(BrokenProcessPool("gone"))
            else:
                future.set_result(function(*arguments, **keywords))
            return future

    clean().write(tmp_path)
    with pytest.raises(ArchiveError, match="HILUM_WORKERS"):
        check_folder(tmp_path, Terms(Dying(), 1))
