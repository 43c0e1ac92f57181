"""Rows of lists: the image each place lies on, and pages that cover them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import UID_ROOT
from hilum.model.findings import Mark
from hilum.model.tables import OUTCOMES
from hilum.publish.outcomes import OutcomeList, outcome_bytes, outcome_rows, series_of_exams
from publish.freezing import FALSE, HIT_LESION, SLICE, asked, at

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive

FIRST, SECOND = f"{UID_ROOT}.1.1", f"{UID_ROOT}.2.1"


def rows_of(archive: Archive, *exam_ids: str, rate: float = 4.0) -> dict[str, list[dict[str, object]]]:
    """Rows at a rate, by kind."""
    one = asked(archive, exam_ids)
    rows = outcome_rows(one.assessment, [rate], one.series)
    return {kind: [row for row in rows if row["kind"] == kind] for kind in ("hits", "false-positives", "missed")}


def test_a_place_has_its_slice_and_its_pixel(archive: Archive) -> None:
    # Images of 8 rows: the hit at row 3, column 5 of slice 2 is on it; DICOM counts from the pixel's outer edge.
    hits = rows_of(archive, FIRST)["hits"]

    assert [row["SOPInstanceUID"] for row in hits] == [f"{FIRST}.{SLICE + 1}"]
    assert (hits[0]["image_x"], hits[0]["image_y"]) == pytest.approx((5.5, 3.5))
    assert (hits[0]["image_columns"], hits[0]["image_rows"], hits[0]["frame"]) == (8, 8, 0)
    assert (hits[0]["PatientID"], hits[0]["collection_id"]) == ("P1", "trial")
    assert (hits[0]["x_mm"], hits[0]["y_mm"], hits[0]["z_mm"]) == HIT_LESION
    assert hits[0]["distance_mm"] == 0.0


def test_a_place_beside_the_images_has_its_series_and_no_slice(archive: Archive) -> None:
    (false,) = rows_of(archive, FIRST)["false-positives"]  # row 12 of 8

    assert (false["x_mm"], false["y_mm"], false["z_mm"]) == FALSE
    assert false["SeriesInstanceUID"] == FIRST
    assert (false["SOPInstanceUID"], false["image_x"]) == (None, None)


def test_an_exam_that_the_archive_has_not_has_no_series(archive: Archive) -> None:
    hits = rows_of(archive, FIRST, "case 7")["hits"]

    assert {row["exam_id"]: row["SeriesInstanceUID"] for row in hits} == {FIRST: FIRST, "case 7": None}


def test_lists_are_in_order_of_scores_and_of_sizes(archive: Archive) -> None:
    rows = rows_of(archive, FIRST, SECOND)

    assert [(row["number"], row["exam_id"]) for row in rows["hits"]] == [(1, FIRST), (2, SECOND)]
    assert [row["score"] for row in rows["hits"]] == pytest.approx([0.8, 0.6])
    assert [row["lesion_id"] for row in rows["missed"]] == ["2", "2"]
    assert [row["score"] for row in rows["missed"]] == [None, None]


def test_an_exam_is_the_one_series_that_its_findings_name(archive: Archive) -> None:
    place = at(0, 0, 0)
    named = [Mark("case", place, 0.5, series_uid=SECOND), Mark("two", place, 0.5, series_uid=FIRST)]
    named.append(Mark("two", place, 0.4, series_uid=SECOND))

    found = series_of_exams(archive, ["case", "two", FIRST], named)

    assert {exam_id: one.uid for exam_id, one in found.items()} == {"case": SECOND, FIRST: FIRST}


def write(folder: Path, count: int) -> Path:
    """A file of two lists of `count` false positives, odd ones in one series and even ones in another."""
    empty = dict.fromkeys(OUTCOMES.column_names) | {"kind": "false-positives", "exam_id": "e"}
    empty |= {"x_mm": 0.0, "y_mm": 0.0, "z_mm": 0.0}
    rows = [
        empty | {"rate": rate, "number": number, "SeriesInstanceUID": SECOND if number % 2 else FIRST}
        for rate in (1.0, 4.0)
        for number in range(count, 0, -1)
    ]
    path = folder / "outcomes.parquet"
    path.write_bytes(outcome_bytes(rows))
    return path


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(
    ("series_uids", "numbers"), [(None, [1, 2, 3, 4, 5, 6, 7]), ((SECOND,), [1, 3, 5, 7]), ((FIRST, "1.2"), [2, 4, 6])]
)
def test_pages_cover_each_row_once_in_order(
    tmp_path: Path, size: int, series_uids: tuple[str, ...] | None, numbers: list[int]
) -> None:
    rows = OutcomeList(write(tmp_path, 7), 4.0, "false-positives", series_uids)

    pages = [rows[start : start + size] for start in range(0, len(rows), size)]

    assert [row["number"] for page in pages for row in page] == numbers
    assert {row["rate"] for page in pages for row in page} == {4.0}
    assert rows[2]["number"] == numbers[2]


def test_a_list_of_nothing_is_empty(tmp_path: Path) -> None:
    path = write(tmp_path, 7)

    assert len(OutcomeList(path, 1.0, "false-positives", ())) == 0
    assert list(OutcomeList(path, 1.0, "hits")) == []
