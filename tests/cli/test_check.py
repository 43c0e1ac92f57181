"""``hilum check`` as its user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cli import check
from hilum.cohort import Criteria, build_cohort
from hilum.config import Settings
from hilum.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

ACCEPTED = """
[[accepted]]
check = "{check}"
item = "*"
reason = "made by a test"
by = "A. Steward"
on = 2026-01-31
"""


def run(*arguments: object) -> Result:
    app = typer.Typer()
    check.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HILUM_WORKERS", "1")
    monkeypatch.delenv("HILUM_ARCHIVE", raising=False)


def test_a_folder_gives_a_table_a_page_and_status_1(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "in")
    result = run(tmp_path / "in", "--html", tmp_path / "page.html")
    assert result.exit_code == 1
    assert "identity-not-removed" in result.stdout
    assert "1 series, 4 headers, 4 slices read" in result.stderr
    assert UID_ROOT in (tmp_path / "page.html").read_text()


def test_an_archive_takes_its_own_file_of_accepted_findings(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "in")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "in", "c", settings=Settings(workers=1))
    arguments = ("--archive", archive.path, "--collection", "c", "--pixels", "none", "--json")
    first = run(*arguments)
    assert first.exit_code == 1
    found = json.loads(first.stdout)
    opened = {one["check"] for one in found["findings"] if one["severity"] != "note"}
    text = "".join(ACCEPTED.format(check=name) for name in sorted(opened | {"slide-label"}))
    (archive.path / "accepted-checks.toml").write_text(text)
    second = run(*arguments)
    assert second.exit_code == 0
    report = json.loads(second.stdout)
    assert (report["is_clean"], report["counts"]["accepted"]) == (True, len(opened))
    assert len(report["findings"]) == len(found["findings"])
    assert report["findings"][0]["acceptance"]["on"] == "2026-01-31"
    assert "accepted, but not found here: slide-label" in second.stderr


def test_a_cohort_is_checked_by_its_series_alone(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "in" / "a")
    CtSeries(series_uid=f"{UID_ROOT}.1.2", seed=1).write(tmp_path / "in" / "b")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "in", "c", settings=Settings(workers=1))
    where = f"SeriesInstanceUID = '{UID_ROOT}.1.2'"
    build_cohort(archive, "one", Criteria(where=where)).save(archive)
    report = json.loads(run("--archive", archive.path, "--cohort", "one", "--json").stdout)
    assert (report["name"], report["series"]) == ("cohort one", 1)
    assert {one["item"] for one in report["findings"]} == {f"{UID_ROOT}.1.2"}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("here", "--collection", "c"),
        ("here", "--pixels", "few"),
        ("--archive", "a", "--collection", "c", "--cohort", "n"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "absent").exception, NotFoundError)
    assert isinstance(run(tmp_path, "--accepted", tmp_path / "absent.toml").exception, ConfigError)
    archive = Archive.create(tmp_path / "archive")
    assert isinstance(run("--archive", archive.path, "--collection", "c").exception, NotFoundError)


@pytest.mark.parametrize("option", ["--html", "--lesions"])
def test_a_slip_is_told_before_anything_is_read(tmp_path: Path, option: str) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path / "none", option, tmp_path / "file" / "below")
    assert isinstance(result.exception, ConfigError)
    assert str(tmp_path / "file" / "below") in str(result.exception)
