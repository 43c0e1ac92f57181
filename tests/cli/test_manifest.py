"""``hilum manifest`` as a user meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from builders import CtSeries
from hilum.acquire.manifests import read_manifest
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cli.manifest import register
from hilum.cli.output import OK, REFUSED, USAGE
from hilum.cohort import Criteria, build_cohort
from hilum.errors import ConfigError, HilumError
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from pathlib import Path

UUID = "085e85b3-3780-47f6-8538-585bcca9{:04d}"


def _row(participant: int, number: int, **values: Any) -> dict[str, Any]:
    return {
        "collection_id": "nlst",
        "PatientID": f"P{participant:02}",
        "StudyInstanceUID": f"1.{participant}.1",
        "SeriesInstanceUID": f"1.{participant}.1.{number}",
        "Modality": "CT",
        "image_kind": "axial",
        "instance_count": 100,
        "size_bytes": 52_000_000,
        "licence": "CC BY 4.0",
        "source_url": f"s3://idc-open-data/{UUID.format(10 * participant + number)}/*",
        **values,
    }


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Seven participants with two series each, and a cohort ``all`` of them."""
    archive = Archive.create(tmp_path / "archive")
    rows = [_row(one, number) for one in range(7) for number in (1, 2)]
    table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
    archive.update("nlst", lambda _: {"series": table}, note="test")
    build_cohort(archive, "all", Criteria()).save(archive)
    return archive


