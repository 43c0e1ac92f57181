"""Series pass by and leave their findings: what is equal and referred to is found all the same, in little memory."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from check.test_references import report_on
from hilum.catalog import Archive
from hilum.check import Options, PixelReading, Terms, check_archive, collect, gathering, report, series_of_archive
from hilum.check.duplicates import EqualSeries
from hilum.cohort.proposals import Print, links_of
from hilum.model.instances import Instances
from hilum.model.tables import CHECKS, SERIES
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from builders import CtSeries
    from hilum.catalog import Snapshot
    from hilum.check import Report

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]

ROW_BYTES = 20_000
BYTES_A_SERIES = 1_000
"""What may stay of a series in memory, as tracemalloc counts it; its row takes twenty times as much."""

PRINTS = st.lists(
    st.tuples(
        st.sampled_from("ABC"), st.sampled_from("12"), st.sampled_from([None, b"g", b"h"]), st.sampled_from("pq")
    ),
    max_size=8,
)


@given(rows=PRINTS)
def test_what_is_equal_is_found_as_among_all_at_once(rows: list[tuple[str, str, bytes | None, str]]) -> None:
    prints = [Print(who, str(number), study, "s", grid) for number, (who, study, grid, _) in enumerate(rows)]
    equals = EqualSeries()
    for one, row in zip(prints, rows, strict=True):
        equals.add(one, digest="", place=row[3], folder=f"in {row[3]}")
    found = list(equals.findings())
    links = links_of(prints)
    assert [(one.participant, one.item, one.place) for one, _ in found] == [
        (link.PatientID, link.SeriesInstanceUID, rows[int(link.SeriesInstanceUID)][3]) for link in links
    ]
    assert [one.detail.split(":")[0] for one, _ in found] == [link.evidence for link in links]
    assert all(folder == f"in {one.place}" for one, folder in found)
    equals.close()


def test_equal_pixels_are_told_against_the_lowest_of_their_group() -> None:
    equals = EqualSeries()
    for uid, who, digest in (("3", "B", "x"), ("1", "C", "x"), ("2", "A", "x"), ("4", "A", "x"), ("5", "A", "")):
        equals.add(Print(who, uid, uid, "s", None), digest=digest, place="")
    assert [(one.check, one.item, one.participant) for one, _ in equals.findings()] == [
        ("equal-pixels", "4", "A"),
        ("equal-scan", "3", "B"),
        ("equal-scan", "1", "C"),
    ]


def test_a_series_in_two_collections_does_not_equal_itself() -> None:
    equals = EqualSeries()
    for place in ("first", "second"):
        equals.add(Print("A", "1", "1", "s", b"g"), digest="x", place=place)
    assert list(equals.findings()) == []


@pytest.mark.parametrize("at_once", [1, 2, 200])
def test_references_are_looked_for_whenever_so_many_objects_were_seen(
    at_once: int, tmp_path: Path, clean: Make, checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "REFERRING_AT_ONCE", at_once)
    source = clean()
    source.write(tmp_path / "ct")
    for number in range(3):
        named = [f"{source.series_uid}.1", *(f"9.{one}" for one in range(number))]
        folder = tmp_path / f"sr{number}"
        report_on(folder, source, named)
        content = (folder / "sr.dcm").read_bytes()
        (folder / "sr.dcm").write_bytes(content.replace(b"77.1.7", f"77.1.{number + 7}"[:6].encode()))
    details = [one.detail for one in checked(tmp_path).findings if one.check == "reference-absent"]
    assert [detail[:6] for detail in details] == ["1 of 2", "2 of 3"]


def write_archive(folder: Path, clean: Make, counts: dict[str, int]) -> Archive:
    """An archive of collections of series of one small file, each with a large row that does not pack."""
    (path,) = clean(shape=(1, 4, 4)).write(folder / "in")
    series = read_series(path.parent)
    (instance,) = series.instances
    draw = Random(0)

    def rows(collection_id: str, numbers: range) -> pa.RecordBatch:
        own = {"collection_id": collection_id}
        packed = (Instances.from_rows([instance | {"ballast": draw.randbytes(ROW_BYTES // 2).hex()}]) for _ in numbers)
        each = [{"SeriesInstanceUID": f"1.2.{at:06d}", "instances": one.pack()} for at, one in enumerate(packed)]
        return pa.RecordBatch.from_pylist([{**series.row, **own, **one} for one in each], schema=SERIES.arrow_schema())

    def change(collection_id: str, tables: dict[str, pa.Table], _: Snapshot) -> list[tuple[str, dict[str, pa.Table]]]:
        return [(collection_id, tables)]

    archive = Archive.create(folder / "archive")
    flaw = {"SeriesInstanceUID": "1.2.000001", "check": "gantry-tilt", "severity": "error", "detail": "by the test"}
    for collection_id, count in counts.items():
        checks = pa.Table.from_pylist([flaw | {"collection_id": collection_id}], schema=CHECKS.arrow_schema())
        tables = {"series": pa.Table.from_batches([rows(collection_id, range(count))]), "checks": checks}
        archive.update_all(partial(change, collection_id, tables), note="made")
    return archive


def test_memory_does_not_grow_with_the_rows_of_the_series(
    tmp_path: Path, clean: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "SERIES_AT_ONCE", 5)
    few, many = 40, 120
    archive = write_archive(tmp_path, clean, {"few": few, "many": many})
    checked_count(archive, "few")  # loads modules
    peaks = []
    for collection_id, count in (("few", few), ("many", many)):
        tracemalloc.start()
        assert checked_count(archive, collection_id) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / (many - few) < BYTES_A_SERIES


def checked_count(archive: Archive, collection_id: str) -> int:
    """Check a collection; give how many series were looked at."""
    series = series_of_archive(archive, collection_id)
    with ThreadPoolExecutor(1) as executor:
        done = check_archive(archive, series, Terms(executor, 1, Options(PixelReading.NONE)), name=collection_id)
    assert done.series_count == len(series)
    assert [one.item for one in done.findings if one.check == "gantry-tilt"] == ["1.2.000001"]
    return done.series_count


def test_the_json_in_pieces_is_that_of_the_whole(
    tmp_path: Path, clean: Make, checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "TOKENS_A_PIECE", 7)
    clean({"OperatorsName": "Doe"}).write(tmp_path)
    done = checked(tmp_path)
    assert len(done.findings) == 2
    text = "".join(done.json_pieces())
    whole = json.loads(text)
    assert text == json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    assert [(one["check"], one["item"], one["detail"]) for one in whole["findings"]] == [
        (one.check, one.item, one.detail) for one in done.findings
    ]
    assert whole["counts"] == done.counts()
