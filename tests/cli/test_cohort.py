"""``hilum cohort`` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from hilum.catalog import Archive
from hilum.cli.output import FAILURE, OK, REFUSED, USAGE
from hilum.errors import HilumError
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from pathlib import Path


def row(participant: int, number: int, **values: Any) -> dict[str, Any]:
    study = f"1.{participant}"
    usual = {
        "collection_id": "nlst",
        "PatientID": f"P{participant}",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.{number}",
        "Modality": "CT",
        "image_kind": "axial",
        "kernel_class": "soft",
        "SliceThickness": 1.25 * number,
        "screening_round": 0,
        "Manufacturer": "A" if participant < 4 else "B",
        "instance_count": 100,
        "size_bytes": 1,
    }
    return usual | values


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Eight participants with two axial series and a localizer each."""
    archive = Archive.create(tmp_path / "archive")
    rows = [row(one, number) for one in range(8) for number in (1, 2)]
    rows += [row(one, 3, image_kind="localizer") for one in range(8)]
    table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
    archive.update("nlst", lambda _: {"series": table}, note="test")
    return archive


def cohort(archive: Archive, *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of ``hilum cohort WORDS``."""
    import typer

    from hilum.cli.cohort import register

    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(app, ["cohort", *words], env={"HILUM_ARCHIVE": str(archive.path)})
    if isinstance(done.exception, HilumError):
        return FAILURE, done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


NEW = ("new", "chest", "--collection", "nlst", "--kind", "axial", "--round", "T0", "--one-per", "exam")


def test_new_freezes_and_prints_the_flow(archive: Archive) -> None:
    status, out, told = cohort(archive, *NEW, "--json")
    assert status == OK
    assert [(step["step"], step["series"]) for step in json.loads(out)] == [
        ("in nlst", 24),
        ("CT", 24),
        ("original, not derived by an analysis", 24),
        ("without localizers", 16),
        ("axial", 16),
        ("of round T0", 16),
        ("one per exam", 8),
    ]
    assert str(archive.path / "cohorts" / "chest.json") in told


def test_new_takes_every_criterion(archive: Archive) -> None:
    status, out, _ = cohort(
        archive, "new", "x", "--modality", "any", "--with-derived", "--kernel-class", "soft", "--min-thickness", "2",
        "--max-thickness", "3", "--min-slices", "10", "--where", "\"PatientID\" <> 'P0'", "--one-per", "participant",
        "--prefer-kernel", "sharp", "--round", "1", "--round", "t0", "--json",
    )  # fmt: skip
    assert status == OK
    assert [step["step"] for step in json.loads(out)] == [
        "in all collections",
        "of round T1 or T0",
        "of soft kernel",
        "of at least 2 mm",
        "of at most 3 mm",
        "of at least 10 slices",
        "where \"PatientID\" <> 'P0'",
        "one per participant",
    ]
    assert json.loads(out)[-1]["series"] == 7


def test_new_tried_first_writes_nothing(archive: Archive) -> None:
    assert cohort(archive, *NEW, "--dry-run")[0] == OK
    assert json.loads(cohort(archive, "list", "--json")[1]) == []


def test_new_again_is_no_change_and_another_is_refused(archive: Archive) -> None:
    assert cohort(archive, *NEW)[0] == cohort(archive, *NEW)[0] == OK
    status, _, told = cohort(archive, "new", "chest", "--collection", "nlst")
    assert status == FAILURE
    assert "it never changes: take another name" in told


def test_list_counts(archive: Archive) -> None:
    cohort(archive, *NEW)
    cohort(archive, "split", "chest", "--folds", "2")
    (found,) = json.loads(cohort(archive, "list", "--json")[1])
    assert (found["name"], found["series"], found["exams"], found["persons"], found["splits"]) == ("chest", 8, 8, 8, 1)
    assert found["snapshot_id"] == archive.snapshot().snapshot_id


def test_show_as_table_flow_json_and_csv(archive: Archive) -> None:
    cohort(archive, *NEW)
    _, out, _ = cohort(archive, "show", "chest")
    assert "one_per" in out
    assert "without localizers" in out
    _, out, _ = cohort(archive, "show", "chest", "--flow")
    assert "without localizers" in out
    assert "one_per" not in out
    shown = json.loads(cohort(archive, "show", "chest", "--json")[1])
    assert [entry["SeriesInstanceUID"] for entry in shown["entries"]] == [f"1.{one}.1" for one in range(8)]
    assert shown["criteria"]["kinds"] == ["axial"]
    rows = list(csv.DictReader(io.StringIO(cohort(archive, "show", "chest", "--csv")[1])))
    assert [found["SeriesInstanceUID"] for found in rows] == [f"1.{one}.1" for one in range(8)]
    assert {found["reason"] for found in rows} == {"thinnest of 2: 1.25 mm"}


def test_split_into_folds_by_stratum_with_links(archive: Archive, tmp_path: Path) -> None:
    cohort(archive, *NEW)
    links = tmp_path / "links.csv"
    links.write_text("PatientID,same_person_as\nP1,P0\n")
    words = ("split", "chest", "--folds", "2", "--seed", "3", "--stratify", "Manufacturer", "--links", str(links))
    status, out, _ = cohort(archive, *words, "--json")
    assert status == OK
    parts = json.loads(out)
    assert [part["part"] for part in parts] == ["fold-0", "fold-1"]
    assert sum(part["persons"] for part in parts) == 7
    assert [part["series of B"] for part in parts] == [2, 2]
    rows = list(csv.DictReader(io.StringIO(cohort(archive, "show", "chest", "--csv")[1])))
    fold_of = {found["PatientID"]: found["folds-2-seed-3-by-Manufacturer-linked"] for found in rows}
    assert fold_of["P0"] == fold_of["P1"]


def test_split_by_fractions(archive: Archive) -> None:
    cohort(archive, *NEW)
    _, out, _ = cohort(archive, "split", "chest", "--fractions", "0.5,0.25,0.25", "--json")
    assert [(part["part"], part["series"]) for part in json.loads(out)] == [
        ("train", 4),
        ("validation", 2),
        ("test", 2),
    ]


def test_links_are_proposed_written_and_taken(archive: Archive, tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row(8, 1, StudyInstanceUID="1.0")], schema=SERIES.arrow_schema())
    archive.update("nlst", lambda newest: {"series": pa.concat_tables([newest.table("series"), table])}, note="more")
    cohort(archive, *NEW, "--where", '"SliceThickness" < 2')
    written = tmp_path / "links.csv"
    status, out, told = cohort(archive, "links", "chest", "--out", str(written), "--json")
    assert status == OK
    assert [(link["PatientID"], link["same_person_as"]) for link in json.loads(out)] == [("P8", "P0")]
    assert f"hilum cohort split chest --links {written}" in told
    assert cohort(archive, "split", "chest", "--folds", "3", "--links", str(written))[0] == OK


def test_links_by_pixels_that_are_elsewhere_are_told_and_exit_with_1(archive: Archive) -> None:
    cohort(archive, *NEW)
    status, out, told = cohort(archive, "links", "chest", "--pixels", "--json")
    assert (status, json.loads(out)) == (REFUSED, [])
    assert told.count("not compared: ") == 8


@pytest.mark.parametrize(
    "words",
    [
        ("new",),
        ("new", "x", "--kind", "coronal"),
        ("new", "x", "--round", "T3"),
        ("new", "x", "--one-per", "study"),
        ("split", "chest"),
        ("split", "chest", "--folds", "2", "--fractions", "0.5,0.5"),
        ("split", "chest", "--fractions", "half"),
        ("links", "chest", "--slices", "-1"),
    ],
    ids=" ".join,
)
def test_wrong_usage(archive: Archive, words: tuple[str, ...]) -> None:
    assert cohort(archive, *words)[0] == USAGE


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "x", "--where", "KPV > 100"), "KPV"),
        (("new", "x", "--collection", "lidc"), "it has nlst"),
        (("new", "x", "--min-slices", "1000"), "no series is left: 24 series in all collections"),
        (("show", "abdomen"), "no cohort 'abdomen'"),
    ],
    ids=["where", "collection", "nothing-left", "no-cohort"],
)
def test_failure_is_told(archive: Archive, words: tuple[str, ...], told: str) -> None:
    status, _, message = cohort(archive, *words)
    assert status == FAILURE
    assert told in message
