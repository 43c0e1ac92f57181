"""The retriever's metadata.csv, written and read, with commas as it leaves them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hilum.acquire.manifests import read_manifest
from hilum.acquire.retriever_table import COLUMNS, note_arrivals, size_text
from hilum.acquire.wanted import WantedSeries

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "Series UID,Collection,3rd Party Analysis,Data Description URI,Subject ID,Study UID,Study Description,Study Date,"
    "Series Description,Manufacturer,Modality,SOP Class Name,SOP Class UID,Number of Images,File Size,File Location,"
    "Download Timestamp"
)
LINE = (
    "1.3.6.1.52932,HNSCC,null,httpsdoi.org10.7937k9tcia.2020.a8sh-7363,HNSCC-01-0001,1.3.6.1.59359,{study},12-01-1998,"
    "{series},{manufacturer},PT,Positron Emission Tomography Image Storage,1.2.840.10008.5.1.4.1.1.128,93,3.62 MB,"
    "./HNSCC/HNSCC-01-0001/12-01-1998-NA-{study}-59359/5.000000-{series}-52932,2021-09-30T21:39:09.755"
)


@pytest.mark.parametrize("study", ["PETCT HEAD  NECK CA", "chest,abdomen", "a,b,c, d"])
@pytest.mark.parametrize("series", ["PET NO AC", "axial, 5 mm", "a,b"])
@pytest.mark.parametrize("manufacturer", ["GE MEDICAL SYSTEMS", "Varian Imaging Laboratories, Switzerland"])
def test_commas_without_quotes_are_survived(tmp_path: Path, study: str, series: str, manufacturer: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(f"{HEADER}\r\n{LINE.format(study=study, series=series, manufacturer=manufacturer)}\r\n")
    (found,) = read_manifest(path).series
    assert found.attributes["Collection"] == "HNSCC"
    assert found == WantedSeries("hnscc", "HNSCC-01-0001", "1.3.6.1.59359", "1.3.6.1.52932", "PT", 93)
    assert found.attributes["StudyDescription"] == study
    assert found.attributes["SeriesDescription"] == series
    assert found.attributes["Manufacturer"] == manufacturer


def test_a_line_that_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    good = LINE.format(study="s", series="t", manufacturer="m")
    path.write_text(f"{HEADER}\r\n{good}\r\n{good.replace(',93,', ',many,')},,\r\n")
    found = read_manifest(path)
    assert len(found.series) == 1
    assert [refusal.item for refusal in found.refusals] == [f"{path}:3"]


def test_written_as_the_retriever_writes_it(tmp_path: Path) -> None:
    series = WantedSeries(
        "HNSCC", "HNSCC-01-0001", "1.3.6.1.59359", "1.3.6.1.52932", "PT", 93, 3_620_000,
        attributes={"StudyDate": "1998-12-01", "StudyDescription": "neck, head", "Manufacturer": "GE"},
    )  # fmt: skip
    path = tmp_path / "metadata.csv"
    note_arrivals(path, [(series, "HNSCC/x")], datetime(2021, 9, 30, 21, 39, 9, 755000, UTC))
    header, line, end = path.read_bytes().decode().split("\r\n")
    assert (header, end) == (HEADER, "")
    assert header == ",".join(COLUMNS)
    assert line == (
        '1.3.6.1.52932,HNSCC,null,null,HNSCC-01-0001,1.3.6.1.59359,"neck, head",12-01-1998,null,GE,PT,null,null,93,'
        "3.62 MB,./HNSCC/x,2021-09-30T21:39:09.755"
    )
    assert read_manifest(path).series[0].attributes["StudyDescription"] == "neck, head"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (163_310, "163.31 KB"), (117_840_000, "117.84 MB"), (5 * 10**9, "5.00 GB"),
     (11_300_000_000_000, "11.30 TB"), (None, "null")],
)  # fmt: skip
def test_sizes_as_the_retriever_writes_them(size_bytes: int | None, text: str) -> None:
    assert size_text(size_bytes) == text


def test_later_arrivals_are_added_and_lines_kept(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    first, second = WantedSeries("C", "P1", "1.2.3", "1.2.3.1"), WantedSeries("C", "P2", "1.2.4", "1.2.4.1")
    note_arrivals(path, [(first, "C/P1")], datetime(2026, 1, 1, tzinfo=UTC))
    before = path.read_bytes()
    note_arrivals(path, [(second, "C/P2"), (first, "elsewhere")], datetime(2026, 1, 2, tzinfo=UTC))
    assert path.read_bytes().startswith(before)
    assert before.count(b"\r\n") == 2
    assert [one.series_uid for one in read_manifest(path).series] == ["1.2.3.1", "1.2.4.1"]
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("there", ["", "Series UID,x\r\n1.2.3.1,y", "\ufeffSeries UID,x\n1.2.3.1,y\n"])
def test_a_table_of_another_program_is_added_to(tmp_path: Path, there: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(there.encode())
    series = [WantedSeries("C", "P1", "1.2.3", "1.2.3.1"), WantedSeries("C", "P2", "1.2.4", "1.2.4.1")]
    note_arrivals(path, [(one, "C") for one in series], datetime(2026, 1, 1, tzinfo=UTC))
    lines = path.read_bytes().decode().splitlines()
    assert lines[0] == (there.lstrip("\ufeff").splitlines()[0] if there else HEADER)
    assert [line.partition(",")[0] for line in lines[1:]] == ["1.2.3.1", "1.2.4.1"]
