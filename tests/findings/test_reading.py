"""The format is found by what is in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.errors import FormatError
from hilum.findings import read_exams, read_lesions, read_marks
from hilum.findings.mps import write_mps
from hilum.findings.nih import ANNOTATIONS, CANDIDATES, write_annotations, write_candidates
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path


def test_lesions_of_every_format(tmp_path: Path) -> None:
    write_annotations(
        tmp_path / ANNOTATIONS, "MED_LYMPH_001", indices_xyz=[[1, 2, 3]], points_mm=[[1, 2, 3]], sizes_mm=[9]
    )
    (tmp_path / "luna.txt").write_text("\ufeffseriesuid,coordX,coordY,coordZ,diameter_mm\nMED_LYMPH_001,1,2,3,9\n")
    write_mps(tmp_path / "MED_LYMPH_001.mps", [(1.0, 2.0, 3.0)])
    write_lesion_table(tmp_path / "table", [Lesion("MED_LYMPH_001", "1", (1.0, 2.0, 3.0))])
    write_lesion_table(tmp_path / "table.parquet", [Lesion("MED_LYMPH_001", "1", (1.0, 2.0, 3.0))])
    for name in ("", "luna.txt", "MED_LYMPH_001.mps", "table", "table.parquet"):
        for is_excluded in (False, True):
            found = read_lesions(tmp_path / name, is_excluded=is_excluded)
            (lesion,) = found.lesions
            assert (lesion.exam_id, lesion.position_mm) == ("MED_LYMPH_001", (1.0, 2.0, 3.0)), name
            assert (lesion.lesion_id, lesion.is_excluded) == ("x1" if is_excluded else "1", is_excluded), name
            assert found.exam_ids == ("MED_LYMPH_001",)


def test_marks_of_every_format(tmp_path: Path) -> None:
    write_candidates(tmp_path / CANDIDATES, "MED_LYMPH_001", positives_mm=[[1, 2, 3]], nodes=[1], negatives_mm=[])
    (tmp_path / "luna").write_text("seriesuid,coordX,coordY,coordZ,probability\nMED_LYMPH_001,1,2,3,0.5\n")
    write_mps(tmp_path / "MED_LYMPH_001.mps", [(1.0, 2.0, 3.0)])
    write_mark_table(tmp_path / "table.parquet", [Mark("MED_LYMPH_001", (1.0, 2.0, 3.0), 0.5)])
    for name, scored in (("", False), ("luna", True), ("MED_LYMPH_001.mps", False), ("table.parquet", True)):
        found = read_marks(str(tmp_path / name))
        (mark,) = found.marks
        assert (mark.exam_id, mark.position_mm, found.scored) == ("MED_LYMPH_001", (1.0, 2.0, 3.0), scored), name


@pytest.mark.parametrize("content", [b"", b"hello", b"a,b,c\n1,2,3\n", b"\x00\x01\x02"])
def test_an_unknown_format_is_refused_with_what_is_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    for read in (read_lesions, read_marks):
        with pytest.raises(FormatError, match=r"odd.csv: begins with .* a LUNA16 CSV .* point set .* Parquet"):
            read(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"absent\.csv: cannot be read"):
        read_marks(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "participants"),
    [
        ("a\r\nb\r\n", {}),
        ("seriesuid\na\nb\n", {}),
        ("exam_id,participant_id\na,p\nb,p\n", {"a": "p", "b": "p"}),
        ("participant_id\texam_id\np\ta\nq\tb\n\n", {"a": "p", "b": "q"}),
    ],
)
def test_lists_of_exams(tmp_path: Path, text: str, participants: dict[str, str]) -> None:
    path = tmp_path / "exams.csv"
    path.write_bytes(text.encode())
    found = read_exams(path)
    assert (found.exam_ids, found.participants) == (("a", "b"), participants)


def test_other_columns_of_exams_are_kept_for_strata(tmp_path: Path) -> None:
    path = tmp_path / "exams.csv"
    path.write_text('exam_id,Manufacturer,participant_id\na,"Maker, Inc.",p\nb,,q\n')
    found = read_exams(path)
    assert found.participants == {"a": "p", "b": "q"}
    assert found.columns == {"Manufacturer": {"a": "Maker, Inc.", "b": ""}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no exams"),
        ("exam_id\n", "no exams"),
        ("a\nb\na\n", r"exams.csv:3: exam 'a' stands twice"),
        ("exam_id,participant_id\na\n", r"exams.csv:2: found 1 values, expected 2"),
        ("a,b\n", r"exams.csv:1: found columns a, b; expected exam_id"),
        ("exam_id;participant_id\na;p\n", r"exams.csv:1: found columns .* parted by ';'"),
        ("exam_id,participant_id\na,p\n,q\n", r"exams.csv:3: exam_id is empty"),
        ("exam_id,participant_id\na,p\nb,\n", r"exams.csv:3: participant_id is empty; expected whom exam 'b' is of"),
    ],
)
def test_malformed_lists_of_exams_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "exams.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_exams(path)