def _manifest(archive: Archive, *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of ``hilum manifest WORDS``."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(app, ["manifest", *words], env={"HILUM_ARCHIVE": str(archive.path)})
    if isinstance(done.exception, HilumError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("dialect", ["tcia", "s5cmd", "csv", "tsv", "idc"])
def test_a_cohort_in_each_dialect(archive: Archive, tmp_path: Path, dialect: str) -> None:
    out = tmp_path / f"all.{dialect}"
    status, _, told = _manifest(archive, "write", "all", "--format", dialect, "--out", str(out))
    assert (status, told) == (OK, f"14 series written to {out}\n")
    status, shown, _ = _manifest(archive, "show", str(out), "--json")
    found = json.loads(shown)
    assert (status, found["dialect"], found["series"], found["refused lines"]) == (OK, dialect, 14, 0)


def test_to_stdout_and_of_a_collection(archive: Archive) -> None:
    by_cohort = _manifest(archive, "write", "all", "--format", "csv")
    by_collection = _manifest(archive, "write", "--collection", "nlst", "--format", "csv")
    assert by_cohort == by_collection
    assert by_cohort[1].splitlines()[1] == (
        "nlst,P00,1.0.1,1.0.1.1,CT,100,52000000,CC BY 4.0,085e85b3-3780-47f6-8538-585bcca90001,"
        "s3://idc-open-data/085e85b3-3780-47f6-8538-585bcca90001/*"
    )


def test_batches_hold_whole_participants(archive: Archive, tmp_path: Path) -> None:
    words = ("write", "all", "--format", "csv", "--out", str(tmp_path / "b.csv"), "--batch-size", "3")
    assert _manifest(archive, *words)[0] == OK
    files = sorted(tmp_path.glob("b-*.csv"))
    assert [path.name for path in files] == ["b-001-of-003.csv", "b-002-of-003.csv", "b-003-of-003.csv"]
    participants = [sorted({one.participant_id for one in read_manifest(path).series}) for path in files]
    assert participants == [["P00", "P01", "P02"], ["P03", "P04", "P05"], ["P06"]]
    assert [len(read_manifest(path).series) for path in files] == [6, 6, 2]


def test_a_translated_manifest_keeps_what_it_says(archive: Archive, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.tcia"
    _manifest(archive, "write", "all", "--format", "csv", "--out", str(first))
    status, _, _ = _manifest(archive, "write", "--from", str(first), "--format", "tcia", "--out", str(second))
    assert status == OK
    assert [one.series_uid for one in read_manifest(second).series] == [
        one.series_uid for one in read_manifest(first).series
    ]


def test_a_translation_is_completed_from_the_index_of_idc(archive: Archive, tmp_path: Path) -> None:
    """A series of 4D-Lung that IDC has, and one that it does not have."""
    path = tmp_path / "list.txt"
    path.write_text("1.3.6.1.4.1.14519.5.2.1.6834.5010.155488857019753544209698582121\n1.2.3.4\n")
    status, out, told = _manifest(archive, "write", "--from", str(path), "--format", "s5cmd")
    assert status == REFUSED
    assert out.splitlines()[-1].startswith("cp s3://idc-open-data/085e85b3-3780-47f6-8538-585bcca95336/*")
    assert "refused 1.2.3.4: it is in no S3 bucket" in told
    status, out, _ = _manifest(archive, "write", "--from", str(path), "--format", "csv", "--no-complete")
    assert (status, out.splitlines()[1]) == (OK, f",,,{path.read_text().split()[0]},,,,,,")


def test_batches_need_participants(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("1.2.3.4\n")
    words = ("write", "--from", str(path), "--format", "tcia", "--out", str(tmp_path / "x"), "--batch-size", "2")
    with pytest.raises(ConfigError, match=r"series 1\.2\.3\.4: its participant is not known"):
        _manifest(archive, *words)


def test_a_bag_of_files_that_are_indexed_here(tmp_path: Path) -> None:
    CtSeries().write(tmp_path / "data" / "P 1")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "data", "own")
    out = tmp_path / "fetch.txt"
    words = ("write", "--collection", "own", "--format", "bagit", "--out", str(out))
    status, _, told = _manifest(archive, *words)
    assert status == REFUSED
    assert not out.exists()
    assert "name --base-url" in told
    assert _manifest(archive, *words, "--base-url", "https://example.org/own/")[0] == OK
    (series,) = read_manifest(out).series
    assert series.instance_count == 4
    size_bytes = (tmp_path / "data" / "P 1" / "000000.dcm").stat().st_size
    assert out.read_text().splitlines()[0] == (
        f"https://example.org/own/P%201/000000.dcm {size_bytes} "
        f"data/own/P1/{series.study_uid}/CT_{series.series_uid}/000000.dcm"
    )


def test_lines_that_cannot_be_taken_are_told(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("SeriesInstanceUID\n1.2.3.4\nnone\n")
    status, out, told = _manifest(archive, "show", str(path), "--series")
    assert status == REFUSED
    assert "1.2.3.4" in out
    assert f"refused {path}:3: found 'none', expected a SeriesInstanceUID" in told


@pytest.mark.parametrize(
    "words",
    [
        ("write", "--format", "csv"),
        ("write", "all", "--collection", "nlst", "--format", "csv"),
        ("write", "all", "--format", "csv", "--batch-size", "2"),
        ("write", "all", "--format", "xml"),
        ("write", "all"),
    ],
)
def test_wrong_usage(archive: Archive, words: tuple[str, ...]) -> None:
    assert _manifest(archive, *words)[0] == USAGE


def test_a_series_with_an_odd_identifier_is_refused_and_the_rest_written(archive: Archive) -> None:
    rows = [_row(1, 1, collection_id="odd"), _row(2, 1, collection_id="odd", SeriesInstanceUID="local-7")]
    table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
    archive.update("odd", lambda _: {"series": table}, note="test")
    status, out, told = _manifest(archive, "write", "--collection", "odd", "--format", "tcia")
    assert (status, out.splitlines()[-1]) == (REFUSED, "1.1.1.1")
    assert "refused local-7: found 'local-7', expected a SeriesInstanceUID" in told


def test_a_collection_that_is_not_there(archive: Archive) -> None:
    with pytest.raises(ConfigError, match="no series of collection lidc_idri"):
        _manifest(archive, "write", "--collection", "lidc_idri", "--format", "csv")
