"""The tables of lesions and marks as CSV and Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.errors import FormatError
from hilum.findings.tables import read_lesion_table, read_mark_table, write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark
from hilum.model.tables import LESIONS, MARKS

if TYPE_CHECKING:
    from pathlib import Path

LESION_LIST = (
    Lesion("a", "1", (1.5, -2.25, 1e-5), 4.0, 6.5, None, is_excluded=True, label='a "node", big', source="here:1"),
    Lesion("a", "2", (0.1 + 0.2, 0.0, 0.0), diameter_mm=7.0, source="here:2", series_uid="1.2.3"),
    Lesion("a", "3", (0.0, 0.0, 0.0), source="here:3", box_mm=(1.0, 2.5, 1 / 3), mask_label=300),
)
MARK_LIST = (
    Mark("a", (1.0, 2.0, 3.0), 1 / 3),
    Mark("b", (0.0, 0.0, 0.0), -2.0, "1.2.3", diameter_mm=6.5, box_mm=(1.0, 2.5, 1 / 3)),
)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    write_lesion_table(tmp_path / f"lesions.{suffix}", LESION_LIST)
    write_mark_table(tmp_path / f"marks.{suffix}", MARK_LIST)
    lesions, marks = read_lesion_table(tmp_path / f"lesions.{suffix}"), read_mark_table(tmp_path / f"marks.{suffix}")
    assert lesions.lesions == LESION_LIST
    assert marks.marks == MARK_LIST
    assert (lesions.exam_ids, marks.exam_ids) == (("a",), ("a", "b"))
    assert marks.scored
    assert lesions.warnings == marks.warnings == ()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_empty_tables(tmp_path: Path, suffix: str) -> None:
    write_lesion_table(tmp_path / f"lesions.{suffix}", [])
    write_mark_table(tmp_path / f"marks.{suffix}", [])
    assert read_lesion_table(tmp_path / f"lesions.{suffix}").lesions == ()
    assert read_mark_table(tmp_path / f"marks.{suffix}").marks == ()


def test_parquet_files_have_the_schema_of_the_tables(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_lesion_table(tmp_path / "lesions.parquet", LESION_LIST)
    write_mark_table(tmp_path / "marks.parquet", MARK_LIST)
    assert pq.read_schema(tmp_path / "lesions.parquet").equals(LESIONS.arrow_schema())
    assert pq.read_schema(tmp_path / "marks.parquet").equals(MARKS.arrow_schema())


def test_a_table_of_the_needed_columns_alone(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("exam_id,x_mm,y_mm,z_mm,is_excluded,colour\n007,1,2,3,TRUE,red\n007,4,5,6,,blue\n")
    found = read_lesion_table(path)
    assert [(lesion.exam_id, lesion.lesion_id, lesion.is_excluded) for lesion in found.lesions] == [
        ("007", "1", True),
        ("007", "2", False),
    ]
    assert found.lesions[1].source == "few.csv:3"
    assert "colour" in found.warnings[0]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("mask_label", "0", "mask_label = 0; expected a whole number of at least 1"),
        ("mask_label", "1.5", "found '1.5', expected a whole number"),
        ("box_x_mm", "3", r"sides of the box are \(3.0, None, None\); expected three lengths"),
        ("box_x_mm,box_y_mm,box_z_mm", "3,0,3", "box_y_mm: found 0 mm, expected a positive length"),
    ],
)
def test_extents_and_labels_that_are_none_are_refused_with_the_line(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    path = tmp_path / "lesions.csv"
    path.write_text(f"exam_id,x_mm,y_mm,z_mm,{column}\na,1,2,3,{value}\n")
    with pytest.raises(FormatError, match=f"lesions.csv:2: .*{message}"):
        read_lesion_table(path)


def test_a_mark_of_negative_diameter_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("exam_id,x_mm,y_mm,z_mm,score,diameter_mm\na,1,2,3,0.5,-4\n")
    with pytest.raises(FormatError, match=r"marks\.csv:2: diameter_mm: found -4 mm"):
        read_mark_table(path)


def test_marks_without_scores_are_not_scored(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("exam_id,x_mm,y_mm,z_mm\na,1,2,3\n")
    assert not read_mark_table(path).scored
    path.write_text("exam_id,x_mm,y_mm,z_mm,score\na,1,2,3,0\n")
    assert read_mark_table(path).scored


HEADER = "exam_id,x_mm,y_mm,z_mm,score,is_excluded\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exam_id,x_mm,y_mm\n", r"t.csv:1: no column z_mm"),
        (HEADER + "a,1,2,3\n", r"t.csv:2: found 4 values, expected 6"),
        (HEADER + ",1,2,3,1,0\n", r"t.csv:2: exam_id is empty"),
        (HEADER + "a,1,,3,1,0\n", r"t.csv:2: the position is"),
        (HEADER + "a,1,inf,3,1,0\n", r"t.csv:2: y_mm: found 'inf'"),
        (HEADER + "a,1,2,3,1,perhaps\n", r"t.csv:2: is_excluded = 'perhaps'; expected true or false"),
    ],
)
def test_malformed_tables_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_lesion_table(path)


def test_scores_for_some_marks_only_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(HEADER + "a,1,2,3,0.5,\na,1,2,3,,\n")
    with pytest.raises(FormatError, match=r"marks.csv:3: the mark has no score, 1 of 2 do"):
        read_mark_table(path)


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "marks.parquet"
    write_mark_table(path, MARK_LIST)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FormatError, match="no readable Parquet file"):
        read_mark_table(path)
