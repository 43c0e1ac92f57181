"""The HTML page of a report."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from builders import UID_ROOT, CtSeries
from hilum.assess.page import stylesheet
from hilum.check import Acceptance, Options, gathering
from hilum.check import page as page_module
from hilum.check.page import report_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from hilum.check import Report

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]


def test_a_page_shows_findings_pictures_and_acceptances_and_loads_nothing(
    tmp_path: Path, clean: Make, checked: Check
) -> None:
    clean({"InstitutionAddress": "1 Main Street", "PatientID": "<b>P"}).write(tmp_path)
    accepted = (Acceptance("address", "*", "a <phantom>", "A. Steward", date(2026, 1, 31)),)
    report = checked(tmp_path, options=Options(with_thumbnails=True), accepted=accepted)
    page = report_html(report, style=stylesheet())
    assert page.count("data:image/png;base64,") == 1
    assert UID_ROOT in page
    assert "&lt;b&gt;P" in page
    assert "<b>P" not in page
    assert "A. Steward" in page
    assert "a &lt;phantom&gt;" in page
    assert "1 Main Street" not in page
    assert "No error or warning is left open." in page
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page


def test_a_page_without_findings_says_so(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean({"DeidentificationMethodCodeSequence": None, "PatientID": ""}).write(tmp_path)
    accepted = (Acceptance("no-patient-id", "*", "r", "b", date(2026, 1, 31)),)
    page = report_html(checked(tmp_path, accepted=accepted), style="")
    assert "0 open, 1 accepted" in page


def test_a_page_has_no_more_rows_and_pictures_than_a_browser_shows_and_says_so(
    tmp_path: Path, clean: Make, checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "FINDINGS_SHOWN", 2)
    monkeypatch.setattr(page_module, "PICTURES_KEPT", 1)
    monkeypatch.setattr(gathering, "PICTURES_KEPT", 1)
    for number in range(3):
        bad = {"InstitutionAddress": "x"} if number == 2 else {}
        clean(bad, series_uid=f"{UID_ROOT}.1.{number}", seed=number).write(tmp_path / str(number))
    report = checked(tmp_path, options=Options(with_thumbnails=True))
    page = report_html(report, style="")
    assert page.count("data:image/png;base64,") == 1
    assert list(report.thumbnails) == [f"{UID_ROOT}.1.2"]
    assert "No more than 1 series are shown" in page
    assert "The first 2 of 3: the JSON of the check has all." in page
