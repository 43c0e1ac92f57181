"""The verbs of the catalog as a user types them, with their exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import typer

from hilum.catalog import Archive
from hilum.cli import app as cli
from hilum.cli.output import FAILURE, OK, REFUSED, USAGE
from hilum.model.instances import Instances
from hilum.model.tables import PARTICIPANTS, SERIES

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., tuple[int, str, str]]

PACKED = Instances({"SOPInstanceUID": ["1.1.1.1", "1.1.1.2"]}).pack()
PACKED_SIZE = len(PACKED)

ROW = {
    "collection_id": "nlst",
    "PatientID": "100001",
    "StudyInstanceUID": "1.1",
    "SeriesInstanceUID": "1.1.1",
    "Modality": "CT",
    "image_kind": "axial",
    "screening_round": 0,
    "instance_count": 2,
    "size_bytes": 1_500_000,
    "instances": PACKED,
}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "archive")
    table = pa.Table.from_pylist([ROW], schema=SERIES.arrow_schema())
    archive.update("nlst", lambda _: {"series": table}, note="put one series")
    return archive


@pytest.fixture
def run(archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs ``hilum`` on the archive: exit status, stdout, stderr."""
    monkeypatch.setenv("HILUM_ARCHIVE", str(archive.path))

    def hilum(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(cli, "app", typer.Typer())
        monkeypatch.setattr(sys, "argv", ["hilum", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        written = capsys.readouterr()
        return int(end.value.code or 0), written.out, written.err

    return hilum


def test_sql_prints_a_table_and_json(run: Run) -> None:
    status, out, _ = run("sql", "SELECT PatientID, size_bytes, instances FROM series WHERE Modality = ?", "-p", "CT")
    assert status == OK
    assert out.split() == ["PatientID", "size_bytes", "instances", "100001", "1,500,000", str(PACKED_SIZE), "bytes"]
    status, out, _ = run("sql", "SELECT instances, 'nan'::DOUBLE AS x, DATE '2000-01-02' AS d FROM series", "--json")
    assert json.loads(out) == [{"instances": {"bytes": PACKED_SIZE}, "x": None, "d": "2000-01-02"}]


@pytest.mark.parametrize("statement", ["DELETE FROM series", "SELECT nothing FROM series", "SELECT ? AS a"])
def test_a_wrong_statement_is_wrong_usage(run: Run, statement: str) -> None:
    status, out, told = run("sql", statement)
    assert (status, out) == (USAGE, "")
    assert told.startswith("error: ")


def test_collections_in_brief_and_one_in_detail(run: Run) -> None:
    _, out, _ = run("collections", "--json")
    assert [(line["collection_id"], line["series"]) for line in json.loads(out)] == [("nlst", 1)]
    _, out, _ = run("collections")
    assert "1.5 MB" in out
    _, out, _ = run("collections", "nlst", "--json")
    found = json.loads(out)
    assert found["collection_id"] == "nlst"
    assert [(line["round"], line["axial"]) for line in found["rounds"]] == [("T0", 1)]
    status, out, _ = run("collections", "nlst")
    assert status == OK
    assert "nlst: original data of each screening round" in out
    assert "sources" not in out


def test_a_collection_that_is_not_there_is_a_failure(run: Run) -> None:
    status, _, told = run("collections", "ct_lymph_nodes")
    assert status == FAILURE
    assert "no collection 'ct_lymph_nodes'" in told
    assert run("collections", "--groups")[0] == USAGE


def test_participants_are_imported_refused_and_grouped(run: Run, tmp_path: Path) -> None:
    values = dict.fromkeys(PARTICIPANTS.column_names[2:], "") | {"pid": "100001", "can_scr": "0", "scr_res0": "4"}
    lines = [values, values | {"pid": "100002", "can_scr": "9"}]
    file = tmp_path / "prsn.csv"
    file.write_text("\n".join([",".join(values), *(",".join(line.values()) for line in lines)]))
    status, out, told = run("catalog", "import-participants", str(file), "--collection", "nlst", "--json")
    assert status == REFUSED
    assert (json.loads(out)["participants"], json.loads(out)["refused"]) == (1, 1)
    assert f"refused {file}:3: can_scr is 9" in told
    _, out, _ = run("collections", "nlst", "--groups", "--json")
    assert [line["participants"] for line in json.loads(out)] == [0, 0, 1, 0, 0]
    file.write_text("pid,age\n1,60\n")
    status, _, told = run("catalog", "import-participants", str(file), "--collection", "nlst")
    assert (status, "has no column" in told) == (FAILURE, True)


def test_series_are_listed(run: Run) -> None:
    _, out, told = run("series", "--collection", "nlst", "--kind", "axial", "--where", "size_bytes > 1", "--json")
    assert [line["SeriesInstanceUID"] for line in json.loads(out)] == ["1.1.1"]
    assert told == ""
    assert run("series", "--kind", "localizer")[1] == "(no rows)\n"
    assert run("series", "--where", "nothing = 1")[0] == USAGE


def test_show_says_what_an_identifier_is(run: Run) -> None:
    _, out, _ = run("show", "1.1.1", "--instances")
    assert out.startswith("series 1.1.1\n")
    assert "1.1.1.2" in out
    _, out, _ = run("show", "1.1.1.2", "--json")
    assert json.loads(out)["kind"] == "instance"
    _, out, _ = run("show", "100001")
    assert out.startswith("series of participant 100001\n")
    status, _, told = run("show", "7.7")
    assert (status, "no series, study, participant or instance '7.7'" in told) == (FAILURE, True)


def test_snapshots_are_listed_and_verified(run: Run, archive: Archive) -> None:
    _, out, _ = run("catalog", "snapshots", "--json")
    assert [(line["series"], line["note"]) for line in json.loads(out)] == [(1, "put one series"), (0, "made")]
    assert json.loads(run("catalog", "verify", "--json")[1])[0]["files"] == 1
    path = next(archive.path.rglob("*.parquet"))
    path.write_bytes(bytes(path.stat().st_size))
    status, _, told = run("catalog", "verify")
    assert (status, "SHA-256" in told) == (FAILURE, True)


def test_the_public_index_is_imported_into_a_new_archive(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "new")
    _, out, _ = run("catalog", "import-idc", "--collection", "ct_lymph_nodes", "--archive", place, "--json")
    assert json.loads(out) == [{"collection_id": "ct_lymph_nodes", "series": 352}]
    _, out, _ = run("collections", "ct_lymph_nodes", "--archive", place)
    first_line = out.splitlines()[2]
    assert first_line.split()[:8] == ["all", "176", "176", "176", "352", "110,179", "58.4", "GB"]
    assert "CC BY 3.0  10.7937/k9/tcia.2015.aqiidcnm" in first_line
    assert run("catalog", "import-idc", "--archive", place)[0] == USAGE
    assert run("catalog", "import-idc", "--collection", "x", "--all", "--archive", place)[0] == USAGE


def test_no_archive_is_a_failure(run: Run, tmp_path: Path) -> None:
    status, _, told = run("collections", "--archive", str(tmp_path))
    assert (status, "is no archive" in told) == (FAILURE, True)
