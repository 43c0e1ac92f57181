"""LUNA16's CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.luna16 import read_luna16_lesions, read_luna16_marks, repair_exam_ids
from hilum.findings.reading import read_exams

if TYPE_CHECKING:
    from pathlib import Path

REAL = SHARED_DATA / "luna16"
ANNOTATIONS = "seriesuid,coordX,coordY,coordZ,diameter_mm\r\n1.20,-1.5,2,3e1,7.25\r\n1.20,0,0,0,-1\r\n1.3,4,5,6,0\r\n"
MARKS = "seriesuid\tcoordX\tcoordY\tcoordZ\tprobability\n1.3\t1\t2\t3\t0.5\n\n1.20\t1\t2\t3\t-4\n"


def written(folder: Path, text: str, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_annotations(tmp_path: Path) -> None:
    found = read_luna16_lesions(written(tmp_path, ANNOTATIONS))
    first, second, third = found.lesions
    assert (first.exam_id, first.lesion_id, first.position_mm) == ("1.20", "1", (-1.5, 2.0, 30.0))
    assert (first.diameter_mm, first.is_excluded, first.source) == (7.25, False, "file.csv:2")
    assert (second.lesion_id, second.diameter_mm) == ("2", None)
    assert third.diameter_mm == 0.0
    assert found.exam_ids == ("1.20", "1.3")


def test_excluded_findings_have_names_of_their_own(tmp_path: Path) -> None:
    found = read_luna16_lesions(written(tmp_path, ANNOTATIONS), is_excluded=True)
    assert [lesion.lesion_id for lesion in found.lesions] == ["x1", "x2", "x1"]
    assert all(lesion.is_excluded for lesion in found.lesions)


def test_marks_with_tabs_and_empty_lines(tmp_path: Path) -> None:
    found = read_luna16_marks(written(tmp_path, MARKS))
    assert [(mark.exam_id, mark.score) for mark in found.marks] == [("1.3", 0.5), ("1.20", -4.0)]
    assert found.scored


@pytest.mark.parametrize(
    ("found", "known", "repaired"),
    [
        ("1", ["00001", "00010", "00100"], "00001"),
        ("10", ["00001", "00010", "00100"], "00010"),
        ("1.2", ["1.20", "1.3"], "1.20"),
        ("1.2", ["1.20", "1.200"], "1.2"),  # two can be meant
        ("7.5", ["007.50", "8"], "007.50"),  # both ends
        ("1.2", ["1.2", "1.20"], "1.2"),  # known as it stands
        ("9", ["1", "2"], "9"),  # not known at all
        ("10", ["010", "100"], "10"),  # lost in front or behind: two can be meant
    ],
)
def test_lost_zeros_are_put_back_only_if_one_id_can_be_meant(found: str, known: list[str], repaired: str) -> None:
    assert repair_exam_ids([found], known) == {found: repaired}


def test_repairs_are_told(tmp_path: Path) -> None:
    text = MARKS.replace("1.20", "1.2")
    found = read_luna16_marks(written(tmp_path, text), exam_ids=["1.20", "1.3"])
    assert found.exam_ids == ("1.3", "1.20")
    assert "1 exam id(s) had lost zeros and were repaired, as '1.2' to '1.20'" in found.warnings[0]
    assert read_luna16_marks(written(tmp_path, MARKS), exam_ids=["1.20", "1.3"]).warnings == ()


def test_two_ids_that_become_one_are_refused(tmp_path: Path) -> None:
    text = MARKS.replace("1.3", "1.2")
    with pytest.raises(FormatError, match=r"'1\.2' and '1\.20' would both be exam '1\.20'"):
        read_luna16_marks(written(tmp_path, text), exam_ids=["1.20"])


@needs_shared_data
def test_the_real_files() -> None:
    exams = read_exams(REAL / "annotations" / "seriesuids.csv").exam_ids
    assert len(exams) == 888
    nodules = read_luna16_lesions(REAL / "annotations" / "annotations.csv", exam_ids=exams)
    excluded = read_luna16_lesions(REAL / "annotations" / "annotations_excluded.csv", is_excluded=True)
    marks = read_luna16_marks(REAL / "dpn26_submission_realuids.csv", exam_ids=exams)
    assert (len(nodules.lesions), len(excluded.lesions), len(marks.marks)) == (1186, 35192, 55677)
    assert sum(lesion.diameter_mm is None for lesion in excluded.lesions) == 30513
    assert nodules.warnings == marks.warnings == ()


@needs_shared_data
def test_a_real_submission_whose_ids_lost_their_zeros() -> None:
    short = read_exams(REAL / "annotations" / "newseriesuids.csv").exam_ids
    full = dict(zip(short, read_exams(REAL / "annotations" / "seriesuids.csv").exam_ids, strict=True))
    marks = read_luna16_marks(REAL / "annotations" / "dpn26bs32.csv", exam_ids=short)
    expected = read_luna16_marks(REAL / "dpn26_submission_realuids.csv")
    assert len(marks.warnings) == 1
    assert [(full[mark.exam_id], mark.position_mm, mark.score) for mark in marks.marks] == [
        (mark.exam_id, mark.position_mm, mark.score) for mark in expected.marks
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MARKS.replace("probability", "p"), r"file.csv:1: no column probability"),
        (MARKS.replace("-4", "nan"), r"file.csv:4: probability: found 'nan'"),
        (MARKS.replace("-4", ""), r"file.csv:4: probability: found ''"),
        (MARKS.replace("\t0.5", ""), r"file.csv:2: found 4 values, expected 5"),
        (MARKS.replace("coordY", "coordX"), r"file.csv:1: no column coordY"),
        (MARKS.replace("probability", "probability\tcoordX"), r"file.csv:1: column coordX stands twice"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_luna16_marks(written(tmp_path, text))
