"""``hilum release``, ``resolve``, ``verify`` and ``cite`` as their user runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from builders import UID_ROOT
from hilum.cli import cite, release, resolve, verify
from publish.releasing import index_images, make_archive, write_series

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from hilum.catalog import Archive


def run(*arguments: object) -> Result:
    app = typer.Typer()
    for verb in (cite, release, resolve, verify):
        verb.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The archive that the environment names, with CT Lymph Nodes in small."""
    monkeypatch.setenv("HILUM_WORKERS", "1")
    made = make_archive(tmp_path, "ct_lymph_nodes")
    monkeypatch.setenv("HILUM_ARCHIVE", str(made.path))
    return made


def test_a_collection_from_release_to_proof(tmp_path: Path, archive: Archive) -> None:
    first = run("release", "ct_lymph_nodes", "4", "--notes", "masks", "--date", "2015-12-14", "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["released_on"] == "2015-12-14"
    write_series(tmp_path / "images", 3)
    index_images(archive, tmp_path / "images", "ct_lymph_nodes")
    assert run("release", "ct_lymph_nodes", "5", "--notes", "more").exit_code == 0

    listed = json.loads(run("release", "list", "--json").stdout)
    assert [(row["version"], row["series"], row["licence"]) for row in listed] == [
        ("4", 2, "CC BY 3.0"),
        ("5", 3, "CC BY 3.0"),
    ]
    difference = json.loads(run("release", "diff", "4", "5", "--json").stdout)
    assert [row["came"] for row in difference["counts"]] == [1, 1, 3]
    assert f"{UID_ROOT}.3.1" in run("release", "diff", "4", "5").stdout

    fates = json.loads(run("resolve", f"{UID_ROOT}.3.1", "--json").stdout)
    assert [fate["state"] for fate in fates] == ["absent", "came", "there"]

    assert run("verify", "5").exit_code == 0
    (tmp_path / "images" / "P3" / "000001.dcm").write_bytes(b"")
    broken = run("verify", "ct_lymph_nodes@5", "--json")
    assert broken.exit_code == 1
    (refusal,) = json.loads(broken.stdout)["refusals"]
    assert (refusal["check"], refusal["item"]) == ("damaged", f"ct_lymph_nodes/P3/{UID_ROOT}.3.1/{UID_ROOT}.3.1.2.dcm")


def test_what_stands_against_a_release_is_listed_with_status_1(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "images" / "P1" / "000000.dcm").unlink()
    result = run("release", "new", "ct_lymph_nodes", "1", "--notes", "x")
    assert result.exit_code == 1
    assert "missing-file" in result.stdout
    assert "nothing was released" in result.stderr
    assert not list((archive.path / "releases").glob("*/*"))


def test_citations_of_a_collection_and_of_a_release() -> None:
    assert run("cite", "ct_lymph_nodes").stdout.startswith("Roth, H., Lu, L.")
    assert run("release", "ct_lymph_nodes", "1", "--notes", "x").exit_code == 0
    assert "version = {1}," in run("cite", "ct_lymph_nodes@1", "--format", "bibtex").stdout
    for form in ("apa", "bibtex", "cff", "datacite-json", "datacite-xml", "bundle"):
        assert run("cite", "ct_lymph_nodes", "--format", form).stdout


def test_wrong_usage_is_told() -> None:
    assert run("release", "ct_lymph_nodes", "1").exit_code == 2
    assert run("release", "ct_lymph_nodes", "1", "--notes", "x", "--date", "yesterday").exit_code == 2
    assert run("release", "ct_lymph_nodes", "1", "--notes", "x", "--pixels", "few").exit_code == 2
    assert run("cite", "ct_lymph_nodes", "--format", "endnote").exit_code == 2
