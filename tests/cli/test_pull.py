from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from acquire.servers import DicomWebHandler, Fault, S3Handler, WebHandler, serving
from builders import UID_ROOT, CtSeries
from hilum.acquire.idc import IdcSelection, find_in_idc
from hilum.catalog import Archive
from hilum.cli.output import FAILURE, OK, REFUSED, USAGE
from hilum.cli.pull import register
from hilum.cohort import Criteria, build_cohort
from hilum.errors import ConfigError, HilumError
from hilum.model.tables import SERIES
from memory import PEAK_KB

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWN = ("HILUM_", "NBIA_", "AWS_")
"""Beginnings of the environment variables that a pull reads."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def hilum_process(*words: str | Path) -> Done:
    """Run ``hilum`` in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    done = subprocess.run(
        [sys.executable, "-c", "from hilum.cli.app import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=kept | {"HILUM_WORKERS": "1"},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def hilum(*words: str | Path) -> Done:
    """Run ``hilum pull`` in this process, with its errors told as the program tells them."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    own: dict[str, str | None] = {name: None for name in os.environ if name.startswith(OWN)}
    done = CliRunner().invoke(app, [str(word) for word in words], env=own | {"HILUM_WORKERS": "1"})
    if isinstance(done.exception, HilumError):
        status = USAGE if isinstance(done.exception, ConfigError) else FAILURE
        return Done(status, done.stdout, f"{done.stderr}error: {done.exception}\n")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def files_of(series: CtSeries, folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in series.write(folder)}


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    for number in (1, 2):
        CtSeries(participant=f"P{number}", series_uid=f"{UID_ROOT}.1.{number}").write(tmp_path / "drive" / f"s{number}")
    return tmp_path / "drive"


def test_a_drive_is_pulled_and_indexed_and_again_nothing_comes(tmp_path: Path, drive: Path) -> None:
    words = ("pull", drive, "--to", tmp_path / "to", "--archive", tmp_path / "archive", "--into", "ct", "--json")
    done = hilum_process(*words)
    report = json.loads(done.stdout)
    assert (done.returncode, report["series_whole"], report["files_fetched"]) == (OK, 2, 8), done.stderr
    assert sorted(path.name for path in (tmp_path / "to" / "drive").iterdir()) == ["s1", "s2"]
    report = json.loads(hilum_process(*words).stdout)
    assert (report["files_fetched"], report["files_kept"], report["bytes_fetched"]) == (0, 8, 0)
    found = hilum_process("collections", "--archive", tmp_path / "archive", "--json")
    assert [row["collection_id"] for row in json.loads(found.stdout)] == ["ct"]


def test_a_dry_run_tells_sizes_and_makes_nothing(tmp_path: Path, drive: Path) -> None:
    done = hilum("pull", drive, "--to", tmp_path / "to", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    size_bytes = sum(path.stat().st_size for path in drive.rglob("*.dcm"))
    assert (done.returncode, plan["series"], plan["missing_bytes"]) == (OK, 2, size_bytes)
    assert plan["licences"][0]["licence"] == "not stated"
    assert not (tmp_path / "to").exists()


def test_what_is_missing_is_told_and_sets_the_status(tmp_path: Path) -> None:
    with serving(S3Handler) as (store, url):
        store.files = {f"{number}.dcm": bytes([number]) * 100 for number in range(3)}
        store.faults["1.dcm"] = Fault(statuses=[404])
        (tmp_path / "own.s5cmd").write_text("cp s3://bucket/data/* .\n")
        words = ("pull", tmp_path / "own.s5cmd", "--to", tmp_path / "to", "--endpoint", url)
        done = hilum(*words)
        assert done.returncode == REFUSED
        assert "missing s3://bucket/data/1.dcm: " in done.stderr
        done = hilum(*words, "--bandwidth", "10MB", "--connections", "1")
        assert done.returncode == OK, done.stderr


def test_where_nothing_came_there_is_nothing_to_index(tmp_path: Path) -> None:
    with serving(S3Handler) as (_, url):
        (tmp_path / "list.csv").write_text("SeriesInstanceUID,collection_id,location\n1.2.99,ct,s3://bucket/data/\n")
        words = ("--endpoint", url, "--archive", tmp_path / "archive", "--json")
        done = hilum("pull", tmp_path / "list.csv", "--to", tmp_path / "to", *words)
    checks = {one["check"] for one in json.loads(done.stdout)["refusals"]}
    assert done.returncode == REFUSED, done.stderr
    assert "empty-series" in checks


def test_an_http_directory_is_pulled_with_its_folders(tmp_path: Path) -> None:
    with serving(WebHandler) as (store, url):
        store.files = {"a/1.dcm": b"1", "a/b/2.dcm": b"22", "3.dcm": b"333"}
        done = hilum("pull", f"{url}/data/", "--to", tmp_path / "to")
    assert done.returncode == OK, done.stderr
    found = {str(path.relative_to(tmp_path / "to")): path.read_bytes() for path in (tmp_path / "to").rglob("*.dcm")}
    assert found == {"data/a/1.dcm": b"1", "data/a/b/2.dcm": b"22", "data/3.dcm": b"333"}


def test_a_dicomweb_server_is_pulled_in_a_layout(tmp_path: Path) -> None:
    with serving(DicomWebHandler) as (store, url):
        for number, content in enumerate(files_of(CtSeries(study_uid="1.2", series_uid="1.2.3"), tmp_path).values()):
            store.files[f"1.2.3.{number + 1}.dcm"] = content
        words = ("--layout", "%PatientID/%SeriesInstanceUID", "--archive", tmp_path / "archive")
        done = hilum("pull", f"dicomweb+{url}/web", "--to", tmp_path / "to", *words, "--into", "ct")
    assert done.returncode == OK, done.stderr
    assert len(list((tmp_path / "to" / "P1" / "1.2.3").glob("*.dcm"))) == 4


def test_files_of_another_series_than_the_list_says_are_told(tmp_path: Path) -> None:
    with serving(S3Handler) as (store, url):
        store.files = dict(files_of(CtSeries(series_uid="1.2.77"), tmp_path / "made"))
        lines = "SeriesInstanceUID,collection_id,location\n1.2.99,ct,s3://bucket/data/\n"
        (tmp_path / "list.csv").write_text(lines)
        words = ("--endpoint", url, "--archive", tmp_path / "archive", "--json")
        done = hilum("pull", tmp_path / "list.csv", "--to", tmp_path / "to", *words)
    report = json.loads(done.stdout)
    assert (done.returncode, report["series_whole"]) == (REFUSED, 1), done.stderr
    assert [(one["item"], one["check"]) for one in report["refusals"]] == [("1.2.99", "not-in-files")]


def test_a_restricted_licence_is_shown_and_has_to_be_accepted(tmp_path: Path) -> None:
    found = hilum("pull", "idc", "--collection", "nsclc_radiomics", "--modality", "SEG", "--to", tmp_path / "to")
    assert found.returncode == USAGE
    assert "no commercial use" in found.stderr
    assert "--accept-licence" in found.stderr
    assert not (tmp_path / "to").exists()


def test_a_batch_is_of_whole_participants(tmp_path: Path) -> None:
    words = ("pull", "idc", "--collection", "ct_lymph_nodes", "--to", tmp_path / "to", "--dry-run", "--json")
    assert json.loads(hilum(*words, "--batch-size", "100", "--batch", "2").stdout)["participants"] == 76
    assert hilum(*words, "--batch-size", "100", "--batch", "3").returncode == USAGE


def test_a_batch_is_the_same_however_it_is_asked_for(tmp_path: Path) -> None:
    batch = ("--to", tmp_path / "to", "--dry-run", "--json", "--batch-size", "50", "--batch", "2")
    whole = ("pull", "idc", "--collection", "ct_lymph_nodes")
    series = [word for one in find_in_idc(IdcSelection(["ct_lymph_nodes"])).series for word in ("--series", one.key)]
    assert hilum(*whole, *batch).stdout == hilum("pull", "idc", *series, *batch).stdout
    nothing = hilum("pull", "idc", "--collection", "nowhere", *batch)
    assert "the IDC index has no collection 'nowhere'" in nothing.stderr


def test_a_plan_takes_little_memory_however_much_is_asked_for(tmp_path: Path) -> None:
    """130,839 series, which would be 260 MB as objects; all of NLST are 592,600."""
    code = f"{PEAK_KB}\nfrom hilum.cli.app import main\ntry: main()\nfinally: print(peak_kb())"
    words = ("pull", "idc", "--collection", "nlst", "--modality", "SEG", "--to", str(tmp_path / "to"), "--dry-run")
    done = subprocess.run([sys.executable, "-c", code, *words, "--json"], capture_output=True, text=True, check=True)
    plan, _, peak = done.stdout.strip().rpartition("\n")
    assert json.loads(plan)["series"] > 130_000
    assert int(peak) * 1024 < 200e6


def test_series_of_no_known_participant_are_not_dealt_to_batches(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "drive" / "a")
    found = hilum("pull", tmp_path / "drive", "--to", tmp_path / "to", "--batch-size", "1", "--batch", "1")
    assert found.returncode == USAGE
    assert "its participant is not known, so that batches might part one" in found.stderr
    assert not (tmp_path / "to").exists()


def test_a_cohort_is_pulled_from_where_its_snapshot_says(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "archive")
    rows: list[dict[str, object]] = [
        {"collection_id": "nlst", "PatientID": f"P{one}", "StudyInstanceUID": f"1.{one}", "SeriesInstanceUID": uid,
         "Modality": "CT", "image_kind": "axial", "instance_count": 1, "size_bytes": one,
         "source_url": f"s3://b/{uid}/*", "licence": "CC BY 4.0"}
        for one in (1, 2, 3) for uid in (f"1.{one}.1", f"1.{one}.2")
    ]  # fmt: skip
    rows[-1]["source_url"] = None
    table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
    archive.update("nlst", lambda _: {"series": table}, note="test")
    for name, criteria in {"two": "\"PatientID\" <> 'P3'", "all": ""}.items():
        build_cohort(archive, name, Criteria(where=criteria)).save(archive)
    words = ("--to", tmp_path / "to", "--dry-run", "--json", "--archive", archive.path)
    done = hilum("pull", "cohort:two", *words, "--layout", "classic")
    assert (done.returncode, json.loads(done.stdout)["size_bytes"]) == (OK, 6), done.stderr
    assert json.loads(hilum("pull", "cohort:two", *words, "--batch-size", "1", "--batch", "2").stdout)["series"] == 2
    done = hilum("pull", "cohort:all", *words)
    assert done.returncode == USAGE
    assert "its snapshot has no source_url for 1 of its series, such as 1.3.2" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("nowhere",), USAGE, "is no file, folder or source"),
        (("idc",), USAGE, "name what to download"),
        (("s3://b/p/", "--series", "1.2"), USAGE, "a selection is known for"),
        (("cohort:x",), USAGE, "name its archive"),
        (("idc", "--series", "1.2.3"), FAILURE, "the IDC index has nothing"),
        (("idc", "--collection", "ct_lymph_nodes", "--layout", "%Nonsense"), USAGE, "Nonsense"),
        (("idc", "--collection", "ct_lymph_nodes", "--bandwidth", "fast"), USAGE, "50MB"),
    ],
)
def test_wrong_words_are_told(tmp_path: Path, words: tuple[str, ...], status: int, said: str) -> None:
    done = hilum("pull", *words, "--to", tmp_path / "to")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "to").exists()


def test_an_error_is_one_line_and_sets_the_status_of_the_process(tmp_path: Path) -> None:
    done = hilum_process("pull", "idc", "--series", "1.2.3", "--to", tmp_path / "to")
    assert done.returncode == FAILURE
    assert done.stderr.startswith("error: the IDC index has nothing")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("s3://bucket/a/", "--endpoint", "127.0.0.1:9000"), "expected a URL such as https://s3.example.org"),
        (("https://127.0.0.1:1/a/", "--token-file", "none"), "expected a file with a bearer token"),
        (("https://127.0.0.1:1/a/", "--token-file", "two-words"), "expected one bearer token"),
        (("none.zip", "--collection", "ct_lymph_nodes"), "none.zip: no such file"),
        (("idc", "--collection", "nslt"), "no collection 'nslt'; did you mean nlst?"),
        (("idc", "--collection", "CT Lymph Node"), "did you mean ct_lymph_nodes"),
        (("idc", "--collection", "nlst", "--to", "two-words"), "two-words is a file; name a folder"),
    ],
)
def test_a_slip_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two-words").write_text("my token")
    done = hilum("pull", *words, *(() if "--to" in words else ("--to", "to")))
    assert done.returncode in {USAGE, FAILURE}
    assert said in done.stderr
