"""Bad input: a message with file and line; strict and lenient differ only in whether the reading goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hilum.errors import FormatError
from hilum.findings import read_lesions, read_marks
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.findings import LesionFile, MarkFile

LUNA_MARKS = "seriesuid,coordX,coordY,coordZ,probability\n"
LUNA_LESIONS = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
MARKS = "exam_id,x_mm,y_mm,z_mm,score\n"
LESIONS = "exam_id,lesion_id,x_mm,y_mm,z_mm,diameter_mm\n"
CT = Geometry((10, 20, 20), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
READ: dict[str, Callable[..., Any]] = {
    LUNA_MARKS: read_marks, LUNA_LESIONS: read_lesions, MARKS: read_marks, LESIONS: read_lesions,
}  # fmt: skip

BAD_LINES = [
    ("unknown exam", LUNA_MARKS, "nobody,1,2,3,0.5", "unknown-exam", "exam 'nobody' is not among the 2 exams"),
    ("unknown exam", MARKS, "nobody,1,2,3,0.5", "unknown-exam", "exam 'nobody'"),
    ("unknown exam", LUNA_LESIONS, "nobody,1,2,3,9", "unknown-exam", "exam 'nobody'"),
    ("unknown exam", LESIONS, "nobody,1,1,2,3,9", "unknown-exam", "exam 'nobody'"),
    ("NaN score", LUNA_MARKS, "a,1,2,3,nan", "malformed-line", "probability: found 'nan', expected a finite number"),
    ("infinite score", MARKS, "a,1,2,3,inf", "malformed-line", "score: found 'inf'"),
    ("no score", LUNA_MARKS, "a,1,2,3,", "malformed-line", "probability: found ''"),
    ("no score where others have one", MARKS, "a,1,2,3,", "malformed-line", "the mark has no score, 2 of 3 do"),
    ("NaN position", MARKS, "a,NaN,2,3,0.5", "malformed-line", "x_mm: found 'NaN'"),
    ("infinite position", LUNA_LESIONS, "a,1,-inf,3,9", "malformed-line", "coordY: found '-inf'"),
    ("no position", LESIONS, "a,9,1,,3,9", "malformed-line", "expected three coordinates"),
    ("no number", LESIONS, "a,9,1,two,3,9", "malformed-line", "y_mm: found 'two'"),
    ("no exam", MARKS, ",1,2,3,0.5", "malformed-line", "exam_id is empty"),
    ("too few values", LUNA_MARKS, "a,1,2,3", "malformed-line", "found 4 values, expected 5"),
    ("too many values", MARKS, "a,1,2,3,0.5,7", "malformed-line", "found 6 values, expected 5"),
    ("negative diameter", LESIONS, "a,9,1,2,3,-4", "malformed-line", "diameter_mm: found -4 mm, expected a positive"),
    ("a mark twice", MARKS, "b,4,5,6,0.7", "duplicate-line", "the same stands at"),
    ("a mark twice", LUNA_MARKS, "b,4,5,6,0.7", "duplicate-line", "the same stands at"),
    ("a lesion twice", LUNA_LESIONS, "b,4,5,6,7", "duplicate-line", "the same stands at"),
    ("a name twice", LESIONS, "b,1,9,9,9,7", "duplicate-line", "exam 'b' has a lesion named '1' at"),
    ("a lesion off the CT", LUNA_LESIONS, "a,1,2,900,7", "outside-volume", "lies outside the CT of exam 'a' (10 x 20"),
    ("a mark off the CT", MARKS, "a,1,-20,3,0.5", "outside-volume", "(1, -20, 3) mm lies outside the CT"),
]  # fmt: skip


def good_lines(header: str) -> list[str]:
    if header == LESIONS:
        return ["b,1,4,5,6,7", "a,1,1,1,1,9"]
    return ["b,4,5,6,0.7", "a,1,1,1,9"] if header.startswith("seriesuid") else ["b,4,5,6,0.7", "a,1,1,1,0.9"]


def found_in(file: LesionFile | MarkFile) -> int:
    return len(getattr(file, "marks", ()) or getattr(file, "lesions", ()))


@pytest.mark.parametrize(
    ("header", "line", "check", "reason"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES]
)
def test_a_bad_line_is_named_and_never_counted(tmp_path: Path, header: str, line: str, check: str, reason: str) -> None:
    first, last = good_lines(header)
    if line.startswith("b,4,5,6,7"):
        first = line
    path = tmp_path / "file.csv"
    path.write_text(header + f"{first}\n{line}\n{last}\n")
    given: dict[str, Any] = {"exam_ids": ["a", "b"], "geometries": {"a": CT, "b": CT}}
    with pytest.raises(FormatError) as raised:
        READ[header](path, **given)
    assert str(raised.value).startswith(f"{path}:3: ")
    assert reason in str(raised.value)
    lenient = READ[header](path, **given, is_lenient=True)
    (refusal,) = lenient.refusals
    assert (refusal.item, refusal.check) == (f"{path}:3", check)
    assert f"{refusal.item}: {refusal.reason}" == str(raised.value)
    assert found_in(lenient) == 2
    path.write_text(header + f"{first}\n{last}\n")
    without = READ[header](path, **given)
    assert [one.position_mm for one in _findings(lenient)] == [one.position_mm for one in _findings(without)]
    assert without.refusals == ()


def _findings(file: Any) -> Any:
    return file.marks if hasattr(file, "marks") else file.lesions


def test_every_line_is_kept_or_refused(tmp_path: Path) -> None:
    lines = [line for _, header, line, _, _ in BAD_LINES if header == MARKS]
    path = tmp_path / "file.csv"
    path.write_text(MARKS + "\n".join([*good_lines(MARKS), *lines]) + "\n")
    found = read_marks(path, exam_ids=["a", "b"], geometries={"a": CT}, is_lenient=True)
    assert len(found.marks) == 2
    assert sorted(int(refusal.item.rpartition(":")[2]) for refusal in found.refusals) == list(range(4, 4 + len(lines)))


@pytest.mark.parametrize("is_lenient", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"file\.csv: begins with nothing: the file is empty"),
        ("\n \n", r"file\.csv: begins with nothing: the file is empty"),
        ("exam_id,x_mm,y_mm,score\na,1,2,0.5\n", r"file\.csv:1: no column z_mm in exam_id, x_mm, y_mm, score"),
        ("seriesuid,coordX,coordY,coordZ\na,1,2,3\n", r"file\.csv:1: no column (probability|diameter_mm)"),
        ("exam_id;x_mm;y_mm;z_mm;score\na;1;2;3;0.5\n", r"parted by ';'; write comma or tab"),
        ("seriesuid|coordX|coordY|coordZ|probability\n", r"parted by '\|'"),
        ("exam_id,x_mm,x_mm,y_mm,z_mm\n", r"file\.csv:1: column x_mm stands twice"),
    ],
)
def test_a_file_whose_columns_are_wrong_ends_the_reading_in_any_case(
    tmp_path: Path, content: str, message: str, is_lenient: bool
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)
    for read in (read_marks, read_lesions):
        with pytest.raises(FormatError, match=message):
            read(path, is_lenient=is_lenient)


def test_a_header_alone_is_a_file_without_findings(tmp_path: Path) -> None:
    for header, read in READ.items():
        path = tmp_path / "file.csv"
        path.write_text(header)
        assert found_in(read(path)) == 0
        assert read(path).exam_ids == ()


def test_excluded_findings_may_stand_twice_and_the_warning_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(LUNA_LESIONS + "a,1,2,3,-1\n" * 3)
    found = read_lesions(path, is_excluded=True)
    assert len(found.lesions) == 3
    assert found.warnings == ("2 excluded findings stand twice, which changes no figure",)


def test_a_negative_diameter_of_luna16_is_an_unknown_one(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(LUNA_LESIONS + "a,1,2,3,-1\n")
    assert read_lesions(path).lesions[0].diameter_mm is None


def test_marks_of_other_extents_are_not_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(MARKS.replace("score", "score,diameter_mm") + "a,1,2,3,0.5,4\na,1,2,3,0.5,5\n")
    assert len(read_marks(path).marks) == 2
