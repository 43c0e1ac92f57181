"""The real public index: the numbers of both collections, as published."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hilum.catalog import Archive, idc
from hilum.catalog.idc import import_idc
from hilum.catalog.merge import SORTED_BY
from hilum.catalog.summary import Summary, list_collections, summarize
from hilum.errors import NotFoundError
from memory import PEAK_KB

if TYPE_CHECKING:
    from collections.abc import Callable


IMPORT = f"""{PEAK_KB}
import json, sys
from hilum.catalog import Archive, idc
from hilum.catalog.idc import import_idc
found = import_idc(Archive.create(sys.argv[1]), ["nlst", "ct_lymph_nodes"])
print(json.dumps([found.series_by_collection, found.kept_local, peak_kb()]))
"""

PEAK_BYTES = 1_200_000_000
"""What the import of NLST may take of memory: 550 MB with two threads of DuckDB; 2.2 GB when all was sorted at once."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("idc") / "archive"
    done = subprocess.run([sys.executable, "-c", IMPORT, str(folder)], check=True, capture_output=True, text=True)
    series, kept_local, peak_kb = json.loads(done.stdout)
    assert series == {"ct_lymph_nodes": 352, "nlst": 592_600}
    assert kept_local == 0
    assert peak_kb * 1024 < PEAK_BYTES
    return Archive.open(folder)


@pytest.fixture(scope="module")
def nlst(imported: Archive) -> Summary:
    return summarize(imported, "nlst")


def one(lines: list[dict[str, Any]], **where: str) -> dict[str, Any]:
    (line,) = (line for line in lines if all(line[name] == value for name, value in where.items()))
    return line


def test_ct_lymph_nodes_are_as_published(imported: Archive) -> None:
    line = one(summarize(imported, "ct_lymph_nodes").original, modality="all")
    assert [line[name] for name in ("participants", "studies", "series", "images")] == [176, 176, 352, 110_179]
    assert round(line["size_bytes"] / 1e9, 1) == 58.4
    assert line["licence"] == "CC BY 3.0"
    assert line["source_doi"] == "10.7937/k9/tcia.2015.aqiidcnm"


def test_nlst_original_ct(nlst: Summary) -> None:
    line = one(nlst.original, modality="CT")
    assert [line[name] for name in ("participants", "studies", "series", "images")] == [
        26_254,
        73_113,
        203_087,
        21_080_927,
    ]
    assert line["localizer"] == 65_177
    assert line["series"] - line["localizer"] == 137_910
    assert round(line["size_bytes"] / 1e12, 2) == 11.14
    # An exam is a participant's visit: 107 of them were stored as two studies or more.
    assert line["exams"] == 73_006


def test_nlst_rounds(nlst: Summary) -> None:
    assert {line["round"]: line["series"] for line in nlst.rounds} == {"T0": 73_161, "T1": 66_410, "T2": 63_516}
    assert sum(line["localizer"] for line in nlst.rounds) == 65_177
    assert sum(line["axial"] for line in nlst.rounds) == one(nlst.original, modality="CT")["axial"] == 137_526


def test_nlst_slides_and_derived_data_stand_apart(nlst: Summary) -> None:
    slides = one(nlst.original, modality="SM")
    assert (slides["series"], slides["participants"]) == (1_259, 452)
    assert one(nlst.derived, analysis_result_id="nlstseg", modality="SEG")["participants"] == 601
    assert sum(line["series"] for line in nlst.derived) == 592_600 - 203_087 - 1_259
    assert len({line["analysis_result_id"] for line in nlst.derived}) == 6


def test_collections_are_counted_in_brief(imported: Archive) -> None:
    nodes, nlst = list_collections(imported)
    assert (nodes["collection_id"], nodes["series"], nodes["derived_series"]) == ("ct_lymph_nodes", 352, None)
    assert (nlst["participants"], nlst["derived_series"]) == (26_410, 388_254)


def test_nlst_columns_come_from_the_description(imported: Archive) -> None:
    row = imported.series("1.2.840.113654.2.55.122344168497038128022524906545138736420").row
    assert row["SeriesDescription"] == "2,OPA,GE,LSPLUS,LUNG,360,2.5,120,80,0.1,1.5"
    expected = {
        "ManufacturerModelName": "LSPLUS",
        "ConvolutionKernel": "LUNG",
        "kernel_class": "sharp",
        "ReconstructionDiameter": 360.0,
        "SliceThickness": 2.5,
        "KVP": 120.0,
        "exposure_mas": 80.0,
        "screening_round": 2,
        "image_kind": "axial",
        "instance_count": 129,
        "size_bytes": 67_929_922,
        "is_volume": None,
        "instances": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["source_url"].startswith("s3://idc-open-data/")


def test_the_round_of_the_description_is_that_of_the_date(imported: Archive) -> None:
    sql = """SELECT count(*) AS n FROM series
        WHERE collection_id = 'nlst' AND Modality = 'CT' AND analysis_result_id IS NULL
        AND screening_round IS DISTINCT FROM year(StudyDate) - 1999"""
    assert imported.query(sql).to_pylist() == [{"n": 0}]


def test_every_axial_kernel_but_a_few_unknown_ones_has_a_class(imported: Archive) -> None:
    sql = """SELECT DISTINCT ConvolutionKernel AS kernel FROM series
        WHERE collection_id = 'nlst' AND image_kind = 'axial' AND Modality = 'CT' AND kernel_class IS NULL
        AND analysis_result_id IS NULL"""
    assert set(imported.query(sql).column("kernel").to_pylist()) == {"B", "UNK", "BODY FILTER"}


def test_sources_are_cited_in_plain_text(nlst: Summary) -> None:
    source = one(nlst.sources, source_doi="10.7937/tcia.hmq8-j677")
    assert source["citation"].startswith("National Lung Screening Trial Research Team. (2013). Data from the National")
    assert not any("<" in line["citation"] or "&amp;" in line["citation"] for line in nlst.sources)


def test_series_indexed_from_files_keep_their_rows(archive: Archive, put: Callable[..., None]) -> None:
    uid = "1.3.6.1.4.1.5962.99.1.1"
    import_idc(archive, ["ct_lymph_nodes"])
    known = archive.query("SELECT min(SeriesInstanceUID) AS uid FROM series").to_pylist()[0]["uid"]
    local = [{"collection_id": "ct_lymph_nodes", "SeriesInstanceUID": name, "instances": b"x"} for name in (uid, known)]
    put(*local)
    found = import_idc(archive, ["ct_lymph_nodes"])
    assert found.kept_local == 2
    assert archive.query("SELECT count(*) AS n, count(instances) AS here FROM series").to_pylist() == [
        {"n": 353, "here": 2}
    ]
    # What only the index knows is told of them all the same.
    assert (archive.series(known)["licence"], archive.series(uid)["licence"]) == ("CC BY 3.0", None)
    assert archive.series(known)["PatientID"] == "P1"
    assert keys_of(archive) == sorted(keys_of(archive)), "they stand among the others"


def keys_of(archive: Archive) -> list[tuple[str, ...]]:
    """What the series table is ordered by, in its order."""
    rows = archive.snapshot().table("series", columns=SORTED_BY).to_pylist()
    return [tuple(row[name] for name in SORTED_BY) for row in rows]


@pytest.mark.parametrize("at_once", [100, 400])
def test_however_many_are_put_in_order_at_once_the_table_is_the_same(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(idc, "SERIES_SORTED", at_once)
    import_idc(archive, ["ct_lymph_nodes"])
    keys = keys_of(archive)
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == 352
    assert import_idc(archive, ["ct_lymph_nodes"]).snapshot.number == 1, "the same again changes nothing"


def test_an_unknown_collection_is_told_with_those_of_a_like_name(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match="no collection 'ct_lymph_node'; did you mean ct_lymph_nodes"):
        import_idc(archive, ["ct_lymph_node"])
    with pytest.raises(NotFoundError, match="it has 179, such as"):
        import_idc(archive, ["zzz"])
    assert archive.snapshot().collection_ids == []
